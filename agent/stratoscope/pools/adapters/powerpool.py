"""Reads PowerPool: key in the query, each hashrate with its factor in a second field, amounts by coin."""

from typing import Final
from urllib.parse import urlencode

from stratoscope.pools.pool import ACCOUNT_INTERVAL_S, PartialReport, PoolAdapter, PoolCall, PoolRequest, RequestContext
from stratoscope.pools.reader import AnswerReader, read_object, read_rows, refusal_error
from stratoscope.pools.report import Earning, Payout, WorkerReport
from stratoscope.units import DAY

ALGORITHM: Final = "sha256"


def _read_rate(reader: AnswerReader) -> dict[float, float]:
    """Return the hashrate; its averaging window is not reported."""
    factor = reader.require("hashrate", "speedConversion").number("speedConversion", low=1.0)
    return reader.rates({0.0: "hashrate"}, scale=factor)


def read_user(body: bytes, _: RequestContext) -> PartialReport:
    """Return everything; the API has one page."""
    envelope = read_object(body)
    if envelope.raw.get("error") or envelope.raw.get("data") is None:
        text = envelope.raw.get("error") or envelope.raw.get("message")
        raise refusal_error(envelope.raw.get("code", ""), text)
    reader = envelope.child("data").require("hashrate", "workers")
    rates = reader.child("hashrate")
    rows = reader.rows("workers")
    report = PartialReport(
        hashrate=_read_rate(rates.child(ALGORITHM)) if ALGORITHM in rates else {},
        workers=read_rows(rows, _read_worker),
        balance_sat=_read_balance(reader),
    )
    earnings, payments = reader.rows("earnings"), reader.rows("payments")
    if earnings is not None:
        report["earnings"] = tuple(filter(None, map(_read_earning, earnings)))
    if payments is not None:
        report["payouts"] = tuple(filter(None, map(_read_payout, payments)))
    report["defects"] = reader.defect_texts()
    return report


def _read_worker(row: AnswerReader) -> WorkerReport | None:
    name = row.require("name").text("name")
    if name is None or row.text("algorithm") not in (None, ALGORITHM):
        return None
    rates = _read_rate(row)
    return WorkerReport(
        name=name, hashrate=rates, state=None if not rates else "active" if rates[0.0] > 0 else "inactive"
    )


def _read_balance(reader: AnswerReader) -> int | None:
    rows = reader.rows("balances") or ()
    return next((row.sat("balance") for row in rows if row.raw.get("coinTicker") == "BTC"), None)


def _read_earning(row: AnswerReader) -> Earning | None:
    start = row.require("timestamp").time("timestamp")
    sat = row.child("coins").child("BTC").sat("value")
    if start is None or sat is None:
        return None
    start -= start % DAY
    return Earning(start=start, end=start + DAY, sat=sat)


def _read_payout(row: AnswerReader) -> Payout | None:
    at, sat = row.time("timestamp"), row.sat("value")
    return None if row.raw.get("ticker") != "BTC" or at is None or sat is None else Payout(at=at, sat=sat)


POWERPOOL: Final = PoolAdapter(
    kind="powerpool",
    title="PowerPool",
    url="https://powerpool.io",
    required_keys=("key",),
    optional_keys=("account",),
    calls=(
        PoolCall(
            "account",
            ACCOUNT_INTERVAL_S,
            lambda context: PoolRequest(f"/api2/user?{urlencode({'apiKey': context.account.key})}"),
            read_user,
        ),
    ),
    spacing=10.0,
    reports=frozenset({"account", "workers", "balance", "earnings", "payouts"}),
    access="On powerpool.io in the account settings: the API key is the `key`.",
    limits="Not published.",
    notes="The API key is part of the URL; the agent never writes it to a log, an error or a page. Only SHA-256 and "
    "bitcoin are counted; merge-mined coins are not.",
)
