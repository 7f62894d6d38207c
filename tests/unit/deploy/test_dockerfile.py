"""Checks the base image, the installed packages and the user of the Dockerfile."""

import json
import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
TEXT = re.sub(r"\\\n", " ", (ROOT / "Dockerfile").read_text())
STEPS = [line.split(maxsplit=1) for line in TEXT.splitlines() if line.strip() and not line.startswith("#")]
FINAL = STEPS[max(at for at, step in enumerate(STEPS) if step[0] == "FROM") :]


def arguments(name: str, steps: "list[list[str]]" = STEPS) -> "list[str]":
    return [step[1] for step in steps if step[0] == name]


def test_the_base_image_is_pinned_to_an_exact_version():
    (base,) = arguments("ARG")
    assert re.fullmatch(r"PYTHON=python:\d+\.\d+\.\d+-slim-\w+(@sha256:[0-9a-f]{64})?", base)
    assert arguments("FROM") == ["${PYTHON} AS builder", "${PYTHON}"], "two stages, both from the pinned base image"


def test_the_base_image_has_a_supported_python_version():
    needed = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["requires-python"]
    floor = tuple(map(int, needed.removeprefix(">=").split(".")))
    assert tuple(map(int, re.findall(r"\d+", arguments("ARG")[0])[:2])) >= floor


def test_every_package_is_checked_against_its_hash_and_nothing_is_downloaded_by_url():
    assert not arguments("ADD")
    assert "http://" not in TEXT.replace("http://127.0.0.1", "")
    assert "https://" not in TEXT
    assert not re.search(r"curl|wget|apt-get|git clone", TEXT)
    for command in re.findall(r"pip install[^&]*", TEXT):
        assert "--require-hashes" in command or "--no-deps /wheel/" in command, command
    for command in re.findall(r"pip wheel[^&]*", TEXT):
        assert "--no-deps" in command
        assert "--no-build-isolation" in command, "build isolation downloads build tools that are not in the lock file"


def test_the_final_stage_runs_as_a_numeric_user_and_has_no_installer():
    assert arguments("USER", FINAL) == ["65532:65532"]
    assert [step[0] for step in FINAL].index("RUN") < [step[0] for step in FINAL].index("USER")
    assert not re.search(r"pip install", " ".join(arguments("RUN", FINAL)))
    assert re.search(r"pip uninstall --yes \S* ?.*pip\b", arguments("RUN", FINAL)[0])
    built = " ".join(arguments("RUN"))
    group = tomllib.loads((ROOT / "pyproject.toml").read_text())["dependency-groups"]["build"]
    for tool in group:
        assert re.search(rf"pip uninstall [^&]*\b{re.match(r'[a-z]+', tool)[0]}\b", built), f"{tool} stays in the image"


def test_the_image_has_a_health_check_and_the_agent_is_process_one():
    assert json.loads(arguments("ENTRYPOINT", FINAL)[0]) == ["stratoscope"]
    assert json.loads(arguments("CMD", FINAL)[0])[0] == "run"
    (health,) = arguments("HEALTHCHECK", FINAL)
    assert "/-/healthy" in health
    compile(json.loads(health.partition("CMD ")[2])[2], "healthcheck", "exec")


def test_only_listed_files_reach_the_builder():
    lines = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if line and not line.startswith("#")]
    assert lines[0] == "*", "everything is excluded unless listed"
    named = {line[1:] for line in lines if line.startswith("!")}
    copied = {part for step in STEPS if step[0] == "COPY" and "--from" not in step[1] for part in step[1].split()[:-1]}
    assert copied == named
    assert all((ROOT / name).exists() for name in named)
