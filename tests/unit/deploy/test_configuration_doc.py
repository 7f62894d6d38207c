"""docs/configuration.md names every key with its real default, and the shipped configs load."""

import re
import shutil
from pathlib import Path

import pytest
from pydantic import BaseModel
from ruamel.yaml import YAML

from fakes.addresses import free_base
from stratoscope.app.demo import demo_config
from stratoscope.clock import SystemClock
from stratoscope.config import expand, load
from stratoscope.config.docs import configuration_markdown
from stratoscope.config.feeds import FeedConfig
from stratoscope.config.market import MarketConfig, ReferenceConfig
from stratoscope.config.market_sources import MarketSourceConfig, keys_of_kind
from stratoscope.config.models import Config, RigsConfig
from stratoscope.config.money import AlgorithmPriceConfig, CapexConfig
from stratoscope.config.mqtt import MqttConfig
from stratoscope.config.pools import PoolConfig
from stratoscope.config.stratum import EndpointConfig, StratumConfig
from stratoscope.config.tariffs import PowerBlockConfig, TariffConfig, TariffSourceConfig, ZoneConfig
from stratoscope.errors import ConfigError
from stratoscope.market.sources import NETWORK_KINDS, PRICE_KINDS
from stratoscope.simulate.fleet import targets
from stratoscope.simulate.serve import MARKET_PORT, NORTH_PORT, POOL_PORT, SOUTH_PORT, site
from stratoscope_exporters.exposition.config import PrometheusConfig
from stratoscope_exporters.mqtt.config import MqttExporterConfig

ROOT = Path(__file__).resolve().parents[3]
PAGE = (ROOT / "docs/configuration.md").read_text()
COMPOSE = YAML(typ="safe").load((ROOT / "docker-compose.yml").read_text())
LISTEN = dict(COMPOSE["services"]["agent"]["environment"])
PORTS = {"pool": POOL_PORT, "north": NORTH_PORT, "south": SOUTH_PORT, "market": MARKET_PORT}


def section(heading: str) -> str:
    return PAGE.partition(f"## {heading}\n")[2].partition("\n## ")[0]


def documented(table: str) -> dict[str, str]:
    """Return key → default of the generated table between the markers of `table`."""
    text = PAGE.partition(f"<!-- keys: {table} -->\n")[2].partition("<!-- end -->")[0]
    found: dict[str, str] = {}
    for key, default in re.findall(r"^\| `([^`]+)` \| ([^|]+) \|", text, re.MULTILINE):
        found[key] = default.strip("`")
    return found


def keys_of(model: type[BaseModel], prefix: str = "") -> dict[str, object]:
    """Return key → default of a model; "required" where there is none."""
    found: dict[str, object] = {}
    for name, field in model.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            found |= keys_of(field.annotation, f"{prefix}{name}.")
        else:
            default = "required" if field.is_required() else field.get_default(call_default_factory=True)
            found[prefix + name] = default
    return found


def value_of(text: str) -> object:
    """Return the value of a default in the page: 5m → 300, 1 MiB → 1048576, none → None."""
    match = re.fullmatch(r"(\d+)\s*(s|m|h|d|MiB|)", text)
    if match:
        return int(match[1]) * {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400, "MiB": 1 << 20}[match[2]]
    if re.fullmatch(r"0\.\d+", text):
        return float(text)
    return {"none": None, "true": True, "false": False, "prometheus: {}": {"prometheus": {}}}.get(text, text)


TABLES = [
    ("config", Config),
    ("rigs", RigsConfig),
    ("market", MarketConfig),
    ("market source", MarketSourceConfig),
    ("market reference", ReferenceConfig),
    ("stratum", StratumConfig),
    ("stratum endpoint", EndpointConfig),
    ("pools", PoolConfig),
    ("tariffs", TariffConfig),
    ("tariff zone", ZoneConfig),
    ("tariff block", PowerBlockConfig),
    ("feed", FeedConfig),
    ("capex", CapexConfig),
    ("algorithms", AlgorithmPriceConfig),
    ("mqtt", MqttConfig),
    ("exporter prometheus", PrometheusConfig),
    ("exporter mqtt", MqttExporterConfig),
]


@pytest.mark.parametrize(("table", "model"), TABLES, ids=[name for name, _ in TABLES])
def test_every_key_is_documented_with_its_default_and_a_description(table, model):
    page, code = documented(table), keys_of(model)
    assert list(page) == list(code)
    for key, default in code.items():
        expected = str(default) if isinstance(default, Path) else default
        if (table, key) in (("market", "network"), ("market", "prices")):
            assert re.findall(r"[a-z]+", page[key]) == [source.kind for source in default]
        elif key == "protocol":
            assert page[key] == default
        else:
            assert value_of(page[key]) == (None if expected in ((), {}) else expected), key
    text = PAGE.partition(f"<!-- keys: {table} -->\n")[2].partition("<!-- end -->")[0]
    for row in text.splitlines()[2:]:
        assert len(row.split(" | ")[-1].strip("| ")) > 5, row


def test_the_page_is_what_make_docs_generates():
    assert configuration_markdown(PAGE) == PAGE


def test_a_table_that_is_edited_by_hand_is_generated_again():
    assert (
        configuration_markdown(PAGE.replace("| `polling.interval` | `30s` |", "| `polling.interval` | `1h` |")) == PAGE
    )


