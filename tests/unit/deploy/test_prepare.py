"""Checks that `deploy/prepare` creates random secrets that only their owner and the containers can read."""

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


def read_secrets(project: Path) -> "dict[str, str]":
    """Return the text of every secret by file name."""
    return {path.name: path.read_text() for path in (project / "secrets").iterdir() if path.is_file()}


def test_two_installations_share_no_password(project):
    assert prepare(project, "demo").returncode == 0
    first = read_secrets(project)
    shutil.rmtree(project / "secrets")
    assert prepare(project, "demo").returncode == 0
    second = read_secrets(project)
    assert set(first) == {"grafana-admin-password", "mosquitto-passwords", "mosquitto-publisher", "mosquitto-reader"}
    assert not set(first.values()) & set(second.values())
    assert all(len(text) >= 32 for text in first.values())


def test_secrets_and_env_file_are_not_accessible_to_other_users(project):
    prepare(project, "demo")
    assert stat.S_IMODE((project / "secrets").stat().st_mode) == 0o700
    assert stat.S_IMODE((project / ".env").stat().st_mode) == 0o600


def test_keeps_existing_secrets(project):
    prepare(project, "demo")
    before = read_secrets(project)
    prepare(project, "demo")
    assert before == read_secrets(project)


def test_passwords_appear_neither_in_the_output_nor_in_the_env_file(project):
    done = prepare(project, "demo")
    seen = done.stdout + done.stderr + (project / ".env").read_text()
    assert not [name for name, text in read_secrets(project).items() if text in seen]


def test_the_directory_for_channel_secrets_is_readable_and_keeps_its_files(project):
    prepare(project, "demo")
    folder = project / "secrets/alertmanager"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o755
    assert "ALERTMANAGER_SECRETS_DIR=./secrets/alertmanager\n" in (project / ".env").read_text()
    (folder / "slack-url").write_text("https://hooks.example/a")
    prepare(project, "demo")
    assert (folder / "slack-url").read_text() == "https://hooks.example/a"


def test_refuses_a_config_directory_without_a_config(project):
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
def test_wrong_arguments_print_the_usage(project, arguments):
    done = prepare(project, *arguments)
    assert done.returncode == 1
    assert "deploy/prepare demo" in done.stderr
