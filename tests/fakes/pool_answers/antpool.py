"""Paths and answers of AntPool, by kind and call."""

from typing import Any

from fakes.pool_answers.account import TH


def _figures(rate: int) -> dict[str, Any]:
    return {f"last{window}": str(rate) for window in ("10m", "30m", "1h", "1d")} | {
        "accepted": "1000",
        "stale": "5",
        "dupelicate": "1",
        "other": "2",
    }


PATHS: dict[str, dict[str, str]] = {
    "antpool": {
        "account": "/api/accountOverview.htm",
        "workers": "/api/workers.htm",
        "work": "/api/hashrate.htm",
        "balance": "/api/account.htm",
    },
}
ANSWERS: dict[str, dict[str, Any]] = {
    "antpool": {
        "account": {
            "code": 0,
            "message": "ok",
            "data": {
                "hsLast10m": str(300 * TH),
                "hsLast1h": str(300 * TH),
                "hsLast1d": str(300 * TH),
                "unpaidAmount": "0.00480411",
                "activeWorkerNum": 2,
                "inactiveWorkerNum": 0,
                "invalidWorkerNum": 0,
            },
        },
        "workers": [
            {
                "code": "000000",
                "data": {"page": n, "totalPage": 2, "rows": [{"worker": f"acct.rig0{n}", **_figures(n * 100_000_000)}]},
            }
            for n in (1, 2)
        ],
        "work": {"code": 0, "data": _figures(300_000_000)},
        "balance": {"code": 0, "data": {"balance": "0.00480411", "paidOut": "1.5"}},
    },
}
