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


async def test_a_reboot_refuses_then_restarts_every_counter_at_zero(clock):
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
    assert after["credited_hashes"] >= credited  # the pool forgets nothing


async def test_offline_ends_in_a_restart(clock):
    rig = build(clock)
    rig.force("offline", duration=600)
    await clock.pass_(300)
    assert rig.truth()["power"] == 0.0
    await clock.pass_(400)
    assert 99 <= rig.truth()["uptime"] <= 101


async def test_a_pool_outage_sends_shares_to_the_second_slot_and_back(clock):
    rig = build(clock)
    rig.force("pool_outage", duration=600)
    await clock.pass_(599)
    assert rig.truth()["pool_slot"] == 1
    assert rig.physics.slots[1].accepted > 20
    await clock.pass_(1)
    rig.truth()
    spare = rig.physics.slots[1].accepted
    await clock.pass_(600)
    assert rig.truth()["pool_slot"] == 0
    assert rig.physics.slots[1].accepted == spare


async def test_a_failing_board_is_the_one_named_and_comes_back(clock):
    rig = build(clock)
    rig.force("failing_board", duration=100, board=2)
    await clock.pass_(5)
    assert rig.truth()["chips"] == [114, 114, 0]
    await clock.pass_(100)
    assert rig.truth()["chips"] == [114, 114, 114]


async def test_recover_ends_every_trouble_at_once(clock):
    rig = build(clock)
    for event in KINDS:
        rig.force(event, duration=1e9)
    assert rig.truth()["troubles"] == sorted(KINDS)
    rig.recover()
    assert rig.truth()["troubles"] == []
    assert rig.truth()["presence"] == "answers"


@pytest.mark.parametrize(("event", "presence"), [("hung", "hung"), ("garbage", "garbage"), ("offline", "refused")])
def test_presence_tells_how_a_connection_is_met(clock, event, presence):
    rig = build(clock)
    rig.force(event)
    assert rig.presence == presence


def test_an_unknown_trouble_is_named_with_the_known_ones(clock):
    with pytest.raises(UsageError, match=r"'earthquake'.*reboot"):
        build(clock).force("earthquake")


async def test_the_schedule_brings_every_trouble_in_time_and_is_seeded(clock):
    rigs = [build(clock, troubles=True, index=index) for index in range(120)]
    twins = [build(clock, troubles=True, index=index) for index in range(120)]
    seen: set[str] = set()
    for _ in range(16):
        await clock.pass_(1800)
        now = [rig.truth() for rig in rigs]
        assert now == [twin.truth() for twin in twins]
        seen.update(event for truth in now for event in truth["troubles"])
    assert seen == {kind for kind, of in KINDS.items() if of.weight}


async def test_without_a_schedule_nothing_goes_wrong(clock):
    rigs = [build(clock, index=index) for index in range(50)]
    for _ in range(20):
        await clock.pass_(7200)
        assert all(rig.truth()["troubles"] == [] for rig in rigs)


async def test_within_a_second_nothing_new_is_drawn(clock):
    rig = build(clock)
    await clock.pass_(10)
    first = rig.truth()
    await clock.pass_(0.5)
    assert rig.truth() == first
    await clock.pass_(0.6)
    assert rig.truth() != first


async def test_a_rig_on_old_work_tells_that_block_and_has_its_shares_refused(clock):
    chain = Chain(seed=1, clock=clock, first_blocks_s=(1e9,))
    rig = build(clock, chain=chain)
    before = chain.tip().height
    rig.force("old_work", duration=600)
    chain.mine()
    told = rig.truth()
    await clock.pass_(590)
    later = rig.truth()
    assert (told["works_on"], later["works_on"], chain.tip().height) == (before, before, before + 1)
    assert (later["accepted"], later["credited_hashes"]) == (told["accepted"], told["credited_hashes"])
    assert later["rejected"] > told["rejected"] + 50
    await clock.pass_(20)
    assert rig.truth()["works_on"] == before + 1


async def test_without_a_chain_a_rig_tells_no_block(clock):
    rig = build(clock)
    rig.force("old_work", duration=600)
    assert rig.truth()["works_on"] is None
