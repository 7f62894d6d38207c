"""Answers in the shape of each pool, made up for the tests: one account `acct` of two rigs, 300 TH/s in all."""

from typing import Any

NOW = 1_750_000_100  # UTC s; 2025-06-15 15:08:20
MS = NOW * 1000
ADDRESS = "bc1qexampleexampleexampleexampleexample0"
TH = 10**12


def _ckpool(rate: str, last: int) -> dict[str, Any]:
    return {f"hashrate{window}": rate for window in ("1m", "5m", "1hr", "1d", "7d")} | {"lastshare": last}


def _dsps(rate: float) -> dict[str, Any]:
    return {f"dsps{window}": rate / 2**32 for window in (1, 5, 60, 1440, 10080)} | {"lastshare": NOW - 30}


def _f2(name: str, rate: int) -> dict[str, Any]:
    return {
        "name": name,
        "hash_rate": rate,
        "h1_hash_rate": rate,
        "h24_hash_rate": rate,
        "h1_stale_hash_rate": rate // 100,
        "h24_stale_hash_rate": rate // 100,
    }


def _ant(rate: int) -> dict[str, Any]:
    return {f"last{window}": str(rate) for window in ("10m", "30m", "1h", "1d")} | {
        "accepted": "1000",
        "stale": "5",
        "dupelicate": "1",
        "other": "2",
    }


def _viabtc(name: str, rate: int) -> dict[str, Any]:
    return {
        "worker_name": name,
        "worker_status": "active",
        "last_active": NOW - 30,
        "reject_rate": "0.1",
        **{f"hashrate_{window}": str(rate) for window in ("10min", "1hour", "24hour")},
    }


def _foundry(name: str, rate: int) -> dict[str, Any]:
    return {
        "workerName": name,
        "hashrate_5m": rate,
        "hashrate_15m": rate,
        "hashrate_1h": rate,
        "stale_1h": 10,
        "reject_1h": 20,
        "lastShareTime": "2025-06-15T15:07:20Z",
    }


USER = {
    **_ckpool("300T", NOW - 20),
    "shares": 5_000_000,
    "bestshare": 1.5e9,
    "bestever": 2_000_000_000,
    "worker": [
        {"workername": f"{ADDRESS}.rig01", **_ckpool("100T", NOW - 20), "shares": 2_000_000},
        {"workername": f"{ADDRESS}.rig02", **_ckpool("200T", NOW - 7200), "shares": 3_000_000},
    ],
}
STATUS = (
    f'{{"runtime":100,"lastupdate":{NOW - 15},"Users":2}}\n{{"hashrate1hr":"360P","hashrate1d":"274P"}}\n'
    '{"diff":76.2,"accepted":1,"rejected":0}\n'
).encode()
SPANS = (60, 300, 600, 1800, 3600, 10800, 43200, 86400)
METRICS = f"""# HELP worker_shares_valid_total Total valid shares submitted by worker
# TYPE worker_shares_valid_total counter
worker_shares_valid_total{{btcaddress="{ADDRESS}",workername="rig01"}} 4.2e+18
worker_shares_valid_total{{btcaddress="{ADDRESS}",workername="rig02"}} 8.4e+18
worker_shares_valid_total{{btcaddress="bc1qsomeoneelse",workername="x"}} 1e+15
worker_last_share_at{{btcaddress="{ADDRESS}",workername="rig01"}} {NOW - 20}
worker_best_share_ever{{btcaddress="{ADDRESS}",workername="rig01"}} 2e+09
"""

