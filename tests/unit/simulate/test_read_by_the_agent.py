"""The agent identifies every simulated model and reads its true values."""

import pytest

from stratoscope.clock import SystemClock
from stratoscope.discover.identify import identify
from stratoscope.discover.read_once import read_once
from stratoscope.errors import AuthRefused
from stratoscope.simulate.families import FAMILIES
from stratoscope.simulate.fleet import targets
from stratoscope.simulate.specs import SPECS
from stratoscope.wire.client import Wire
from stratoscope.wire.target import Target

DRIVERS = {
    "antminer": "antminer-stock",
    "antminer-s9": "antminer-stock",
    "antminer-scrypt": "antminer-stock",
    "vnish": "vnish",
    "luxos": "luxos",
    "braiins": "braiins-rest",
    "braiins-graphql": "braiins-graphql",
    "whatsminer": "whatsminer",
    "whatsminer3": "whatsminer-v3",
    "avalon": "avalon",
    "auradine": "auradine",
    "espminer": "espminer",
    "epic": "epic",
    "sealminer": "sealminer",
    "cgminer": "generic-cgminer",
    "hammer": "hammer",
    "elphapex": "elphapex",
    "proto": "proto",
}
NO_POWER = {
    "antminer",
    "antminer-s9",
    "antminer-scrypt",
    "cgminer",
    "hammer",
    "elphapex",
}  # the firmware reports no power
NO_SHARES = {"whatsminer3", "elphapex"}  # API v3 has no counters, Elphapex has them only per pool
NO_ACTIVE = {"elphapex"}  # the firmware does not report which pool is in use
NO_CHIPS = {"cgminer", "auradine"}  # reported by commands that the driver does not send


@pytest.fixture
async def wire():
    wire = Wire(clock=SystemClock())
    yield wire
    await wire.close()


@pytest.fixture
async def read(fleet_of, wire):
    """Return a function that reads one rig of each model of a family, with the configuration from `targets`."""

    async def read(family: str, prepare=lambda rig: None):
        fleet = await fleet_of(rigs=len(SPECS[family]), mix={family: 1})
        results = []
        for rig, entry in zip(fleet.rigs, targets(fleet), strict=True):
            prepare(rig)
            target = Target(entry["address"], entry["ports"], entry.get("user"), entry.get("password"))
            results.append((rig, await read_once(wire, target)))
        assert fleet.privileged_seen == 0
        return results

    return read


def test_every_family_has_an_expected_driver():
    assert set(DRIVERS) == set(FAMILIES)


@pytest.mark.parametrize("family", DRIVERS)
async def test_reads_the_true_values_of_every_model(read, family):
    for rig, once in await read(family):
        reading, truth = once.reading, rig.truth()
        assert once.driver.name == DRIVERS[family]
        assert reading.defects == ()
        assert reading.hashing is True
        steady = next(reading.hashrate[window] for window in once.driver.window_order if window in reading.hashrate)
        assert steady == pytest.approx(truth["hashrate"], rel=0.05)
        assert sum(board.hashrate for board in reading.boards) == pytest.approx(truth["hashrate"], rel=0.05)
        if family not in NO_POWER:
            assert reading.power == pytest.approx(truth["power"], rel=0.001, abs=0.6)
        if family not in NO_SHARES:
            assert reading.shares.accepted == truth["accepted"]
        if family not in NO_CHIPS:
            assert [board.chips for board in reading.boards] == truth["chips"]
        if reading.uptime is not None:
            assert reading.uptime == pytest.approx(truth["uptime"], abs=1)
        for board, hottest in zip(reading.boards, truth["temperature_chip"], strict=True):
            assert board.temperature_chip is None or board.temperature_chip == pytest.approx(hottest, abs=1)
        for fan in reading.fans:
            assert fan.rpm == pytest.approx(truth["fan"], rel=0.05, abs=90)
        assert reading.algorithm in (rig.state.spec.algorithm, None)


REPORTS_MODEL = [name for name in FAMILIES if name != "cgminer"]


