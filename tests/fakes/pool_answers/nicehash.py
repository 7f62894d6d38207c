"""Paths and answers of NiceHash, by kind and call."""

from typing import Any

from fakes.pool_answers.account import ADDRESS

PATHS: dict[str, dict[str, str]] = {
    "nicehash": {"account": "/main/api/v2/mining/rigs2"},
    "nicehash-address": {"account": f"/main/api/v2/mining/external/{ADDRESS}/rigs2"},
}
ANSWERS: dict[str, dict[str, Any]] = {
    "nicehash": {
        "account": {
            "minerStatuses": {"MINING": 2},
            "unpaidAmount": "0.00001",
            "pagination": {"totalPageCount": 1},
            "miningRigs": [
                {
                    "name": f"rig0{n}",
                    "minerStatus": "MINING",
                    "stats": [
                        {
                            "algorithm": {"enumName": "SHA256ASICBOOST"},
                            "speedAccepted": n * 100,
                            "speedRejectedTotal": 0.1,
                        },
                        {"algorithm": {"enumName": "SCRYPT"}, "speedAccepted": 5, "speedRejectedTotal": 0},
                    ],
                }
                for n in (1, 2)
            ],
        }
    },
}
ANSWERS["nicehash-address"] = ANSWERS["nicehash"]
