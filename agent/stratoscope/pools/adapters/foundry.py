"""Reads Foundry USA: GH/s as whole numbers, ISO times, UTC days, each part of an earning in its own field."""

from collections.abc import Callable
from dataclasses import replace
from typing import Final
from urllib.parse import quote

from stratoscope.errors import SourceError
from stratoscope.outside.document import document
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
from stratoscope.units import CENTI, DAY, GH, HOUR, KILO, MINUTE

WINDOWS: Final = {5 * MINUTE: "hashrate_5m", 15 * MINUTE: "hashrate_15m", HOUR: "hashrate_1h"}
ACCOUNT_WINDOWS: Final = {
    5 * MINUTE: "hashrate5minAvg",
    15 * MINUTE: "hashrate15minAvg",
    HOUR: "hashrate1hrAvg",
    DAY: "hashrate24hrAvg",
}
OFFLINE_AFTER_S: Final = 15 * MINUTE
"""Without a share for this long Foundry counts a worker as offline; after a day it is in a third class."""
HISTORY_S: Final = 7 * DAY


def _open_answer(body: bytes) -> AnswerReader:
    reader = read_object(body)
    if "errors" in reader or "errorCode" in reader:
        raise refusal_error(reader.raw.get("errorCode", ""), reader.raw.get("message") or reader.raw.get("title"))
    return reader


def _read_work(reader: AnswerReader, window: float, accepted: str, stale: str, rejected: str) -> tuple[WorkTotals, ...]:
    """Return hashes computed from the mean rates over a window; nothing if stale and rejected are both missing."""
    rates = [reader.rate(key, scale=GH) for key in (accepted, stale, rejected)]
    good, late, bad = (None if rate is None else rate * window for rate in rates)
    if good is None or (late is None and bad is None):
        return ()
    return (WorkTotals(accepted=good, stale=late, rejected=bad, counted="hashes", window=window),)


def read_account(body: bytes, _: RequestContext) -> PartialReport:
    """Return hashrate, work and the number of active workers of the sub-account."""
    reader = _open_answer(body).require("hashrate5minAvg", "hashrate1hrAvg")
    active = reader.integer("activeWorkers")
    return PartialReport(
        at=reader.time("updatedAt"),
        hashrate=reader.rates(ACCOUNT_WINDOWS, scale=GH),
        work=_read_work(reader, HOUR, "hashrate1hrAvg", "stale1hrAvg", "reject1hrAvg"),
        last_share=reader.time("lastShareTime"),
        workers_by_state={} if active is None else {"active": active},
        defects=reader.defect_texts(),
    )


def read_workers(body: bytes, context: RequestContext) -> PartialReport:
    """Return the workers; the API does not page them."""
    reader = _open_answer(body).require("workersList")
    rows = reader.rows("workersList")
    found = read_rows(rows, lambda row: _read_worker(row, context))
    return PartialReport(workers=found, defects=reader.defect_texts())


def _read_worker(row: AnswerReader, context: RequestContext) -> WorkerReport | None:
    name = row.require("workerName", "hashrate_15m").text("workerName")
    if name is None:
        return None
    last = row.time("lastShareTime")
    return WorkerReport(
        name=name,
        hashrate=row.rates(WINDOWS, scale=GH),
        work=_read_work(row, HOUR, "hashrate_1h", "stale_1h", "reject_1h"),
        last_share=last,
        state=None if last is None else _state(context.now - last),
    )


def _state(since_share: float) -> WorkerState:
    return "active" if since_share <= OFFLINE_AFTER_S else "inactive" if since_share <= DAY else "dead"


def read_balance(body: bytes, _: RequestContext) -> PartialReport:
    """Return the balance and the total paid."""
    reader = _open_answer(body).require("balance")
    return PartialReport(
        balance_sat=reader.sat("balance"), paid_sat=reader.sat("totalWithdrawn"), defects=reader.defect_texts()
    )


