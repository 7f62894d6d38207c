"""Reads CKPool and its forks: statistics pages, the log directory they come from, and the stratifier's socket.

Hashrates carry a letter ("85.4T"); the pool's status is three JSON objects, one a line. A user's `shares` are summed
difficulty. Over the socket hashrates are difficulty per second. Solo: nothing is credited before a block is found.
"""

from dataclasses import replace
from typing import Any, Final
from urllib.parse import quote

import orjson

from stratoscope.errors import SourceError
from stratoscope.outside.document import document
from stratoscope.pools.pool import STATUS, WORKERS, Ask, Call, Part, Pool, Turn
from stratoscope.pools.reader import Said, an_object, each, opened, refusal
from stratoscope.pools.report import Tally, WorkerReport, WorkerState
from stratoscope.units import DAY, HOUR, MINUTE

HASHES: Final = 4_294_967_296
"""Hashes per difficulty as CKPool counts them: 2^32."""
IDLE: Final = 10 * MINUTE
"""Without a share for this long a worker is inactive; CKPool itself takes ten minutes to call one idle."""
WINDOWS: Final = {
    MINUTE: "hashrate1m",
    5 * MINUTE: "hashrate5m",
    HOUR: "hashrate1hr",
    DAY: "hashrate1d",
    7 * DAY: "hashrate7d",
}
RATES: Final = {MINUTE: "dsps1", 5 * MINUTE: "dsps5", HOUR: "dsps60", DAY: "dsps1440", 7 * DAY: "dsps10080"}


def state_of(last_share: float | None, now: float, idle: float = IDLE) -> WorkerState | None:
    """Return the state of a worker by its last share, `idle` s ago at most; None where that is not told."""
    return None if last_share is None else "active" if now - last_share <= idle else "inactive"


def _work(said: Said) -> tuple[Tally, ...]:
    shares = said.number("shares")
    return () if shares is None else (Tally(accepted=shares, counted="difficulty"),)


def read_user(body: bytes, turn: Turn) -> Part:
    """Return the account with its workers."""
    said = opened(body)
    said.need("hashrate5m", "hashrate1hr", "lastshare")
    workers = said.rows("worker")
    found = each(workers, lambda row: _worker(row, turn))
    return Part(
        hashrate=said.rates(WINDOWS),
        work=_work(said),
        last_share=said.time("lastshare"),
        workers=found,
        best_difficulty=said.number("bestever", "bestshare"),
        defects=said.wrong(),
    )


def _worker(row: Said, turn: Turn) -> WorkerReport | None:
    name = row.need("hashrate5m").text("workername")
    if name is None:
        row.add_defect("workername", None, "missing")
        return None
    last = row.time("lastshare")
    return WorkerReport(
        name=name, hashrate=row.rates(WINDOWS), work=_work(row), last_share=last, state=state_of(last, turn.now)
    )


def read_status(body: bytes, _: Turn) -> Part:
    """Return what the three lines of pool.status say of the whole pool."""
    lines = [line for line in body.split(b"\n") if line.strip()]
    whole: dict[str, Any] = {}
    for line in lines[:8]:
        try:
            whole |= an_object(orjson.loads(line))
        except orjson.JSONDecodeError:
            document(body)  # says what it is instead
            raise SourceError("not_json", "a line of the status is no JSON") from None
    said = Said(whole).need("lastupdate", "hashrate1hr")
    return Part(at=said.time("lastupdate"), pool_hashrate=said.rate("hashrate1hr"), defects=said.wrong())


def _user(turn: Turn) -> Ask:
    return Ask(f"/users/{quote(turn.account.account, safe='')}")


def _dsps(said: Said) -> dict[float, float]:
    return said.rates(RATES, scale=HASHES)


def _answered(body: bytes) -> Said:
    said = opened(body)
    if said.text("errormsg", "error") is not None:
        raise refusal("", said.text("errormsg", "error"))
    return said


def read_socket_user(body: bytes, _: Turn) -> Part:
    """Return the account as the stratifier tells it."""
    said = _answered(body).need("dsps5", "dsps60")
    return Part(
        hashrate=_dsps(said),
        last_share=said.time("lastshare"),
        best_difficulty=said.number("bestdiff"),
        defects=said.wrong(),
    )


def read_socket_workers(body: bytes, turn: Turn) -> Part:
    """Return the account's workers out of those of the whole pool."""
    said = _answered(body).need("workers")
    rows, found = said.rows("workers"), []
    for row in rows or ():
        name = row.text("worker")
        if name is not None and row.text("user") == turn.account.account:
            last = row.time("lastshare")
            found.append(WorkerReport(name=name, hashrate=_dsps(row), last_share=last, state=state_of(last, turn.now)))
    return Part(workers=None if rows is None else tuple(found), defects=said.wrong())


def read_socket_pool(body: bytes, _: Turn) -> Part:
    """Return the whole pool as the stratifier tells it."""
    said = _answered(body).need("update", "dsps60")
    return Part(at=said.time("update"), pool_hashrate=said.rate("dsps60", scale=HASHES), defects=said.wrong())


def _get_user(turn: Turn) -> Ask:
    return Ask("stratifier", body=b"getuser=" + orjson.dumps({"user": turn.account.account}))


SOLO: Final = Pool(
    kind="ckpool",
    title="CKPool (solo.ckpool.org and self-hosted)",
    url="https://solo.ckpool.org",
    needs=("account",),
    calls=(
        Call("account", STATUS, _user, read_user),
        Call("pool", WORKERS, lambda _: Ask("/pool/pool.status"), read_status, extra=True),
    ),
    scheme="solo",
    tells=frozenset({"account", "workers"}),
    access="No key. `account` is the payout address (or the user name) that the rigs log in with. A pool of your "
    "own, or a fork of CKPool, needs `url`, under which its `users/` and `pool/` are served.",
    limits="Static files that are written anew about once a minute.",
    notes="An address without a share so far has no page: HTTP 404.",
)
EU: Final = replace(SOLO, kind="ckpool-eu", title="CKPool EU (eusolo.ckpool.org)", url="https://eusolo.ckpool.org")
LOGS: Final = replace(
    SOLO,
    kind="ckpool-logs",
    title="CKPool of your own, by its log directory",
    url=None,
    needs=("path", "account"),
    way="folder",
    spacing=1.0,
    tells=frozenset({"account", "workers"}),
    access="`path` is the log directory of ckpool, which holds `users/` and `pool/`; the agent must be allowed to "
    "read it. `account` is the address or user name.",
    limits="None: files on this machine.",
    notes="",
)
SOCKET: Final = Pool(
    kind="ckpool-socket",
    title="CKPool of your own, by its unix sockets",
    needs=("path", "account"),
    way="socket",
    calls=(
        Call("account", STATUS, _get_user, read_socket_user),
        Call("workers", WORKERS, lambda _: Ask("stratifier", body=b"workers"), read_socket_workers),
        Call("pool", WORKERS, lambda _: Ask("stratifier", body=b"poolstats"), read_socket_pool, extra=True),
    ),
    spacing=1.0,
    scheme="solo",
    tells=frozenset({"account", "workers"}),
    access="`path` is the directory of ckpool's sockets (`/tmp/ckpool`, or what `-s` and `-n` made of it); the "
    "agent must be allowed to write to `stratifier` in it. `account` is the address or user name.",
    limits="None: a socket on this machine.",
)
