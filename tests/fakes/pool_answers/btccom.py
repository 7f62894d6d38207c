"""Paths and answers of BTC.com, by kind and call."""

from typing import Any

PATHS: dict[str, dict[str, str]] = {
    "btccom": {
        "account": "/v1/realtime/hashrate",
        "workers": "/v1/worker/stats",
        "balance": "/v1/account/earn-stats",
        "rewards": "/v1/account/earn-history",
    },
}
ANSWERS: dict[str, dict[str, Any]] = {
    "btccom": {
        "account": {
            "err_no": 0,
            "data": {"shares_15m": "300", "shares_15m_unit": "T", "shares_1d": "0.3", "shares_1d_unit": "P"},
        },
        "workers": {
            "err_no": 0,
            "data": {
                "workers_active": 2,
                "workers_inactive": 0,
                "workers_dead": 0,
                "shares_1m": "300",
                "shares_5m": "300",
                "shares_15m": "300",
                "shares_unit": "T",
            },
        },
        "balance": {"err_no": 0, "data": {"unpaid": "480411", "total_paid": "150000000"}},
        "rewards": {
            "err_no": 0,
            "data": {
                "page": "1",
                "page_count": 1,
                "list": [
                    {"date": 20250614, "earnings": 61081, "payment_mode": "FPPS", "payment_time": "0", "paid_amount": 0}
                ],
            },
        },
    },
}
