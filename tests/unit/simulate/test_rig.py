import pytest

from stratoscope.errors import UsageError
from stratoscope.simulate.chain import Chain
from stratoscope.simulate.rig import Rig
from stratoscope.simulate.specs import SPECS
from stratoscope.simulate.troubles import KINDS

POOLS = (("stratum+tcp://127.0.0.1:3333", "account.a"),) * 3


def build(clock, *, seed=0, troubles=False, index=0, chain=None) -> Rig:
    return Rig(
        index=index,
        name="a",
        family="antminer",
        spec=SPECS["antminer"][0],
        seed=seed,
        clock=clock,
        pools=POOLS,
        troubles=troubles,
        chain=chain,
    )


async def test_reboot_refuses_connections_then_resets_every_counter(clock):
    rig = build(clock)
    before = rig.truth()
    credited = before["credited_hashes"]
    rig.force("reboot", duration=30)
    assert rig.presence == "refused"
    await clock.pass_(31)
    after = rig.truth()
    assert before["accepted"] > 100 > after["accepted"]
    assert after["presence"] == "answers"
    assert after["uptime"] <= 1
    assert after["hardware_errors"] <= 1
    assert after["credited_hashes"] >= credited  # the pool keeps its credit


async def test_rig_restarts_after_being_offline(clock):
    rig = build(clock)
    rig.force("offline", duration=600)
    await clock.pass_(300)
    assert rig.truth()["power"] == 0.0
    await clock.pass_(400)
    assert 99 <= rig.truth()["uptime"] <= 101


async def test_pool_outage_moves_shares_to_the_second_slot_and_back(clock):
    rig = build(clock)
    rig.force("pool_outage", duration=600)
    await clock.pass_(599)
    assert rig.truth()["pool_slot"] == 1
    assert rig.physics.slots[1].accepted > 20
    await clock.pass_(1)
    rig.truth()
    second_slot = rig.physics.slots[1].accepted
    await clock.pass_(600)
    assert rig.truth()["pool_slot"] == 0
    assert rig.physics.slots[1].accepted == second_slot


async def test_failing_board_fails_the_given_board_and_recovers(clock):
    rig = build(clock)
    rig.force("failing_board", duration=100, board=2)
    await clock.pass_(5)
    assert rig.truth()["chips"] == [114, 114, 0]
    await clock.pass_(100)
    assert rig.truth()["chips"] == [114, 114, 114]


async def test_recover_ends_every_trouble(clock):
    rig = build(clock)
    for event in KINDS:
        rig.force(event, duration=1e9)
    assert rig.truth()["troubles"] == sorted(KINDS)
    rig.recover()
    assert rig.truth()["troubles"] == []
    assert rig.truth()["presence"] == "answers"


@pytest.mark.parametrize(("event", "presence"), [("hung", "hung"), ("garbage", "garbage"), ("offline", "refused")])
def test_presence_is_how_the_rig_handles_a_connection(clock, event, presence):
    rig = build(clock)
    rig.force(event)
    assert rig.presence == presence


def test_unknown_trouble_raises_an_error_that_lists_the_known_ones(clock):
    with pytest.raises(UsageError, match=r"'earthquake'.*reboot"):
        build(clock).force("earthquake")


async def test_schedule_depends_on_the_seed_and_brings_every_trouble(clock):
    rigs = [build(clock, troubles=True, index=index) for index in range(120)]
    twins = [build(clock, troubles=True, index=index) for index in range(120)]
    occurred: set[str] = set()
    for _ in range(16):
        await clock.pass_(1800)
        truths = [rig.truth() for rig in rigs]
        assert truths == [twin.truth() for twin in twins]
        occurred.update(event for truth in truths for event in truth["troubles"])
    assert occurred == {name for name, kind in KINDS.items() if kind.weight}


async def test_no_trouble_occurs_without_a_schedule(clock):
    rigs = [build(clock, index=index) for index in range(50)]
    for _ in range(20):
        await clock.pass_(7200)
        assert all(rig.truth()["troubles"] == [] for rig in rigs)


async def test_values_change_at_most_once_per_second(clock):
    rig = build(clock)
    await clock.pass_(10)
    first = rig.truth()
    await clock.pass_(0.5)
    assert rig.truth() == first
    await clock.pass_(0.6)
    assert rig.truth() != first


async def test_rig_on_old_work_reports_the_old_block_and_has_shares_rejected(clock):
    chain = Chain(seed=1, clock=clock, first_blocks_s=(1e9,))
    rig = build(clock, chain=chain)
    before = chain.tip().height
    rig.force("old_work", duration=600)
    chain.mine()
    start = rig.truth()
    await clock.pass_(590)
    later = rig.truth()
    assert (start["works_on"], later["works_on"], chain.tip().height) == (before, before, before + 1)
    assert (later["accepted"], later["credited_hashes"]) == (start["accepted"], start["credited_hashes"])
    assert later["rejected"] > start["rejected"] + 50
    await clock.pass_(20)
    assert rig.truth()["works_on"] == before + 1


async def test_rig_without_a_chain_reports_no_block(clock):
    rig = build(clock)
    rig.force("old_work", duration=600)
    assert rig.truth()["works_on"] is None
