import asyncio
import contextlib
import os
import re
import resource
from collections import Counter
from pathlib import Path

import pytest

from stratoscope.clock import SystemClock
from stratoscope.errors import UsageError
from stratoscope.simulate import addresses
from stratoscope.simulate.addresses import places, raise_open_file_limit
from stratoscope.simulate.families import FAMILIES
from stratoscope.simulate.fleet import MIX, SimulatedFleet, assign, targets
from stratoscope.simulate.specs import SPECS


def open_files() -> int:
    return len(os.listdir("/proc/self/fd"))


async def refused(rig, port: int = 4028) -> bool:
    try:
        _, writer = await asyncio.open_connection(rig.address, rig.ports[port])
    except ConnectionRefusedError:
        return True
    writer.close()
    return False


def test_every_family_has_models_and_is_in_the_default_mix():
    assert set(FAMILIES) == set(SPECS) == set(MIX)
    assert sum(MIX.values()) == 100


def test_mix_is_interleaved_so_that_small_fleets_have_most_families():
    chosen = assign(MIX, 100)
    assert Counter(chosen) == MIX
    assert len(set(assign(MIX, 40))) >= 11


@pytest.mark.parametrize("mix", [{"toaster": 1}, {"antminer": 0}, {"antminer": -1}, {"antminer": float("nan")}, {}])
def test_rejects_an_invalid_mix_and_lists_the_families(clock, mix):
    with pytest.raises(UsageError, match="families are antminer"):
        SimulatedFleet(rigs=1, clock=clock, mix=mix)


def test_rejects_a_fleet_without_rigs(clock):
    with pytest.raises(UsageError, match="at least one rig"):
        SimulatedFleet(rigs=0, clock=clock)


async def test_rigs_have_consecutive_addresses_names_and_workers(fleet_of, base):
    fleet = await fleet_of(rigs=3, workers="farm")
    stem = base.rsplit(".", 1)[0]
    assert [rig.address for rig in fleet.rigs] == [f"{stem}.1", f"{stem}.2", f"{stem}.3"]
    assert [rig.name for rig in fleet.rigs] == ["rig-00000", "rig-00001", "rig-00002"]
    assert fleet.rigs[2].state.pools[0] == ("stratum+tcp://127.0.0.1:3333", "farm.rig-00002")
    assert len({rig.state.mac for rig in fleet.rigs}) == 3


async def test_addresses_skip_those_ending_in_0_and_255():
    addresses = [place.address for place in places("127.99.0.250", [{4028: "cgminer"}] * 12)]
    assert addresses[:8] == [*(f"127.99.0.{n}" for n in range(250, 255)), "127.99.1.1", "127.99.1.2", "127.99.1.3"]


@pytest.fixture
def first_port(monkeypatch) -> int:
    """The first port in ports mode, changed so that no other test run on this machine uses it."""
    port = 15_000 + os.getpid() % 800 * 10
    monkeypatch.setattr(addresses, "_FIRST_PORT", port)
    monkeypatch.setattr(addresses, "_SECOND_PORT", port + 8500)
    return port


async def test_rigs_on_one_address_have_different_ports(fleet_of, caller, first_port):
    fleet = await fleet_of(rigs=4, base="127.0.0.1", mix={"luxos": 1, "vnish": 1})
    assert [rig.ports for rig in fleet.rigs] == [
        {4028: first_port},
        {4028: first_port + 1, 80: addresses._SECOND_PORT + 1},
        {4028: first_port + 2},
        {4028: first_port + 3, 80: addresses._SECOND_PORT + 3},
    ]
    for rig in fleet.rigs:
        assert rig.address == "127.0.0.1"
        assert (await caller.command(rig, "summary"))["SUMMARY"]


def test_rejects_too_many_rigs_for_one_address():
    with pytest.raises(UsageError, match="at most 10000 rigs"):
        places("0.0.0.0", [{4028: "cgminer"}] * 10_001)


def test_container_binds_all_addresses_and_connects_over_loopback():
    assert places("0.0.0.0", [{80: "http", 4028: "cgminer"}])[0] == ("0.0.0.0", "127.0.0.1", {80: 14028, 4028: 24028})


def test_rejects_an_invalid_address():
    with pytest.raises(UsageError, match="'farm' is not an IP address"):
        places("farm", [])


def test_privileged_ports_are_shifted_if_they_cannot_be_bound(monkeypatch):
    monkeypatch.setattr(addresses, "_error", lambda _, port: 13 if port == 80 else None)
    assert addresses.places("127.99.0.1", [{4028: "cgminer", 80: "http"}])[0].ports == {4028: 4028, 80: 10080}


async def test_names_an_address_in_use(fleet_of):
    first = await fleet_of(rigs=1, mix={"luxos": 1})
    before = open_files()
    with pytest.raises(UsageError, match=re.escape(f"{first.rigs[0].address}:4028 is already in use")):
        await fleet_of(rigs=1, mix={"luxos": 1})
    assert open_files() <= before + 1


