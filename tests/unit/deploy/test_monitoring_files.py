"""Tests the shipped Prometheus, Alertmanager, Grafana and systemd files with the programs that read them."""

import re
import subprocess
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from stratoscope.metrics import TABLE, WHOLE, Metric, MetricKind

ROOT = Path(__file__).resolve().parents[3]
DEPLOY = ROOT / "deploy"
SCRAPE = YAML(typ="safe").load((DEPLOY / "prometheus/prometheus.yml").read_text())
JOBS = {job["job_name"]: job for job in SCRAPE["scrape_configs"]}
COMPOSE = YAML(typ="safe").load((ROOT / "docker-compose.yml").read_text())["services"]
UNIT = DEPLOY / "systemd/stratoscope.service"


def run(*command: object) -> "subprocess.CompletedProcess[str]":
    return subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=120, check=False)


@pytest.mark.needs("promtool")
def test_promtool_accepts_the_scrape_config_and_its_rules():
    result = run("promtool", "check", "config", DEPLOY / "prometheus/prometheus.yml")
    assert result.returncode == 0, result.stdout + result.stderr
    assert "rules found" in result.stdout


@pytest.mark.needs("promtool")
@pytest.mark.parametrize("file", sorted((DEPLOY / "prometheus/tests").glob("*.yml")), ids=lambda file: file.name)
def test_f57_promtool_rule_tests_pass(file):
    result = run("promtool", "test", "rules", file)
    assert result.returncode == 0, result.stdout + result.stderr


def series_of(metric: Metric) -> list[str]:
    suffixes = ("_bucket", "_sum", "_count") if metric.kind is MetricKind.HISTOGRAM else ("",)
    return [metric.series + suffix for suffix in suffixes]


def rules_of(file: Path) -> list[dict]:
    return [rule for group in YAML(typ="safe").load(file.read_text())["groups"] for rule in group["rules"]]


