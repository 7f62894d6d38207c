"""Identification from evidence over real sockets, and the bounds of a sweep."""

import pytest

from fakes.clock import StillClock
from fakes.rig import FakeRig, FakeServer, cgminer_object, silent
from stratoscope.clock import SystemClock
from stratoscope.discover.identify import identify
from stratoscope.discover.sweep import MOST_HOSTS, hosts
from stratoscope.drivers.driver import Fingerprint, Page, Replies
from stratoscope.errors import PollError, TimedOut, Unreachable, UsageError
from stratoscope.poll.pace import ConnectionPacer
from stratoscope.wire.ask import Wire
from stratoscope.wire.target import Limits, Target

DARK = {4433: 1, 80: 1, 8080: 1}  # nothing listens on port 1


@pytest.fixture
async def wire():
    made = Wire(clock=SystemClock(), limits=Limits(connect=1.0, exchange=1.0))
    yield made
    await made.close()


def at(server: FakeServer) -> Target:
    return Target("127.0.0.1", {**DARK, 4028: server.target().port(4028)})


async def test_a_firmware_that_no_driver_knows_is_read_by_the_generic_one(wire):
    answers = {
        "version": cgminer_object("version", CGMiner="4.10.0", API="3.7"),
        "stats": cgminer_object("stats", ID="XYZ0"),
        "summary": cgminer_object("summary", **{"MHS 5s": 100.0, "Elapsed": 60}),
    }
    async with FakeRig(answers) as rig:
        found = await identify(wire, at(rig))

    assert found.driver.name == "generic-cgminer"
    assert not [verb for verb in rig.asked if verb.startswith(("GET", "POST"))]


async def test_a_specific_answer_ends_the_search_early(wire):
    answers = {
        "version": cgminer_object("version", BMMiner="2.0.0", API="3.1", Type="Antminer S9"),
        "stats": cgminer_object("stats", BMMiner="2.0.0", Type="Antminer S9"),
    }
    async with FakeRig(answers) as rig:
        found = await identify(wire, at(rig))

    assert found.driver.name == "antminer-stock"
    assert rig.asked == ["version", "stats"]


async def test_nothing_there_gives_the_true_reason(wire):
    with pytest.raises(Unreachable) as failure:
        await identify(wire, Target("127.0.0.1", {**DARK, 4028: 1}))

    assert failure.value.reason == "refused"


async def test_a_rig_that_accepts_and_says_nothing_times_out(wire):
    async with FakeServer(silent) as rig:
        with pytest.raises(TimedOut):
            await identify(wire, at(rig), limits=Limits(connect=0.5, exchange=0.5))


async def test_an_unknown_driver_name_is_the_operators_mistake(wire):
    with pytest.raises(UsageError, match="antminer-stock"):
        await identify(wire, Target("127.0.0.1"), only="antminer")


async def test_with_the_library_allowed_a_rig_that_nobody_knows_is_left_to_it(wire):
    async def hello(reader, writer):
        await reader.read(10)
        writer.write(b'{"hello": 1}\0')
        await writer.drain()
        writer.close()

    async with FakeServer(hello) as rig:
        found = await identify(wire, at(rig), asic_rs=True)
        with pytest.raises(PollError):
            await identify(wire, at(rig))

    assert found.driver.name == "asic-rs"


def test_a_fingerprint_finds_words_in_keys_values_and_pages():
    seen = Fingerprint(Replies(version={"BMMiner": "1"}), {"/": Page(401, {"www-authenticate": "realm=x"}, "Hello")})

    assert seen.says("bmminer")
    assert seen.says("HELLO")
    assert seen.says("realm=x")
    assert not seen.says("whatsminer")


def test_hosts_are_listed_once_and_bounded():
    assert hosts(["10.0.0.0/30", "10.0.0.1"]) == ["10.0.0.1", "10.0.0.2"]
    assert len(hosts(["10.0.0.0/16"])) == MOST_HOSTS - 2
    for wrong, why in (("10.0.0.0/15", "131,072"), ("rig", "CIDR"), ("10.0.0.0/33", "CIDR")):
        with pytest.raises(UsageError, match=why):
            hosts([wrong])
    with pytest.raises(UsageError, match="at most"):
        hosts(["10.0.0.0/16", "10.1.0.0/16"])


async def test_f22_a_search_opens_no_more_connections_a_second_than_allowed():
    clock = StillClock()
    pace = ConnectionPacer(clock, 50.0)
    started: list[float] = []

    async def searcher() -> None:
        for _ in range(20):
            await pace.wait(5)
            started.extend([clock.monotonic()] * 5)

    import asyncio

    async with asyncio.TaskGroup() as group:
        for _ in range(10):
            group.create_task(searcher())
        await clock.advance(60)

    assert len(started) == 1000
    for second in range(20):
        begin = started[0] + second
        assert sum(begin <= at < begin + 1 for at in started) <= 55
