"""Paths and answers of F2Pool, by kind and call."""

from typing import Any

from fakes.pool_answers.account import NOW, TH


def _rates(name: str, rate: int) -> dict[str, Any]:
    return {
        "name": name,
        "hash_rate": rate,
        "h1_hash_rate": rate,
        "h24_hash_rate": rate,
        "h1_stale_hash_rate": rate // 100,
        "h24_stale_hash_rate": rate // 100,
    }


PATHS: dict[str, dict[str, str]] = {
    "f2pool": {
        "account": "/v2/hash_rate/info",
        "workers": "/v2/hash_rate/worker/list",
        "balance": "/v2/assets/balance",
        "rewards": "/v2/assets/transactions/list",
    },
}
ANSWERS: dict[str, dict[str, Any]] = {
    "f2pool": {
        "account": {"info": _rates("acct", 300 * TH)},
        "workers": {
            "workers": [
                {"hash_rate_info": _rates(f"rig0{n}", n * 100 * TH), "last_share_at": NOW - 30, "status": 0}
                for n in (1, 2)
            ]
        },
        "balance": {"balance_info": {"balance": 0.00045, "paid": 1.2}},
        "rewards": {
            "transactions": [
                {
                    "changed_balance": 0.00061081,
                    "mining_extra": {
                        "mining_date": 1_749_859_200,
                        "pps": 0.00062,
                        "pps_fee_rate": 0.025,
                        "tx_fee": 0.00000651,
                        "tx_fee_rate": 0.0105,
                        "hash_rate": 300 * TH,
                    },
                }
            ]
        },
    },
}
