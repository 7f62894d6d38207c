"""Checks that docs/configuration.md names every key with its real default, and that the shipped configs load."""

import re
import shutil
from pathlib import Path

import pytest
from pydantic import BaseModel
from ruamel.yaml import YAML

from stratoscope.app.demo import demo_config
from stratoscope.clock import SystemClock
from stratoscope.config import expand, load
from stratoscope.config.market import Market, Reference, Source
from stratoscope.config.models import Config, Rigs
from stratoscope.config.money import AlgorithmPrice, CapexSection
from stratoscope.config.mqtt import Mqtt
from stratoscope.config.pools import PoolSection
from stratoscope.config.stratum import EndpointSection, Stratum
from stratoscope.config.tariffs import BlockSection, Energy, PriceSource, TariffSection, ZoneSection
from stratoscope.market.sources import NETWORK_KINDS, PRICE_KINDS
from stratoscope.simulate.fleet import targets
from stratoscope.simulate.serve import MARKET_PORT, NORTH_PORT, POOL_PORT, SOUTH_PORT, site
from stratoscope_exporters.exposition.settings import Settings
from stratoscope_exporters.mqtt.settings import Settings as MqttSettings

ROOT = Path(__file__).resolve().parents[3]
PAPER = (ROOT / "docs/configuration.md").read_text()
COMPOSE = YAML(typ="safe").load((ROOT / "docker-compose.yml").read_text())
LISTEN = dict(COMPOSE["services"]["agent"]["environment"])
PORTS = {"pool": POOL_PORT, "north": NORTH_PORT, "south": SOUTH_PORT, "market": MARKET_PORT}


def section(heading: str) -> str:
    return PAPER.partition(f"## {heading}\n")[2].partition("\n## ")[0]


def documented(heading: str) -> "dict[str, str]":
    """Return key → default (or meaning) of the table under `heading`."""
    found: dict[str, str] = {}
    for keys, cell in re.findall(r"^\| (`[^|]+`) \| ([^|]+) \|", section(heading), re.MULTILINE):
        for key in re.findall(r"`([^`]+)`", keys):
            found[key] = cell.strip().strip("`")
    return found


def keys_of(model: type[BaseModel], prefix: str = "") -> "dict[str, object]":
    found: dict[str, object] = {}
    for name, field in model.model_fields.items():
        default = field.get_default(call_default_factory=True)
        if isinstance(default, BaseModel):
            found |= keys_of(type(default), f"{prefix}{name}.")
        else:
            found[prefix + name] = default
    return found


def meant(text: str) -> object:
    """Return what a default in the paper means: 5m → 300, 1 MiB → 1048576, none → nothing."""
    match = re.fullmatch(r"(\d+)\s*(s|m|d|MiB|)", text)
    if match:
        return int(match[1]) * {"": 1, "s": 1, "m": 60, "d": 86400, "MiB": 1 << 20}[match[2]]
    if re.fullmatch(r"0\.\d+", text):
        return float(text)
    return {"none": None, "off": None, "true": True, "false": False, "prometheus: {}": {"prometheus": {}}}.get(
        text, text
    )


@pytest.mark.parametrize(
    ("heading", "model"),
    [
        ("Keys", Config),
        ("Exporter `prometheus`", Settings),
        ("Exporter `mqtt`", MqttSettings),
    ],
)
def test_every_key_is_documented_with_its_default(heading, model):
    paper, code = documented(heading), keys_of(model)
    assert sorted(paper) == sorted(code)
    for key, default in code.items():
        expected = str(default) if isinstance(default, Path) else default
        assert meant(paper[key]) == (None if expected in ((), {}) else expected), key


