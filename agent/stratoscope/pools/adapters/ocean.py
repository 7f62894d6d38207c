"""Reads OCEAN: responses are wrapped in `result`, numbers are text, earnings are per block in satoshis."""

from collections.abc import Callable
from typing import Any, Final
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
from stratoscope.pools.reader import AnswerReader, refusal_error, require_object
from stratoscope.pools.report import Earning, Payout, WorkerReport
from stratoscope.units import DAY

SPANS: Final = (60, 300, 600, 1800, 3600, 10800, 43200, 86400)
WINDOWS: Final = {float(span): f"hashrate_{span}s" for span in SPANS}
HISTORY_S: Final = 7 * DAY
"""Earnings are requested this far back."""
UNKNOWN_USER: Final = "no such user"


def _open_answer(body: bytes) -> AnswerReader | None:
    """Return a reader of `result`; None if the pool does not know the user: an account that has no work yet."""
    envelope: dict[str, Any] = require_object(document(body))
    error = envelope.get("error")
    if error is not None:
        if str(error).strip().lower() == UNKNOWN_USER:
            return None
        raise refusal_error("", str(error))
    if not isinstance(envelope.get("result"), dict):
        raise SourceError("schema", "the response has no result")
    return AnswerReader(envelope["result"])


def read_snapshot(body: bytes, _: RequestContext) -> PartialReport:
    """Return hashrate, last share and balance."""
    reader = _open_answer(body)
    if reader is None:
        return PartialReport(workers=())
    reader.require("hashrate_300s", "unpaid")
    return PartialReport(
        at=reader.time("snap_ts"),
        hashrate=reader.rates(WINDOWS),
        last_share=reader.time("lastest_share_ts", "latest_share_ts"),  # the API writes "lastest"
        balance_sat=reader.sat("unpaid"),
        defects=reader.defect_texts(),
    )


def read_hashrate(body: bytes, _: RequestContext) -> PartialReport:
    """Return the hashrate over all windows."""
    reader = _open_answer(body)
    if reader is None:
        return PartialReport(workers=())
    active = reader.require("hashrate_3600s").integer("active_worker_count")
    return PartialReport(
        at=reader.time("snap_ts"),
        hashrate=reader.rates(WINDOWS),
        workers_by_state={} if active is None else {"active": active},
        defects=reader.defect_texts(),
    )


def read_workers(body: bytes, _: RequestContext) -> PartialReport:
    """Return the workers; each is a list with one object under the worker's name."""
    reader = _open_answer(body)
    if reader is None:
        return PartialReport(workers=())
    at, found = reader.require("workers").time("snap_ts"), []
    rows = reader.child("workers")
    for name in list(rows.raw)[:20_000]:
        for row in rows.rows(name) or ():
            rates = row.rates(WINDOWS)
            busy = rates.get(60.0, rates.get(300.0, rates.get(3600.0)))
            found.append(
                WorkerReport(
                    name=name, hashrate=rates, state=None if busy is None else "active" if busy > 0 else "inactive"
                )
            )
    complete = isinstance(reader.raw.get("workers"), dict) and (bool(found) or not rows)
    return PartialReport(at=at, workers=tuple(found) if complete else None, defects=reader.defect_texts())


def read_earnings(body: bytes, _: RequestContext) -> PartialReport:
    """Return the earnings of each block with the fee in satoshis, and the payouts."""
    reader = _open_answer(body)
    if reader is None:
        return PartialReport(earnings=(), payouts=())
    report, rows = PartialReport(), reader.require("earnings").rows("earnings")
    if rows is not None:
        report["earnings"] = tuple(filter(None, map(_read_earning, rows)))
    paid = reader.rows("payouts")
    if paid is not None:
        report["payouts"] = tuple(filter(None, map(_read_payout, paid)))
    report["defects"] = reader.defect_texts()
    return report


def _read_payout(row: AnswerReader) -> Payout | None:
    at, sat = row.time("ts"), row.integer("total_satoshis_net_paid")
    return None if at is None or sat is None else Payout(at=at, sat=sat)


def _read_earning(row: AnswerReader) -> Earning | None:
    at = row.require("ts", "satoshis_net_earned").time("ts")
    sat = row.integer("satoshis_net_earned")
    fee = row.integer("fees_collected_satoshis", "fees_colected_satoshis")  # the API has used both spellings
    if at is None or sat is None:
        return None
    return Earning(start=at, end=at, sat=sat, pool_fee_sat=fee)


def _user_request(page: str) -> Callable[[RequestContext], PoolRequest]:
    return lambda context: PoolRequest(f"/v1/{page}/{quote(context.account.account, safe='')}")


def _earnings_request(context: RequestContext) -> PoolRequest:
    return PoolRequest(
        f"/v1/earnpay/{quote(context.account.account, safe='')}/{int(context.now - HISTORY_S)}/{int(context.now)}"
    )


OCEAN: Final = PoolAdapter(
    kind="ocean",
    title="OCEAN",
    url="https://api.ocean.xyz",
    required_keys=("account",),
    calls=(
        PoolCall("account", ACCOUNT_INTERVAL_S, _user_request("statsnap"), read_snapshot),
        PoolCall("hashrate", WORKERS_INTERVAL_S, _user_request("user_hashrate"), read_hashrate),
        PoolCall("workers", WORKERS_INTERVAL_S, _user_request("user_hashrate_full"), read_workers),
        PoolCall("rewards", REWARDS_INTERVAL_S, _earnings_request, read_earnings, optional=True),
    ),
    spacing=5.0,
    scheme="tides",
    reports=frozenset({"account", "workers", "balance", "earnings", "payouts"}),
    access="No key. `account` is the payout address.",
    limits="Clients should wait a second between requests.",
    notes="An address that OCEAN does not know is shown as an account without workers, not as a failure. Each block is "
    "a separate earning. The fee depends on the template that the rigs use: set `fee`.",
)
