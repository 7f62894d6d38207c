"""Tests CKPool on this machine: its log directory, and its stratifier on a real unix socket."""

import asyncio
import contextlib
import json
import os

import pytest

from fakes.pool_answers import ADDRESS, NOW
from fakes.pool_answers.ckpool import SOCKET, STATUS, USER
from stratoscope.pools.pool import PoolAccount
from stratoscope.pools.service import PoolService
from stratoscope.pools.settings import PoolSettings

DAY = 86400.0


async def poll(hasty, kind, path, account=ADDRESS):
    settings = PoolSettings(name="here", kind=kind, path=path, account=PoolAccount(account=account))
    live = PoolService([settings], hasty, random01=lambda: 0.0)
    await live.poll_once()
    return live


@pytest.fixture
def logs(tmp_path):
    (tmp_path / "users").mkdir()
    (tmp_path / "pool").mkdir()
    (tmp_path / "users" / ADDRESS).write_text(json.dumps(USER))
    (tmp_path / "pool" / "pool.status").write_bytes(STATUS)
    return tmp_path


async def test_the_log_directory_has_the_same_figures_as_the_pages(hasty, logs):
    report = (await poll(hasty, "ckpool-logs", logs)).reports["here"]
    assert report.hashrate[3600.0] == 300e12
    assert [(one.name, one.state) for one in report.workers] == [
        (f"{ADDRESS}.rig01", "active"),
        (f"{ADDRESS}.rig02", "inactive"),
    ]
    assert (report.pool_hashrate, report.best_difficulty, report.scheme) == (360e15, 2e9, "solo")
    assert report.workers_by_state == {"active": 1, "inactive": 1}


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda logs: (logs / "users" / ADDRESS).unlink(), "unreachable: no such file or directory"),
        (lambda logs: (logs / "users" / ADDRESS).write_bytes(b"{"), "not_json: the response is not JSON"),
        (lambda logs: (logs / "users" / ADDRESS).write_bytes(b"x" * (17 << 20)), "oversize: over 16 MiB"),
    ],
)
async def test_a_missing_or_unreadable_file_has_its_reason(hasty, logs, change, reason):
    change(logs)
    live = await poll(hasty, "ckpool-logs", logs)
    assert (live.now[0].up, live.now[0].error) == (False, reason)


async def test_a_pipe_instead_of_the_file_does_not_hang(hasty, logs):
    (logs / "users" / ADDRESS).unlink()
    os.mkfifo(logs / "users" / ADDRESS)
    live = await poll(hasty, "ckpool-logs", logs)
    assert live.now[0].error == "unreachable: it is not a regular file"


async def test_a_link_out_of_the_directory_is_not_followed(hasty, logs, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("elsewhere") / "secret"
    elsewhere.write_text(json.dumps(USER))
    (logs / "users" / ADDRESS).unlink()
    (logs / "users" / ADDRESS).symlink_to(elsewhere)
    live = await poll(hasty, "ckpool-logs", logs)
    assert live.now[0].error == "refused: the account's file is outside of the directory"


@contextlib.asynccontextmanager
async def stratifier(directory, answer):
    """Serve CKPool's framing: the length in four bytes, little-endian, then the message."""
    got = []

    async def serve(reader, writer):
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            message = await reader.readexactly(int.from_bytes(await reader.readexactly(4), "little"))
            got.append(message)
            writer.write(answer(message))
            await writer.drain()
        writer.close()

    server = await asyncio.start_unix_server(serve, directory / "stratifier")
    try:
        yield got
    finally:
        server.close()


def framed(message):
    body = json.dumps(SOCKET[message]).encode() + b"\n"
    return len(body).to_bytes(4, "little") + body


async def test_the_stratifier_reports_account_workers_and_pool(hasty, tmp_path):
    async with stratifier(tmp_path, framed) as got:
        live = await poll(hasty, "ckpool-socket", tmp_path)
    report = live.reports["here"]
    assert got == list(SOCKET)
    assert report.hashrate == {window: pytest.approx(300e12) for window in (60.0, 300.0, 3600.0, DAY, 7 * DAY)}
    assert [(one.name, round(one.hashrate[300.0] / 1e12)) for one in report.workers] == [
        (f"{ADDRESS}.rig01", 100),
        (f"{ADDRESS}.rig02", 200),
    ]
    assert (report.pool_hashrate, report.last_share) == (pytest.approx(360e15), NOW - 30)


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (lambda _: b"", "unreachable"),
        (lambda _: b"\x09\x00\x00\x00{}", "unreachable"),
        (lambda _: b"\xff\xff\xff\xff{}", "oversize"),
        (lambda _: b"\x02\x00\x00\x00{]", "not_json"),
        (lambda _: b"\x02\x00\x00\x00{}", "schema"),
        (lambda _: b'\x1b\x00\x00\x00{"errormsg": "No such one"}', "refused"),
    ],
)
async def test_each_socket_failure_has_its_reason(hasty, tmp_path, answer, reason):
    async with stratifier(tmp_path, answer):
        live = await poll(hasty, "ckpool-socket", tmp_path)
    assert set(live.now[0].outcomes) == {reason}
    assert live.reports == {}


async def test_a_pool_that_is_not_running_is_unreachable(hasty, tmp_path):
    live = await poll(hasty, "ckpool-socket", tmp_path / "nowhere")
    assert live.now[0].error == "unreachable: no such file or directory"