def test_every_key_of_a_tariff_is_documented_with_its_default():
    text = section("Tariffs")
    tariff, source = text.split("A `source` takes:")
    paper = dict(re.findall(r"^\| `([a-z_.]+)` \| `?([^|`]*?)`? \|", tariff, re.MULTILINE))
    code = keys_of(TariffSection) | {f"energy.{key}": default for key, default in keys_of(Energy).items()}
    del code["energy"]
    assert sorted(paper) == sorted(code)
    for key, default in code.items():
        assert meant(paper[key]) == (None if default == () else default), key
    paper = dict(re.findall(r"^\| `([a-z_]+)` \| `?([^|`]*?)`? \|", source, re.MULTILINE))
    code = keys_of(PriceSource)
    assert sorted(paper) == sorted(code)
    for key in set(code) - {"kind"}:
        assert meant(paper[key]) == (None if code[key] == {} else code[key]), key
    for key in {*ZoneSection.model_fields, *BlockSection.model_fields}:
        assert re.search(rf"\b{key}\b", text), key


def test_the_tariffs_and_economics_in_the_paper_load(tmp_path):
    parts = re.findall(r"^```yaml\n(.*?)^```$", section("Tariffs") + section("Economics"), re.MULTILINE | re.DOTALL)
    (tmp_path / "stratoscope.yaml").write_text("".join(parts))
    config = load(tmp_path / "stratoscope.yaml", {})
    assert set(config.tariffs) == {"default", "spot"}
    assert len(config.economics.capex) == 2
    for key in {*CapexSection.model_fields, *AlgorithmPrice.model_fields}:
        assert re.search(rf"\b{key}\b", section("Economics")), key


def test_every_key_of_the_market_is_documented_with_its_default():
    paper, code = documented("Market"), keys_of(Market)
    kinds = {"bitcoind", "mempool", "stratum", "coinbase", "kraken", "bitstamp", "coingecko", "fixed", "file", "mqtt"}
    assert set(paper) == set(code) | kinds
    assert {"fixed", "file", "mempool", "bitcoind", "stratum"} == set(NETWORK_KINDS)
    assert kinds == {*NETWORK_KINDS, *PRICE_KINDS}
    assert re.findall(r"`(\w+)`", section("Market").partition("| `prices` |")[2].partition("|")[0]) == [
        source.kind for source in code["prices"]
    ]
    assert paper["network"] == code["network"][0].kind
    for key in ("currency", "interval", "price_max_age"):
        assert meant(paper[key]) == code[key], key
    assert (paper["tip_max_age"], code["tip_max_age"]) == ("6h", 6 * 3600)


def test_every_key_of_the_broker_is_documented_with_its_default_and_the_example_loads(tmp_path):
    paper, code = documented("MQTT"), keys_of(Mqtt)
    assert sorted(paper) == sorted(code)
    for key in set(code) - {"host"}:
        assert meant(paper[key]) == (int(code[key]) if key == "protocol" else code[key]), key
    (text,) = re.findall(r"^```yaml\n(.*?)^```$", section("MQTT"), re.MULTILINE | re.DOTALL)
    (tmp_path / "stratoscope.yaml").write_text(text)
    config = load(tmp_path / "stratoscope.yaml", {"MQTT_PASSWORD": "x"})
    assert config.mqtt.account().user == "publisher"
    assert "mqtt" in config.exporters


def test_every_key_of_a_reference_is_documented_and_the_example_loads(tmp_path):
    for key in Reference.model_fields:
        assert f"`{key}`" in section("Market"), key
    (text,) = re.findall(r"^```yaml\n(.*?)^```$", section("Market"), re.MULTILINE | re.DOTALL)
    (tmp_path / "stratoscope.yaml").write_text(text)
    market = load(tmp_path / "stratoscope.yaml", {}).market
    assert [one.name for one in market.settings().references] == ["index", "contract"]


def test_every_key_of_stratum_is_documented_with_its_default():
    paper, code = documented("Stratum"), keys_of(Stratum)
    assert sorted(paper) == sorted(code)
    for key, default in code.items():
        assert meant(paper[key]) == (None if default == () else default), key
    for key in EndpointSection.model_fields:
        assert f"`{key}`" in section("Stratum"), key


