"""Every sample answer on the shelf, read and held against figures that a person worked out from it."""

import dataclasses
from pathlib import Path

import pytest

from fakes.pool_mutations import assert_survives_every_change
from fakes.pool_site import CHECKS, PATHS, account_of
from stratoscope.pools.adapters import BY_KIND
from stratoscope.pools.pool import Account, Part, Turn, totalled
from stratoscope.pools.report import Earning, Payout, Tally, WorkerReport

DAY = 86400.0
NOW = 1_750_000_100.0  # 2025-06-15 15:08:20 UTC
ADDRESS = Account(account="bc1q..")


def call_of(kind: str, name: str):
    return next(call for call in BY_KIND[kind].calls if call.name == name)


SAMPLES: dict[str, tuple[str, str, Part]] = {
    "ckpool/users_address.json": (
        "ckpool",
        "account",
        Part(
            hashrate={60.0: 0.0, 300.0: 0.0, 3600.0: 4.57e9, DAY: 85.4e12, 7 * DAY: 148e12},
            work=(Tally(accepted=7_831_260_707_329.0, counted="difficulty"),),
            last_share=1_751_962_081.0,
            best_difficulty=137_427_866_914_851.0,
            workers=(
                WorkerReport(
                    name="bc1qexample.rig",
                    hashrate={60.0: 0.0, 300.0: 0.0, 3600.0: 4.57e9, DAY: 85.4e12, 7 * DAY: 51.5e12},
                    work=(Tally(accepted=10_267_078_458.0, counted="difficulty"),),
                    last_share=1_751_962_081.0,
                    state="active",
                ),
            ),
        ),
    ),
    "ckpool/pool.status.txt": ("ckpool", "pool", Part(at=1_752_001_916.0, pool_hashrate=360e15)),
    "ocean/statsnap.json": (
        "ocean",
        "account",
        Part(
            at=1_710_000_000.0,
            hashrate={60.0: 68_719_476_736.0, 300.0: 68_719_476_736.0},
            last_share=1_709_999_940.0,
            balance_sat=50_000,
        ),
    ),
    "ocean/user_hashrate.json": (
        "ocean",
        "hashrate",
        Part(
            at=1.75e9,
            workers_by_state={"active": 2},
            hashrate=dict.fromkeys((60.0, 300.0, 600.0, 1800.0, 3600.0, 10800.0, 43200.0, DAY), 100e12),
        ),
    ),
    "ocean/user_hashrate_full.json": (
        "ocean",
        "workers",
        Part(
            at=1.75e9,
            workers=(
                WorkerReport(
                    name="addr.worker1", hashrate={60.0: 101e12, 3600.0: 100.5e12, DAY: 100.1e12}, state="active"
                ),
            ),
        ),
    ),
    "ocean/earnpay.json": (
        "ocean",
        "rewards",
        Part(
            earnings=(Earning(start=1.75e9, end=1.75e9, sat=980, pool_fee_sat=20),),
            payouts=(Payout(at=1.75e9, sat=1_048_576),),
        ),
    ),
    "ocean/error_unknown_user.json": ("ocean", "account", Part(workers=())),
    "braiins/profile.json": (
        "braiins",
        "account",
        Part(
            hashrate={300.0: 27.978e12, 3600.0: 28.191e12, DAY: 28.357e12},
            balance_sat=1_000_000,
            workers_by_state={"active": 2, "inactive": 1, "dead": 1},
        ),
    ),
    "braiins/workers.json": (
        "braiins",
        "workers",
        Part(
            workers=(
                WorkerReport(
                    name="worker-a",
                    hashrate={300.0: 14.977e12, 3600.0: 15.302e12, DAY: 15.351e12},
                    last_share=1_542_103_204.0,
                    state="active",
                ),
                WorkerReport(
                    name="worker-b",
                    hashrate={300.0: 13.001e12, 3600.0: 12.889e12, DAY: 13.006e12},
                    last_share=1_542_103_200.0,
                    state="active",
                ),
                WorkerReport(
                    name="worker-offline",
                    hashrate={300.0: 0.0, 3600.0: 0.0, DAY: 0.0},
                    last_share=1_542_100_000.0,
                    state="inactive",
                ),
            )
        ),
    ),
    "braiins/pool_stats.json": ("braiins", "pool", Part(at=1_785_080_000.0, pool_hashrate=5_719_000_000.123456789e9)),
    "braiins/rewards.json": (
        "braiins",
        "rewards",
        Part(earnings=(Earning(start=1_733_097_600.0, end=1_733_184_000.0, sat=61_081),)),
    ),
    "braiins/payouts.json": (
        "braiins",
        "payouts",
        Part(payouts=(Payout(at=1_721_999_584.0, sat=50_000), Payout(at=1_712_846_885.0, sat=441_348))),
    ),
    "viabtc/hashrate.json": (
        "viabtc",
        "account",
        Part(
            hashrate={600.0: 747_667_906_887.0, 3600.0: 124_611_317_814.0, DAY: 0.0},
            workers_by_state={"active": 1, "inactive": 0},
        ),
    ),
    "viabtc/hashrate_worker.json": (
        "viabtc",
        "workers",
        Part(
            more=False,
            workers=(
                WorkerReport(
                    name="1x1",
                    hashrate={600.0: 278_542_945_703.0, 3600.0: 46_423_824_283.0, DAY: 0.0},
                    last_share=1_545_811_200.0,
                    state="active",
                ),
                WorkerReport(
                    name="1x1",
                    hashrate={600.0: 0.0, 3600.0: 0.0, DAY: 0.0},
                    last_share=1_545_808_266.0,
                    state="inactive",
                ),
            ),
        ),
    ),
    "viabtc/profit_history.json": (
        "viabtc",
        "rewards",
        Part(more=False, scheme="pps+", earnings=(Earning(start=1_538_697_600.0, end=1_538_784_000.0, sat=2148),)),
    ),
    "f2pool/v2_hash_rate_info.json": (
        "f2pool",
        "account",
        Part(
            hashrate={0.0: 101e12, 3600.0: 100.5e12, DAY: 100.1e12},
            work=(
                Tally(accepted=3.618e17, stale=4.32e14, counted="hashes", window=3600.0),
                Tally(accepted=8.64864e18, stale=9.504e15, counted="hashes", window=DAY),
            ),
        ),
    ),
    "f2pool/v2_hash_rate_worker_list.json": (
        "f2pool",
        "workers",
        Part(
            workers=(
                WorkerReport(
                    name="rig01",
                    hashrate={0.0: 101e12, 3600.0: 100.5e12, DAY: 100.1e12},
                    last_share=1.75e9,
                    state="active",
                    work=(
                        Tally(accepted=3.618e17, stale=4.32e14, counted="hashes", window=3600.0),
                        Tally(accepted=8.64864e18, stale=9.504e15, counted="hashes", window=DAY),
                    ),
                ),
            )
        ),
    ),
    "f2pool/v2_assets_balance.json": ("f2pool", "balance", Part(balance_sat=45_000, paid_sat=120_000_000)),
    "f2pool/v2_assets_transactions_list.json": (
        "f2pool",
        "rewards",
        Part(
            fee_ratio=0.025,
            earnings=(
                Earning(
                    start=1_749_900_000.0,
                    end=1_749_986_400.0,
                    sat=98_000,
                    subsidy_sat=95_000,
                    fees_sat=1_000,
                    hashrate=1_749.8e12,
                    rate_ratio=1.0105,
                ),
            ),
        ),
    ),
    "foundry/subaccount_stats.json": (
        "foundry",
        "account",
        Part(
            hashrate={300.0: 0.0, 900.0: 0.0, 3600.0: 0.0, DAY: 0.0},
            workers_by_state={"active": 0},
            work=(Tally(accepted=0.0, stale=0.0, rejected=0.0, counted="hashes", window=3600.0),),
            defects=("updatedAt: not a time", "lastShareTime: not a time"),
        ),
    ),
    "foundry/workers.json": (
        "foundry",
        "workers",
        Part(
            workers=(
                WorkerReport(
                    name="rig01",
                    hashrate={300.0: 101e12, 900.0: 100.8e12, 3600.0: 100.7e12},
                    state="inactive",
                    last_share=1_749_988_800.0,
                    work=(Tally(accepted=3.6252e17, stale=0.0, rejected=0.0, counted="hashes", window=3600.0),),
                ),
            )
        ),
    ),
    "foundry/balance.json": ("foundry", "balance", Part(balance_sat=0, paid_sat=0)),
    "foundry/pool_stats.json": ("foundry", "pool", Part(pool_hashrate=0.0, defects=("updatedAt: not a time",))),
    "foundry/earnings.json": (
        "foundry",
        "rewards",
        Part(
            fee_ratio=0.0,
            earnings=(
                Earning(
                    start=1_749_859_200.0,
                    end=1_749_945_600.0,
                    sat=504_000,
                    subsidy_sat=499_000,
                    fees_sat=5_000,
                    pool_fee_sat=0,
                    hashrate=10e15,
                    rate_ratio=1.01,
                ),
            ),
        ),
    ),
    "luxor/v1_summary.json": (
        "luxor",
        "account",
        Part(
            hashrate={300.0: 1_035_827_914_295_214.0, DAY: 1_035_827_914_295_214.0},
            workers_by_state={"active": 10},
            balance_sat=26_944_885,
            hashprice_btc_per_ph_day=0.00059629,
        ),
    ),
    "luxor/v1_workers.json": (
        "luxor",
        "workers",
        Part(
            more=False,
            workers_by_state={"active": 10, "inactive": 10},
            workers=(
                WorkerReport(
                    name="worker-1",
                    hashrate={0.0: 0.00066154},
                    last_share=1_735_689_600.0,
                    state="active",
                    work=(Tally(stale=0.00066154, rejected=0.00066154),),
                ),
            ),
        ),
    ),
    "antpool/accountOverview.json": (
        "antpool",
        "account",
        Part(
            hashrate={600.0: 127_603_936_523_714.0, 3600.0: 114_466_490_529_000.0, DAY: 102_498_704_834_436.0},
            workers_by_state={"active": 1, "inactive": 0, "dead": 0},
            balance_sat=480_411,
        ),
    ),
    "antpool/hashrate.json": (
        "antpool",
        "work",
        Part(
            hashrate={600.0: 0.0, 1800.0: 0.0, 3600.0: 0.0, DAY: 0.0},
            work=(Tally(accepted=0.0, stale=0.0, rejected=0.0, counted="difficulty"),),
        ),
    ),
    "antpool/account.json": ("antpool", "balance", Part(balance_sat=0, paid_sat=0)),
    "antpool/workers.json": (
        "antpool",
        "workers",
        Part(
            more=False,
            workers=(
                WorkerReport(
                    name="antminer_1",
                    hashrate={600.0: 0.0, 1800.0: 0.0, 3600.0: 0.0, DAY: 0.0},
                    state="inactive",
                    work=(Tally(accepted=0.0, stale=0.0, rejected=0.0, counted="difficulty"),),
                ),
            ),
        ),
    ),
    "public-pool/client_address.json": (
        "public-pool",
        "account",
        Part(
            hashrate={600.0: 501_234_567_890.0},
            last_share=1_749_988_800.0,
            best_difficulty=123_456_789.12,
            workers=(
                WorkerReport(
                    name="bitaxe", hashrate={600.0: 501_234_567_890.0}, last_share=1_749_988_800.0, state="inactive"
                ),
            ),
        ),
    ),
    "public-pool/pool.json": ("public-pool", "pool", Part(pool_hashrate=12e15, fee_ratio=0.0, blocks_found=0)),
    "nicehash/rigs2.json": (
        "nicehash",
        "account",
        Part(
            hashrate={300.0: 100.1e12},
            workers_by_state={"active": 2, "inactive": 1},
            balance_sat=1000,
            more=False,
            workers=(
                WorkerReport(
                    name="rig",
                    hashrate={300.0: 100.1e12},
                    state="active",
                    work=(Tally(accepted=3.003e16, rejected=3e13, counted="hashes", window=300.0),),
                ),
            ),
        ),
    ),
    "binance/statistics_user_status.json": (
        "binance",
        "account",
        Part(hashrate={900.0: 457_835_490_067_496_409.0, DAY: 214_289_268_068_874_127.65}),
    ),
    "emcd/workers.json": (
        "emcd",
        "account",
        Part(
            hashrate={0.0: 10_789_874_107_242.0, 3600.0: 12_822_748_939_041.0, DAY: 12_570_268_491_181.0},
            workers_by_state={"active": 1, "inactive": 0},
            workers=(
                WorkerReport(
                    name="worker",
                    state="active",
                    hashrate={0.0: 10_789_874_107_242.0, 3600.0: 12_822_748_939_041.0, DAY: 12_570_268_491_181.0},
                ),
            ),
        ),
    ),
    "emcd/info.json": ("emcd", "balance", Part(balance_sat=129_399, paid_sat=1_894_419)),
    "emcd/income.json": (
        "emcd",
        "rewards",
        Part(
            earnings=(Earning(start=1_749_945_600.0, end=1_750_032_000.0, sat=10_000, hashrate=12_570_268_491_181.0),)
        ),
    ),
    "parasite/user.json": (
        "parasite",
        "account",
        Part(
            hashrate={300.0: 101e12},
            last_share=1.75e9,
            best_difficulty=1.2e12,
            workers=(
                WorkerReport(name="bc1qexample.rig", hashrate={300.0: 101e12}, last_share=1.75e9, state="active"),
            ),
        ),
    ),
    "parasite/pool_stats.json": ("parasite", "pool", Part(pool_hashrate=310e15)),
    "sbicrypto/workers.json": (
        "sbicrypto",
        "account",
        Part(
            hashrate={600.0: 101e12, 3600.0: 100.5e12, DAY: 100.1e12},
            more=False,
            workers=(
                WorkerReport(name="rig01", hashrate={600.0: 101e12, 3600.0: 100.5e12, DAY: 100.1e12}, state="active"),
            ),
        ),
    ),
    "btccom/realtime_hashrate.json": ("btccom", "account", Part(hashrate={900.0: 22.88e15, DAY: 23.33e15})),
    "btccom/worker_stats.json": (
        "btccom",
        "workers",
        Part(
            hashrate={60.0: 22.55e15, 300.0: 22.79e15, 900.0: 22.85e15},
            workers_by_state={"active": 1999, "inactive": 1, "dead": 1},
        ),
    ),
    "btccom/account_earn_stats.json": ("btccom", "balance", Part(balance_sat=0, paid_sat=0)),
    "powerpool/user.json": (
        "powerpool",
        "account",
        Part(
            hashrate={0.0: 100e12},
            balance_sat=100_000,
            payouts=(Payout(at=1.75e9, sat=100_000),),
            earnings=(Earning(start=1_749_945_600.0, end=1_750_032_000.0, sat=5_000),),
            workers=(WorkerReport(name="rig01", hashrate={0.0: 100e12}, state="active"),),
        ),
    ),
    "kano/api_work_y.json": (
        "kano",
        "account",
        Part(
            at=1.75e9,
            hashrate={300.0: 100e12, 3600.0: 100e12, DAY: 100e12},
            workers=(WorkerReport(name="user.rig", hashrate={300.0: 100e12, 3600.0: 100e12, DAY: 100e12}),),
        ),
    ),
    "hydrapool/metrics.txt": (
        "hydrapool",
        "account",
        Part(
            work=(Tally(accepted=123_456, counted="hashes"),),
            best_difficulty=1.2e9,
            workers=(WorkerReport(name="rig", work=(Tally(accepted=123_456, counted="hashes"),)),),
        ),
    ),
}
"""File on the shelf → adapter, call, and what is in it."""

