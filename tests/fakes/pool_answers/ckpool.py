"""Paths and answers of CKPool and its forks, by kind and call."""

from typing import Any

from fakes.pool_answers.account import ADDRESS, NOW, TH


def _rates(rate: str, last: int) -> dict[str, Any]:
    return {f"hashrate{window}": rate for window in ("1m", "5m", "1hr", "1d", "7d")} | {"lastshare": last}


def _socket_rates(rate: float) -> dict[str, Any]:
    return {f"dsps{window}": rate / 2**32 for window in (1, 5, 60, 1440, 10080)} | {"lastshare": NOW - 30}


USER = {
    **_rates("300T", NOW - 20),
    "shares": 5_000_000,
    "bestshare": 1.5e9,
    "bestever": 2_000_000_000,
    "worker": [
        {"workername": f"{ADDRESS}.rig01", **_rates("100T", NOW - 20), "shares": 2_000_000},
        {"workername": f"{ADDRESS}.rig02", **_rates("200T", NOW - 7200), "shares": 3_000_000},
    ],
}
STATUS = (
    f'{{"runtime":100,"lastupdate":{NOW - 15},"Users":2}}\n{{"hashrate1hr":"360P","hashrate1d":"274P"}}\n'
    '{"diff":76.2,"accepted":1,"rejected":0}\n'
).encode()

PATHS: dict[str, dict[str, str]] = {
    "ckpool": {"account": f"/users/{ADDRESS}", "pool": "/pool/pool.status"},
    "ckpool-eu": {"account": f"/users/{ADDRESS}", "pool": "/pool/pool.status"},
}
ANSWERS: dict[str, dict[str, Any]] = {
    "ckpool": {"account": USER, "pool": STATUS},
    "ckpool-eu": {"account": USER, "pool": STATUS},
}

SOCKET: dict[bytes, Any] = {
    b'getuser={"user":"%s"}' % ADDRESS.encode(): {
        "user": ADDRESS,
        "workers": 2,
        "bestdiff": 2e9,
        **_socket_rates(300 * TH),
    },
    b"workers": {
        "workers": [
            {"user": user, "worker": f"{user}.rig0{n}", **_socket_rates(n * 100 * TH)}
            for user in (ADDRESS, "bc1qsomeoneelse")
            for n in (1, 2)
        ]
    },
    b"poolstats": {"update": NOW - 15, "dsps60": 3.6e17 / 2**32},
}
"""Message to the stratifier → its answer."""