ANSWERS: dict[str, dict[str, Any]] = {
    "ckpool": {"account": USER, "pool": STATUS},
    "ckpool-eu": {"account": USER, "pool": STATUS},
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
    "braiins": {
        "account": {
            "username": "acct",
            "btc": {
                "hash_rate_unit": "Gh/s",
                "hash_rate_5m": 300_000,
                "hash_rate_60m": 299_000,
                "hash_rate_24h": 301_000,
                "ok_workers": 1,
                "low_workers": 1,
                "off_workers": 0,
                "dis_workers": 0,
                "current_balance": "0.01000000",
            },
        },
        "workers": {
            "btc": {
                "workers": {
                    f"acct.rig0{n}": {
                        "state": "ok",
                        "last_share": NOW - 30,
                        "hash_rate_unit": "Gh/s",
                        "hash_rate_5m": n * 100_000,
                        "hash_rate_60m": n * 100_000,
                        "hash_rate_24h": n * 100_000,
                    }
                    for n in (1, 2)
                }
            }
        },
        "pool": {"btc": {"hash_rate_unit": "Gh/s", "pool_60m_hash_rate": 5.7e9, "update_ts": NOW - 60}},
        "rewards": {"btc": {"daily_rewards": [{"date": 1_749_859_200, "total_reward": "0.00061081"}]}},
        "payouts": {
            "onchain": [
                {"status": "confirmed", "resolved_at_ts": NOW - 9000, "amount_sats": 50_000},
                {"status": "queued", "resolved_at_ts": None, "amount_sats": 1},
            ],
            "lightning": [],
        },
    },
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
            {"code": 0, "data": {"has_next": True, "data": [_viabtc("rig01", 100 * TH)]}},
            {"code": 0, "data": {"has_next": False, "data": [_viabtc("rig02", 200 * TH)]}},
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
    "f2pool": {
        "account": {"info": _f2("acct", 300 * TH)},
        "workers": {
            "workers": [
                {"hash_rate_info": _f2(f"rig0{n}", n * 100 * TH), "last_share_at": NOW - 30, "status": 0}
                for n in (1, 2)
            ]
        },
        "balance": {"balance_info": {"balance": 0.00045, "paid": 1.2}},
        "rewards": {
            "transactions": [
                {
                    "changed_balance": 0.00061081,
                    "mining_extra": {
                        "mining_date": 1_749_859_200,
                        "pps": 0.00062,
                        "pps_fee_rate": 0.025,
                        "tx_fee": 0.00000651,
                        "tx_fee_rate": 0.0105,
                        "hash_rate": 300 * TH,
                    },
                }
            ]
        },
    },
    "foundry": {
        "account": {
            "hashrate5minAvg": 300_000,
            "hashrate15minAvg": 300_000,
            "hashrate1hrAvg": 300_000,
            "hashrate24hrAvg": 300_000,
            "stale1hrAvg": 10,
            "reject1hrAvg": 20,
            "activeWorkers": 2,
            "updatedAt": "2025-06-15T15:08:00Z",
            "lastShareTime": "2025-06-15T15:07:50Z",
        },
        "workers": {"workersList": [_foundry("acct.rig01", 100_000), _foundry("acct.rig02", 200_000)]},
        "balance": {"balance": 0.0123, "totalWithdrawn": 1.5},
        "rewards": [
            {
                "startTime": "2025-06-14T00:00:00Z",
                "endTime": "2025-06-15T00:00:00Z",
                "totalAmount": 0.00061081,
                "hashrate": 300_000,
                "ppsBaseAmount": 0.0006,
                "txFeeRewardAmount": 0.00001081,
                "fppsRatePercent": 101.8,
                "feeAmount": 0.0,
                "feeRatePercent": 0.0,
            }
        ],
        "days": [{"unixTime": 1_749_859_200, "hashrateAccepted": 300_000, "hashrateStale": 10, "hashrateRejected": 20}],
        "pool": {"hashrate1hrAvg": 250_000_000_000, "updatedAt": "2025-06-15T15:08:00Z"},
    },
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
                "data": {"page": n, "totalPage": 2, "rows": [{"worker": f"acct.rig0{n}", **_ant(n * 100_000_000)}]},
            }
            for n in (1, 2)
        ],
        "work": {"code": 0, "data": _ant(300_000_000)},
        "balance": {"code": 0, "data": {"balance": "0.00480411", "paidOut": "1.5"}},
    },
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
    "emcd": {
        "account": {
            "total_count": {"all": 2, "active": 2, "inactive": 0},
            "total_hashrate": {"hashrate": 300 * TH, "hashrate1h": 300 * TH, "hashrate24h": 300 * TH},
            "details": [
                {
                    "worker": f"rig0{n}",
                    "hashrate": n * 100 * TH,
                    "hashrate1h": n * 100 * TH,
                    "hashrate24h": n * 100 * TH,
                    "active": 1,
                }
                for n in (1, 2)
            ],
        },
        "balance": {"username": "acct", "bitcoin": {"balance": 0.00129399, "total_paid": 0.01894419}},
        "rewards": {"income": [{"timestamp": 1_749_900_000, "income": 0.00061081, "total_hashrate": 300 * TH}]},
    },
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
    "btccom": {
        "account": {
            "err_no": 0,
            "data": {"shares_15m": "300", "shares_15m_unit": "T", "shares_1d": "0.3", "shares_1d_unit": "P"},
        },
        "workers": {
            "err_no": 0,
            "data": {
                "workers_active": 2,
                "workers_inactive": 0,
                "workers_dead": 0,
                "shares_1m": "300",
                "shares_5m": "300",
                "shares_15m": "300",
                "shares_unit": "T",
            },
        },
        "balance": {"err_no": 0, "data": {"unpaid": "480411", "total_paid": "150000000"}},
        "rewards": {
            "err_no": 0,
            "data": {
                "page": "1",
                "page_count": 1,
                "list": [
                    {"date": 20250614, "earnings": 61081, "payment_mode": "FPPS", "payment_time": "0", "paid_amount": 0}
                ],
            },
        },
    },
    "powerpool": {
        "account": {
            "data": {
                "hashrate": {
                    "sha256": {"hashrate": 300.0, "speedConversion": 1e12},
                    "scrypt": {"hashrate": 1, "speedConversion": 1e9},
                },
                "balances": [{"coinTicker": "BTC", "balance": 0.001}],
                "earnings": [{"timestamp": 1_749_900_000.0, "coins": {"BTC": {"value": 0.00061081}}}],
                "payments": [
                    {"ticker": "BTC", "value": 0.001, "timestamp": NOW - 9000.0},
                    {"ticker": "FB", "value": 5, "timestamp": NOW - 9000.0},
                ],
                "workers": [
                    {"name": f"rig0{n}", "hashrate": n * 100.0, "speedConversion": 1e12, "algorithm": "sha256"}
                    for n in (1, 2)
                ],
            }
        }
    },
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
    "hydrapool": {"account": METRICS.encode()},
}
ANSWERS["nicehash-address"] = ANSWERS["nicehash"]
"""Kind → call → its answer: JSON, bytes, or a list with one answer per page."""

SOCKET: dict[bytes, Any] = {
    b'getuser={"user":"%s"}' % ADDRESS.encode(): {"user": ADDRESS, "workers": 2, "bestdiff": 2e9, **_dsps(300 * TH)},
    b"workers": {
        "workers": [
            {"user": user, "worker": f"{user}.rig0{n}", **_dsps(n * 100 * TH)}
            for user in (ADDRESS, "bc1qsomeoneelse")
            for n in (1, 2)
        ]
    },
    b"poolstats": {"update": NOW - 15, "dsps60": 3.6e17 / 2**32},
}
"""What CKPool's stratifier answers to each message."""
