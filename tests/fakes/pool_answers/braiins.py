"""Paths and answers of Braiins Pool, by kind and call."""

from typing import Any

from fakes.pool_answers.account import NOW

PATHS: dict[str, dict[str, str]] = {
    "braiins": {
        "account": "/accounts/profile/json/btc/",
        "workers": "/accounts/workers/json/btc/",
        "rewards": "/accounts/rewards/json/btc",
        "payouts": "/accounts/payouts/json/btc",
        "pool": "/stats/json/btc/",
    },
}
ANSWERS: dict[str, dict[str, Any]] = {
    "braiins": {
        "account": {
            "username": "acct",
            "btc": {
                "hash_rate_unit": "Gh/s",
                "hash_rate_5m": 300_000,
                "hash_rate_60m": 299_000,
                "hash_rate_24h": 301_000,
                "ok_workers": 1,
                "low_workers": 1,
                "off_workers": 0,
                "dis_workers": 0,
                "current_balance": "0.01000000",
            },
        },
        "workers": {
            "btc": {
                "workers": {
                    f"acct.rig0{n}": {
                        "state": "ok",
                        "last_share": NOW - 30,
                        "hash_rate_unit": "Gh/s",
                        "hash_rate_5m": n * 100_000,
                        "hash_rate_60m": n * 100_000,
                        "hash_rate_24h": n * 100_000,
                    }
                    for n in (1, 2)
                }
            }
        },
        "pool": {"btc": {"hash_rate_unit": "Gh/s", "pool_60m_hash_rate": 5.7e9, "update_ts": NOW - 60}},
        "rewards": {"btc": {"daily_rewards": [{"date": 1_749_859_200, "total_reward": "0.00061081"}]}},
        "payouts": {
            "onchain": [
                {"status": "confirmed", "resolved_at_ts": NOW - 9000, "amount_sats": 50_000},
                {"status": "queued", "resolved_at_ts": None, "amount_sats": 1},
            ],
            "lightning": [],
        },
    },
}
