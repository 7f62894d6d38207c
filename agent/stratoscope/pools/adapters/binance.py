"""Reads Binance Pool: signed queries, H/s as text, times in milliseconds, paged workers and payments."""

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
from stratoscope.pools.report import Earning, WorkerReport, WorkerState
from stratoscope.pools.signing import hmac_sha256_hex
from stratoscope.units import DAY, MINUTE

WINDOWS: Final = {15 * MINUTE: "fifteenMinHashRate", DAY: "dayHashRate"}
WORKER_WINDOWS: Final = {0.0: "hashRate", DAY: "dayHashRate"}
STATES: Final[dict[int, WorkerState]] = {1: "active", 2: "inactive", 3: "dead"}
RATE_LIMIT_CODES: Final = (-1003, -1015)
ROWS: Final = 200


def _open_answer(body: bytes) -> AnswerReader:
    envelope = read_object(body)
    code = envelope.raw.get("code")
    if code not in (0, "0"):
        raise refusal_error(code, envelope.raw.get("msg"), "rate_limited" if code in RATE_LIMIT_CODES else None)
    return envelope.require("data").child("data")


def read_account(body: bytes, _: RequestContext) -> PartialReport:
    """Return the hashrate."""
    reader = _open_answer(body).require(*WINDOWS.values(), "unit")
    return PartialReport(hashrate=reader.rates(WINDOWS, scale=reader.unit("unit")), defects=reader.defect_texts())


def read_workers(body: bytes, context: RequestContext) -> PartialReport:
    """Return a page of workers."""
    reader = _open_answer(body).require("workerDatas")
    rows = reader.rows("workerDatas")
    found = read_rows(rows, _read_worker)
    return PartialReport(workers=found, more=_has_more(reader, context) and bool(found), defects=reader.defect_texts())


def _has_more(reader: AnswerReader, context: RequestContext) -> bool:
    total, size = reader.integer("totalNum"), reader.integer("pageSize")
    return total is not None and size is not None and context.page * size < total


def _read_worker(row: AnswerReader) -> WorkerReport | None:
    name = row.require("workerName", "hashRate").text("workerName")
    if name is None:
        return None
    status = row.integer("status")
    return WorkerReport(
        name=name,
        hashrate=row.rates(WORKER_WINDOWS),
        last_share=row.time("lastShareTime"),
        state=None if status is None else STATES.get(status),
    )


def read_earnings(body: bytes, context: RequestContext) -> PartialReport:
    """Return the bitcoin earnings of each day."""
    reader = _open_answer(body).require("accountProfits")
    rows = reader.rows("accountProfits")
    found = []
    for row in rows or ():
        start, sat = row.require("time", "profitAmount").time("time"), row.sat("profitAmount")
        if row.text("coinName") == "BTC" and start is not None and sat is not None:
            found.append(Earning(start=start, end=start + DAY, sat=sat, hashrate=row.rate("dayHashRate")))
    report = PartialReport(more=_has_more(reader, context) and bool(rows), defects=reader.defect_texts())
    if rows is not None:
        report["earnings"] = tuple(found)
    return report


def _get(
    page: str, more: Callable[[RequestContext], Mapping[str, str | int]] = lambda _: {}
) -> Callable[[RequestContext], PoolRequest]:
    def make_request(context: RequestContext) -> PoolRequest:
        query = urlencode(
            {
                "algo": "sha256",
                "userName": context.account.account,
                **more(context),
                "recvWindow": 10000,
                "timestamp": context.nonce,
            }
        )
        sign = hmac_sha256_hex(query, context.account.secret)
        return PoolRequest(f"/sapi/v1/mining/{page}?{query}&signature={sign}", {"X-MBX-APIKEY": context.account.key})

    return make_request


BINANCE: Final = PoolAdapter(
    kind="binance",
    title="Binance Pool",
    url="https://api.binance.com",
    required_keys=("account", "key", "secret"),
    calls=(
        PoolCall("account", ACCOUNT_INTERVAL_S, _get("statistics/user/status"), read_account),
        PoolCall("workers", WORKERS_INTERVAL_S, _get("worker/list", lambda t: {"pageIndex": t.page}), read_workers),
        PoolCall(
            "rewards",
            REWARDS_INTERVAL_S,
            _get("payment/list", lambda _: {"coin": "BTC", "pageIndex": 1, "pageSize": ROWS}),
            lambda body, context: _first_page(read_earnings(body, context)),
            optional=True,
        ),
    ),
    spacing=2.0,
    burst=5,
    scheme="fpps",
    reports=frozenset({"account", "workers", "earnings"}),
    access="On binance.com under Account, API Management, create a read-only key, preferably restricted to the agent's "
    "public IP address: you get `key` and `secret`. `account` is the mining account. The agent's clock must be "
    "accurate to a few seconds.",
    limits="Each request uses 5 of the 1,200 request weights that an address has per minute.",
)


def _first_page(report: PartialReport) -> PartialReport:
    """Return `report` without further pages: it has the newest days, older ones do not change."""
    return PartialReport(**{**report, "more": False})