def test_low_open_file_limit_is_reported_with_the_remedy():
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    if hard == resource.RLIM_INFINITY:
        pytest.skip("this machine sets no hard limit on open files")
    with pytest.raises(UsageError, match=f"but the limit is {hard}.*ulimit -Hn"):
        raise_open_file_limit(hard)


async def test_targets_have_a_login_only_for_families_that_need_it(fleet_of, first_port):
    fleet = await fleet_of(rigs=3, base="127.0.0.1", mix={"luxos": 1, "braiins": 1, "antminer": 1})
    entries = {rig.family: entry for rig, entry in zip(fleet.rigs, targets(fleet), strict=True)}
    luxos = next(rig for rig in fleet.rigs if rig.family == "luxos")
    assert entries["luxos"] == {"address": "127.0.0.1", "name": luxos.name, "ports": luxos.ports}
    assert set(entries["braiins"]) == {"address", "name", "ports", "user", "password"}
    assert "password" not in entries["antminer"]


async def test_targets_omit_default_ports(fleet_of):
    fleet = await fleet_of(rigs=1, mix={"luxos": 1})
    assert targets(fleet)[0]["ports"] == {}


async def test_rebooting_rig_refuses_connections_then_answers_with_uptime_zero(fleet_of, caller, clock):
    fleet = await fleet_of(rigs=1, mix={"luxos": 1})
    rig = fleet.rigs[0]
    assert (await caller.command(rig, "summary"))["SUMMARY"][0]["Elapsed"] > 3000
    rig.force("reboot", duration=40)
    assert await refused(rig)
    await clock.pass_(30)
    assert await refused(rig)
    await clock.pass_(12)
    await asyncio.sleep(0.05)
    summary = (await caller.command(rig, "summary"))["SUMMARY"][0]
    assert summary["Elapsed"] <= 3
    assert summary["Accepted"] <= 3


async def test_reboot_closes_open_connections(fleet_of):
    fleet = await fleet_of(rigs=1, mix={"avalon": 1})
    rig = fleet.rigs[0]
    reader, writer = await asyncio.open_connection(rig.address, rig.ports[4028])
    writer.write(b'{"command":"version"}')
    await reader.readuntil(b"\0")
    rig.force("reboot", duration=40)
    with contextlib.suppress(ConnectionResetError):
        assert await asyncio.wait_for(reader.read(), 60) == b""
    writer.close()


async def test_hung_rig_accepts_connections_and_never_answers(fleet_of, clock):
    fleet = await fleet_of(rigs=1, mix={"luxos": 1})
    rig = fleet.rigs[0]
    rig.force("hung", duration=1000)
    reader, writer = await asyncio.open_connection(rig.address, rig.ports[4028])
    writer.write(b'{"command":"version"}')
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(reader.read(), 0.3)
    writer.close()


async def test_garbage_is_neither_json_nor_utf8(fleet_of, caller):
    fleet = await fleet_of(rigs=1, mix={"luxos": 1})
    fleet.rigs[0].force("garbage", duration=1000)
    answer = await caller.raw(fleet.rigs[0], b'{"command":"version"}')
    assert answer
    with pytest.raises(UnicodeDecodeError):
        answer.decode()


async def test_scheduled_troubles_close_listeners_without_requests(fleet_of, clock):
    fleet = await fleet_of(rigs=60, seed=4, mix={"cgminer": 1}, troubles=True)
    closed = 0
    for _ in range(200):
        await clock.pass_(120)
        await asyncio.sleep(0)
        down = [rig for rig in fleet.rigs if not DOWN.isdisjoint(rig.state.troubles.active)]
        for rig in down[:3]:
            assert await refused(rig)
            closed += 1
        if closed >= 5:
            break
    assert closed >= 5


DOWN = {"offline", "reboot"}


async def test_2000_rigs_start_and_stop_without_leaking_descriptors(fleet_of, base):
    gap = open_files()
    for _ in range(2):
        fleet = SimulatedFleet(rigs=2000, clock=SystemClock(), base=base, troubles=False)
        await fleet.start()
        listeners = sum(len(rig.ports) for rig in fleet.rigs)
        assert listeners > 3000
        assert open_files() >= gap + listeners
        await fleet.stop()
        assert open_files() <= gap + 3


async def test_idle_fleet_has_one_task_for_any_number_of_rigs(fleet_of):
    before = len(asyncio.all_tasks())
    await fleet_of(rigs=300)
    await asyncio.sleep(0)
    assert len(asyncio.all_tasks()) <= before + 3


def test_only_the_miners_of_the_simulator_open_connections():
    package = Path(__file__).parents[3] / "agent" / "stratoscope" / "simulate"
    text = "".join(path.read_text() for path in package.rglob("*.py") if path.name != "miners.py")
    assert not re.search(r"create_connection|open_connection|ClientSession|\.connect\(|urlopen", text)
