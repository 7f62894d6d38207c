"""Reads CKPool and its forks: statistics pages, the log directory they come from, and the stratifier's socket.

Hashrates have an SI suffix ("85.4T"); the pool's status is three JSON objects, one per line. A user's `shares` is a
sum of difficulty. On the socket, hashrates are difficulty per second. Solo: nothing is credited until a block is found.
"""

from dataclasses import replace
from typing import Any, Final
from urllib.parse import quote

import orjson

from stratoscope.errors import SourceError
from stratoscope.outside.document import document
from stratoscope.pools.pool import (
    ACCOUNT_INTERVAL_S,
    WORKERS_INTERVAL_S,
    PartialReport,
    PoolAdapter,
    PoolCall,
    PoolRequest,
    RequestContext,
)
from stratoscope.pools.reader import AnswerReader, read_object, read_rows, refusal_error, require_object
from stratoscope.pools.report import WorkerReport, WorkerState, WorkTotals
from stratoscope.units import DAY, HOUR, MINUTE

HASHES_PER_DIFFICULTY: Final = 4_294_967_296
"""As CKPool counts: 2^32."""
IDLE_AFTER_S: Final = 10 * MINUTE
"""A worker without a share for this long is inactive; CKPool itself calls it idle after ten minutes."""
WINDOWS: Final = {
    MINUTE: "hashrate1m",
    5 * MINUTE: "hashrate5m",
    HOUR: "hashrate1hr",
    DAY: "hashrate1d",
    7 * DAY: "hashrate7d",
}
RATES: Final = {MINUTE: "dsps1", 5 * MINUTE: "dsps5", HOUR: "dsps60", DAY: "dsps1440", 7 * DAY: "dsps10080"}


def state_of(last_share: float | None, now: float, idle_after: float = IDLE_AFTER_S) -> WorkerState | None:
    """Return "active" if the last share is at most `idle_after` s old, else "inactive"; None if it is unknown."""
    return None if last_share is None else "active" if now - last_share <= idle_after else "inactive"


def _read_work(reader: AnswerReader) -> tuple[WorkTotals, ...]:
    shares = reader.number("shares")
    return () if shares is None else (WorkTotals(accepted=shares, counted="difficulty"),)


def read_user(body: bytes, context: RequestContext) -> PartialReport:
    """Return the account and its workers."""
    reader = read_object(body)
    reader.require("hashrate5m", "hashrate1hr", "lastshare")
    workers = reader.rows("worker")
    found = read_rows(workers, lambda row: _read_worker(row, context))
    return PartialReport(
        hashrate=reader.rates(WINDOWS),
        work=_read_work(reader),
        last_share=reader.time("lastshare"),
        workers=found,
        best_difficulty=reader.number("bestever", "bestshare"),
        defects=reader.defect_texts(),
    )


def _read_worker(row: AnswerReader, context: RequestContext) -> WorkerReport | None:
    name = row.require("hashrate5m").text("workername")
    if name is None:
        row.add_defect("workername", None, "missing")
        return None
    last = row.time("lastshare")
    return WorkerReport(
        name=name, hashrate=row.rates(WINDOWS), work=_read_work(row), last_share=last, state=state_of(last, context.now)
    )


def read_status(body: bytes, _: RequestContext) -> PartialReport:
    """Return the pool's hashrate from the three lines of pool.status."""
    lines = [line for line in body.split(b"\n") if line.strip()]
    merged: dict[str, Any] = {}
    for line in lines[:8]:
        try:
            merged |= require_object(orjson.loads(line))
        except orjson.JSONDecodeError:
            document(body)  # raises a more specific error, such as for a web page
            raise SourceError("not_json", "a line of the status is not JSON") from None
    reader = AnswerReader(merged).require("lastupdate", "hashrate1hr")
    return PartialReport(
        at=reader.time("lastupdate"), pool_hashrate=reader.rate("hashrate1hr"), defects=reader.defect_texts()
    )


def _user(context: RequestContext) -> PoolRequest:
    return PoolRequest(f"/users/{quote(context.account.account, safe='')}")


def _dsps(reader: AnswerReader) -> dict[float, float]:
    return reader.rates(RATES, scale=HASHES_PER_DIFFICULTY)