def test_every_key_of_a_pool_is_documented_with_its_default():
    paper, code = documented("Pools"), keys_of(PoolSection)
    assert sorted(paper) == sorted(code)
    for key in set(code) - {"kind"}:
        assert meant(paper[key]) == (None if code[key] in ({}, ()) else code[key]), key


def test_every_key_of_a_source_is_documented():
    for key in set(Source.model_fields) - {"kind"}:
        assert f"`{key}`" in section("Market"), key


def test_every_key_of_a_rigs_entry_is_documented():
    assert sorted(documented("Rigs")) == sorted(Rigs.model_fields)


def stack_demo(folder: Path) -> Config:
    """Return the config of the stack's demo as its agent loads it."""
    text = (ROOT / "deploy/demo/stratoscope.yaml").read_text()
    (folder / "publisher").write_text("x")
    (folder / "stratoscope.yaml").write_text(text.replace("/run/secrets/mosquitto_publisher", "publisher"))
    shutil.copy(ROOT / "deploy/demo/rigs.csv", folder)
    return load(folder / "stratoscope.yaml", LISTEN)


def test_the_demo_config_of_the_stack_loads_with_what_compose_sets(tmp_path):
    config = stack_demo(tmp_path)
    account = config.mqtt.account()
    assert (account.host, account.user, account.tls) == ("mosquitto", "publisher", False)
    assert config.mqtt.host in COMPOSE["services"]
    assert "mqtt" in config.exporters
    assert config.site == "demo"
    assert config.state_dir == Path("/var/lib/stratoscope")
    settings = Settings.model_validate(dict(config.exporters["prometheus"] or {}))
    assert settings.listen == "0.0.0.0:9860"
    assert settings.allowed_hosts == ("agent",)


async def test_the_demo_of_the_stack_shows_what_the_command_demo_shows(tmp_path):
    config = stack_demo(tmp_path)
    command = COMPOSE["services"]["simulator"]["command"]
    rigs, bind = int(command[command.index("--rigs") + 1]), command[command.index("--bind") + 1]
    async with site(rigs=rigs, bind="127.77.0.1", seed=1, clock=SystemClock(), shared=True) as (fleet, _):
        entries = targets(fleet)
    urls = {name: f"http://127.0.0.1:{port}" for name, port in PORTS.items()}
    demo = Config.model_validate(demo_config(entries, urls, "127.0.0.1:9860"))
    for part in ("site", "polling", "pools", "market", "stratum", "tariffs", "economics"):
        assert getattr(config, part) == getattr(demo, part), part
    listed = [(rig.address, rig.name, rig.user, rig.password) for rig in expand(config)]
    first = bind.removesuffix(".0.1")
    assert listed == [
        (rig["address"].replace("127.77", first), rig["name"], rig.get("user"), rig.get("password")) for rig in entries
    ]


def test_the_config_in_the_kubernetes_manifest_loads(tmp_path):
    parts = YAML(typ="safe").load_all((ROOT / "deploy/kubernetes/stratoscope.yaml").read_text())
    (text,) = [part["data"]["stratoscope.yaml"] for part in parts if part["kind"] == "ConfigMap"]
    (tmp_path / "stratoscope.yaml").write_text(text)
    config = load(tmp_path / "stratoscope.yaml", {})
    assert Settings.model_validate(dict(config.exporters["prometheus"] or {})).listen == "0.0.0.0:9860"


def test_the_config_at_the_top_of_the_paper_loads(tmp_path):
    text = re.findall(r"^```yaml\n(.*?)^```$", PAPER, re.MULTILINE | re.DOTALL)[0]
    (tmp_path / "stratoscope.yaml").write_text(text)
    config = load(tmp_path / "stratoscope.yaml", {"RIG_PASSWORD": "a"})
    assert config.site == "north"
    assert len(config.rigs) == 2
