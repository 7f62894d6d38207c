"""Reads AntPool: signed form requests, H/s in the overview and MH/s elsewhere, paged workers, work in difficulty 1."""

from collections.abc import Callable, Mapping
from typing import Final
from urllib.parse import urlencode

from stratoscope.pools.pool import (
    ACCOUNT_INTERVAL_S,
    REWARDS_INTERVAL_S,
    WORKERS_INTERVAL_S,
    PartialReport,
    PoolAdapter,
    PoolCall,
    PoolRequest,
    RequestContext,
)
from stratoscope.pools.reader import AnswerReader, read_object, read_rows, refusal_error
from stratoscope.pools.report import WorkerReport, WorkerState, WorkTotals
from stratoscope.pools.signing import hmac_sha256_hex
from stratoscope.units import DAY, HOUR, MH, MINUTE

OVERVIEW: Final = {10 * MINUTE: "hsLast10m", HOUR: "hsLast1h", DAY: "hsLast1d"}  # H/s
WINDOWS: Final = {10 * MINUTE: "last10m", 30 * MINUTE: "last30m", HOUR: "last1h", DAY: "last1d"}  # MH/s
SUCCESS_CODES: Final = (0, "0", "000000")
ROWS: Final = 50


def signature(user: str, key: str, secret: str, nonce: int) -> str:
    """Return AntPool's signature: the HMAC-SHA256 of user, key and nonce in upper-case hexadecimal."""
    return hmac_sha256_hex(f"{user}{key}{nonce}", secret).upper()


def _open_answer(body: bytes) -> AnswerReader:
    envelope = read_object(body)
    if envelope.raw.get("code") not in SUCCESS_CODES:
        raise refusal_error(envelope.raw.get("code"), envelope.raw.get("message"))
    return envelope.require("data").child("data")


def _read_work(reader: AnswerReader) -> tuple[WorkTotals, ...]:
    """Return the work in difficulty 1; `rejected` is the sum of duplicate and other shares."""
    accepted, stale = reader.number("accepted"), reader.number("stale")
    duplicate, other = (
        reader.number("dupelicate", "duplicate"),
        reader.number("other"),
    )  # the API writes "dupelicate"
    if accepted is None:
        return ()
    rejected = None if duplicate is None or other is None else duplicate + other
    return (WorkTotals(accepted=accepted, stale=stale, rejected=rejected, counted="difficulty"),)


def read_overview(body: bytes, _: RequestContext) -> PartialReport:
    """Return hashrate, workers by state and balance."""
    reader = _open_answer(body).require("hsLast10m", "hsLast1h", "hsLast1d")
    states: dict[WorkerState, int] = {}
    keys: tuple[tuple[WorkerState, str], ...] = (
        ("active", "activeWorkerNum"),
        ("inactive", "inactiveWorkerNum"),
        ("dead", "invalidWorkerNum"),
    )
    for state, key in keys:
        if (count := reader.integer(key)) is not None:
            states[state] = count
    return PartialReport(
        hashrate=reader.rates(OVERVIEW),
        workers_by_state=states,
        balance_sat=reader.sat("unpaidAmount"),
        defects=reader.defect_texts(),
    )


def read_hashrate(body: bytes, _: RequestContext) -> PartialReport:
    """Return hashrate and work."""
    reader = _open_answer(body).require("last10m", "accepted")
    return PartialReport(
        hashrate=reader.rates(WINDOWS, scale=MH), work=_read_work(reader), defects=reader.defect_texts()
    )


def read_account(body: bytes, _: RequestContext) -> PartialReport:
    """Return the balance and the total paid."""
    reader = _open_answer(body).require("balance")
    return PartialReport(
        balance_sat=reader.sat("balance"), paid_sat=reader.sat("paidOut"), defects=reader.defect_texts()
    )


def read_workers(body: bytes, context: RequestContext) -> PartialReport:
    """Return a page of workers."""
    reader = _open_answer(body).require("rows")
    rows = reader.rows("rows")
    found = read_rows(rows, _read_worker)
    pages = reader.integer("totalPage") or 1
    return PartialReport(workers=found, more=context.page < pages and bool(found), defects=reader.defect_texts())


def _read_worker(row: AnswerReader) -> WorkerReport | None:
    name = row.require("worker", "last10m").text("worker")
    if name is None:
        return None
    rates = row.rates(WINDOWS, scale=MH)
    now = rates.get(10 * MINUTE)
    return WorkerReport(
        name=name,
        hashrate=rates,
        work=_read_work(row),
        state=None if now is None else "active" if now > 0 else "inactive",
    )


def _form(
    page: str, more: Callable[[RequestContext], Mapping[str, str | int]] = lambda _: {}
) -> Callable[[RequestContext], PoolRequest]:
    def make_request(context: RequestContext) -> PoolRequest:
        who = context.account
        form = {
            "key": who.key,
            "nonce": context.nonce,
            "signature": signature(who.account, who.key, who.secret, context.nonce),
            "coin": "BTC",
            "userId": who.account,
            "clientUserId": who.account,
            **more(context),
        }
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        return PoolRequest(f"/api/{page}.htm", headers, urlencode(form).encode())

    return make_request


ANTPOOL: Final = PoolAdapter(
    kind="antpool",
    title="AntPool",
    url="https://antpool.com",
    required_keys=("account", "key", "secret"),
    calls=(
        PoolCall("account", ACCOUNT_INTERVAL_S, _form("accountOverview"), read_overview),
        PoolCall(
            "workers",
            WORKERS_INTERVAL_S,
            _form("workers", lambda t: {"pageEnable": 1, "page": t.page, "pageSize": ROWS}),
            read_workers,
        ),
        PoolCall("work", WORKERS_INTERVAL_S, _form("hashrate"), read_hashrate, optional=True),
        PoolCall("balance", REWARDS_INTERVAL_S, _form("account"), read_account, optional=True),
    ),
    spacing=2.0,
    burst=5,
    reports=frozenset({"account", "workers", "refused", "balance"}),
    access="On antpool.com under Account, API, create a key with read permission: you get `key` and `secret`. "
    "`account` is the user or sub-account.",
    limits="600 requests per ten minutes; above that the pool blocks the address.",
    notes="The API does not report how the account is paid: set `scheme`.",
)
