"""Runs a real mosquitto with the shipped settings and tests logins and access rules."""

import asyncio
import contextlib
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import aiomqtt
import pytest

from fakes.addresses import free_port

ROOT = Path(__file__).resolve().parents[3]
pytestmark = pytest.mark.needs("mosquitto")


@pytest.fixture(scope="module")
def secrets(tmp_path_factory):
    project = tmp_path_factory.mktemp("project")
    (project / "deploy").mkdir()
    shutil.copy(ROOT / "deploy/prepare", project / "deploy/prepare")
    subprocess.run([sys.executable, project / "deploy/prepare", "demo"], check=True, capture_output=True)
    return project / "secrets"


@pytest.fixture
async def broker(tmp_path, secrets) -> AsyncIterator[int]:
    port = free_port()
    text = (ROOT / "deploy/mosquitto/mosquitto.conf").read_text()
    replacements = {
        "/run/secrets/mosquitto_passwords": str(tmp_path / "passwords"),
        "/mosquitto/config/acl": str(tmp_path / "acl"),
        "/mosquitto/data/": f"{tmp_path}/",
        "listener 1883 0.0.0.0": f"listener {port} 127.0.0.1\nuser root",  # the test machine has no user mosquitto
    }
    for old, new in replacements.items():
        assert old in text
        text = text.replace(old, new)
    shutil.copy(secrets / "mosquitto-passwords", tmp_path / "passwords")
    shutil.copy(ROOT / "deploy/mosquitto/acl", tmp_path / "acl")
    (tmp_path / "mosquitto.conf").write_text(text)
    program = shutil.which("mosquitto", path="/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin:/opt/homebrew/sbin")
    process = await asyncio.create_subprocess_exec(program or "mosquitto", "-c", str(tmp_path / "mosquitto.conf"))
    try:
        await wait_until_listening(port, process)
        yield port
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        await process.wait()


async def wait_until_listening(port: int, process: asyncio.subprocess.Process) -> None:
    for _ in range(200):
        assert process.returncode is None, "mosquitto rejected its settings"
        with contextlib.suppress(OSError):
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.close()
            return
        await asyncio.sleep(0.05)
    pytest.fail("mosquitto does not listen")


def client(port: int, user: str | None = None, password: str | None = None) -> aiomqtt.Client:
    return aiomqtt.Client("127.0.0.1", port, username=user, password=password, timeout=10)


@pytest.mark.parametrize(
    ("user", "password"), [(None, None), ("reader", "wrong"), ("reader", ""), ("mosquitto", "mosquitto")]
)
async def test_rejects_logins_without_the_right_password(broker, user, password):
    with pytest.raises(aiomqtt.MqttError):
        async with client(broker, user, password):
            pass


async def test_a_reader_receives_messages_of_the_publisher_and_cannot_publish(broker, secrets):
    read, write = ((secrets / f"mosquitto-{user}").read_text() for user in ("reader", "publisher"))
    async with client(broker, "reader", read) as reader, client(broker, "publisher", write) as publisher:
        await reader.subscribe("stratoscope/#", qos=1)
        await reader.publish("stratoscope/forged", "1", qos=1)  # the broker acknowledges and drops it
        await publisher.publish("elsewhere/forged", "1", qos=1)
        await publisher.publish("stratoscope/north/rig", "2", qos=1)
        async with asyncio.timeout(60):
            message = await anext(aiter(reader.messages))
    assert (str(message.topic), message.payload) == ("stratoscope/north/rig", b"2")
