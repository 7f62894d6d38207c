"""Paths and answers of OCEAN, by kind and call."""

from typing import Any

from fakes.pool_answers.account import ADDRESS, NOW, TH

SPANS = (60, 300, 600, 1800, 3600, 10800, 43200, 86400)

PATHS: dict[str, dict[str, str]] = {
    "ocean": {
        "account": f"/v1/statsnap/{ADDRESS}",
        "hashrate": f"/v1/user_hashrate/{ADDRESS}",
        "workers": f"/v1/user_hashrate_full/{ADDRESS}",
        "rewards": f"/v1/earnpay/{ADDRESS}/",
    },
}
ANSWERS: dict[str, dict[str, Any]] = {
    "ocean": {
        "account": {
            "result": {
                "snap_ts": str(NOW - 20),
                "hashrate_60s": str(300 * TH),
                "hashrate_300s": str(300 * TH),
                "lastest_share_ts": str(NOW - 25),
                "unpaid": "0.00050000",
            }
        },
        "hashrate": {
            "result": {
                "snap_ts": str(NOW - 20),
                "active_worker_count": "2",
                **{f"hashrate_{span}s": str(300 * TH) for span in SPANS},
            }
        },
        "workers": {
            "result": {
                "snap_ts": NOW - 20,
                "workers": {
                    f"{ADDRESS}.rig0{n}": [{f"hashrate_{span}s": n * 100 * TH for span in SPANS}] for n in (1, 2)
                },
            }
        },
        "rewards": {
            "result": {
                "earnings": [{"ts": NOW - 9000, "satoshis_net_earned": 980, "fees_colected_satoshis": 20}],
                "payouts": [{"ts": NOW - 9000, "total_satoshis_net_paid": 1_048_576}],
            }
        },
    },
}
