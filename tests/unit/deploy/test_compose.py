"""Checks that the compose file publishes only loopback ports, runs nothing as root and has no default password."""

import contextlib
import os
import re
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from ruamel.yaml import YAML

ROOT = Path(__file__).resolve().parents[3]
COMPOSE = YAML(typ="safe").load((ROOT / "docker-compose.yml").read_text())
SERVICES = COMPOSE["services"]
EVERY_SERVICE = pytest.mark.parametrize("name", sorted(SERVICES))
REQUIRED = {
    "STRATOSCOPE_CONFIG_DIR": "./deploy/demo",
    "ALERTMANAGER_SECRETS_DIR": "./secrets/alertmanager",
    "GRAFANA_ADMIN_PASSWORD_FILE": "./secrets/grafana",
    "MOSQUITTO_PASSWORDS_FILE": "./secrets/mosquitto",
    "MOSQUITTO_PUBLISHER_FILE": "./secrets/mosquitto-publisher",
}


def test_the_stack_has_all_services():
    assert {"agent", "prometheus", "alertmanager", "grafana", "mosquitto", "simulator"} == set(SERVICES)
    assert SERVICES["simulator"]["profiles"] == ["demo"]
    assert all("profiles" not in service for name, service in SERVICES.items() if name != "simulator")


@EVERY_SERVICE
def test_no_service_runs_as_root_or_can_gain_privileges(name):
    service = SERVICES[name]
    assert re.fullmatch(r"[1-9]\d*:\d+", service["user"]), "a fixed, numeric, non-root user"
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert "cap_add" not in service
    assert "privileged" not in service
    assert service["security_opt"] == ["no-new-privileges:true"]


@EVERY_SERVICE
def test_every_service_has_limits_and_a_health_check(name):
    service = SERVICES[name]
    assert service["mem_limit"]
    assert 0 < service["pids_limit"] <= 500
    assert service["tmpfs"] == ["/tmp"]
    assert service["healthcheck"]["test"][0] == "CMD"
    assert service["logging"]["options"]["max-size"]


@EVERY_SERVICE
def test_published_ports_are_on_loopback(name):
    for port in SERVICES[name].get("ports", []):
        assert re.fullmatch(r"127\.0\.0\.1:\d+:\d+", port), f"{name} publishes {port}"
    assert SERVICES[name].get("network_mode", "bridge") != "host"


def test_prometheus_and_alertmanager_are_not_published_and_have_no_admin_api():
    for name in ("prometheus", "alertmanager"):
        assert "ports" not in SERVICES[name]
        assert not [flag for flag in SERVICES[name]["command"] if "enable-lifecycle" in flag or "admin-api" in flag]


@EVERY_SERVICE
def test_images_are_pinned_to_exact_versions(name):
    assert re.search(r":v?\d+\.\d+\.\d+(@sha256:[0-9a-f]{64})?$", SERVICES[name]["image"]), SERVICES[name]["image"]


@EVERY_SERVICE
def test_host_directories_are_mounted_read_only(name):
    for volume in SERVICES[name].get("volumes", []):
        if volume.startswith((".", "/", "$")):
            assert volume.endswith(":ro"), volume
        else:
            assert volume.partition(":")[0] in COMPOSE["volumes"], volume
        assert "docker.sock" not in volume


def test_grafana_reads_its_password_from_a_secret_and_allows_no_other_login():
    settings = SERVICES["grafana"]["environment"]
    assert settings["GF_SECURITY_ADMIN_PASSWORD__FILE"] == "/run/secrets/grafana_admin_password"
    assert "GF_SECURITY_ADMIN_PASSWORD" not in settings
    assert settings["GF_AUTH_ANONYMOUS_ENABLED"] == "false"
    assert settings["GF_USERS_ALLOW_SIGN_UP"] == "false"


def test_the_file_contains_no_password_and_requires_every_secret():
    for secret in COMPOSE["secrets"].values():
        assert re.match(r"\$\{[A-Z_]+:\?.{10,}\}$", secret["file"]), "required, with a message"
    for name, service in SERVICES.items():
        for key, value in dict(service.get("environment", {})).items():
            assert not re.search(r"password|token|secret", key, re.IGNORECASE) or key.endswith("__FILE"), (
                f"{name}: {key}={value}"
            )
    for line in (ROOT / "docker-compose.yml").read_text().splitlines():
        assert not re.search(r"\$\{\w*(PASSWORD|TOKEN|SECRET)\w*:?-", line), f"secret with a default: {line}"


def listen_row(port: int) -> str:
    """Listen on `port` on all addresses and return the row of the socket in /proc/net/tcp."""
    with socket.create_server(("0.0.0.0", port)):
        table = Path("/proc/net/tcp").read_text()
    return next(row for row in table.splitlines() if f":{port:04X} 00000000:0000" in row)


