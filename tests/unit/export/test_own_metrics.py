"""The agent's own metrics: every family of a running agent is a row of the table, and every row is exposed."""

import asyncio

import pytest

from fakes.programs import free_port
from stratoscope.app.agent import Agent
from stratoscope.clock import SystemClock
from stratoscope.config import Config
from stratoscope.metrics import OWN, TABLE, WHOLE, MetricKind

PRICE = {"kind": "mqtt", "topic": "grid/price", "path": "price", "unit": "MWh", "fallback": "none"}
FULL = {
    "mqtt": {"host": "127.0.0.1", "port": 1},
    "tariffs": {"default": {"energy": {"type": "external", "source": PRICE}}},
}


def families(agent: Agent) -> dict[str, object]:
    """Return the agent's own families by name, as prometheus_client has them."""
    return {family.name: family for family in agent.registry.collect() if family.name.startswith("stratoscope_")}


async def families_of_running_agent(config: dict, exporters: dict, *, remember: bool) -> dict[str, object]:
    """Return the own families of an agent once its exporters run."""
    agent = Agent(Config.model_validate({"exporters": exporters, **config}), SystemClock(), remember=remember)
    before = len(families(agent))
    run = asyncio.create_task(agent.run())
    try:
        async with asyncio.timeout(20):
            while exporters and len(families(agent)) < before + 5:
                await asyncio.sleep(0.02)
        await asyncio.sleep(0.2)
        return families(agent)
    finally:
        agent.stop()
        await run


def client_name(metric) -> str:
    """Return the name that prometheus_client gives the family: without `_total`."""
    return metric.stem if metric.kind is MetricKind.COUNTER else metric.series


@pytest.fixture
async def everything(tmp_path):
    exporters = {"prometheus": {"listen": f"127.0.0.1:{free_port()}"}, "mqtt": {"homeassistant": True}}
    return await families_of_running_agent({**FULL, "state_dir": str(tmp_path)}, exporters, remember=True)


async def test_every_own_family_of_a_full_agent_is_a_row_and_every_row_is_exposed(everything):
    rows = {client_name(metric): (metric, family) for family in OWN for metric in family.metrics}
    assert set(everything) == set(rows)
    for name, (metric, family) in rows.items():
        exposed = everything[name]
        assert exposed.documentation == metric.help
        assert exposed.type == ("gauge" if metric.kind is MetricKind.INFO else metric.kind.value)
        for sample in exposed.samples:
            assert set(sample.labels) - {"le"} == set(family.labels)


async def test_a_row_that_a_minimal_agent_does_not_expose_names_its_condition():
    exposed = await families_of_running_agent({}, {}, remember=False)
    for family in OWN:
        for metric in family.metrics:
            assert (client_name(metric) in exposed) != bool(family.condition), metric.series


def test_own_rows_have_their_own_namespace_and_every_row_has_a_help_text():
    own = {metric.series for family in OWN for metric in family.metrics}
    every = [metric for family in (*TABLE, *WHOLE) for metric in family.metrics]
    assert own == {metric.series for metric in every if metric.series.startswith("stratoscope_")}
    assert {metric.namespace for metric in every} == {"mining", "stratoscope"}
    assert len({metric.series for metric in every}) == len(every)
    for metric in every:
        assert metric.help.endswith((".", "...")), metric.series
