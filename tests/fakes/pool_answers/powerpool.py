"""Paths and answers of PowerPool, by kind and call."""

from typing import Any

from fakes.pool_answers.account import NOW

PATHS: dict[str, dict[str, str]] = {
    "powerpool": {"account": "/api2/user"},
}
ANSWERS: dict[str, dict[str, Any]] = {
    "powerpool": {
        "account": {
            "data": {
                "hashrate": {
                    "sha256": {"hashrate": 300.0, "speedConversion": 1e12},
                    "scrypt": {"hashrate": 1, "speedConversion": 1e9},
                },
                "balances": [{"coinTicker": "BTC", "balance": 0.001}],
                "earnings": [{"timestamp": 1_749_900_000.0, "coins": {"BTC": {"value": 0.00061081}}}],
                "payments": [
                    {"ticker": "BTC", "value": 0.001, "timestamp": NOW - 9000.0},
                    {"ticker": "FB", "value": 5, "timestamp": NOW - 9000.0},
                ],
                "workers": [
                    {"name": f"rig0{n}", "hashrate": n * 100.0, "speedConversion": 1e12, "algorithm": "sha256"}
                    for n in (1, 2)
                ],
            }
        }
    },
}
