"""Tests the wire with recorded rigs, replayed over real sockets with every defect the replayer supports."""

import json
import subprocess
import sys
from contextlib import contextmanager

import pytest

from fakes.shelf import worker_block
from stratoscope.drivers.driver import Command, Login, LoginScheme, Via
from stratoscope.errors import AuthRefused, Garbled, TimedOut, Unreachable
from stratoscope.wire.target import Limits, RigSession, Target

OFFSET = 31000
HOST = f"127.0.77.{worker_block()}"  # parallel test processes must not meet

pytestmark = pytest.mark.shelf


@contextmanager
def replayed(shelf, capture, *options):
    """Run the replayer for one capture; yield its target and the list that finally has the logged requests."""
    log = []
    tool, folder = shelf / "tools/replay_rig.py", shelf / "captures" / capture
    command = [sys.executable, str(tool), str(folder), "--host", HOST, "--port-offset", str(OFFSET), *options]
    process = subprocess.Popen(
        [*command, "--log", "/dev/stderr"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        while "READY" not in (line := process.stdout.readline()):
            assert line or process.poll() is None, "the replayer ended"
        ports = {port: port + OFFSET for port in (80, 4028, 4433, 8080)}
        yield Target(HOST, ports, "root", "root"), log
    finally:
        process.terminate()
        log += [json.loads(line) for line in process.communicate()[1].splitlines() if line.startswith("{")]


def recorded(shelf, capture, name):
    return json.loads((shelf / "captures" / capture / f"{name}.json").read_text())


VNISH = "protofleet-antminer-vnish"
NAMES = ("summary", "stats", "pools")
COMMANDS = tuple(Command(name, name) for name in NAMES)

QUIRKS = (
    "--keep-open",
    "--no-nul",
    "--no-nul --keep-open",
    "--newline",
    "--newline --no-nul --keep-open",
    "--split 20",
    "--split 100 --keep-open",
    "--bad-comma",
    "--trailing-comma",
    "--bad-comma --trailing-comma --no-nul",
    "--multi off",
    "--delay 50",
    "--multi off --keep-open --bad-comma",
)


@pytest.mark.parametrize("quirk", QUIRKS)
async def test_f13_recorded_rig_is_read_the_same_with_every_quirk(wire, shelf, quirk):
    with replayed(shelf, VNISH, *quirk.split()) as (target, log):
        session = RigSession()
        answers = await wire.query(target, COMMANDS, session)
        assert answers.replies == {name: recorded(shelf, VNISH, name) for name in NAMES}
        assert session.joins is ("--multi off" not in quirk)
    assert log
    assert not any(request["privileged"] for request in log)


@pytest.mark.parametrize(
    ("fault", "kind", "reason"),
    [
        ("--fault hang", TimedOut, "timeout"),
        ("--fault rst", Unreachable, "reset"),
        ("--fault close", Unreachable, "reset"),
        ("--fault garbage", Garbled, "decode"),
        ("--fault refuse", Unreachable, "refused"),
        ("--truncate 700", Garbled, "truncated"),
        ("--truncate 0", Unreachable, "reset"),
        ("--deny", AuthRefused, "denied"),
    ],
)
async def test_each_fault_of_the_replayer_has_its_reason(wire, shelf, fault, kind, reason):
    with replayed(shelf, VNISH, *fault.split()) as (target, _), pytest.raises(kind) as caught:
        await wire.query(target, COMMANDS, RigSession(), limits=Limits(0.5, 0.5))
    assert caught.value.reason == reason


async def test_whatsminer_v2_own_verbs_are_sent_singly(wire, shelf):
    capture = "asicrs-whatsminer-v2"
    names = ("summary", "devs", "pools", "get_psu", "get_version", "get_error_code", "status", "get_miner_info")
    commands = [Command(name, name, joins=not name.startswith("get") and name != "status") for name in names]
    with replayed(shelf, capture) as (target, log):
        answers = await wire.query(target, commands, RigSession())
        assert answers.replies == {name: recorded(shelf, capture, name) for name in names}
    assert log[0]["command"] == "summary+devs+pools"
    assert not any(request["privileged"] for request in log)


async def test_whatsminer_v3_is_read(wire, shelf):
    capture = "asicrs-whatsminer-v3"
    params = ("summary", "pools", "edevs")
    commands = [Command(param, "get.miner.status", Via.WHATSMINER3, param) for param in params]
    commands.append(Command("device", "get.device.info", Via.WHATSMINER3))
    with replayed(shelf, capture) as (target, log):
        answers = await wire.query(target, commands, RigSession())
        for param in params:
            assert answers.replies[param] == recorded(shelf, capture, f"get_miner_status_{param}")
        assert answers.replies["device"] == recorded(shelf, capture, "get_device_info")
    assert not any(request["privileged"] for request in log)


async def test_antminer_digest_pages_are_read_along_with_its_api(wire, shelf):
    capture = "asicrs-antminer-v2020"
    system = Command("system", "/cgi-bin/get_system_info.cgi", Via.HTTP, required=False, identity=True)
    with replayed(shelf, capture, "--http-auth", "digest") as (target, log):
        session, login = RigSession(), Login(LoginScheme.DIGEST)
        for _ in range(2):
            answers = await wire.query(target, (*COMMANDS, system), session, login=login)
            assert answers.replies["system"] == recorded(shelf, capture, "system_info")
            assert answers.replies["stats"] == recorded(shelf, capture, "stats")
        page = await wire.page(target, "/")
        assert (page.status, "antMiner Configuration" in page.headers["www-authenticate"]) == (401, True)
        assert await wire.open_ports(target, (80, 4028, 4433)) == {80, 4028}
    assert next(request["command"] for request in log if request["proto"] != "http") == "summary+stats+pools"
    assert [request["status"] for request in log if request["proto"] == "http"] == [401, 200, 200, 401]


async def test_braiins_rest_login_with_token(wire, shelf):
    capture = "asicrs-braiins-v26_04"
    login = Login(LoginScheme.BEARER, "/api/v1/auth/login", {"username": "{user}", "password": "{password}"}, prefix="")
    pages = {"stats": ("miner/stats", "miner_stats"), "cooling": ("cooling/state", "cooling_state")}
    commands = [Command(key, f"/api/v1/{path}", Via.HTTP) for key, (path, _) in pages.items()]
    with replayed(shelf, capture, "--http-auth", "bearer") as (target, log):
        answers = await wire.query(target, commands, RigSession(), login=login)
        assert answers.replies == {key: recorded(shelf, capture, name) for key, (_, name) in pages.items()}
    assert sum(request.get("login", False) for request in log) == 1
    assert not any(request["privileged"] for request in log)
