"""Checks that `deploy/prepare` makes fresh secrets that only their owner and the containers can read."""

import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def project(tmp_path):
    (tmp_path / "deploy").mkdir()
    shutil.copy(ROOT / "deploy/prepare", tmp_path / "deploy/prepare")
    return tmp_path


def prepare(project: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, str(project / "deploy/prepare"), *arguments]
    return subprocess.run(command, cwd=project, capture_output=True, text=True, check=False)


def written(project: Path) -> "dict[str, str]":
    """Return the text of every secret by its name."""
    return {path.name: path.read_text() for path in (project / "secrets").iterdir() if path.is_file()}


def test_s30_two_installations_share_no_password(project):
    assert prepare(project, "demo").returncode == 0
    first = written(project)
    shutil.rmtree(project / "secrets")
    assert prepare(project, "demo").returncode == 0
    second = written(project)
    assert set(first) == {"grafana-admin-password", "mosquitto-passwords", "mosquitto-publisher", "mosquitto-reader"}
    assert not set(first.values()) & set(second.values())
    assert all(len(text) >= 32 for text in first.values())


def test_s35_the_folder_of_secrets_is_closed_to_others(project):
    prepare(project, "demo")
    assert stat.S_IMODE((project / "secrets").stat().st_mode) == 0o700
    assert stat.S_IMODE((project / ".env").stat().st_mode) == 0o600


def test_existing_secrets_are_kept(project):
    prepare(project, "demo")
    before = written(project)
    prepare(project, "demo")
    assert before == written(project)


def test_passwords_are_neither_printed_nor_in_env(project):
    done = prepare(project, "demo")
    seen = done.stdout + done.stderr + (project / ".env").read_text()
    assert not [name for name, text in written(project).items() if text in seen]


def test_the_place_for_secrets_of_channels_can_be_entered_by_alertmanager_and_keeps_what_is_there(project):
    prepare(project, "demo")
    place = project / "secrets/alertmanager"
    assert stat.S_IMODE(place.stat().st_mode) == 0o755
    assert "ALERTMANAGER_SECRETS_DIR=./secrets/alertmanager\n" in (project / ".env").read_text()
    (place / "slack-url").write_text("https://hooks.example/a")
    prepare(project, "demo")
    assert (place / "slack-url").read_text() == "https://hooks.example/a"


def test_an_own_config_folder_must_hold_a_config(project):
    (project / "site").mkdir()
    refused = prepare(project, "site")
    assert refused.returncode == 1
    assert "stratoscope.yaml" in refused.stderr
    assert not (project / ".env").exists()
    (project / "site/stratoscope.yaml").write_text("site: north\n")
    assert prepare(project, "site").returncode == 0
    settings = (project / ".env").read_text()
    assert f"STRATOSCOPE_CONFIG_DIR={project.resolve() / 'site'}\n" in settings
    assert "COMPOSE_PROFILES" not in settings


@pytest.mark.parametrize("arguments", [(), ("--help",), ("a", "b")])
def test_wrong_arguments_print_how_to_use_it(project, arguments):
    done = prepare(project, *arguments)
    assert done.returncode == 1
    assert "deploy/prepare demo" in done.stderr
