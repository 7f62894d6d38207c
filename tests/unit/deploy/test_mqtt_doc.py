"""Checks that docs/mqtt.md agrees with the code: examples, events, configs, reasons."""

import json
import re
from pathlib import Path

from stratoscope.clock import SystemClock
from stratoscope.config import load
from stratoscope.errors import BROKER_REASONS
from stratoscope.events import KINDS
from stratoscope.metrics import TABLE
from stratoscope.outside.inbox import Inbox
from stratoscope_exporters.mqtt.metrics import MqttMetrics
from stratoscope_exporters.mqtt.tree import Branch

ROOT = Path(__file__).resolve().parents[3]
DOC = (ROOT / "docs/mqtt.md").read_text()


def code_blocks(kind: str) -> list[str]:
    return re.findall(rf"^```{kind}\n(.*?)^```$", DOC, re.MULTILINE | re.DOTALL)


def test_examples_are_json_and_rig_keys_come_from_the_metric_table() -> None:
    rig, *_ = documents = [json.loads(block) for block in code_blocks("json")]
    assert len(documents) == 5
    keys = {key for family in TABLE for key, _, _ in Branch.of(family, None, "rig_").metrics}
    own = {"ts", "age_s", "seq", "rig", "id", "state", "reasons", "tags", "boards", "fans", "pools", "money"}
    assert set(rig) <= keys | own
    for component in ("boards", "fans", "pools"):
        assert set(rig[component]["0"]) <= keys | {"url"}
    assert set(rig["money"]) <= keys | {"currency"}


def test_every_event_kind_is_documented() -> None:
    table = DOC.split("| kind | when |")[1].split("\n\n")[0]
    documented = {
        kind for cell in re.findall(r"^\| ([^|]+) \|", table, re.MULTILINE) for kind in re.findall(r"`(\w+)`", cell)
    }
    assert documented == set(KINDS)


def test_the_documented_configs_load(tmp_path: Path) -> None:
    secret = tmp_path / "mqtt"
    secret.write_text("x")
    secret.chmod(0o600)
    text = "".join(code_blocks("yaml")).replace("/run/secrets/mqtt", str(secret))
    (tmp_path / "stratoscope.yaml").write_text(text)
    config = load(tmp_path / "stratoscope.yaml", {})
    assert set(config.exporters) == {"prometheus", "mqtt"}
    assert config.tariffs["default"].energy.source.topic == "grid/ercot/lmp"
    assert config.market.prices[0].settings().topic == "market/btc"


def test_every_connection_failure_reason_is_documented() -> None:
    text = (
        (ROOT / "docs/troubleshooting.md").read_text().split("## Why the MQTT connection failed")[1].split("\n## ")[0]
    )
    assert set(re.findall(r"^\| `(\w+)` \|", text, re.MULTILINE)) == set(BROKER_REASONS)


def test_every_metric_of_the_exporter_and_the_inbox_is_in_the_metrics_doc() -> None:
    page = (ROOT / "docs/metrics.md").read_text()
    for family in (*MqttMetrics().collect(), *Inbox(lambda: None, SystemClock(), lambda: 0.0).collect()):
        assert f"`{family.name}" in page, family.name