@pytest.mark.parametrize("family", REPORTS_MODEL)
async def test_identifies_make_and_model(read, family):
    for rig, once in await read(family):
        identified = f"{once.reading.make} {once.reading.model}".lower().replace(" ", "")
        spec = rig.state.spec
        assert identified == f"{spec.make}{spec.model}".lower().replace(" ", "")


@pytest.mark.parametrize("family", [name for name in FAMILIES if name not in ("braiins", "cgminer")])
async def test_reads_the_active_pool_first(read, family):
    for rig, once in await read(family):
        pools = once.reading.pools
        assert pools[0].user == rig.state.pools[0][1]
        assert pools[0].active is (None if family in NO_ACTIVE else True)
        assert all(pool.active in (False, None) for pool in pools[1:])


@pytest.mark.parametrize("family", [name for name in FAMILIES if name not in ("espminer", "cgminer")])
async def test_reads_a_dead_board_without_hashrate(read, family, clock):
    def kill(rig) -> None:
        rig.force("failing_board", duration=1e6, board=1)
        rig.state.advance(clock.now + 1000)

    still_hashing = [(rig, once) for rig, once in await read(family, kill) if rig.state.spec.boards > 1]
    assert still_hashing
    for rig, once in still_hashing:
        truth = rig.truth()
        boards = {board.index: board for board in once.reading.boards}
        assert truth["boards"][1] == 0
        assert 1 not in boards or not boards[1].hashrate
        assert sum(board.hashrate or 0 for board in boards.values()) == pytest.approx(truth["hashrate"], rel=0.05)


@pytest.mark.parametrize("family", ["hammer", "elphapex", "proto"])
async def test_reads_the_shares_of_both_pools_after_a_pool_outage(read, family, clock):
    def cut(rig) -> None:
        rig.force("pool_outage", duration=1e6)
        rig.state.advance(clock.now + 3600)

    for rig, once in await read(family, cut):
        truth, slots = rig.truth(), rig.state.physics.slots
        pools = once.reading.pools
        assert truth["pool_slot"] == 1
        assert slots[1].accepted > 0
        assert [pool.alive for pool in pools] == [False, True, True]
        assert [pool.accepted for pool in pools] == [slot.accepted for slot in slots]
        assert [pool.rejected for pool in pools] == [slot.rejected for slot in slots]
        assert sum(pool.accepted for pool in pools) == truth["accepted"]
        if family not in NO_ACTIVE:
            assert [pool.active for pool in pools] == [False, True, False]


async def test_reads_an_overheated_proto_rig_as_not_hashing(read, clock):
    def stop(rig) -> None:
        rig.state.physics.stopped = True
        rig.state.advance(clock.now + 5)

    for _, once in await read("proto", stop):
        assert once.reading.hashing is False
        assert once.reading.hashrate["realtime"] == 0
        assert [fault.code for fault in once.reading.faults] == ["HashboardOverheat"] * 4


async def test_proto_reports_which_hashboard_lost_power(read, clock):
    def kill(rig) -> None:
        rig.force("failing_board", duration=1e6, board=2)

    for _, once in await read("proto", kill):
        faults = [(fault.code, fault.component) for fault in once.reading.faults]
        assert faults == [("HashboardPowerLost", "hashboard 3")]
        assert once.reading.hashing is True


async def test_reads_board_temperatures_and_text_frequency_of_hammer(read):
    for rig, once in await read("hammer"):
        boards = once.reading.boards
        assert [board.frequency for board in boards] == [810e6] * 3
        for board, temperature in zip(boards, rig.truth()["temperature_board"], strict=True):
            assert board.temperature_board == pytest.approx(temperature, abs=1)
        assert set(once.reading.hashrate) == {"5s", "avg"}


async def test_elphapex_without_login_is_identified_but_not_read(fleet_of, wire):
    fleet = await fleet_of(mix={"elphapex": 1})
    entry = targets(fleet)[0]
    assert (entry["user"], entry["password"]) == (fleet.rigs[0].user, fleet.rigs[0].password)
    target = Target(entry["address"], entry["ports"])
    assert (await identify(wire, target)).driver.name == "elphapex"
    with pytest.raises(AuthRefused):
        await read_once(wire, target)
