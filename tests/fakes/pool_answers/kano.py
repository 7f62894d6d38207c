"""Paths and answers of KanoPool, by kind and call."""

from typing import Any

from fakes.pool_answers.account import NOW, TH

PATHS: dict[str, dict[str, str]] = {
    "kano": {"account": "/index.php"},
}
ANSWERS: dict[str, dict[str, Any]] = {
    "kano": {
        "account": {
            "STAMP": str(NOW - 10),
            "rows": "2",
            **{
                f"{key}:{n}": value
                for n in (0, 1)
                for key, value in {
                    "workername": f"acct.rig0{n + 1}",
                    "w_hashrate5m": str((n + 1) * 100 * TH),
                    "w_hashrate1hr": str((n + 1) * 100 * TH),
                    "w_hashrate24hr": "?",
                    "w_lastshare": str(NOW - 30),
                    "w_diffacc": "1000",
                    "w_diffinv": "8",
                    "w_diffsta": "5",
                    "w_elapsed": "86400",
                }.items()
            },
        }
    },
}
