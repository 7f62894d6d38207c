"""Paths and answers of SBI Crypto Pool, by kind and call."""

from typing import Any

PATHS: dict[str, dict[str, str]] = {
    "sbicrypto": {"account": "/api/external/v1/workers"},
}
ANSWERS: dict[str, dict[str, Any]] = {
    "sbicrypto": {
        "account": [
            {
                "last": n == 2,
                "content": [
                    {
                        "name": f"rig0{n}",
                        "subaccount": "acct",
                        "state": "ONLINE",
                        "hashrates": [n * 1e8, n * 1e8, n * 1e8],
                    },
                    {"name": "x", "subaccount": "other", "state": "ONLINE", "hashrates": [1, 1, 1]},
                ],
            }
            for n in (1, 2)
        ]
    },
}