def _open_answer(body: bytes) -> AnswerReader:
    reader = read_object(body)
    if reader.text("errormsg", "error") is not None:
        raise refusal_error("", reader.text("errormsg", "error"))
    return reader


def read_socket_user(body: bytes, _: RequestContext) -> PartialReport:
    """Return the account as the stratifier reports it."""
    reader = _open_answer(body).require("dsps5", "dsps60")
    return PartialReport(
        hashrate=_dsps(reader),
        last_share=reader.time("lastshare"),
        best_difficulty=reader.number("bestdiff"),
        defects=reader.defect_texts(),
    )


def read_socket_workers(body: bytes, context: RequestContext) -> PartialReport:
    """Return the account's workers from the list of all workers of the pool."""
    reader = _open_answer(body).require("workers")
    rows, found = reader.rows("workers"), []
    for row in rows or ():
        name = row.text("worker")
        if name is not None and row.text("user") == context.account.account:
            last = row.time("lastshare")
            found.append(
                WorkerReport(name=name, hashrate=_dsps(row), last_share=last, state=state_of(last, context.now))
            )
    return PartialReport(workers=None if rows is None else tuple(found), defects=reader.defect_texts())


def read_socket_pool(body: bytes, _: RequestContext) -> PartialReport:
    """Return the whole pool as the stratifier reports it."""
    reader = _open_answer(body).require("update", "dsps60")
    return PartialReport(
        at=reader.time("update"),
        pool_hashrate=reader.rate("dsps60", scale=HASHES_PER_DIFFICULTY),
        defects=reader.defect_texts(),
    )


def _get_user(context: RequestContext) -> PoolRequest:
    return PoolRequest("stratifier", body=b"getuser=" + orjson.dumps({"user": context.account.account}))


SOLO: Final = PoolAdapter(
    kind="ckpool",
    title="CKPool (solo.ckpool.org and self-hosted)",
    url="https://solo.ckpool.org",
    required_keys=("account",),
    calls=(
        PoolCall("account", ACCOUNT_INTERVAL_S, _user, read_user),
        PoolCall("pool", WORKERS_INTERVAL_S, lambda _: PoolRequest("/pool/pool.status"), read_status, optional=True),
    ),
    scheme="solo",
    reports=frozenset({"account", "workers"}),
    access="No key. `account` is the payout address (or user name) that the rigs log in with. For your own pool, or a "
    "fork of CKPool, set `url` to the address that serves its `users/` and `pool/`.",
    limits="Static files, updated about once a minute.",
    notes="An address that has not submitted a share yet has no page: HTTP 404.",
)
EU: Final = replace(SOLO, kind="ckpool-eu", title="CKPool EU (eusolo.ckpool.org)", url="https://eusolo.ckpool.org")
LOGS: Final = replace(
    SOLO,
    kind="ckpool-logs",
    title="Self-hosted CKPool, from its log directory",
    url=None,
    required_keys=("path", "account"),
    transport="folder",
    spacing=1.0,
    reports=frozenset({"account", "workers"}),
    access="`path` is ckpool's log directory, which contains `users/` and `pool/`; the agent needs read permission. "
    "`account` is the address or user name.",
    limits="None: files on this machine.",
    notes="",
)
SOCKET: Final = PoolAdapter(
    kind="ckpool-socket",
    title="Self-hosted CKPool, from its unix sockets",
    required_keys=("path", "account"),
    transport="socket",
    calls=(
        PoolCall("account", ACCOUNT_INTERVAL_S, _get_user, read_socket_user),
        PoolCall(
            "workers", WORKERS_INTERVAL_S, lambda _: PoolRequest("stratifier", body=b"workers"), read_socket_workers
        ),
        PoolCall(
            "pool",
            WORKERS_INTERVAL_S,
            lambda _: PoolRequest("stratifier", body=b"poolstats"),
            read_socket_pool,
            optional=True,
        ),
    ),
    spacing=1.0,
    scheme="solo",
    reports=frozenset({"account", "workers"}),
    access="`path` is the directory of ckpool's sockets (`/tmp/ckpool` unless changed by `-s` or `-n`); the agent "
    "needs write permission for `stratifier` in it. `account` is the address or user name.",
    limits="None: a socket on this machine.",
)
