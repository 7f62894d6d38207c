"""The agent and the simulator against each other: every model identified and read as it truly is."""

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
}  # their firmware reports none
NO_SHARES = {"whatsminer3", "elphapex"}  # API v3 counts none, Elphapex only those of each pool
NO_ACTIVE = {"elphapex"}  # its firmware does not tell which pool is in use
NO_CHIPS = {"cgminer", "auradine"}  # told in answers that its driver does not ask


@pytest.fixture
async def wire():
    wire = Wire(clock=SystemClock())
    yield wire
    await wire.close()


@pytest.fixture
async def read(fleet_of, wire):
    """Read every model of a family, each by an own rig, as the config from `targets` would."""

    async def read(family: str, prepare=lambda rig: None):
        fleet = await fleet_of(rigs=len(SPECS[family]), mix={family: 1})
        seen = []
        for rig, entry in zip(fleet.rigs, targets(fleet), strict=True):
            prepare(rig)
            target = Target(entry["address"], entry["ports"], entry.get("user"), entry.get("password"))
            seen.append((rig, await read_once(wire, target)))
        assert fleet.privileged_seen == 0
        return seen

    return read


def test_every_family_is_expected_here():
    assert set(DRIVERS) == set(FAMILIES)


@pytest.mark.parametrize("family", DRIVERS)
async def test_every_model_is_identified_and_read_as_it_truly_is(read, family):
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


TOLD = [name for name in FAMILIES if name != "cgminer"]


@pytest.mark.parametrize("family", TOLD)
async def test_every_model_is_told_by_make_and_name(read, family):
    for rig, once in await read(family):
        told = f"{once.reading.make} {once.reading.model}".lower().replace(" ", "")
        spec = rig.state.spec
        assert told == f"{spec.make}{spec.model}".lower().replace(" ", "")


@pytest.mark.parametrize("family", [name for name in FAMILIES if name not in ("braiins", "cgminer")])
async def test_pools_are_read_with_the_active_one_first(read, family):
    for rig, once in await read(family):
        pools = once.reading.pools
        assert pools[0].user == rig.state.pools[0][1]
        assert pools[0].active is (None if family in NO_ACTIVE else True)
        assert all(pool.active in (False, None) for pool in pools[1:])


@pytest.mark.parametrize("family", [name for name in FAMILIES if name not in ("espminer", "cgminer")])
async def test_a_dead_board_is_read_as_no_hashrate_there(read, family, clock):
    def kill(rig) -> None:
        rig.force("failing_board", duration=1e6, board=1)
        rig.state.advance(clock.now + 1000)

    lasting = [(rig, once) for rig, once in await read(family, kill) if rig.state.spec.boards > 1]
    assert lasting
    for rig, once in lasting:
        truth = rig.truth()
        boards = {board.index: board for board in once.reading.boards}
        assert truth["boards"][1] == 0
        assert 1 not in boards or not boards[1].hashrate
        assert sum(board.hashrate or 0 for board in boards.values()) == pytest.approx(truth["hashrate"], rel=0.05)


@pytest.mark.parametrize("family", ["hammer", "elphapex", "proto"])
async def test_after_an_outage_of_the_pool_the_shares_of_both_slots_are_read(read, family, clock):
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


async def test_a_proto_rig_stopped_by_heat_is_read_as_not_hashing(read, clock):
    def stop(rig) -> None:
        rig.state.physics.stopped = True
        rig.state.advance(clock.now + 5)

    for _, once in await read("proto", stop):
        assert once.reading.hashing is False
        assert once.reading.hashrate["realtime"] == 0
        assert [fault.code for fault in once.reading.faults] == ["HashboardOverheat"] * 4


async def test_a_proto_rig_names_the_hashboard_that_lost_power(read, clock):
    def kill(rig) -> None:
        rig.force("failing_board", duration=1e6, board=2)

    for _, once in await read("proto", kill):
        faults = [(fault.code, fault.component) for fault in once.reading.faults]
        assert faults == [("HashboardPowerLost", "hashboard 3")]
        assert once.reading.hashing is True


async def test_a_hammer_tells_its_boards_temperatures_and_the_frequency_it_writes_as_text(read):
    for rig, once in await read("hammer"):
        boards = once.reading.boards
        assert [board.frequency for board in boards] == [810e6] * 3
        for board, warmth in zip(boards, rig.truth()["temperature_board"], strict=True):
            assert board.temperature_board == pytest.approx(warmth, abs=1)
        assert set(once.reading.hashrate) == {"5s", "avg"}


async def test_an_elphapex_without_a_login_is_told_but_not_read(fleet_of, wire):
    fleet = await fleet_of(mix={"elphapex": 1})
    entry = targets(fleet)[0]
    assert (entry["user"], entry["password"]) == (fleet.rigs[0].user, fleet.rigs[0].password)
    target = Target(entry["address"], entry["ports"])
    assert (await identify(wire, target)).driver.name == "elphapex"
    with pytest.raises(AuthRefused):
        await read_once(wire, target)
