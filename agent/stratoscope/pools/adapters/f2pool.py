"""Reads F2Pool's API version 2: POST with JSON bodies, H/s, bitcoin as numbers, error codes in HTTP 200 responses."""

from collections.abc import Callable, Mapping
from typing import Any, Final

import orjson

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
from stratoscope.pools.report import Earning, WorkerReport, WorkerState, WorkTotals
from stratoscope.units import DAY, HOUR

WINDOWS: Final = {0.0: "hash_rate", HOUR: "h1_hash_rate", DAY: "h24_hash_rate"}
STALE: Final = {HOUR: "h1_stale_hash_rate", DAY: "h24_stale_hash_rate"}
STATES: Final[dict[int, WorkerState]] = {0: "active", 1: "inactive", 2: "dead"}
HISTORY_S: Final = 7 * DAY


def _open_answer(body: bytes) -> AnswerReader:
    reader = read_object(body)
    if reader.raw.get("code") not in (None, 0):
        raise refusal_error(reader.raw.get("code"), reader.raw.get("msg"))
    return reader


def _read_work(reader: AnswerReader) -> tuple[WorkTotals, ...]:
    """Return accepted and stale hashes, computed from the mean rates over each window."""
    found = []
    for window, key in STALE.items():
        stale, accepted = reader.rate(key), reader.rate(WINDOWS[window])
        if stale is not None and accepted is not None:
            found.append(WorkTotals(accepted=accepted * window, stale=stale * window, counted="hashes", window=window))
    return tuple(found)


def read_account(body: bytes, _: RequestContext) -> PartialReport:
    """Return the hashrate and stale work."""
    reader = _open_answer(body).require("info").child("info").require("hash_rate", "h1_hash_rate", "h24_hash_rate")
    return PartialReport(hashrate=reader.rates(WINDOWS), work=_read_work(reader), defects=reader.defect_texts())


def read_workers(body: bytes, _: RequestContext) -> PartialReport:
    """Return the workers; the API does not page them."""
    reader = _open_answer(body).require("workers")
    rows = reader.rows("workers")
    found = read_rows(rows, _read_worker)
    return PartialReport(workers=found, defects=reader.defect_texts())


def _read_worker(row: AnswerReader) -> WorkerReport | None:
    rates = row.require("hash_rate_info").child("hash_rate_info").require("name", "hash_rate")
    name = rates.text("name")
    if name is None:
        return None
    status = row.integer("status")
    return WorkerReport(
        name=name,
        hashrate=rates.rates(WINDOWS),
        work=_read_work(rates),
        last_share=row.time("last_share_at"),
        state=None if status is None else STATES.get(status),
    )


def read_balance(body: bytes, _: RequestContext) -> PartialReport:
    """Return the balance and the total paid."""
    reader = _open_answer(body).require("balance_info").child("balance_info").require("balance")
    return PartialReport(balance_sat=reader.sat("balance"), paid_sat=reader.sat("paid"), defects=reader.defect_texts())


def read_earnings(body: bytes, _: RequestContext) -> PartialReport:
    """Return the earnings of each day, split into subsidy and fees."""
    reader = _open_answer(body).require("transactions")
    rows = reader.rows("transactions")
    report = PartialReport(defects=())
    found = []
    for row in rows or ():
        extra = row.child("mining_extra")
        start, sat = (
            extra.require("mining_date").time("mining_date"),
            row.require("changed_balance").sat("changed_balance"),
        )
        fees, fee = extra.number("tx_fee_rate", high=100.0), extra.number("pps_fee_rate", high=1.0)
        if fee is not None:
            report["fee_ratio"] = fee
        if start is not None and sat is not None:
            found.append(
                Earning(
                    start=start,
                    end=start + DAY,
                    sat=sat,
                    subsidy_sat=extra.sat("pps"),
                    fees_sat=extra.sat("tx_fee"),
                    hashrate=extra.rate("hash_rate"),
                    rate_ratio=None if fees is None else 1 + fees,
                )
            )
    if rows is not None:
        report["earnings"] = tuple(found)
    report["defects"] = reader.defect_texts()
    return report


def _post(
    path: str, more: Callable[[RequestContext], Mapping[str, Any]] = lambda _: {}
) -> Callable[[RequestContext], PoolRequest]:
    def make_request(context: RequestContext) -> PoolRequest:
        body = {"currency": "bitcoin", "mining_user_name": context.account.account, **more(context)}
        headers = {"F2P-API-SECRET": context.account.key, "Content-Type": "application/json"}
        return PoolRequest(f"/v2/{path}", headers, orjson.dumps(body))

    return make_request


def _history(context: RequestContext) -> Mapping[str, Any]:
    return {"type": "revenue", "start_time": int(context.now - HISTORY_S), "end_time": int(context.now)}


F2POOL: Final = PoolAdapter(
    kind="f2pool",
    title="F2Pool",
    url="https://api.f2pool.com",
    required_keys=("account", "key"),
    calls=(
        PoolCall("account", ACCOUNT_INTERVAL_S, _post("hash_rate/info"), read_account),
        PoolCall("workers", WORKERS_INTERVAL_S, _post("hash_rate/worker/list"), read_workers),
        PoolCall("balance", REWARDS_INTERVAL_S, _post("assets/balance"), read_balance, optional=True),
        PoolCall(
            "rewards", REWARDS_INTERVAL_S, _post("assets/transactions/list", _history), read_earnings, optional=True
        ),
    ),
    spacing=5.0,
    scheme="fpps",
    reports=frozenset({"account", "workers", "refused", "balance", "earnings"}),
    access="On f2pool.com under Account, API, request a token with the permissions hash_rate/info, "
    "hash_rate/worker/list, assets/balance and assets/transactions/list: it is the `key`. `account` is the mining user "
    "name.",
    limits="The pool's own client waits a second between requests.",
    notes="Without the two assets permissions, only balance and earnings are missing.",
)