RULES = [(file, rule) for file in sorted((DEPLOY / "prometheus/rules").glob("*.yml")) for rule in rules_of(file)]
ALERTS = [(file, rule) for file, rule in RULES if "alert" in rule]
METRIC_NAME = re.compile(r"\b(?:mining|stratoscope)_[a-z0-9_]+")
WITHOUT_FOR = {
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
"""Alerts that fire without delay: DeadMansSwitch, theft, and conditions that already cover a period of time."""


@pytest.mark.parametrize(("file", "rule"), ALERTS, ids=lambda part: part.get("alert") if isinstance(part, dict) else "")
def test_alerts_have_severity_texts_and_a_runbook(file, rule):
    assert rule["labels"]["severity"] in {"critical", "warning", "info", "none"}
    assert "for" in rule or rule["alert"] in WITHOUT_FOR
    annotations = rule["annotations"]
    assert annotations["summary"]
    assert annotations["description"]
    assert "location" in annotations or "$labels.rig " not in annotations["summary"]
    page, _, anchor = annotations["runbook_url"].partition("#")
    headings = re.findall(r"^### (\w+)$", (ROOT / page).read_text(), re.MULTILINE)
    assert anchor == rule["alert"].lower()
    assert rule["alert"] in headings


@pytest.mark.parametrize(("file", "rule"), ALERTS, ids=lambda part: part.get("alert") if isinstance(part, dict) else "")
def test_alerts_have_promtool_tests_for_firing_and_not_firing(file, rule):
    tests = YAML(typ="safe").load((DEPLOY / "prometheus/tests" / file.name).read_text())["tests"]
    fires = [
        bool(t["exp_alerts"])
        for case in tests
        for t in case.get("alert_rule_test", ())
        if t["alertname"] == rule["alert"]
    ]
    assert True in fires
    assert False in fires or rule["alert"] == "DeadMansSwitch"


def test_runbooks_and_alerts_match():
    headings = set(re.findall(r"^### (\w+)$", (ROOT / "docs/runbooks.md").read_text(), re.MULTILINE))
    assert headings == {rule["alert"] for _, rule in ALERTS}


def test_rules_use_only_known_metrics_and_recording_rules():
    known = {name for f in (*TABLE, *WHOLE) for m in f.metrics for name in series_of(m)}
    own = set(re.findall(r"`(stratoscope_\w+)`", (ROOT / "docs/metrics.md").read_text()))
    records = {rule["record"] for _, rule in RULES if "record" in rule}
    for _, rule in RULES:
        expr = re.sub(r"\b(?:site|rig|model|pool):[\w:]+", lambda m: "" if m[0] in records else m[0], rule["expr"])
        assert not re.search(r"\b(?:site|rig|model|pool):\w+", expr), rule
        assert set(METRIC_NAME.findall(expr)) <= known | own, rule


def test_s38_rigs_cannot_override_job_or_instance_and_pages_are_limited():
    job = JOBS["stratoscope"]
    assert job["honor_labels"] is False
    assert job["follow_redirects"] is False
    # The largest page has 1,000 rigs with 128 series each. A lower limit would reject pages of large fleets.
    assert 1000 * 128 < job["sample_limit"] < 3 * 1000 * 128
    assert job["label_value_length_limit"] >= 4 * 128, "128 characters can be 512 bytes"
    assert job["label_limit"]
    assert job["body_size_limit"]


def test_scrape_and_alertmanager_targets_are_services_of_the_stack():
    (discovery,) = JOBS["stratoscope"]["http_sd_configs"]
    assert discovery["url"] == "http://agent:9860/sd"
    (peers,) = SCRAPE["alerting"]["alertmanagers"]
    assert peers["static_configs"][0]["targets"] == ["alertmanager:9093"]
    assert {"agent", "alertmanager"} <= set(COMPOSE)


@pytest.mark.needs("amtool")
@pytest.mark.parametrize("name", ["alertmanager.yml", "channels.example.yml"])
def test_amtool_accepts_the_config_and_the_channel_examples(name):
    result = run("amtool", "check-config", DEPLOY / "alertmanager" / name)
    assert result.returncode == 0, result.stdout + result.stderr


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
def test_alerts_are_routed_by_severity(labels, receiver):
    config = DEPLOY / "alertmanager/alertmanager.yml"
    result = run("amtool", "config", "routes", "test", f"--config.file={config}", *labels.split())
    assert result.stdout.strip() == receiver


def test_inhibitions_match_existing_alerts_and_never_the_switch_or_critical_temperatures():
    rules = YAML(typ="safe").load((DEPLOY / "alertmanager/alertmanager.yml").read_text())["inhibit_rules"]
    names = {rule["alert"] for _, rule in ALERTS}
    for rule in rules:
        for pattern in [part for side in ("source_matchers", "target_matchers") for part in rule[side]]:
            operator, names_pattern = re.fullmatch(r'alertname (=|!=|=~|!~) "(.+)"', pattern).groups()
            matching = {name for name in names if any(re.fullmatch(word, name) for word in names_pattern.split("|"))}
            assert matching, pattern
            for word in names_pattern.split("|"):
                assert any(re.fullmatch(word, name) for name in names), word
            if operator == "=~" and pattern in rule["target_matchers"]:
                assert not matching & {"DeadMansSwitch", "ChipTemperatureCritical"}


def test_grafana_data_sources_are_services_of_the_stack():
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
def test_s31_systemd_exposure_is_at_most_1_5():
    result = run("systemd-analyze", "security", "--offline=true", "--threshold=15", UNIT)
    assert result.returncode == 0, result.stdout[-400:] + result.stderr
    assert "Overall exposure level" in result.stdout


@pytest.mark.needs("systemd-analyze")
def test_unit_and_drop_ins_have_only_known_settings(tmp_path):
    # The agent is not installed at this path on the test machine.
    text = UNIT.read_text().replace("/opt/stratoscope/bin/stratoscope", "/bin/true")
    (tmp_path / "stratoscope.service").write_text(text)
    (tmp_path / "stratoscope.service.d").mkdir()
    for drop_in in ("credentials.conf", "internet.conf"):
        (tmp_path / "stratoscope.service.d" / drop_in).write_text((DEPLOY / "systemd" / drop_in).read_text())
    result = run("systemd-analyze", "verify", "--man=no", tmp_path / "stratoscope.service")
    assert "stratoscope" not in result.stderr, result.stderr
    assert result.returncode == 0, result.stderr
