"""Paths and answers of Parasite Pool, by kind and call."""

from typing import Any

from fakes.pool_answers.account import ADDRESS, NOW, TH

PATHS: dict[str, dict[str, str]] = {
    "parasite": {"account": f"/api/user/{ADDRESS}", "pool": "/api/pool-stats"},
}
ANSWERS: dict[str, dict[str, Any]] = {
    "parasite": {
        "account": {
            "hashrate": 300 * TH,
            "bestDifficulty": "2.0G",
            "lastSubmission": "20 seconds ago",
            "workerData": [
                {
                    "id": f"{ADDRESS}.rig0{n}",
                    "name": f"rig0{n}",
                    "hashrate": str(n * 100 * TH),
                    "lastSubmission": str(NOW - 20),
                }
                for n in (1, 2)
            ],
        },
        "pool": {"hashrate": 3.1e17},
    },
}
