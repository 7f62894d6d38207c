"""Paths and answers of ViaBTC, by kind and call."""

from typing import Any

from fakes.pool_answers.account import NOW, TH


def _worker(name: str, rate: int) -> dict[str, Any]:
    return {
        "worker_name": name,
        "worker_status": "active",
        "last_active": NOW - 30,
        "reject_rate": "0.1",
        **{f"hashrate_{window}": str(rate) for window in ("10min", "1hour", "24hour")},
    }


PATHS: dict[str, dict[str, str]] = {
    "viabtc": {
        "account": "/res/openapi/v1/hashrate",
        "workers": "/res/openapi/v1/hashrate/worker",
        "rewards": "/res/openapi/v1/profit/history",
    },
}
ANSWERS: dict[str, dict[str, Any]] = {
    "viabtc": {
        "account": {
            "code": 0,
            "message": "OK",
            "data": {
                "active_workers": 2,
                "unactive_workers": 0,
                **{f"hashrate_{window}": str(300 * TH) for window in ("10min", "1hour", "24hour")},
            },
        },
        "workers": [
            {"code": 0, "data": {"has_next": True, "data": [_worker("rig01", 100 * TH)]}},
            {"code": 0, "data": {"has_next": False, "data": [_worker("rig02", 200 * TH)]}},
        ],
        "rewards": {
            "code": 0,
            "data": {
                "has_next": False,
                "data": [
                    {
                        "date": "2025-06-14",
                        "pps_profit": "0.00061081",
                        "pplns_profit": "0",
                        "solo_profit": "0",
                        "total_profit": "0.00061081",
                    }
                ],
            },
        },
    },
}
