"""Paths and answers of Luxor, by kind and call."""

from typing import Any

from fakes.pool_answers.account import TH

PATHS: dict[str, dict[str, str]] = {
    "luxor": {"account": "/api/v1/pool/summary/BTC", "workers": "/api/v1/pool/workers/BTC"},
}
ANSWERS: dict[str, dict[str, Any]] = {
    "luxor": {
        "account": {
            "hashrate_5m": str(300 * TH),
            "hashrate_24h": str(300 * TH),
            "active_miners": 2,
            "hashprice": [{"currency_type": "BTC", "value": 0.00059629}],
            "balance": [{"currency_type": "LTC", "revenue": 5}, {"currency_type": "BTC", "revenue": 0.269}],
        },
        "workers": [
            {
                "total_active": 2,
                "total_inactive": 0,
                "workers": [
                    {
                        "name": f"rig0{n}",
                        "hashrate": n * 100 * TH,
                        "stale_shares": 1,
                        "rejected_shares": 2,
                        "status": "ACTIVE",
                        "last_share_time": "2025-06-15T15:07:20Z",
                    }
                ],
                "pagination": {"next_page_url": "/api/v1/pool/workers/BTC?page_number=2" if n == 1 else None},
            }
            for n in (1, 2)
        ],
    },
}
