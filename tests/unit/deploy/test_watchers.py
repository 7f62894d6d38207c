"""Checks the shipped Prometheus, Alertmanager, Grafana and systemd files with the programs that read them."""

import re
import subprocess
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from stratoscope.metrics import TABLE, WHOLE, Kind, Metric

ROOT = Path(__file__).resolve().parents[3]
DEPLOY = ROOT / "deploy"
SCRAPE = YAML(typ="safe").load((DEPLOY / "prometheus/prometheus.yml").read_text())
JOBS = {job["job_name"]: job for job in SCRAPE["scrape_configs"]}
COMPOSE = YAML(typ="safe").load((ROOT / "docker-compose.yml").read_text())["services"]
UNIT = DEPLOY / "systemd/stratoscope.service"


def ran(*command: object) -> "subprocess.CompletedProcess[str]":
    return subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.needs("promtool")
def test_promtool_accepts_the_scrape_config_and_its_rules():
    done = ran("promtool", "check", "config", DEPLOY / "prometheus/prometheus.yml")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "rules found" in done.stdout


@pytest.mark.needs("promtool")
@pytest.mark.parametrize("file", sorted((DEPLOY / "prometheus/tests").glob("*.yml")), ids=lambda file: file.name)
def test_f57_the_rules_fire_when_they_should_and_not_before(file):
    done = ran("promtool", "test", "rules", file)
    assert done.returncode == 0, done.stdout + done.stderr


def series_of(metric: Metric) -> list[str]:
    spread = ("_bucket", "_sum", "_count") if metric.kind is Kind.HISTOGRAM else ("",)
    return [metric.series + end for end in spread]


def rules_of(file: Path) -> list[dict]:
    return [rule for group in YAML(typ="safe").load(file.read_text())["groups"] for rule in group["rules"]]


RULES = [(file, rule) for file in sorted((DEPLOY / "prometheus/rules").glob("*.yml")) for rule in rules_of(file)]
ALERTS = [(file, rule) for file, rule in RULES if "alert" in rule]
WORD = re.compile(r"\b(?:mining|stratoscope)_[a-z0-9_]+")
AT_ONCE = {
    "DeadMansSwitch",
    "PoolShortfall",
    "RigFirmwareChanged",
    "RigRestarting",
    "ShareShortfall",
    "StratumBehindTip",
    "StratumTemplateEmpty",
    "TamperRig",
    "WorkerShortfall",
}
"""Alerts without `for`: the switch always fires, theft does not wait, the others have waited or looked back already."""


@pytest.mark.parametrize(("file", "rule"), ALERTS, ids=lambda part: part.get("alert") if isinstance(part, dict) else "")
def test_every_alert_says_how_bad_it_is_what_happened_and_what_to_do(file, rule):
    assert rule["labels"]["severity"] in {"critical", "warning", "info", "none"}
    assert "for" in rule or rule["alert"] in AT_ONCE
    notes = rule["annotations"]
    assert notes["summary"]
    assert notes["description"]
    page, _, anchor = notes["runbook_url"].partition("#")
    headings = re.findall(r"^### (\w+)$", (ROOT / page).read_text(), re.MULTILINE)
    assert anchor == rule["alert"].lower()
    assert rule["alert"] in headings


@pytest.mark.parametrize(("file", "rule"), ALERTS, ids=lambda part: part.get("alert") if isinstance(part, dict) else "")
def test_every_alert_has_a_test_that_fires_and_one_that_stays_silent(file, rule):
    tests = YAML(typ="safe").load((DEPLOY / "prometheus/tests" / file.name).read_text())["tests"]
    told = [
        bool(t["exp_alerts"])
        for case in tests
        for t in case.get("alert_rule_test", ())
        if t["alertname"] == rule["alert"]
    ]
    assert True in told
    assert False in told or rule["alert"] == "DeadMansSwitch"


def test_runbooks_name_no_alert_that_is_not_there():
    headings = set(re.findall(r"^### (\w+)$", (ROOT / "docs/runbooks.md").read_text(), re.MULTILINE))
    assert headings == {rule["alert"] for _, rule in ALERTS}


def test_rules_name_only_metrics_of_the_table_and_records_of_their_own():
    known = {name for f in (*TABLE, *WHOLE) for m in f.metrics for name in series_of(m)}
    own = set(re.findall(r"`(stratoscope_\w+)`", (ROOT / "docs/metrics.md").read_text()))
    records = {rule["record"] for _, rule in RULES if "record" in rule}
    for _, rule in RULES:
        bare = re.sub(r"\b(?:site|rig|model|pool):[\w:]+", lambda m: "" if m[0] in records else m[0], rule["expr"])
        assert not re.search(r"\b(?:site|rig|model|pool):\w+", bare), rule
        assert set(WORD.findall(bare)) <= known | own, rule