UNREAD = {
    "f2pool/v2_error.json": "a refusal, see below",
    "f2pool/v1_bitcoin_user.json": "the older API; the second one tells the same and more",
    "f2pool/v2_hash_rate_history.json": "a history of what hash_rate/info tells of now",
    "foundry/subaccount_hashrate_day_item.json": "one element of a list, see below",
    "luxor/v2_workers_hashrate_efficiency.json": "a history of estimates",
    "ocean/blocks.json": "the blocks of the whole pool; earnpay tells what each gave to the account",
    "viabtc/profit.json": "one sum over all time; the history tells it day by day",
    "spiderpool/envelope.json": "no adapter: requests want an RSA signature",
}


@pytest.mark.shelf
def test_every_sample_is_read_or_left_out_for_a_reason(shelf: Path):
    found = {str(path.relative_to(shelf / "pools")) for path in (shelf / "pools").glob("[a-z]*/*")}
    assert found == {*SAMPLES, *UNREAD}


@pytest.mark.shelf
@pytest.mark.parametrize("sample", SAMPLES)
def test_a_sample_is_read_with_the_units_of_its_pool(shelf: Path, sample: str):
    kind, name, expected = SAMPLES[sample]
    now = 1_751_962_100.0 if kind == "ckpool" else NOW
    account = Account(account="acct") if kind == "sbicrypto" else ADDRESS
    part = totalled(call_of(kind, name).read((shelf / "pools" / sample).read_bytes(), Turn(account, now, 1)))
    assert part.pop("defects", ()) == expected.get("defects", ())
    told = {key: value for key, value in part.items() if value is not None and value != {}}
    close = {key: value for key, value in expected.items() if key != "defects"}
    if "pool_hashrate" in close:
        assert told.pop("pool_hashrate") == pytest.approx(close.pop("pool_hashrate"), rel=1e-15)
    assert told == close


