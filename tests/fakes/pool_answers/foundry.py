"""Paths and answers of Foundry USA, by kind and call."""

from typing import Any


def _worker(name: str, rate: int) -> dict[str, Any]:
    return {
        "workerName": name,
        "hashrate_5m": rate,
        "hashrate_15m": rate,
        "hashrate_1h": rate,
        "stale_1h": 10,
        "reject_1h": 20,
        "lastShareTime": "2025-06-15T15:07:20Z",
    }


PATHS: dict[str, dict[str, str]] = {
    "foundry": {
        "account": "/subaccount_stats/acct",
        "workers": "/workers/acct",
        "balance": "/balance/acct",
        "rewards": "/earnings/acct",
        "days": "/subaccount_hashrate_day/acct",
        "pool": "/pool_stats",
    },
}
ANSWERS: dict[str, dict[str, Any]] = {
    "foundry": {
        "account": {
            "hashrate5minAvg": 300_000,
            "hashrate15minAvg": 300_000,
            "hashrate1hrAvg": 300_000,
            "hashrate24hrAvg": 300_000,
            "stale1hrAvg": 10,
            "reject1hrAvg": 20,
            "activeWorkers": 2,
            "updatedAt": "2025-06-15T15:08:00Z",
            "lastShareTime": "2025-06-15T15:07:50Z",
        },
        "workers": {"workersList": [_worker("acct.rig01", 100_000), _worker("acct.rig02", 200_000)]},
        "balance": {"balance": 0.0123, "totalWithdrawn": 1.5},
        "rewards": [
            {
                "startTime": "2025-06-14T00:00:00Z",
                "endTime": "2025-06-15T00:00:00Z",
                "totalAmount": 0.00061081,
                "hashrate": 300_000,
                "ppsBaseAmount": 0.0006,
                "txFeeRewardAmount": 0.00001081,
                "fppsRatePercent": 101.8,
                "feeAmount": 0.0,
                "feeRatePercent": 0.0,
            }
        ],
        "days": [{"unixTime": 1_749_859_200, "hashrateAccepted": 300_000, "hashrateStale": 10, "hashrateRejected": 20}],
        "pool": {"hashrate1hrAvg": 250_000_000_000, "updatedAt": "2025-06-15T15:08:00Z"},
    },
}
