"""Checks that the papers agree with the code and the shipped files: links, reasons, states, queries, settings."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from stratoscope.errors import POLL_REASONS, SOURCE_REASONS
from stratoscope.fleet import STATES
from stratoscope.stratum.watch.records import ALARMS, ENDS

ROOT = Path(__file__).resolve().parents[3]
PAPERS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])
GENERATED = {"docs/metrics.md", "docs/supported-rigs.md", "docs/pools.md"}
SHIPPED = YAML(typ="safe").load((ROOT / "deploy/prometheus/prometheus.yml").read_text())


def blocks(paper: str, language: str) -> "list[str]":
    return re.findall(rf"^```{language}\n(.*?)^```$", (ROOT / paper).read_text(), re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("paper", PAPERS, ids=lambda paper: paper.name)
def test_links_between_papers_lead_somewhere(paper):
    for target in re.findall(r"\]\((?!https?://|#)([^)#\s]+)", paper.read_text()):
        path = (paper.parent / target).resolve()
        assert path.exists() or path.relative_to(ROOT).as_posix() in GENERATED, f"{paper.name} links {target}"


def rows(paper: str, heading: str) -> "list[str]":
    section = (ROOT / paper).read_text().partition(f"## {heading}\n")[2].partition("\n## ")[0]
    return re.findall(r"^\| `([a-z_]+)` \|", section, re.MULTILINE)


def test_every_reason_of_a_failed_poll_is_explained_once():
    assert sorted(rows("docs/troubleshooting.md", "Why a poll failed")) == sorted(POLL_REASONS)


def test_every_state_of_a_rig_is_explained_once():
    assert sorted(rows("docs/troubleshooting.md", "States of a rig")) == sorted(STATES)


def test_every_reason_of_a_market_source_is_explained():
    assert sorted(rows("docs/troubleshooting.md", "Why a market source or a pool failed")) == sorted(SOURCE_REASONS)
    assert sorted(rows("docs/troubleshooting.md", "Why a stratum session ended")) == sorted(ENDS)


def test_every_alarm_of_stratum_is_in_the_paper():
    assert sorted(rows("docs/stratum.md", "Alarms")) == sorted(ALARMS)


def test_the_scrape_config_in_the_papers_is_the_shipped_one():
    shipped = {job["job_name"]: job for job in SHIPPED["scrape_configs"]}["stratoscope"]
    for paper in ("README.md", "docs/prometheus.md"):
        (text,) = [block for block in blocks(paper, "yaml") if "scrape_configs" in block]
        (job,) = YAML(typ="safe").load(text)["scrape_configs"]
        (discovery,) = job.pop("http_sd_configs")
        assert discovery["url"] == "http://127.0.0.1:9860/sd"
        for key, value in job.items():
            assert value == shipped.get(key, SHIPPED["global"].get(key)), f"{paper}: {key}"


@pytest.mark.needs("promtool")
def test_the_queries_in_the_papers_are_promql(tmp_path):
    queries = blocks("docs/prometheus.md", "promql")
    assert len(queries) >= 8
    rules = [{"record": f"paper:query:n{at}", "expr": query} for at, query in enumerate(queries)]
    with (tmp_path / "rules.yml").open("w") as file:
        YAML().dump({"groups": [{"name": "papers", "rules": rules}]}, file)
    promtool = shutil.which("promtool")
    assert promtool
    done = subprocess.run(
        [promtool, "check", "rules", tmp_path / "rules.yml"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{len(queries)} rules found" in done.stdout


def test_the_readme_starts_with_the_commands_to_try_it():
    text = (ROOT / "README.md").read_text()
    top = text.partition("\n## ")[0]
    assert top.index("make demo") < top.index("make test") < top.index("docker compose up")
    assert "aiomqtt" in text
    assert "asyncio-mqtt" in text


def test_the_readme_states_ten_promises():
    section = (ROOT / "README.md").read_text().partition("## What it promises\n")[2].partition("\n## ")[0]
    assert re.findall(r"^(\d+)\. \*\*", section, re.MULTILINE) == [str(number) for number in range(1, 11)]


def test_the_changelog_has_the_version_of_the_package():
    version = re.search(r'^version = "(.+)"$', (ROOT / "pyproject.toml").read_text(), re.MULTILINE)
    assert version
    assert re.search(rf"^## \[{re.escape(version[1])}\]", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)


def test_the_image_tags_of_compose_and_kubernetes_are_the_package_version():
    version = re.search(r'^version = "(.+)"$', (ROOT / "pyproject.toml").read_text(), re.MULTILINE)
    assert version
    for file in ("docker-compose.yml", "deploy/kubernetes/stratoscope.yaml"):
        tags = re.findall(r"image: stratoscope:(\S+)", (ROOT / file).read_text())
        assert tags
        assert set(tags) == {version[1]}
