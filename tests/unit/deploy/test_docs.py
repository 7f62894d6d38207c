"""Checks that the documentation agrees with the code and the shipped files: links, reasons, states, queries, config."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from stratoscope.errors import POLL_REASONS, SOURCE_REASONS
from stratoscope.fleet import STATES
from stratoscope.stratum.watch.records import ENDPOINT_ALARM_KINDS, SESSION_OUTCOMES

ROOT = Path(__file__).resolve().parents[3]
DOCS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])
GENERATED = {"docs/metrics.md", "docs/supported-rigs.md", "docs/pools.md"}
SHIPPED = YAML(typ="safe").load((ROOT / "deploy/prometheus/prometheus.yml").read_text())


def code_blocks(doc: str, language: str) -> "list[str]":
    return re.findall(rf"^```{language}\n(.*?)^```$", (ROOT / doc).read_text(), re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("doc", DOCS, ids=lambda doc: doc.name)
def test_relative_links_point_to_existing_files(doc):
    for target in re.findall(r"\]\((?!https?://|#)([^)#\s]+)", doc.read_text()):
        path = (doc.parent / target).resolve()
        assert path.exists() or path.relative_to(ROOT).as_posix() in GENERATED, f"{doc.name} links to {target}"


def table_keys(doc: str, heading: str) -> "list[str]":
    section = (ROOT / doc).read_text().partition(f"## {heading}\n")[2].partition("\n## ")[0]
    return re.findall(r"^\| `([a-z_]+)` \|", section, re.MULTILINE)


def test_every_poll_outcome_is_documented_once():
    assert sorted(table_keys("docs/troubleshooting.md", "Why a poll failed")) == sorted(POLL_REASONS)


def test_every_rig_state_is_documented_once():
    assert sorted(table_keys("docs/troubleshooting.md", "States of a rig")) == sorted(STATES)


def test_every_result_of_source_requests_and_stratum_sessions_is_documented():
    assert sorted(table_keys("docs/troubleshooting.md", "Why a market source or a pool failed")) == sorted(
        SOURCE_REASONS
    )
    assert sorted(table_keys("docs/troubleshooting.md", "Why a stratum session ended")) == sorted(SESSION_OUTCOMES)


def test_every_stratum_alarm_is_documented():
    assert sorted(table_keys("docs/stratum.md", "Alarms")) == sorted(ENDPOINT_ALARM_KINDS)


def test_the_documented_scrape_config_matches_the_shipped_one():
    shipped = {job["job_name"]: job for job in SHIPPED["scrape_configs"]}["stratoscope"]
    for doc in ("README.md", "docs/prometheus.md"):
        (text,) = [block for block in code_blocks(doc, "yaml") if "scrape_configs" in block]
        (job,) = YAML(typ="safe").load(text)["scrape_configs"]
        (discovery,) = job.pop("http_sd_configs")
        assert discovery["url"] == "http://127.0.0.1:9860/sd"
        for key, value in job.items():
            assert value == shipped.get(key, SHIPPED["global"].get(key)), f"{doc}: {key}"


@pytest.mark.needs("promtool")
def test_the_documented_queries_are_valid_promql(tmp_path):
    queries = code_blocks("docs/prometheus.md", "promql")
    assert len(queries) >= 8
    rules = [{"record": f"doc:query:n{at}", "expr": query} for at, query in enumerate(queries)]
    with (tmp_path / "rules.yml").open("w") as file:
        YAML().dump({"groups": [{"name": "docs", "rules": rules}]}, file)
    promtool = shutil.which("promtool")
    assert promtool
    done = subprocess.run(
        [promtool, "check", "rules", tmp_path / "rules.yml"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{len(queries)} rules found" in done.stdout


def test_the_first_section_of_the_readme_has_the_commands_to_try_it():
    text = (ROOT / "README.md").read_text()
    first = text.split("\n## ")[1]
    assert first.startswith("Quick start\n")
    assert first.index("make demo") < first.index("make test") < first.index("docker compose up")
    assert "aiomqtt" in text
    assert "asyncio-mqtt" in text


def test_the_readme_lists_ten_promises():
    section = (ROOT / "README.md").read_text().partition("## Promises\n")[2].partition("\n## ")[0]
    assert re.findall(r"^(\d+)\. \*\*", section, re.MULTILINE) == [str(number) for number in range(1, 11)]


def test_the_changelog_has_a_section_for_the_package_version():
    version = re.search(r'^version = "(.+)"$', (ROOT / "pyproject.toml").read_text(), re.MULTILINE)
    assert version
    assert re.search(rf"^## \[{re.escape(version[1])}\]", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)


def test_image_tags_of_compose_and_kubernetes_match_the_package_version():
    version = re.search(r'^version = "(.+)"$', (ROOT / "pyproject.toml").read_text(), re.MULTILINE)
    assert version
    for file in ("docker-compose.yml", "deploy/kubernetes/stratoscope.yaml"):
        tags = re.findall(r"image: stratoscope:(\S+)", (ROOT / file).read_text())
        assert tags
        assert set(tags) == {version[1]}
