"""Which commands are sent when, which responses are kept, and when everything is sent again."""

from dataclasses import replace

import pytest

from stratoscope.drivers.driver import Command, Driver, Replies
from stratoscope.errors import Garbled, TimedOut
from stratoscope.poll.exchange import RigExchange, due_commands, is_empty
from stratoscope.reading import Fan, Hashboard, PoolSlot, Reading, Shares
from unit.poll.site import ADDRESS, FAKE, INTERVAL, MAC, Site, unreadable

ALL = ("summary", "version")


def exchange_of(site: Site) -> RigExchange:
    return RigExchange(site.plan(), site.deps)


async def read_every_interval(site: Site, exchange: RigExchange, ticks: int) -> None:
    for tick in range(ticks):
        await exchange.read(tick)
        await site.clock.advance(INTERVAL)


# -- which commands are due --------------------------------------------------


def test_a_fast_command_is_due_on_every_tick():
    assert all("summary" in [c.key for c in due_commands(FAKE, tick, 0)] for tick in range(20))


def test_a_slow_command_is_due_every_tenth_tick():
    due = [tick for tick in range(40) if "version" in [c.key for c in due_commands(FAKE, tick, 3)]]

    assert due == [7, 17, 27, 37]


def test_slow_commands_of_different_rigs_are_spread_over_the_ticks():
    salts = [RigExchange(site.plan(f"10.0.{n}.1"), site.deps).salt % 10 for site in [Site()] for n in range(200)]

    assert max(salts.count(value) for value in range(10)) <= 2 * 200 / 10


def test_a_substitute_is_due_only_while_the_rig_refuses_the_command_it_replaces():
    driver = replace(FAKE, commands=(*FAKE.commands, Command("web", "/api/v1/summary", instead_of="summary")))

    assert [c.key for c in due_commands(driver, 1, 0)] == ["summary"]
    assert [c.key for c in due_commands(driver, 1, 0, {"summary": 99.0})] == ["summary", "web"]


# -- the first exchange and kept responses -----------------------------------


async def test_the_first_exchange_sends_every_command_whatever_its_cadence(site):
    rig = site.rig()
    await exchange_of(site).read(tick=5)

    assert [keys for _, keys in rig.polls] == [ALL]


async def test_slow_commands_keep_their_cadence_and_their_responses_are_kept_in_between(site):
    rig = site.rig()
    site.start()
    await site.clock.advance(30 * 30)

    asked = [keys for _, keys in rig.polls]
    assert asked[0] == ALL
    assert sum("version" in keys for keys in asked[1:]) in (2, 3)
    assert site.shown().reading.mac == MAC


async def test_a_kept_response_is_replaced_by_the_next_one(site):
    rig = site.rig()
    exchange = exchange_of(site)
    await exchange.read(0)
    rig.version = "2.0"
    versions = []
    for tick in range(1, 12):
        await site.clock.advance(INTERVAL)
        versions.append((await exchange.read(tick))[1].firmware_version)

    assert versions[0] == "1.0"
    assert versions[-1] == "2.0"


async def test_a_slow_command_that_is_refused_later_does_not_keep_its_old_response(site):
    rig = site.rig()
    exchange = exchange_of(site)
    await exchange.read(0)
    rig.refuses = {"version": "refused_command"}
    await read_every_interval(site, exchange, 11)

    assert (await exchange.read(11))[1].mac is None


async def test_refused_commands_are_counted_by_command(site):
    rig = site.rig(refuses={"version": "denied"})
    site.start()
    await site.clock.advance(30 * 25)

    refused = sum("version" in keys for _, keys in rig.polls)
    assert refused >= 2
    assert site.shown(ADDRESS).polling.missing == {"version": refused}


async def test_a_slow_response_is_decoded_once(site):
    decoded = []

    def decode(replies: Replies) -> Reading:
        mac = replies.once("version", lambda r, _: decoded.append(1) or r["version"]["mac"], [])
        return Reading(driver="fake", mac=mac, **replies["summary"])

    site.driver = replace(FAKE, decode=decode)
    site.rig()
    exchange = exchange_of(site)
    readings = [(await exchange.read(0))[1]]
    for tick in [tick for tick in range(1, 20) if len(due_commands(FAKE, tick, exchange.salt)) == 1][:5]:
        await site.clock.advance(INTERVAL)
        readings.append((await exchange.read(tick))[1])

    assert [reading.mac for reading in readings] == [MAC] * 6
    assert len(decoded) == 1


