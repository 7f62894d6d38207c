"""`stratoscope mqtt tail` and the demo, against a real broker."""

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from fakes.addresses import free_port
from fakes.mosquitto import Mosquitto, passwords
from fakes.programs import Program
from stratoscope.outside.broker import BrokerAccount, BrokerConnection, Outgoing
from stratoscope.outside.broker_url import account_at, broker_url

needs = pytest.mark.needs("mosquitto")


def run(*words: str, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "stratoscope", *words],
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, **environ},
    )


async def publish(account: BrokerAccount, message: Outgoing) -> None:
    connection = BrokerConnection(account)
    await connection.connect()
    await connection.publish(message)
    await connection.close(clean=True)


@pytest.fixture
def broker(tmp_path: Path):
    started = Mosquitto(tmp_path)
    yield started
    started.stop()


@needs
def test_tail_prints_the_messages_of_the_demo_and_finally_offline(broker: Mosquitto, tmp_path: Path) -> None:
    url = f"mqtt://127.0.0.1:{broker.port}"
    command = [
        sys.executable,
        "-m",
        "stratoscope",
        "demo",
        "--rigs",
        "3",
        "--duration",
        "60",
        "--mqtt",
        url,
        "--listen",
        f"127.0.0.1:{free_port()}",
    ]
    demo = Program(command, tmp_path, "demo")
    found = run("mqtt", "tail", url, "--topic", "stratoscope/v1/demo/rig/+/state", "-n", "2", "--json")
    assert found.returncode == 0, found.stderr
    for line in found.stdout.splitlines():
        message = json.loads(line)
        assert message["topic"].startswith("stratoscope/v1/demo/rig/")
        assert message["payload"]["state"] == "hashing"
    assert f"stratoscope mqtt tail {url}" in demo.log()
    assert demo.stop() == 0
    (status,) = run("mqtt", "tail", url, "--topic", "stratoscope/v1/demo/agent/status", "-n", "1").stdout.splitlines()
    assert status[8] == "*"
    assert status.endswith("stratoscope/v1/demo/agent/status  offline")


@needs
def test_tail_uses_broker_and_topics_of_a_config_with_the_login_of_a_reader(tmp_path: Path) -> None:
    broker = Mosquitto(tmp_path, passwords(tmp_path, reader="hunter2"), anonymous=False)
    config = tmp_path / "c.yaml"
    config.write_text(
        json.dumps(
            {
                "rigs": ["203.0.113.1"],
                "exporters": {"mqtt": {"root": "mine/telemetry"}},
                "mqtt": {"host": "127.0.0.1", "port": broker.port, "user": "publisher", "password": "env:WRITE"},
            }
        )
    )
    asyncio.run(
        publish(
            BrokerAccount(host="127.0.0.1", port=broker.port, user="reader", password="hunter2"),
            Outgoing("mine/telemetry/x", b"a\x1b[31mb", 1, retain=True),
        )
    )
    words = ("mqtt", "tail", "--config", str(config), "-n", "1")
    denied = run(*words, WRITE="wrong")
    assert (denied.returncode, "wrong" in denied.stderr) == (1, False)
    assert f"127.0.0.1:{broker.port}" in denied.stderr
    found = run(*words, "--user", "reader", "--password", "env:READ", READ="hunter2", WRITE="x")
    assert found.returncode == 0, found.stderr
    assert "mine/telemetry/x" in found.stdout
    assert "\x1b" not in found.stdout
    broker.stop()


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ((), "give either the URL of a broker"),
        (("mqtt://a", "--config", "b"), "give either the URL of a broker"),
        (("http://a",), "mqtt://"),
        (("mqtt://u:p@a",), "contains a login"),
        (("mqtt://a/b",), "more than host and port"),
        (("mqtt://a", "--password", "env:X"), "user"),
        (("mqtt://a", "--user", "u", "--password", "x"), "reference"),
        (("mqtt://a:99999",), "not the URL of a broker"),
    ],
)
def test_a_wrong_command_line_is_reported_with_its_remedy(words, expected) -> None:
    found = run("mqtt", "tail", *words)
    assert found.returncode == 2
    assert expected in found.stderr


def test_an_unreachable_broker_is_one_sentence() -> None:
    found = run("mqtt", "tail", f"mqtt://127.0.0.1:{free_port()}")
    assert found.returncode == 1
    assert "unreachable" in found.stderr
    assert "Traceback" not in found.stderr


@pytest.mark.parametrize("url", ["mqtt://a:1883", "mqtts://a:8883", "mqtt://[::1]:1", "mqtts://10.0.0.1:2"])
def test_a_broker_url_survives_parsing_and_formatting(url: str) -> None:
    assert broker_url(account_at(url)) == url
