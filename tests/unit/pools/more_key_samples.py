"""Expected figures of sample answers, computed by hand: the other pools with an API key."""

from stratoscope.pools.pool import PartialReport
from stratoscope.pools.report import Earning, Payout, WorkerReport, WorkTotals
from stratoscope.units import DAY

SAMPLES: dict[str, tuple[str, str, PartialReport]] = {
    "luxor/v1_summary.json": (
        "luxor",
        "account",
        PartialReport(
            hashrate={300.0: 1_035_827_914_295_214.0, DAY: 1_035_827_914_295_214.0},
            workers_by_state={"active": 10},
            balance_sat=26_944_885,
            hashprice_btc_per_ph_day=0.00059629,
        ),
    ),
    "luxor/v1_workers.json": (
        "luxor",
        "workers",
        PartialReport(
            more=False,
            workers_by_state={"active": 10, "inactive": 10},
            workers=(
                WorkerReport(
                    name="worker-1",
                    hashrate={0.0: 0.00066154},
                    last_share=1_735_689_600.0,
                    state="active",
                    work=(WorkTotals(stale=0.00066154, rejected=0.00066154),),
                ),
            ),
        ),
    ),
    "antpool/accountOverview.json": (
        "antpool",
        "account",
        PartialReport(
            hashrate={600.0: 127_603_936_523_714.0, 3600.0: 114_466_490_529_000.0, DAY: 102_498_704_834_436.0},
            workers_by_state={"active": 1, "inactive": 0, "dead": 0},
            balance_sat=480_411,
        ),
    ),
    "antpool/hashrate.json": (
        "antpool",
        "work",
        PartialReport(
            hashrate={600.0: 0.0, 1800.0: 0.0, 3600.0: 0.0, DAY: 0.0},
            work=(WorkTotals(accepted=0.0, stale=0.0, rejected=0.0, counted="difficulty"),),
        ),
    ),
    "antpool/account.json": ("antpool", "balance", PartialReport(balance_sat=0, paid_sat=0)),
    "antpool/workers.json": (
        "antpool",
        "workers",
        PartialReport(
            more=False,
            workers=(
                WorkerReport(
                    name="antminer_1",
                    hashrate={600.0: 0.0, 1800.0: 0.0, 3600.0: 0.0, DAY: 0.0},
                    state="inactive",
                    work=(WorkTotals(accepted=0.0, stale=0.0, rejected=0.0, counted="difficulty"),),
                ),
            ),
        ),
    ),
    "nicehash/rigs2.json": (
        "nicehash",
        "account",
        PartialReport(
            hashrate={300.0: 100.1e12},
            workers_by_state={"active": 2, "inactive": 1},
            balance_sat=1000,
            more=False,
            workers=(
                WorkerReport(
                    name="rig",
                    hashrate={300.0: 100.1e12},
                    state="active",
                    work=(WorkTotals(accepted=3.003e16, rejected=3e13, counted="hashes", window=300.0),),
                ),
            ),
        ),
    ),
    "binance/statistics_user_status.json": (
        "binance",
        "account",
        PartialReport(hashrate={900.0: 457_835_490_067_496_409.0, DAY: 214_289_268_068_874_127.65}),
    ),
    "emcd/workers.json": (
        "emcd",
        "account",
        PartialReport(
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
    "emcd/info.json": ("emcd", "balance", PartialReport(balance_sat=129_399, paid_sat=1_894_419)),
    "emcd/income.json": (
        "emcd",
        "rewards",
        PartialReport(
            earnings=(Earning(start=1_749_945_600.0, end=1_750_032_000.0, sat=10_000, hashrate=12_570_268_491_181.0),)
        ),
    ),
    "sbicrypto/workers.json": (
        "sbicrypto",
        "account",
        PartialReport(
            hashrate={600.0: 101e12, 3600.0: 100.5e12, DAY: 100.1e12},
            more=False,
            workers=(
                WorkerReport(name="rig01", hashrate={600.0: 101e12, 3600.0: 100.5e12, DAY: 100.1e12}, state="active"),
            ),
        ),
    ),
    "btccom/realtime_hashrate.json": ("btccom", "account", PartialReport(hashrate={900.0: 22.88e15, DAY: 23.33e15})),
    "btccom/worker_stats.json": (
        "btccom",
        "workers",
        PartialReport(
            hashrate={60.0: 22.55e15, 300.0: 22.79e15, 900.0: 22.85e15},
            workers_by_state={"active": 1999, "inactive": 1, "dead": 1},
        ),
    ),
    "btccom/account_earn_stats.json": ("btccom", "balance", PartialReport(balance_sat=0, paid_sat=0)),
    "powerpool/user.json": (
        "powerpool",
        "account",
        PartialReport(
            hashrate={0.0: 100e12},
            balance_sat=100_000,
            payouts=(Payout(at=1.75e9, sat=100_000),),
            earnings=(Earning(start=1_749_945_600.0, end=1_750_032_000.0, sat=5_000),),
            workers=(WorkerReport(name="rig01", hashrate={0.0: 100e12}, state="active"),),
        ),
    ),
}
"""File on the shelf → adapter, call, and the expected report."""