@pytest.mark.shelf
@pytest.mark.parametrize("sample", SAMPLES)
def test_f29_no_change_to_a_sample_raises_or_publishes_a_wrong_figure(shelf: Path, sample: str):
    kind, name, _ = SAMPLES[sample]
    body = (shelf / "pools" / sample).read_bytes()
    account = Account(account="acct") if kind == "sbicrypto" else ADDRESS
    assert_survives_every_change(call_of(kind, name), body, Turn(account, NOW, 1))


@pytest.mark.shelf
def test_a_day_of_foundrys_work_is_hashes(shelf: Path):
    item = (shelf / "pools/foundry/subaccount_hashrate_day_item.json").read_bytes()
    whole = item.replace(b'"unixTime": 0', b'"unixTime": 1749859200').replace(
        b'"hashrateAccepted": 0', b'"hashrateAccepted": 100000'
    )
    part = call_of("foundry", "days").read(b"[" + whole + b"]", Turn(ADDRESS, NOW, 1))
    assert part["work"] == (
        Tally(accepted=8.64e18, stale=0.0, rejected=0.0, counted="hashes", window=DAY, since=1_749_859_200.0),
    )


WHOLE = sorted({kind for kind, _, _ in SAMPLES.values()} & set(PATHS))
PASSED_ON = ("hashrate", "balance_sat", "paid_sat", "pool_hashrate", "hashprice_btc_per_ph_day", "payouts", "scheme")
"""Figures of a sample that stand in the report as they are."""