@pytest.mark.parametrize(
    ("page", "problem"),
    [
        (
            PAGE.replace("<!-- keys: rigs -->", "<!-- keys: rgis -->") + "<!-- keys: rigs -->",
            "no table is called 'rgis'",
        ),
        (PAGE.replace("<!-- keys: rigs -->", ""), "no place for rigs"),
    ],
    ids=["unknown table", "missing table"],
)
def test_a_marker_that_is_unknown_or_missing_is_an_error(page, problem):
    with pytest.raises(ConfigError, match=problem):
        configuration_markdown(page)


def test_the_keys_of_a_feed_and_of_a_tariff_source_are_documented():
    assert list(documented("feed")) + list(documented("tariff source")) == list(keys_of(TariffSourceConfig))
    assert documented("tariff source") == {"unit": "kWh", "fallback": "default"}


def test_every_kind_of_market_source_is_documented_with_the_keys_it_takes():
    text = PAGE.partition("<!-- keys: market kinds -->\n")[2].partition("<!-- end -->")[0]
    rows = dict(re.findall(r"^\| `(\w+)` \|(.+)\|$", text, re.MULTILINE))
    assert set(rows) == {*NETWORK_KINDS, *PRICE_KINDS}
    for kind, cells in rows.items():
        assert set(re.findall(r"`(\w+)`", cells)) == set(keys_of_kind(kind).all), kind
        network, price, _ = cells.split("|")
        assert ("not possible" in network) == (kind not in NETWORK_KINDS), kind
        assert ("not possible" in price) == (kind not in PRICE_KINDS), kind


def example_config(tmp_path: Path, *headings: str, environ: "dict[str, str] | None" = None) -> Config:
    """Return the config in the examples of some sections of the page."""
    text = "".join(section(heading) for heading in headings)
    parts = re.findall(r"^```yaml\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    (tmp_path / "stratoscope.yaml").write_text("".join(parts))
    return load(tmp_path / "stratoscope.yaml", environ or {})


def test_the_tariffs_and_economics_in_the_page_load(tmp_path):
    config = example_config(tmp_path, "Tariffs", "Economics")
    assert set(config.tariffs) == {"default", "spot"}
    assert len(config.economics.capex) == 2


def test_the_broker_in_the_page_loads(tmp_path):
    config = example_config(tmp_path, "MQTT", environ={"MQTT_PASSWORD": "x"})
    assert config.mqtt.account().user == "publisher"
    assert "mqtt" in config.exporters


def test_the_references_in_the_page_load(tmp_path):
    market = example_config(tmp_path, "Market").market
    assert [one.name for one in market.settings().references] == ["index", "contract"]


def stack_demo(folder: Path) -> Config:
    """Return the config of the stack's demo as its agent loads it."""
    text = (ROOT / "deploy/demo/stratoscope.yaml").read_text()
    (folder / "publisher").write_text("x")
    (folder / "stratoscope.yaml").write_text(text.replace("/run/secrets/mosquitto_publisher", "publisher"))
    shutil.copy(ROOT / "deploy/demo/rigs.csv", folder)
    return load(folder / "stratoscope.yaml", LISTEN)


def test_the_demo_config_of_the_stack_loads_with_the_environment_of_compose(tmp_path):
    config = stack_demo(tmp_path)
    account = config.mqtt.account()
    assert (account.host, account.user, account.tls) == ("mosquitto", "publisher", False)
    assert config.mqtt.host in COMPOSE["services"]
    assert "mqtt" in config.exporters
    assert config.site == "demo"
    assert config.state_dir == Path("/var/lib/stratoscope")
    settings = PrometheusConfig.model_validate(dict(config.exporters["prometheus"] or {}))
    assert settings.listen == "0.0.0.0:9860"
    assert settings.allowed_hosts == ("agent",)


async def test_the_demo_of_the_stack_has_the_config_of_the_demo_command(tmp_path):
    config = stack_demo(tmp_path)
    command = COMPOSE["services"]["simulator"]["command"]
    rigs, bind = int(command[command.index("--rigs") + 1]), command[command.index("--bind") + 1]
    base = free_base()
    async with site(rigs=rigs, bind=base, seed=1, clock=SystemClock(), shared=True) as (fleet, _):
        entries = targets(fleet)
    urls = {name: f"http://127.0.0.1:{port}" for name, port in PORTS.items()}
    demo = Config.model_validate(demo_config(entries, urls, "127.0.0.1:9860"))
    for key in ("site", "polling", "pools", "market", "stratum", "tariffs", "economics"):
        assert getattr(config, key) == getattr(demo, key), key
    listed = [(rig.address, rig.name, rig.user, rig.password) for rig in expand(config)]
    first = bind.removesuffix(".0.1")
    moved = {rig["name"]: rig["address"].replace(base[:-2], f"{first}.0") for rig in entries}
    assert listed == [(moved[rig["name"]], rig["name"], rig.get("user"), rig.get("password")) for rig in entries]


def test_the_config_in_the_kubernetes_manifest_loads(tmp_path):
    parts = YAML(typ="safe").load_all((ROOT / "deploy/kubernetes/stratoscope.yaml").read_text())
    (text,) = [part["data"]["stratoscope.yaml"] for part in parts if part["kind"] == "ConfigMap"]
    (tmp_path / "stratoscope.yaml").write_text(text)
    config = load(tmp_path / "stratoscope.yaml", {})
    assert PrometheusConfig.model_validate(dict(config.exporters["prometheus"] or {})).listen == "0.0.0.0:9860"


def test_the_config_at_the_top_of_the_page_loads(tmp_path):
    text = re.findall(r"^```yaml\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)[0]
    (tmp_path / "stratoscope.yaml").write_text(text)
    config = load(tmp_path / "stratoscope.yaml", {"RIG_PASSWORD": "a"})
    assert config.site == "north"
    assert len(config.rigs) == 2
