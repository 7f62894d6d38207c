"""Tests the pyasic-rs wrapper with a fake library that answers, hangs, fails or returns nothing."""

import asyncio
import importlib.machinery
import sys
import types
from datetime import timedelta
from ipaddress import IPv4Address

import pytest

from stratoscope.errors import PollError, TimedOut, Unreachable
from stratoscope.wire import asic_rs
from stratoscope.wire.target import Limits, Target

FULL = {
    "schema_version": "0.8.6",
    "ip": IPv4Address("127.0.0.1"),
    "mac": "62:F7:5E:00:00:01",
    "hostname": "gs",
    "firmware_version": "2.2",
    "serial_number": None,
    "hashrate": {"value": 9.5, "unit": "TH/s"},
    "wattage": None,
    "uptime": timedelta(minutes=2),
    "hashboards": [{"hashrate": None}],
    "fans": [{"rpm": None}],
    "pools": [],
}
EMPTY = {key: ([{"rpm": None}] if key == "fans" else None) for key in FULL} | {"is_mining": True, "hashboards": [{}]}
BARE = EMPTY | {"hashrate": {"value": 9.5, "unit": "TH/s"}}


class Library:
    """Controls the fake library's rigs: returns `records` in turn and repeats the last one."""

    def __init__(self):
        self.records, self.delay, self.known, self.error = [FULL], 0.0, True, None
        self.asked, self.discovered, self.busy, self.most, self.logins = [], [], 0, 0, []

    async def get_miner(self, address):
        self.discovered.append(address)
        self.busy += 1
        self.most = max(self.most, self.busy)
        await asyncio.sleep(self.delay)
        self.busy -= 1
        return self if self.known else None

    async def get_data(self, exclude):
        self.asked.append(set(exclude))
        if self.error:
            raise self.error
        record = self.records.pop(0) if len(self.records) > 1 else self.records[0]
        return types.SimpleNamespace(model_dump=lambda: dict(record))

    def set_auth(self, user, password):
        self.logins.append((user, password))


@pytest.fixture
def library(monkeypatch):
    fake, fields = types.ModuleType("pyasic_rs"), types.ModuleType("pyasic_rs.data")
    fake.__spec__ = importlib.machinery.ModuleSpec("pyasic_rs", None)
    made = Library()
    fake.MinerFactory = lambda: made
    fields.DataField = types.SimpleNamespace(
        **{name: name for name in (*asic_rs.UNUSED_FIELDS, *asic_rs.IDENTITY_FIELDS)}
    )
    monkeypatch.setitem(sys.modules, "pyasic_rs", fake)
    monkeypatch.setitem(sys.modules, "pyasic_rs.data", fields)
    monkeypatch.setattr(asic_rs, "_handles", {})
    return made


def rig(host="127.0.0.1", **more):
    return Target(host, **more)


async def test_record_has_json_like_values(library):
    got = (await asic_rs.fetch(rig(), Limits())).replies["miner"]
    assert (got["uptime"], got["ip"], got["hashrate"]["value"]) == (120.0, "127.0.0.1", 9.5)


async def test_identity_is_queried_once_and_unused_fields_never(library):
    library.records = [FULL, BARE]
    await asic_rs.fetch(rig(), Limits())
    again = (await asic_rs.fetch(rig(), Limits())).replies["miner"]
    assert (again["mac"], again["hostname"], again["firmware_version"]) == ("62:F7:5E:00:00:01", "gs", "2.2")
    assert len(library.discovered) == 1
    first, second = library.asked
    assert "Mac" not in first
    assert set(asic_rs.IDENTITY_FIELDS) <= second
    assert set(asic_rs.UNUSED_FIELDS) <= first & second


async def test_empty_record_is_an_unreachable_rig_despite_is_mining(library):
    library.records = [EMPTY]
    with pytest.raises(Unreachable):
        await asic_rs.fetch(rig(), Limits())


async def test_lost_rig_is_discovered_again(library):
    library.records = [FULL, EMPTY, FULL]
    await asic_rs.fetch(rig(), Limits())
    with pytest.raises(Unreachable):  # the cached identity does not prove that the rig answers
        await asic_rs.fetch(rig(), Limits())
    await asic_rs.fetch(rig(), Limits())
    assert len(library.discovered) == 2


async def test_rig_unknown_to_the_library_is_unreachable(library):
    library.known = False
    with pytest.raises(Unreachable):
        await asic_rs.fetch(rig(), Limits())


async def test_library_error_is_a_poll_error(library):
    library.error = RuntimeError("connection reset")
    with pytest.raises(Unreachable, match="connection reset"):
        await asic_rs.fetch(rig(), Limits())


async def test_deadline_includes_discovery(library):
    library.delay = 60
    with pytest.raises(TimedOut):
        await asic_rs.fetch(rig(), Limits(exchange=0.05))


async def test_at_most_32_discoveries_run_at_once(library):
    library.delay = 0.02
    await asyncio.gather(*(asic_rs.fetch(rig(f"127.0.1.{at}"), Limits(exchange=60)) for at in range(100)))
    assert library.most == 32


async def test_login_is_sent_only_if_configured(library):
    await asic_rs.fetch(rig("127.0.0.2"), Limits())
    await asic_rs.fetch(rig("127.0.0.3", user="root", password="pw"), Limits())
    assert library.logins == [("root", "pw")]


async def test_custom_ports_are_refused_with_the_remedy(library):
    with pytest.raises(PollError, match="default ports") as caught:
        await asic_rs.fetch(rig(ports={4028: 14028}), Limits())
    assert caught.value.reason == "unidentified"


async def test_missing_library_has_its_remedy(monkeypatch):
    monkeypatch.setattr(asic_rs, "available", lambda: False)
    with pytest.raises(PollError, match="pip install"):
        await asic_rs.fetch(rig(), Limits())


def test_semaphore_belongs_to_one_event_loop(library):
    for _ in range(2):  # a second loop must not find the first one's semaphore
        asyncio.run(test_at_most_32_discoveries_run_at_once(library))
        asic_rs._handles.clear()


async def test_wire_uses_the_library_for_a_rig_with_its_driver(library):
    from stratoscope.clock import SystemClock
    from stratoscope.drivers import asic_rs as driver
    from stratoscope.wire.client import Wire
    from stratoscope.wire.target import RigSession

    wire = Wire(clock=SystemClock())
    try:
        answers = await wire.query(Target("127.0.0.1"), driver.DRIVER.commands, RigSession())
    finally:
        await wire.close()

    assert driver.decode(answers.replies).hashrate == {"realtime": 9.5e12}
