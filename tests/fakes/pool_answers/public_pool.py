"""Paths and answers of public-pool, by kind and call."""

from typing import Any

from fakes.pool_answers.account import ADDRESS, TH

PATHS: dict[str, dict[str, str]] = {
    "public-pool": {"account": f"/api/client/{ADDRESS}", "pool": "/api/pool"},
}
ANSWERS: dict[str, dict[str, Any]] = {
    "public-pool": {
        "account": {
            "bestDifficulty": 2e9,
            "workersCount": 3,
            "workers": [
                {"name": "rig01", "hashRate": 60 * TH, "lastSeen": "2025-06-15T15:07:20.000Z"},
                {"name": "rig02", "hashRate": 200 * TH, "lastSeen": "2025-06-15T15:07:20.000Z"},
                {"name": "rig01", "hashRate": 40 * TH, "lastSeen": "2025-06-15T15:08:00.000Z"},
            ],
        },
        "pool": {"totalHashRate": 1.2e16, "blocksFound": [], "fee": 0},
    },
}
