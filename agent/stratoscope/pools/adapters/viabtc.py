"""Reads ViaBTC: an envelope with a code, H/s as text, paged workers, days in Beijing time unless UTC is requested."""

from collections.abc import Callable
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
from stratoscope.pools.reader import AnswerReader, format_day, parse_day, read_object, read_rows, refusal_error
from stratoscope.pools.report import Earning, Scheme, WorkerReport, WorkerState
from stratoscope.pools.signing import hmac_sha256_hex
from stratoscope.units import DAY, HOUR, MINUTE

WINDOWS: Final = {10 * MINUTE: "hashrate_10min", HOUR: "hashrate_1hour", DAY: "hashrate_24hour"}
STATES: Final[dict[str, WorkerState]] = {"active": "active", "unactive": "inactive", "inactive": "inactive"}
AUTH_CODES: Final = range(12001, 12005)
ROWS: Final = 100
HISTORY_S: Final = 7 * DAY
SCHEMES: Final[dict[str, Scheme]] = {"pps_profit": "pps+", "pplns_profit": "pplns", "solo_profit": "solo"}


def _open_answer(body: bytes) -> AnswerReader:
    envelope = read_object(body)
    code = envelope.raw.get("code")
    if code not in (0, "0"):
        raise refusal_error(code, envelope.raw.get("message"), "auth" if code in AUTH_CODES else None)
    return envelope.require("data").child("data")


def read_account(body: bytes, _: RequestContext) -> PartialReport:
    """Return the hashrate and workers by state."""
    reader = _open_answer(body).require(*WINDOWS.values())
    states: dict[WorkerState, int] = {}
    for state, key in (("active", "active_workers"), ("inactive", "unactive_workers")):
        if (count := reader.integer(key)) is not None:
            states[STATES[state]] = count
    return PartialReport(hashrate=reader.rates(WINDOWS), workers_by_state=states, defects=reader.defect_texts())


def read_workers(body: bytes, _: RequestContext) -> PartialReport:
    """Return a page of workers."""
    reader = _open_answer(body).require("data")
    rows = reader.rows("data")
    found = read_rows(rows, _read_worker)
    return PartialReport(workers=found, more=reader.flag("has_next") is True, defects=reader.defect_texts())


def _read_worker(row: AnswerReader) -> WorkerReport | None:
    name = row.require("worker_name", "hashrate_10min").text("worker_name")
    if name is None:
        return None
    return WorkerReport(
        name=name,
        hashrate=row.rates(WINDOWS),
        last_share=row.time("last_active"),
        state=STATES.get(row.text("worker_status") or ""),
    )


def read_days(body: bytes, _: RequestContext) -> PartialReport:
    """Return the earnings of each UTC day."""
    reader = _open_answer(body).require("data")
    rows = reader.rows("data")
    found, schemes = [], set()
    for row in rows or ():
        day, sat = parse_day(row.require("date", "total_profit").raw.get("date")), row.sat("total_profit")
        schemes |= {scheme for key, scheme in SCHEMES.items() if row.sat(key)}
        if day is not None and sat is not None:
            found.append(Earning(start=day[0], end=day[1], sat=sat))
    report = PartialReport(more=reader.flag("has_next") is True, defects=reader.defect_texts())
    if len(schemes) == 1:
        report["scheme"] = schemes.pop()
    if rows is not None:
        report["earnings"] = tuple(found)
    return report


def _page(
    path: str, query: Callable[[RequestContext], dict[str, str | int]]
) -> Callable[[RequestContext], PoolRequest]:
    def make_request(context: RequestContext) -> PoolRequest:
        return signed_request(path, {"coin": "BTC", **query(context)}, context)

    return make_request


def signed_request(path: str, query: dict[str, str | int], context: RequestContext) -> PoolRequest:
    """Return the request for `query`, signed if the account has a secret."""
    headers = {"X-API-KEY": context.account.key}
    if context.account.secret:
        query = {**query, "tonce": context.nonce}
        headers["X-SIGNATURE"] = hmac_sha256_hex(urlencode(query), context.account.secret)
    return PoolRequest(f"/res/openapi/v1/{path}?{urlencode(query)}", headers)


VIABTC: Final = PoolAdapter(
    kind="viabtc",
    title="ViaBTC",
    url="https://www.viabtc.net",
    required_keys=("key",),
    optional_keys=("account", "secret"),
    calls=(
        PoolCall("account", ACCOUNT_INTERVAL_S, _page("hashrate", lambda _: {}), read_account),
        PoolCall(
            "workers",
            WORKERS_INTERVAL_S,
            _page("hashrate/worker", lambda t: {"page": t.page, "limit": ROWS}),
            read_workers,
        ),
        PoolCall(
            "rewards",
            REWARDS_INTERVAL_S,
            _page(
                "profit/history",
                lambda t: {
                    "start_date": format_day(t.now - HISTORY_S),
                    "end_date": format_day(t.now),
                    "utc": "true",
                    "page": t.page,
                    "limit": ROWS,
                },
            ),
            read_days,
            optional=True,
        ),
    ),
    spacing=3.0,
    reports=frozenset({"account", "workers", "earnings"}),
    access="On viabtc.com under Settings, API, create a key and add the agent's public IP address to its list of "
    "allowed addresses; otherwise every request is refused. `secret` is needed only if the key requires signed "
    "requests. `account` is only a reminder for you: the key decides which account is read.",
    limits="Not published.",
    notes="Days are UTC: the agent requests them, because the API's default is Beijing time. Worker names come without "
    "the account name.",
)
