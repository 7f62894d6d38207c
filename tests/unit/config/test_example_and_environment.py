"""The example config is correct and complete, and the environment overrides every key."""

import re
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from stratoscope.config import Config, InvalidConfig, expand, load, open_state_dir
from stratoscope.config.document import parse
from stratoscope.config.market import MarketConfig
from stratoscope.config.models import DiscoveryConfig, LoggingConfig, PollingConfig, RigsConfig
from stratoscope.config.money import EconomicsConfig
from stratoscope.config.mqtt import MqttConfig
from stratoscope.config.stratum import StratumConfig
from stratoscope.config.tariffs import (
    AddersConfig,
    EnergyConfig,
    FixedChargesConfig,
    PowerBlockConfig,
    TariffConfig,
    TariffCurtailmentConfig,
    TariffSourceConfig,
    ZoneConfig,
)

ROOT = Path(__file__).resolve().parents[3]
EXAMPLE = ROOT / "config.example.yaml"


def defaults(model: type[BaseModel]) -> dict[str, Any]:
    return model().model_dump()


def test_the_example_loads_and_equals_the_defaults() -> None:
    loaded = load(EXAMPLE, {})
    assert loaded.warnings == (f"{EXAMPLE}: no rigs are listed: nothing is polled",)
    assert loaded.polling == PollingConfig()
    assert loaded.discovery == DiscoveryConfig()
    assert loaded.logging == LoggingConfig()
    assert loaded.model_dump(exclude={"state_dir"}) == Config().model_dump(exclude={"state_dir"})
    assert loaded.state_dir == ROOT / Config().state_dir


def test_the_example_holds_every_key() -> None:
    written = parse(EXAMPLE.read_text(), "example").values
    assert set(written) == set(Config.model_fields)
    for section, model in (
        ("polling", PollingConfig),
        ("discovery", DiscoveryConfig),
        ("economics", EconomicsConfig),
        ("logging", LoggingConfig),
    ):
        assert set(written[section]) == set(model.model_fields)
    rigs, rest = EXAMPLE.read_text().split("\ndiscovery:")
    shown = set(re.findall(r"^#(?:  - |    )([a-z_]+):", rigs, re.MULTILINE))
    assert shown == set(RigsConfig.model_fields)
    tariffs = rest.split("\ntariffs:")[1].split("\n\n")[0]
    mqtt = EXAMPLE.read_text().split("\nmqtt:")[1].split("\n\n")[0]
    assert set(re.findall(r"^#  ([a-z_]+):", mqtt, re.MULTILINE)) == set(MqttConfig.model_fields)
    keys = [
        TariffConfig,
        EnergyConfig,
        TariffSourceConfig,
        ZoneConfig,
        AddersConfig,
        PowerBlockConfig,
        FixedChargesConfig,
        TariffCurtailmentConfig,
    ]
    for key in {key for model in keys for key in model.model_fields} - {"url", "allow_http", "topic"}:
        assert re.search(rf"^#.*\b{key}:", tariffs, re.MULTILINE), key


def test_the_commented_rigs_of_the_example_load_too(tmp_path: Path) -> None:
    text = re.sub(r"^#(?=  )", "", EXAMPLE.read_text(), flags=re.MULTILINE).replace("rigs: []", "rigs:")
    (tmp_path / "c.yaml").write_text(text)
    (tmp_path / "rigs.txt").write_text("203.0.113.1\n")
    names = ("RIG_PASSWORD", "POOL_PASSWORD", "MQTT_PASSWORD", "BRAIINS_TOKEN", "VIABTC_KEY")
    loaded = load(tmp_path / "c.yaml", dict.fromkeys(names, "x"))
    assert loaded.warnings == ()
    assert loaded.stratum is not None
    assert loaded.stratum.model_fields_set == set(StratumConfig.model_fields)
    given = {"endpoints": (), "skip": (), "user": None, "password": None}
    assert loaded.stratum.model_copy(update=given) == StratumConfig()
    assert loaded.mqtt is not None
    assert loaded.mqtt.account().port == 8883
    assert loaded.market is not None
    assert [pool.label for pool in loaded.pools] == ["braiins-north", "viabtc", "public-pool", "ckpool-logs"]
    assert loaded.market.model_fields_set == set(MarketConfig.model_fields)
    assert loaded.market.model_copy(update={"network": MarketConfig().network, "references": ()}) == MarketConfig()
    assert loaded.tariffs["night"].energy.source is not None
    assert loaded.tariffs["default"].energy.zones[0].months == "Jun-Sep"
    found = expand(loaded)
    assert sum(entry.expected for entry in found) == 5
    assert sum(not entry.expected for entry in found) == 71 + 254


