"""Reads Foundry USA: GH/s as whole numbers, ISO times, UTC days, every part of an earning told apart."""

from collections.abc import Callable
from dataclasses import replace
from typing import Final
from urllib.parse import quote

from stratoscope.errors import SourceError
from stratoscope.outside.document import document
from stratoscope.pools.pool import REWARDS, STATUS, WORKERS, Ask, Call, Part, Pool, Turn
from stratoscope.pools.reader import Said, each, opened, refusal
from stratoscope.pools.report import Earning, Tally, WorkerReport, WorkerState
from stratoscope.units import CENTI, DAY, GH, HOUR, KILO, MINUTE

WINDOWS: Final = {5 * MINUTE: "hashrate_5m", 15 * MINUTE: "hashrate_15m", HOUR: "hashrate_1h"}
ACCOUNT_WINDOWS: Final = {
    5 * MINUTE: "hashrate5minAvg",
    15 * MINUTE: "hashrate15minAvg",
    HOUR: "hashrate1hrAvg",
    DAY: "hashrate24hrAvg",
}
OFFLINE: Final = 15 * MINUTE
"""Foundry counts a worker as offline from here on, and in a class of its own after a day."""
BACK: Final = 7 * DAY


def _said(body: bytes) -> Said:
    said = opened(body)
    if "errors" in said or "errorCode" in said:
        raise refusal(said.raw.get("errorCode", ""), said.raw.get("message") or said.raw.get("title"))
    return said


def _work(said: Said, window: float, accepted: str, stale: str, rejected: str) -> tuple[Tally, ...]:
    """Return hashes from the mean rates over a window, where stale or rejected ones are told."""
    rates = [said.rate(key, scale=GH) for key in (accepted, stale, rejected)]
    good, late, bad = (None if rate is None else rate * window for rate in rates)
    if good is None or (late is None and bad is None):
        return ()
    return (Tally(accepted=good, stale=late, rejected=bad, counted="hashes", window=window),)


def read_account(body: bytes, _: Turn) -> Part:
    """Return hashrate, work and active workers of the sub-account."""
    said = _said(body).need("hashrate5minAvg", "hashrate1hrAvg")
    active = said.integer("activeWorkers")
    return Part(
        at=said.time("updatedAt"),
        hashrate=said.rates(ACCOUNT_WINDOWS, scale=GH),
        work=_work(said, HOUR, "hashrate1hrAvg", "stale1hrAvg", "reject1hrAvg"),
        last_share=said.time("lastShareTime"),
        workers_by_state={} if active is None else {"active": active},
        defects=said.wrong(),
    )


def read_workers(body: bytes, turn: Turn) -> Part:
    """Return the workers; all come at once."""
    said = _said(body).need("workersList")
    rows = said.rows("workersList")
    found = each(rows, lambda row: _worker(row, turn))
    return Part(workers=found, defects=said.wrong())


def _worker(row: Said, turn: Turn) -> WorkerReport | None:
    name = row.need("workerName", "hashrate_15m").text("workerName")
    if name is None:
        return None
    last = row.time("lastShareTime")
    return WorkerReport(
        name=name,
        hashrate=row.rates(WINDOWS, scale=GH),
        work=_work(row, HOUR, "hashrate_1h", "stale_1h", "reject_1h"),
        last_share=last,
        state=None if last is None else _state(turn.now - last),
    )


def _state(silent: float) -> WorkerState:
    return "active" if silent <= OFFLINE else "inactive" if silent <= DAY else "dead"


def read_balance(body: bytes, _: Turn) -> Part:
    """Return what is unpaid and what was paid."""
    said = _said(body).need("balance")
    return Part(balance_sat=said.sat("balance"), paid_sat=said.sat("totalWithdrawn"), defects=said.wrong())


def read_earnings(body: bytes, _: Turn) -> Part:
    """Return what each day earned: subsidy, transaction fees, the pool's fee, and the rate of FPPS."""
    rows = document(body)
    if not isinstance(rows, list):
        _said(body)
        raise SourceError("schema", "the answer is not a list")
    said = Said({"earnings": rows})
    found, part = [], Part()
    for row in said.rows("earnings") or ():
        start, end = row.need("startTime", "totalAmount").time("startTime"), row.time("endTime")
        sat, rate = row.sat("totalAmount"), row.number("fppsRatePercent", scale=CENTI, high=100.0)
        fee = row.number("feeRatePercent", scale=CENTI, high=1.0)
        if fee is not None:
            part["fee_ratio"] = fee
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
    part["earnings"], part["defects"] = tuple(found), said.wrong()
    return part


def read_days(body: bytes, turn: Turn) -> Part:
    """Return the work of the newest whole day in hashes."""
    rows = document(body)
    if not isinstance(rows, list):
        _said(body)
        raise SourceError("schema", "the answer is not a list")
    said = Said({"days": rows})
    found: list[Tally] = []
    for row in said.rows("days") or ():
        start = row.need("hashrateAccepted").time("unixTime", "time")
        if start is not None and start + DAY <= turn.now:
            work = _work(row, DAY, "hashrateAccepted", "hashrateStale", "hashrateRejected")
            found += [replace(tally, since=start) for tally in work]
    if not found and not said.defects:
        raise SourceError("refused", "there is no whole day yet")
    return Part(work=tuple(sorted(found, key=lambda tally: tally.since or 0.0)[-1:]), defects=said.wrong())


def read_pool(body: bytes, _: Turn) -> Part:
    """Return the hashrate of the whole pool."""
    said = _said(body).need("hashrate1hrAvg")
    return Part(at=said.time("updatedAt"), pool_hashrate=said.rate("hashrate1hrAvg", scale=GH), defects=said.wrong())


def _get(page: str, query: str = "coin=BTC") -> Callable[[Turn], Ask]:
    return lambda turn: Ask(f"/{page}/{quote(turn.account.account, safe='')}?{query}", {"X-API-KEY": turn.account.key})


def _work_days(turn: Turn) -> Ask:
    begin, end = int((turn.now - 3 * DAY) * KILO), int(turn.now * KILO)
    return _get("subaccount_hashrate_day", f"coin=BTC&start={begin}&end={end}")(turn)


def _days(turn: Turn) -> Ask:
    begin, end = int((turn.now - BACK) * KILO), int(turn.now * KILO)
    return _get("earnings", f"coin=BTC&startDateUnixMs={begin}&endDateUnixMs={end}")(turn)


FOUNDRY: Final = Pool(
    kind="foundry",
    title="Foundry USA Pool",
    url="https://api.foundryusapool.com",
    needs=("account", "key"),
    calls=(
        Call("account", STATUS, _get("subaccount_stats"), read_account),
        Call("workers", WORKERS, _get("workers", "coin=BTC&pageSize=-1"), read_workers),
        Call("balance", REWARDS, _get("balance"), read_balance, extra=True),
        Call("rewards", REWARDS, _days, read_earnings, extra=True),
        Call("days", REWARDS, _work_days, read_days, extra=True),
        Call("pool", REWARDS, lambda _: Ask("/pool_stats?coin=BTC"), read_pool, extra=True),
    ),
    spacing=3.0,
    scheme="fpps",
    tells=frozenset({"account", "workers", "refused", "balance", "earnings"}),
    access="On foundryusapool.com make a Viewer Link with the permissions for hashrate, workers and earnings; its "
    "key is the `key`. `account` is the name of the sub-account.",
    limits="Not published.",
    notes="Days are UTC and are credited an hour after they end. The rate of FPPS leaves out the three blocks with"
    " the most and the three with the least fees.",
)
