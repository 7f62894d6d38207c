"""A polling loop with the real wire and rigs on loopback sockets: joining, refusals, deadlines and their reasons."""

import asyncio

import pytest

from fakes.rig import FakeRig, FakeServer, cgminer_object, endless, resetting, saying, silent
from stratoscope.drivers.driver import Command, Driver, Replies
from stratoscope.poll.loop import RigLoop
from stratoscope.poll.plan import Plan
from stratoscope.reading import Reading
from stratoscope.units import HOUR
from stratoscope.wire.ask import Wire
from stratoscope.wire.target import Limits, Target
from unit.poll.site import Site

ANSWERS = {name: cgminer_object(name, Elapsed=305) for name in ("summary", "version", "devs", "coin")}
LIMITS = Limits(connect=0.3, exchange=0.5, size=1 << 16)


def decode(replies: Replies) -> Reading:
    defects: list = []
    uptime = replies.first("summary", "SUMMARY", defects).number("Elapsed")
    return Reading(driver="real", uptime=uptime, hashing=True if "summary" in replies else None)


def driver(*commands: Command) -> Driver:
    return Driver("real", "Real", commands, lambda _: True, decode, ("5m",))


SUMMARY = Command("summary", "summary")
VERSION = Command("version", "version", every=10)
COIN = Command("coin", "coin", needed=False)
DEVS_INSTEAD = Command("devs", "devs", needed=False, instead_of="coin")


@pytest.fixture
async def site():
    made = Site(driver=driver(SUMMARY, VERSION), limits=LIMITS)
    wire = Wire(clock=made.clock, limits=LIMITS)
    object.__setattr__(made.deps.access, "wire", wire)

    async def identify(_target: Target, _only: str | None) -> Driver:
        return made.driver

    object.__setattr__(made.deps.access, "identify", identify)
    yield made
    await wire.close()


def loop_for(site: Site, target: Target) -> RigLoop:
    return RigLoop(Plan(target, 30.0), site.deps)


async def test_due_commands_are_joined_in_one_request(site):
    async with FakeRig(ANSWERS) as rig:
        loop = loop_for(site, rig.target())
        await loop.poll(0)

        assert rig.asked == ["summary+version"]
        assert loop.outcomes == {"ok": 1}


async def test_a_rig_that_refuses_joined_commands_is_queried_one_by_one_from_then_on(site):
    async with FakeRig(ANSWERS, joins=False) as rig:
        loop = loop_for(site, rig.target())
        loop.exchange.salt = 0
        await loop.poll(0)
        await loop.poll(10)

        assert rig.asked == ["summary+version", "summary", "version", "summary", "version"]
        assert loop.outcomes == {"ok": 2}


async def test_there_is_never_more_than_one_connection_to_a_rig(site):
    async with FakeRig(ANSWERS, joins=False) as rig:
        loop = loop_for(site, rig.target())
        for tick in range(5):
            await loop.poll(tick)

        assert rig.most == 1


async def test_a_refused_command_is_not_sent_again_for_an_hour_and_then_it_is(site):
    site.driver = driver(SUMMARY, COIN)
    async with FakeRig({"summary": ANSWERS["summary"]}, joins=False) as rig:
        loop = loop_for(site, rig.target())
        await loop.poll(0)
        assert rig.asked.count("coin") == 1
        await site.clock.advance(HOUR - 60)
        rig.answers = {"summary": cgminer_object("summary", Elapsed=305 + HOUR - 60)}
        await loop.poll(1)
        assert rig.asked.count("coin") == 1
        await site.clock.advance(120)
        rig.answers = {"summary": cgminer_object("summary", Elapsed=305 + HOUR + 60)}
        await loop.poll(2)

        assert rig.asked.count("coin") == 2
        assert loop.outcomes == {"ok": 3}
        assert loop.polling.missing == {"coin": 2}


async def test_a_substitute_is_sent_once_the_command_it_replaces_is_refused(site):
    site.driver = driver(SUMMARY, COIN, DEVS_INSTEAD)
    async with FakeRig({name: ANSWERS[name] for name in ("summary", "devs")}, joins=False) as rig:
        loop = loop_for(site, rig.target())
        await loop.poll(0)
        rig.requests.clear()
        await loop.poll(1)

        assert sorted(rig.asked) == ["devs", "summary"]


async def test_refused_commands_are_remembered_over_a_failed_poll(site):
    site.driver = driver(SUMMARY, COIN)
    async with FakeRig({"summary": ANSWERS["summary"]}, joins=False) as rig:
        loop = loop_for(site, rig.target())
        await loop.poll(0)
        answers, rig.answers = rig.answers, {"summary": b"\x01"}
        await loop.poll(1)
        rig.answers = answers
        await loop.poll(2)

        assert loop.outcomes == {"ok": 2, "decode": 1}
        assert rig.asked.count("coin") == 1


async def test_the_deadline_covers_the_whole_exchange_and_its_expiry_is_one_timeout(site):
    async with FakeServer(silent) as rig:
        loop = loop_for(site, rig.target())
        async with asyncio.timeout(3):
            await loop.poll(0)

        assert loop.outcomes == {"timeout": 1}
        assert site.metrics.outcomes == {"timeout": 1}


async def test_a_rig_that_sends_a_byte_now_and_then_does_not_extend_the_deadline(site):
    async with FakeRig(ANSWERS, split=1, pause=0.05) as rig:
        loop = loop_for(site, rig.target())
        async with asyncio.timeout(3):
            await loop.poll(0)

        assert loop.outcomes == {"timeout": 1}


async def test_the_place_in_the_lane_is_free_after_a_timeout(site):
    async with FakeServer(silent) as rig:
        await loop_for(site, rig.target()).poll(0)

    assert site.metrics.in_flight == {"healthy": 0, "suspect": 0}


@pytest.mark.parametrize(
    ("talk", "reason"),
    [
        (resetting, "reset"),
        (endless, "oversize"),
        (saying(b"<html><body>404</body></html>\0"), "not_json"),
        (saying(b"hello\0"), "decode"),
        (saying(b'{"STATUS":['), "truncated"),
    ],
    ids=["reset", "oversize", "not_json", "decode", "truncated"],
)
async def test_a_misbehaving_rig_is_counted_under_one_reason(site, talk, reason):
    site.driver = driver(SUMMARY)
    async with FakeServer(talk) as rig:
        loop = loop_for(site, rig.target())
        await loop.poll(0)

    assert loop.outcomes == {reason: 1}


async def test_a_closed_port_is_refused(site):
    async with FakeServer(silent) as rig:
        target = rig.target()
    loop = loop_for(site, target)
    await loop.poll(0)

    assert loop.outcomes == {"refused": 1}


async def test_a_rig_that_denies_access_is_locked(site):
    denied = {"STATUS": [{"STATUS": "E", "Code": 45, "Msg": "Access denied to 'summary' command"}], "id": 1}
    site.driver = driver(SUMMARY)
    async with FakeRig({"summary": denied}) as rig:
        loop = loop_for(site, rig.target())
        await loop.poll(0)

        assert loop.outcomes == {"denied": 1}
        assert site.shown(rig.target().address).state == "locked"


async def test_received_bytes_are_counted(site):
    async with FakeRig(ANSWERS) as rig:
        await loop_for(site, rig.target()).poll(0)

        assert site.metrics.received == len(rig.answer("summary+version"))
