"""What docs/mqtt.md shows is what the code says."""

import json
import re
from pathlib import Path

from stratoscope.clock import SystemClock
from stratoscope.config import load
from stratoscope.errors import BROKER_REASONS
from stratoscope.events import KINDS
from stratoscope.metrics import TABLE
from stratoscope.outside.inbox import Inbox
from stratoscope_exporters.mqtt.counts import Counts
from stratoscope_exporters.mqtt.tree import Branch

ROOT = Path(__file__).resolve().parents[3]
PAPER = (ROOT / "docs/mqtt.md").read_text()


def blocks(kind: str) -> list[str]:
    return re.findall(rf"^```{kind}\n(.*?)^```$", PAPER, re.MULTILINE | re.DOTALL)


def test_every_example_is_json_and_every_key_of_a_rig_comes_from_the_table() -> None:
    rig, *_ = documents = [json.loads(block) for block in blocks("json")]
    assert len(documents) == 5
    keys = {key for family in TABLE for key, _, _ in Branch.of(family, None, "rig_").metrics}
    own = {"ts", "age_s", "seq", "rig", "id", "state", "reasons", "tags", "boards", "fans", "pools", "money"}
    assert set(rig) <= keys | own
    for part in ("boards", "fans", "pools"):
        assert set(rig[part]["0"]) <= keys | {"url"}
    assert set(rig["money"]) <= keys | {"currency"}


def test_every_kind_of_event_is_in_the_paper() -> None:
    table = PAPER.split("| kind | when |")[1].split("\n\n")[0]
    told = {
        kind for cell in re.findall(r"^\| ([^|]+) \|", table, re.MULTILINE) for kind in re.findall(r"`(\w+)`", cell)
    }
    assert told == set(KINDS)


def test_the_configs_in_the_paper_load(tmp_path: Path) -> None:
    secret = tmp_path / "mqtt"
    secret.write_text("x")
    secret.chmod(0o600)
    text = "".join(blocks("yaml")).replace("/run/secrets/mqtt", str(secret))
    (tmp_path / "stratoscope.yaml").write_text(text)
    config = load(tmp_path / "stratoscope.yaml", {})
    assert set(config.exporters) == {"prometheus", "mqtt"}
    assert config.tariffs["default"].energy.source.topic == "grid/ercot/lmp"
    assert config.market.prices[0].settings().topic == "market/btc"


def test_every_reason_is_explained() -> None:
    text = (ROOT / "docs/troubleshooting.md").read_text().split("## Why there is no broker")[1].split("\n## ")[0]
    assert set(re.findall(r"^\| `(\w+)` \|", text, re.MULTILINE)) == set(BROKER_REASONS)


def test_every_metric_of_the_exporter_and_the_inbox_is_on_the_page_of_metrics() -> None:
    page = (ROOT / "docs/metrics.md").read_text()
    for family in (*Counts().collect(), *Inbox(lambda: None, SystemClock(), lambda: 0.0).collect()):
        assert f"`{family.name}" in page, family.name