@pytest.mark.shelf
@pytest.mark.parametrize("kind", WHOLE)
async def test_a_pool_that_serves_the_samples_behind_its_login_is_read_whole(shelf: Path, pool_of, kind: str):
    mine = {name: (file, part) for file, (of, name, part) in SAMPLES.items() if of == kind and "error" not in file}
    async with pool_of(kind) as (live, site):
        for name, (file, _) in mine.items():
            site.answers[PATHS[kind][name]] = site._answer((shelf / "pools" / file).read_bytes())
        await live.once()
        (now,) = live.now
        report = live.reports["here"]
    assert set(now.outcomes) == {"ok"}
    assert now.wrong is None or "h old" in now.wrong, "only that some samples are old is wrong with them"
    expected: dict = {}
    for call in BY_KIND[kind].calls:  # what two answers tell is taken from the first
        for figure, value in mine[call.name][1].items() if call.name in mine else ():
            if figure in PASSED_ON and value:
                expected.setdefault(figure, {} if isinstance(value, dict) else value)
                if isinstance(value, dict):
                    expected[figure] = {**value, **expected[figure]}
    if now.wrong is None:
        for figure, value in expected.items():
            told = getattr(report, figure)
            if figure == "payouts":
                assert told == tuple(sorted(value, key=lambda payout: payout.at))
            else:
                assert told == pytest.approx(value) if isinstance(value, float | int | dict) else told == value, figure


@pytest.mark.shelf
@pytest.mark.parametrize("kind", [kind for kind in WHOLE if kind in CHECKS or kind == "antpool"])
async def test_no_sample_is_served_to_a_wrong_key(shelf: Path, pool_of, kind: str):
    wrong = dataclasses.replace(account_of(kind), key="wrong", secret="wrong")
    async with pool_of(kind, account=wrong) as (live, site):
        for file, (of, name, _) in SAMPLES.items():
            if of == kind:
                site.answers[PATHS[kind][name]] = site._answer((shelf / "pools" / file).read_bytes())
        await live.once()
        (now,) = live.now
        assert now.up is False
        assert "here" not in live.reports or live.reports["here"].balance_sat is None