# -- restarts and other machines ---------------------------------------------


async def test_everything_is_sent_again_when_the_uptime_went_back(site):
    rig = site.rig()
    exchange = exchange_of(site)
    await read_every_interval(site, exchange, 3)
    rig.asked.clear()
    rig.times.clear()
    rig.booted = site.clock.monotonic() - 1.0
    tick = next(tick for tick in range(3, 20) if len(due_commands(FAKE, tick, exchange.salt)) == 1)
    await exchange.read(tick)

    assert [keys for _, keys in rig.polls] == [("summary",), ALL]


async def test_everything_is_sent_again_when_the_uptime_jumped_ahead(site):
    rig = site.rig()
    exchange = exchange_of(site)
    await read_every_interval(site, exchange, 3)
    rig.booted -= 50_000.0
    rig.mac = "AA:BB:CC:DD:EE:99"
    _, reading = await exchange.read(3)

    assert reading.mac == "AA:BB:CC:DD:EE:99", "nothing of the other machine is used"


async def test_an_uptime_that_continues_within_30_s_is_the_same_run(site):
    rig = site.rig()
    exchange = exchange_of(site)
    await exchange.read(0)
    await site.clock.advance(INTERVAL)
    rig.booted -= 25.0
    tick = next(tick for tick in range(1, 12) if len(due_commands(FAKE, tick, exchange.salt)) == 1)
    polls = len(rig.polls)
    await exchange.read(tick)

    assert len(rig.polls) == polls + 1


async def test_a_rig_without_uptime_is_never_taken_for_restarted(site):
    rig = site.rig(more={"uptime": None})
    exchange = exchange_of(site)
    await read_every_interval(site, exchange, 5)

    assert len(rig.polls) == 5


async def test_a_failed_poll_drops_kept_responses_because_the_rig_may_be_another_one(site):
    rig = site.rig()
    site.start()
    await site.clock.advance(61)
    rig.failure = TimedOut("timeout")
    await site.clock.advance(30)
    rig.failure = None
    polls = len(rig.polls)
    await site.clock.advance(60)

    assert rig.polls[polls][1] == ALL


# -- identification ----------------------------------------------------------


async def test_a_rig_is_identified_once(site):
    site.rig()
    await read_every_interval(site, exchange_of(site), 5)

    assert site.identified == [ADDRESS]


async def test_identification_gets_the_driver_that_the_config_fixes(site):
    site.rig()
    got: list[str | None] = []

    async def identify(_target, only: str | None) -> Driver:
        got.append(only)
        return FAKE

    object.__setattr__(site.deps.access, "identify", identify)
    await RigExchange(site.plan(driver="luxos"), site.deps).read(0)

    assert got == ["luxos"]


async def test_a_forgotten_driver_is_identified_again_with_a_new_session(site):
    rig = site.rig()
    exchange = exchange_of(site)
    await exchange.read(0)
    session = exchange.session
    exchange.forget_driver()
    await exchange.read(1)

    assert site.identified == [ADDRESS, ADDRESS]
    assert exchange.session is not session
    assert rig.polls[-1][1] == ALL


# -- what an exchange counts and refuses -------------------------------------


async def test_bytes_and_unreadable_fields_are_counted(site):
    site.rig(more={"defects": unreadable("/summary/a", "/summary/b")})
    await exchange_of(site).read(0)

    assert (site.metrics.received, site.metrics.defects) == (100, 2)


async def test_an_empty_reading_is_garbled(site):
    site.rig(refuses={"summary": "refused_command"})
    with pytest.raises(Garbled, match="driver fake"):
        await exchange_of(site).read(0)


@pytest.mark.parametrize(
    "values",
    [
        {"hashrate": {"5m": 1.0}},
        {"boards": (Hashboard(index=0),)},
        {"fans": (Fan(index=0, rpm=0),)},
        {"pools": (PoolSlot(index=0),)},
        {"power": 0.0},
        {"uptime": 0.0},
        {"shares": Shares(accepted=0)},
        {"hashing": False},
    ],
)
def test_any_measured_value_makes_a_reading_useful_even_a_zero(values):
    assert not is_empty(Reading(driver="x", **values))


def test_identity_alone_is_not_a_measurement():
    assert is_empty(Reading(driver="x", mac=MAC, make="Antminer", model="S19", firmware_version="1"))