@pytest.mark.skipif(not Path("/proc/net/tcp").exists(), reason="needs Linux")
def test_the_broker_is_healthy_if_its_port_listens():
    program, quiet, pattern, table = SERVICES["mosquitto"]["healthcheck"]["test"][1:]
    assert (program, quiet, table) == ("grep", "-q", "/proc/net/tcp")
    with socket.create_server(("127.0.0.1", 0)) as spare:
        port = int(spare.getsockname()[1])
    row = listen_row(port).replace(f":{port:04X} ", f":{1883:04X} ")
    assert pattern in row
    assert pattern not in row.replace(" 0A ", " 01 "), "an established connection does not count"


def test_the_simulator_is_healthy_if_the_agent_and_a_rig_listen():
    script = SERVICES["simulator"]["healthcheck"]["test"][-1]
    with contextlib.ExitStack() as stack:
        rig, agent = (stack.enter_context(socket.create_server(("127.0.0.1", 0))).getsockname()[1] for _ in "ab")
        with socket.create_server(("127.0.0.1", 0)) as spare:
            free = spare.getsockname()[1]
        for at_rig, at_agent, healthy in ((rig, agent, True), (rig, free, False), (free, agent, False)):
            local = script.replace("127.64.0.{rig}", "127.0.0.1").replace("4028", str(at_rig))
            done = subprocess.run([sys.executable, "-c", local.replace("9860", str(at_agent))], check=False)
            assert (done.returncode == 0) is healthy


def test_services_wait_for_their_dependencies_and_restart_automatically():
    assert SERVICES["prometheus"]["depends_on"] == {"agent": {"condition": "service_healthy"}}
    assert SERVICES["simulator"]["network_mode"] == "service:agent"
    assert {service["restart"] for service in SERVICES.values()} == {"unless-stopped"}


def test_service_data_is_on_volumes():
    paths = {
        "agent": "/var/lib/stratoscope",
        "prometheus": "/prometheus",
        "alertmanager": "/alertmanager",
        "grafana": "/var/lib/grafana",
        "mosquitto": "/mosquitto/data",
    }
    for name, path in paths.items():
        targets = [volume.rsplit(":", 1)[-1] for volume in SERVICES[name]["volumes"] if not volume.endswith(":ro")]
        assert targets == [path], name


def test_channel_secrets_are_mounted_where_the_examples_expect_them():
    (mount,) = [volume for volume in SERVICES["alertmanager"]["volumes"] if "ALERTMANAGER_SECRETS_DIR" in volume]
    folder = mount.removesuffix(":ro").rpartition(":")[2]
    text = (ROOT / "deploy/alertmanager/channels.example.yml").read_text()
    files = re.findall(r"_file: (\S+)", text)
    assert files
    assert all(Path(file).parent == Path(folder) for file in files)


def test_every_mounted_project_file_exists():
    for name, service in SERVICES.items():
        for volume in service.get("volumes", []):
            if volume.startswith("./"):
                assert (ROOT / volume.partition(":")[0]).exists(), f"{name}: {volume}"


def run_compose(tmp_path: Path, *arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    # An empty env file keeps docker-compose from reading a developer's .env.
    (tmp_path / "env").write_text("")
    program = shutil.which("docker-compose")
    assert program, "docker-compose is not installed"
    command = [program, "-f", str(ROOT / "docker-compose.yml"), "--env-file", str(tmp_path / "env"), *arguments]
    clean = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), **environment}
    return subprocess.run(command, env=clean, capture_output=True, text=True, timeout=120, check=False)


@pytest.mark.needs("docker-compose")
@pytest.mark.parametrize("profiles", [(), ("--profile", "demo")], ids=["own rigs", "demo"])
def test_docker_compose_accepts_the_file_with_and_without_the_demo_profile(tmp_path, profiles):
    done = run_compose(tmp_path, *profiles, "config", **REQUIRED)
    assert done.returncode == 0, done.stderr
    config = YAML(typ="safe").load(done.stdout)
    assert {"agent", "prometheus", "alertmanager", "grafana", "mosquitto"} <= set(config["services"])
    assert ("simulator" in config["services"]) or not profiles


@pytest.mark.needs("docker-compose")
@pytest.mark.parametrize("missing", sorted(REQUIRED))
def test_docker_compose_refuses_to_start_without_a_required_variable(tmp_path, missing):
    kept = {name: value for name, value in REQUIRED.items() if name != missing}
    done = run_compose(tmp_path, "config", "-q", **kept)
    assert done.returncode != 0
    assert "deploy/prepare" in done.stderr, "the message names the remedy"


@pytest.mark.needs("docker-compose")
def test_the_env_file_that_prepare_writes_is_sufficient_for_the_demo(tmp_path):
    for name in ("docker-compose.yml", "deploy/prepare"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    subprocess.run([tmp_path / "deploy/prepare", "demo"], check=True, capture_output=True)
    done = subprocess.run(
        [shutil.which("docker-compose") or "docker-compose", "config", "--services"],
        cwd=tmp_path,
        env={"PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "simulator" in done.stdout.split()
