"""Paths and answers of EMCD, by kind and call."""

from typing import Any

from fakes.pool_answers.account import TH

PATHS: dict[str, dict[str, str]] = {
    "emcd": {"account": "/v1/btc/workers/", "balance": "/v1/info/", "rewards": "/v1/btc/income/"},
}
ANSWERS: dict[str, dict[str, Any]] = {
    "emcd": {
        "account": {
            "total_count": {"all": 2, "active": 2, "inactive": 0},
            "total_hashrate": {"hashrate": 300 * TH, "hashrate1h": 300 * TH, "hashrate24h": 300 * TH},
            "details": [
                {
                    "worker": f"rig0{n}",
                    "hashrate": n * 100 * TH,
                    "hashrate1h": n * 100 * TH,
                    "hashrate24h": n * 100 * TH,
                    "active": 1,
                }
                for n in (1, 2)
            ],
        },
        "balance": {"username": "acct", "bitcoin": {"balance": 0.00129399, "total_paid": 0.01894419}},
        "rewards": {"income": [{"timestamp": 1_749_900_000, "income": 0.00061081, "total_hashrate": 300 * TH}]},
    },
}
