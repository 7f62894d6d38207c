"""Paths and answers of Binance Pool, by kind and call."""

from typing import Any

from fakes.pool_answers.account import MS, TH

PATHS: dict[str, dict[str, str]] = {
    "binance": {
        "account": "/sapi/v1/mining/statistics/user/status",
        "workers": "/sapi/v1/mining/worker/list",
        "rewards": "/sapi/v1/mining/payment/list",
    },
}
ANSWERS: dict[str, dict[str, Any]] = {
    "binance": {
        "account": {
            "code": 0,
            "msg": "",
            "data": {
                "fifteenMinHashRate": f"{300 * TH}.00000000",
                "dayHashRate": f"{300 * TH}.00000000",
                "unit": "h/s",
            },
        },
        "workers": [
            {
                "code": 0,
                "data": {
                    "totalNum": 2,
                    "pageSize": 1,
                    "workerDatas": [
                        {
                            "workerName": f"rig0{n}",
                            "status": 1,
                            "hashRate": n * 100 * TH,
                            "dayHashRate": n * 100 * TH,
                            "rejectRate": 0,
                            "lastShareTime": MS - 30_000,
                        }
                    ],
                },
            }
            for n in (1, 2)
        ],
        "rewards": {
            "code": 0,
            "data": {
                "totalNum": 300,
                "pageSize": 200,
                "accountProfits": [
                    {"time": 1_749_859_200_000, "coinName": "BTC", "profitAmount": 0.00061081, "dayHashRate": 300 * TH},
                    {"time": 1_749_859_200_000, "coinName": "FB", "profitAmount": 7, "dayHashRate": 300 * TH},
                ],
            },
        },
    },
}
