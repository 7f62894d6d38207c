"""Expected figures of sample answers, computed by hand: pools without an API key, and KanoPool."""

from stratoscope.pools.pool import PartialReport
from stratoscope.pools.report import Earning, Payout, WorkerReport, WorkTotals
from stratoscope.units import DAY

SAMPLES: dict[str, tuple[str, str, PartialReport]] = {
    "ckpool/users_address.json": (
        "ckpool",
        "account",
        PartialReport(
            hashrate={60.0: 0.0, 300.0: 0.0, 3600.0: 4.57e9, DAY: 85.4e12, 7 * DAY: 148e12},
            work=(WorkTotals(accepted=7_831_260_707_329.0, counted="difficulty"),),
            last_share=1_751_962_081.0,
            best_difficulty=137_427_866_914_851.0,
            workers=(
                WorkerReport(
                    name="bc1qexample.rig",
                    hashrate={60.0: 0.0, 300.0: 0.0, 3600.0: 4.57e9, DAY: 85.4e12, 7 * DAY: 51.5e12},
                    work=(WorkTotals(accepted=10_267_078_458.0, counted="difficulty"),),
                    last_share=1_751_962_081.0,
                    state="active",
                ),
            ),
        ),
    ),
    "ckpool/pool.status.txt": ("ckpool", "pool", PartialReport(at=1_752_001_916.0, pool_hashrate=360e15)),
    "ocean/statsnap.json": (
        "ocean",
        "account",
        PartialReport(
            at=1_710_000_000.0,
            hashrate={60.0: 68_719_476_736.0, 300.0: 68_719_476_736.0},
            last_share=1_709_999_940.0,
            balance_sat=50_000,
        ),
    ),
    "ocean/user_hashrate.json": (
        "ocean",
        "hashrate",
        PartialReport(
            at=1.75e9,
            workers_by_state={"active": 2},
            hashrate=dict.fromkeys((60.0, 300.0, 600.0, 1800.0, 3600.0, 10800.0, 43200.0, DAY), 100e12),
        ),
    ),
    "ocean/user_hashrate_full.json": (
        "ocean",
        "workers",
        PartialReport(
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
        PartialReport(
            earnings=(Earning(start=1.75e9, end=1.75e9, sat=980, pool_fee_sat=20),),
            payouts=(Payout(at=1.75e9, sat=1_048_576),),
        ),
    ),
    "ocean/error_unknown_user.json": ("ocean", "account", PartialReport(workers=())),
    "public-pool/client_address.json": (
        "public-pool",
        "account",
        PartialReport(
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
    "public-pool/pool.json": ("public-pool", "pool", PartialReport(pool_hashrate=12e15, fee_ratio=0.0, blocks_found=0)),
    "parasite/user.json": (
        "parasite",
        "account",
        PartialReport(
            hashrate={300.0: 101e12},
            last_share=1.75e9,
            best_difficulty=1.2e12,
            workers=(
                WorkerReport(name="bc1qexample.rig", hashrate={300.0: 101e12}, last_share=1.75e9, state="active"),
            ),
        ),
    ),
    "parasite/pool_stats.json": ("parasite", "pool", PartialReport(pool_hashrate=310e15)),
    "hydrapool/metrics.txt": (
        "hydrapool",
        "account",
        PartialReport(
            work=(WorkTotals(accepted=123_456, counted="hashes"),),
            best_difficulty=1.2e9,
            workers=(WorkerReport(name="rig", work=(WorkTotals(accepted=123_456, counted="hashes"),)),),
        ),
    ),
    "kano/api_work_y.json": (
        "kano",
        "account",
        PartialReport(
            at=1.75e9,
            hashrate={300.0: 100e12, 3600.0: 100e12, DAY: 100e12},
            workers=(WorkerReport(name="user.rig", hashrate={300.0: 100e12, 3600.0: 100e12, DAY: 100e12}),),
        ),
    ),
}
"""File on the shelf → adapter, call, and the expected report."""
