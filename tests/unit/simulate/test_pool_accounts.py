"""A site whose rigs mine for several accounts: pages like Foundry and CKPool, and one pool that skims."""

import json

import aiohttp
import pytest

from stratoscope.reconcile.days import SETTLE_S
from stratoscope.simulate.accounts import NORTH_KEY, SKIMMED, account_of
from stratoscope.simulate.chain import Chain
from stratoscope.simulate.pool_foundry import trimmed
from stratoscope.simulate.pool_past import past_of
from stratoscope.simulate.serve import site
from stratoscope.units import DAY, GH, HOUR, MINUTE


@pytest.fixture
async def shared(clock, base):
    async with site(rigs=12, bind=base, seed=2, clock=clock, troubles=False, shared=True) as (fleet, urls):
        yield fleet, urls


async def fetch(url: str, **headers: str):
    async with aiohttp.ClientSession() as session, session.get(url, headers=headers) as response:
        return response.status, json.loads(await response.text())


def rigs_of(fleet, account):
    return [rig for rig in fleet.rigs if rig.state.pools[0][1].startswith(f"{account}.")]


def test_hobby_rigs_mine_solo_and_scrypt_rigs_at_another_pool():
    assert account_of(0, "espminer") == "account"
    assert account_of(0, "hammer") == "scrypt"
    assert [account_of(at, "antminer") for at in range(3)] == ["north", "north", "south"]


async def test_north_pool_requires_its_key_and_lists_workers(shared):
    fleet, urls = shared
    status, body = await fetch(f"{urls['north']}/workers/north?coin=BTC&pageSize=-1")
    assert (status, body["errorCode"]) == (401, "UNAUTHORIZED")
    assert (await fetch(f"{urls['north']}/workers/other", **{"X-API-KEY": NORTH_KEY}))[0] == 403
    assert (await fetch(f"{urls['north']}/nothing", **{"X-API-KEY": NORTH_KEY}))[0] == 404
    status, body = await fetch(f"{urls['north']}/workers/north", **{"X-API-KEY": NORTH_KEY})
    assert [row["workerName"] for row in body["workersList"]] == [rig.name for rig in rigs_of(fleet, "north")]
    for row, rig in zip(body["workersList"], rigs_of(fleet, "north"), strict=True):
        assert row["hashrate_1h"] * GH == pytest.approx(rig.truth()["pool_hashrates"]["1hr"], rel=1e-3)


async def test_north_pool_pays_days_by_hashes_difficulty_and_trimmed_rate(shared):
    fleet, urls = shared
    _, days = await fetch(f"{urls['north']}/earnings/north", **{"X-API-KEY": NORTH_KEY})
    assert len(days) == 7
    day = days[-1]
    assert day["endTime"].endswith("T00:00:00Z")
    hashes = sum(hour.credited for hour in fleet.past.hours["north"] if hour.start // DAY == fleet.past.end // DAY - 1)
    base = hashes / (fleet.past.difficulty * 2**32) * fleet.past.subsidy / 1e8
    assert day["ppsBaseAmount"] == pytest.approx(base, rel=1e-3, abs=1e-8)
    gross = day["ppsBaseAmount"] + day["txFeeRewardAmount"]
    assert day["totalAmount"] == pytest.approx(gross * 0.98, abs=2e-8)
    assert gross / day["ppsBaseAmount"] == pytest.approx(day["fppsRatePercent"] / 100, rel=1e-3)


def test_trimmed_rate_excludes_the_three_highest_and_lowest_blocks():
    assert trimmed([0, 0, 0, 5, 6, 7, 1000, 1000, 1000]) == 6


async def test_new_work_is_added_to_the_current_day(shared, clock):
    _, urls = shared
    key = {"X-API-KEY": NORTH_KEY}
    _, before = await fetch(f"{urls['north']}/subaccount_hashrate_day/north", **key)
    await clock.pass_(HOUR)
    _, after = await fetch(f"{urls['north']}/subaccount_hashrate_day/north", **key)
    assert after[-1]["hashrateAccepted"] > before[-1]["hashrateAccepted"] or len(after) > len(before)


async def test_south_pool_credits_3_percent_less_and_lists_only_its_workers(shared, clock):
    fleet, urls = shared
    for _ in range(10):
        await clock.pass_(60)
    async with aiohttp.ClientSession() as session, session.get(f"{urls['south']}/users/south") as response:
        user = json.loads(await response.text())
    rigs = {rig.state.pools[0][1]: rig for rig in rigs_of(fleet, "south")}
    assert {row["workername"] for row in user["worker"]} == set(rigs)
    for row in user["worker"]:
        work = rigs[row["workername"]].truth()["credited_hashes"]
        assert row["shares"] * 2**32 == pytest.approx(work * SKIMMED, rel=1e-3)


async def test_history_of_the_south_pool_is_complete_until_it_starts_to_skim(shared):
    fleet, _ = shared
    hours = fleet.past.hours["south"]
    for wanted, chosen in (
        (1.0, [h for h in hours if h.start < fleet.past.end - 30 * HOUR]),
        (SKIMMED, [h for h in hours if h.start >= fleet.past.end - 30 * HOUR]),
    ):
        if chosen:
            ratio = sum(hour.credited for hour in chosen) / sum(hour.reported for hour in chosen)
            noise = len(chosen) ** -0.5 / 480**0.5
            assert ratio == pytest.approx(wanted, abs=5 * noise + 0.004)


@pytest.mark.parametrize("minute", [0, 30, 119, 120, 719, 1439])
async def test_history_has_a_whole_settled_day_at_any_time_of_day(shared, clock, minute):
    fleet, _ = shared
    now = clock.time() // DAY * DAY + minute * MINUTE
    past = past_of((rig.state for rig in fleet.rigs), Chain(seed=2, clock=clock), now, seed=2)
    days = [hour.start // DAY * DAY for hour in past.hours["north"]]
    assert any(
        days.count(day) == 24 * len(rigs_of(fleet, "north")) and day + DAY + SETTLE_S <= now for day in set(days)
    )