def test_the_environment_overrides_the_file_with_the_same_validation(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    path.write_text("site: file\npolling:\n  interval: 60\n  timeout: 4\n")
    environ = {
        "STRATOSCOPE__SITE": "env",
        "STRATOSCOPE__POLLING__INTERVAL": "45s",
        "STRATOSCOPE__POLLING__IN_FLIGHT": "7",
        "STRATOSCOPE__ASIC_RS": "false",
        "STRATOSCOPE__RIGS": '["10.0.0.1", {"cidr": "10.0.1.0/30"}]',
        "STRATOSCOPE__EXPORTERS__PROMETHEUS__LISTEN": "0.0.0.0:9861",
        "STRATOSCOPE__EXPORTERS__PROMETHEUS__ALLOWED_HOSTS": '["agent"]',
        "STRATOSCOPE_SHELF": "not ours",
        "PATH": "/bin",
    }
    loaded = load(path, environ)
    assert (loaded.site, loaded.polling.interval, loaded.polling.timeout, loaded.polling.in_flight) == (
        "env",
        45.0,
        4.0,
        7,
    )
    assert [entry.address for entry in expand(loaded)] == ["10.0.0.1", "10.0.1.1", "10.0.1.2"]
    assert loaded.exporters == {"prometheus": {"listen": "0.0.0.0:9861", "allowed_hosts": ["agent"]}}
    assert loaded.exporter_settings("prometheus").allowed_hosts == ("agent",)


def test_a_mistake_in_the_environment_names_the_variable(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    path.write_text("site: x\n")
    with pytest.raises(InvalidConfig) as caught:
        load(path, {"STRATOSCOPE__POLLING__INTERVAL": "1s", "STRATOSCOPE__POLLING__FOO": "1", "STRATOSCOPE__SIET": "x"})
    assert caught.value.problems == (
        "environment variable STRATOSCOPE__SIET: siet is not a known key: did you mean site?",
        (
            "environment variable STRATOSCOPE__POLLING__INTERVAL: polling.interval is 1 s, the minimum is 5 s: rigs "
            "answer one request at a time, on slow controllers"
        ),
        "environment variable STRATOSCOPE__POLLING__FOO: polling.foo is not a known key: choose one of "
        + ", ".join(sorted(PollingConfig.model_fields)),
    )


@pytest.mark.parametrize(
    ("written", "seconds"),
    [
        ("30", 30),
        ("30s", 30),
        ("5m", 300),
        ("5 min", 300),
        ("1h", 3600),
        ("7500ms", 7.5),
        ("12.5", 12.5),
        ("0.5d", 43200),
    ],
)
def test_durations_are_parsed_with_their_unit(tmp_path: Path, written: str, seconds: float) -> None:
    (tmp_path / "c.yaml").write_text(f"polling: {{interval: {written}}}\n")
    assert load(tmp_path / "c.yaml", {}).polling.interval == seconds


@pytest.mark.parametrize(
    ("written", "size"), [("65536", 65536), ("512 KiB", 524288), ("1 MiB", 1 << 20), ("2MB", 2_000_000)]
)
def test_sizes_are_parsed_with_their_unit(tmp_path: Path, written: str, size: int) -> None:
    (tmp_path / "c.yaml").write_text(f"polling: {{max_response: {written}}}\n")
    assert load(tmp_path / "c.yaml", {}).polling.max_response == size


def test_s35_the_state_directory_is_private(tmp_path: Path) -> None:
    import os

    before = os.umask(0o022)
    try:
        fresh, open_one = tmp_path / "a" / "state", tmp_path / "open"
        open_one.mkdir(mode=0o755)
        for path in (fresh, open_one):
            assert open_state_dir(path) == path
            assert path.stat().st_mode & 0o777 == 0o700
        (fresh / "db").write_text("x")
        assert (fresh / "db").stat().st_mode & 0o777 == 0o600
    finally:
        os.umask(before)


def test_an_impossible_state_directory_is_reported(tmp_path: Path) -> None:
    import os

    from stratoscope.errors import ConfigError

    (tmp_path / "file").write_text("")
    before = os.umask(0o022)
    try:
        with pytest.raises(ConfigError, match=r"state_dir .* choose a directory that the agent owns"):
            open_state_dir(tmp_path / "file" / "state")
    finally:
        os.umask(before)