def read_earnings(body: bytes, _: RequestContext) -> PartialReport:
    """Return the earnings of each day: subsidy, transaction fees, the pool's fee, and the FPPS rate."""
    rows = document(body)
    if not isinstance(rows, list):
        _open_answer(body)
        raise SourceError("schema", "the response is not a list")
    reader = AnswerReader({"earnings": rows})
    found, report = [], PartialReport()
    for row in reader.rows("earnings") or ():
        start, end = row.require("startTime", "totalAmount").time("startTime"), row.time("endTime")
        sat, rate = row.sat("totalAmount"), row.number("fppsRatePercent", scale=CENTI, high=100.0)
        fee = row.number("feeRatePercent", scale=CENTI, high=1.0)
        if fee is not None:
            report["fee_ratio"] = fee
        if start is not None and sat is not None:
            found.append(
                Earning(
                    start=start,
                    end=end or start + DAY,
                    sat=sat,
                    subsidy_sat=row.sat("ppsBaseAmount"),
                    fees_sat=row.sat("txFeeRewardAmount"),
                    pool_fee_sat=row.sat("feeAmount"),
                    hashrate=row.rate("hashrate", scale=GH),
                    rate_ratio=rate,
                )
            )
    report["earnings"], report["defects"] = tuple(found), reader.defect_texts()
    return report


def read_days(body: bytes, context: RequestContext) -> PartialReport:
    """Return the work of the newest complete day in hashes."""
    rows = document(body)
    if not isinstance(rows, list):
        _open_answer(body)
        raise SourceError("schema", "the response is not a list")
    reader = AnswerReader({"days": rows})
    found: list[WorkTotals] = []
    for row in reader.rows("days") or ():
        start = row.require("hashrateAccepted").time("unixTime", "time")
        if start is not None and start + DAY <= context.now:
            work = _read_work(row, DAY, "hashrateAccepted", "hashrateStale", "hashrateRejected")
            found += [replace(tally, since=start) for tally in work]
    if not found and not reader.defects:
        raise SourceError("refused", "there is no complete day yet")
    return PartialReport(
        work=tuple(sorted(found, key=lambda tally: tally.since or 0.0)[-1:]), defects=reader.defect_texts()
    )


def read_pool(body: bytes, _: RequestContext) -> PartialReport:
    """Return the hashrate of the whole pool."""
    reader = _open_answer(body).require("hashrate1hrAvg")
    return PartialReport(
        at=reader.time("updatedAt"),
        pool_hashrate=reader.rate("hashrate1hrAvg", scale=GH),
        defects=reader.defect_texts(),
    )


def _get(page: str, query: str = "coin=BTC") -> Callable[[RequestContext], PoolRequest]:
    return lambda context: PoolRequest(
        f"/{page}/{quote(context.account.account, safe='')}?{query}", {"X-API-KEY": context.account.key}
    )


def _work_history(context: RequestContext) -> PoolRequest:
    start, end = int((context.now - 3 * DAY) * KILO), int(context.now * KILO)
    return _get("subaccount_hashrate_day", f"coin=BTC&start={start}&end={end}")(context)


def _earnings_history(context: RequestContext) -> PoolRequest:
    start, end = int((context.now - HISTORY_S) * KILO), int(context.now * KILO)
    return _get("earnings", f"coin=BTC&startDateUnixMs={start}&endDateUnixMs={end}")(context)


FOUNDRY: Final = PoolAdapter(
    kind="foundry",
    title="Foundry USA Pool",
    url="https://api.foundryusapool.com",
    required_keys=("account", "key"),
    calls=(
        PoolCall("account", ACCOUNT_INTERVAL_S, _get("subaccount_stats"), read_account),
        PoolCall("workers", WORKERS_INTERVAL_S, _get("workers", "coin=BTC&pageSize=-1"), read_workers),
        PoolCall("balance", REWARDS_INTERVAL_S, _get("balance"), read_balance, optional=True),
        PoolCall("rewards", REWARDS_INTERVAL_S, _earnings_history, read_earnings, optional=True),
        PoolCall("days", REWARDS_INTERVAL_S, _work_history, read_days, optional=True),
        PoolCall("pool", REWARDS_INTERVAL_S, lambda _: PoolRequest("/pool_stats?coin=BTC"), read_pool, optional=True),
    ),
    spacing=3.0,
    scheme="fpps",
    reports=frozenset({"account", "workers", "refused", "balance", "earnings"}),
    access="On foundryusapool.com create a Viewer Link with the permissions for hashrate, workers and earnings: its "
    "key is the `key`. `account` is the name of the sub-account.",
    limits="Not published.",
    notes="Days are UTC and are credited an hour after they end. The FPPS rate leaves out the three blocks with the "
    "highest and the three with the lowest fees.",
)
