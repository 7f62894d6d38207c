"""Checks the shipped Prometheus, Alertmanager, Grafana and systemd files with the programs that read them."""

import re
import subprocess
from pathlib import Path

import pytest
from ruamel.yaml import YAML

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


def test_every_rule_file_has_tests_that_name_each_of_its_alerts():
    for file in (DEPLOY / "prometheus/rules").glob("*.yml"):
        rules = [rule for group in YAML(typ="safe").load(file.read_text())["groups"] for rule in group["rules"]]
        text = (DEPLOY / "prometheus/tests" / file.name).read_text()
        for rule in rules:
            assert rule["labels"]["severity"] in {"critical", "warning", "info", "none"}
            assert f"alertname: {rule['alert']}" in text


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
def test_amtool_accepts_the_routes_and_sends_the_dead_mans_switch_apart():
    config = DEPLOY / "alertmanager/alertmanager.yml"
    assert ran("amtool", "check-config", config).returncode == 0
    route = ("amtool", "config", "routes", "test", f"--config.file={config}")
    assert ran(*route, "alertname=DeadMansSwitch", "severity=none").stdout.strip() == "dead-mans-switch"
    assert ran(*route, "alertname=StratoscopeAgentDown", "severity=critical").stdout.strip() == "operators"


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