def test_s38_rigs_cannot_override_job_or_instance_and_pages_are_bounded():
    job = JOBS["stratoscope"]
    assert job["honor_labels"] is False
    assert job["follow_redirects"] is False
    # 1,000 rigs of 128 series is the largest page of the agent; a limit below it would blind the whole fleet.
    assert 1000 * 128 < job["sample_limit"] < 3 * 1000 * 128
    assert job["label_value_length_limit"] >= 4 * 128, "128 characters are up to 512 bytes"
    assert job["label_limit"]
    assert job["body_size_limit"]


def test_targets_come_from_the_agent_and_name_services_of_the_stack():
    (discovery,) = JOBS["stratoscope"]["http_sd_configs"]
    assert discovery["url"] == "http://agent:9860/sd"
    (peers,) = SCRAPE["alerting"]["alertmanagers"]
    assert peers["static_configs"][0]["targets"] == ["alertmanager:9093"]
    assert {"agent", "alertmanager"} <= set(COMPOSE)


@pytest.mark.needs("amtool")
@pytest.mark.parametrize("name", ["alertmanager.yml", "channels.example.yml"])
def test_amtool_accepts_the_routes_and_the_examples_of_channels(name):
    done = ran("amtool", "check-config", DEPLOY / "alertmanager" / name)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.needs("amtool")
@pytest.mark.parametrize(
    ("labels", "receiver"),
    [
        ("alertname=DeadMansSwitch severity=none", "dead-mans-switch"),
        ("alertname=StratoscopeAgentDown severity=critical site=north", "critical"),
        ("alertname=RigOffline severity=warning site=north rig=a", "warning"),
        ("alertname=CurtailmentAdvised severity=info site=north", "info"),
    ],
)
def test_alerts_go_to_the_receiver_of_their_severity(labels, receiver):
    config = DEPLOY / "alertmanager/alertmanager.yml"
    done = ran("amtool", "config", "routes", "test", f"--config.file={config}", *labels.split())
    assert done.stdout.strip() == receiver


def test_inhibitions_name_only_alerts_that_exist_and_never_silence_the_switch_or_hot_chips():
    rules = YAML(typ="safe").load((DEPLOY / "alertmanager/alertmanager.yml").read_text())["inhibit_rules"]
    names = {rule["alert"] for _, rule in ALERTS}
    for rule in rules:
        for pattern in [part for side in ("source_matchers", "target_matchers") for part in rule[side]]:
            operator, words = re.fullmatch(r'alertname (=|!=|=~|!~) "(.+)"', pattern).groups()
            matching = {name for name in names if any(re.fullmatch(word, name) for word in words.split("|"))}
            assert matching, pattern
            for word in words.split("|"):
                assert any(re.fullmatch(word, name) for name in names), word
            if operator == "=~" and pattern in rule["target_matchers"]:
                assert not matching & {"DeadMansSwitch", "ChipTemperatureCritical"}


def test_grafana_finds_its_data_sources_among_the_services():
    sources = YAML(typ="safe").load((ROOT / "grafana/provisioning/datasources/stratoscope.yml").read_text())
    for source in sources["datasources"]:
        assert source["editable"] is False
        assert source["uid"]
        host = re.fullmatch(r"http://(\w+):\d+", source["url"])
        assert host
        assert host[1] in COMPOSE
    (provider,) = YAML(typ="safe").load((ROOT / "grafana/provisioning/dashboards/stratoscope.yml").read_text())[
        "providers"
    ]
    assert f"./grafana/dashboards:{provider['options']['path']}:ro" in COMPOSE["grafana"]["volumes"]


@pytest.mark.needs("systemd-analyze")
def test_s31_the_unit_scores_at_most_one_and_a_half():
    done = ran("systemd-analyze", "security", "--offline=true", "--threshold=15", UNIT)
    assert done.returncode == 0, done.stdout[-400:] + done.stderr
    assert "Overall exposure level" in done.stdout


@pytest.mark.needs("systemd-analyze")
def test_the_unit_and_its_drop_ins_hold_no_unknown_setting(tmp_path):
    # The agent stands elsewhere on this machine; everything but its path is checked.
    text = UNIT.read_text().replace("/opt/stratoscope/bin/stratoscope", "/bin/true")
    (tmp_path / "stratoscope.service").write_text(text)
    (tmp_path / "stratoscope.service.d").mkdir()
    for drop_in in ("credentials.conf", "internet.conf"):
        (tmp_path / "stratoscope.service.d" / drop_in).write_text((DEPLOY / "systemd" / drop_in).read_text())
    done = ran("systemd-analyze", "verify", "--man=no", tmp_path / "stratoscope.service")
    assert "stratoscope" not in done.stderr, done.stderr
    assert done.returncode == 0, done.stderr
