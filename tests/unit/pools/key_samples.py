"""Expected figures of sample answers, computed by hand: Braiins, ViaBTC, F2Pool and Foundry."""

from stratoscope.pools.pool import PartialReport
from stratoscope.pools.report import Earning, Payout, WorkerReport, WorkTotals
from stratoscope.units import DAY

SAMPLES: dict[str, tuple[str, str, PartialReport]] = {
    "braiins/profile.json": (
        "braiins",
        "account",
        PartialReport(
            hashrate={300.0: 27.978e12, 3600.0: 28.191e12, DAY: 28.357e12},
            balance_sat=1_000_000,
            workers_by_state={"active": 2, "inactive": 1, "dead": 1},
        ),
    ),
    "braiins/workers.json": (
        "braiins",
        "workers",
        PartialReport(
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
    "braiins/pool_stats.json": (
        "braiins",
        "pool",
        PartialReport(at=1_785_080_000.0, pool_hashrate=5_719_000_000.123456789e9),
    ),
    "braiins/rewards.json": (
        "braiins",
        "rewards",
        PartialReport(earnings=(Earning(start=1_733_097_600.0, end=1_733_184_000.0, sat=61_081),)),
    ),
    "braiins/payouts.json": (
        "braiins",
        "payouts",
        PartialReport(payouts=(Payout(at=1_721_999_584.0, sat=50_000), Payout(at=1_712_846_885.0, sat=441_348))),
    ),
    "viabtc/hashrate.json": (
        "viabtc",
        "account",
        PartialReport(
            hashrate={600.0: 747_667_906_887.0, 3600.0: 124_611_317_814.0, DAY: 0.0},
            workers_by_state={"active": 1, "inactive": 0},
        ),
    ),
    "viabtc/hashrate_worker.json": (
        "viabtc",
        "workers",
        PartialReport(
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
        PartialReport(
            more=False, scheme="pps+", earnings=(Earning(start=1_538_697_600.0, end=1_538_784_000.0, sat=2148),)
        ),
    ),
    "f2pool/v2_hash_rate_info.json": (
        "f2pool",
        "account",
        PartialReport(
            hashrate={0.0: 101e12, 3600.0: 100.5e12, DAY: 100.1e12},
            work=(
                WorkTotals(accepted=3.618e17, stale=4.32e14, counted="hashes", window=3600.0),
                WorkTotals(accepted=8.64864e18, stale=9.504e15, counted="hashes", window=DAY),
            ),
        ),
    ),
    "f2pool/v2_hash_rate_worker_list.json": (
        "f2pool",
        "workers",
        PartialReport(
            workers=(
                WorkerReport(
                    name="rig01",
                    hashrate={0.0: 101e12, 3600.0: 100.5e12, DAY: 100.1e12},
                    last_share=1.75e9,
                    state="active",
                    work=(
                        WorkTotals(accepted=3.618e17, stale=4.32e14, counted="hashes", window=3600.0),
                        WorkTotals(accepted=8.64864e18, stale=9.504e15, counted="hashes", window=DAY),
                    ),
                ),
            )
        ),
    ),
    "f2pool/v2_assets_balance.json": ("f2pool", "balance", PartialReport(balance_sat=45_000, paid_sat=120_000_000)),
    "f2pool/v2_assets_transactions_list.json": (
        "f2pool",
        "rewards",
        PartialReport(
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
        PartialReport(
            hashrate={300.0: 0.0, 900.0: 0.0, 3600.0: 0.0, DAY: 0.0},
            workers_by_state={"active": 0},
            work=(WorkTotals(accepted=0.0, stale=0.0, rejected=0.0, counted="hashes", window=3600.0),),
            defects=("updatedAt: not a time", "lastShareTime: not a time"),
        ),
    ),
    "foundry/workers.json": (
        "foundry",
        "workers",
        PartialReport(
            workers=(
                WorkerReport(
                    name="rig01",
                    hashrate={300.0: 101e12, 900.0: 100.8e12, 3600.0: 100.7e12},
                    state="inactive",
                    last_share=1_749_988_800.0,
                    work=(WorkTotals(accepted=3.6252e17, stale=0.0, rejected=0.0, counted="hashes", window=3600.0),),
                ),
            )
        ),
    ),
    "foundry/balance.json": ("foundry", "balance", PartialReport(balance_sat=0, paid_sat=0)),
    "foundry/pool_stats.json": (
        "foundry",
        "pool",
        PartialReport(pool_hashrate=0.0, defects=("updatedAt: not a time",)),
    ),
    "foundry/earnings.json": (
        "foundry",
        "rewards",
        PartialReport(
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
}
"""File on the shelf → adapter, call, and the expected report."""
