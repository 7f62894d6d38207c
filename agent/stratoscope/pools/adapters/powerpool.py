"""Reads PowerPool: key in the query, each hashrate with its factor beside it, amounts by coin."""

from typing import Final
from urllib.parse import urlencode

from stratoscope.pools.pool import STATUS, Ask, Call, Part, Pool, Turn
from stratoscope.pools.reader import Said, each, opened, refusal
from stratoscope.pools.report import Earning, Payout, WorkerReport
from stratoscope.units import DAY

ALGORITHM: Final = "sha256"


def _rate(said: Said) -> dict[float, float]:
    """Return the hashrate; over which time it is a mean is not told."""
    factor = said.need("hashrate", "speedConversion").number("speedConversion", low=1.0)
    return said.rates({0.0: "hashrate"}, scale=factor)


def read_user(body: bytes, _: Turn) -> Part:
    """Return all that the one page tells."""
    answer = opened(body)
    if answer.raw.get("error") or answer.raw.get("data") is None:
        text = answer.raw.get("error") or answer.raw.get("message")
        raise refusal(answer.raw.get("code", ""), text)
    said = answer.child("data").need("hashrate", "workers")
    rates = said.child("hashrate")
    rows = said.rows("workers")
    part = Part(
        hashrate=_rate(rates.child(ALGORITHM)) if ALGORITHM in rates else {},
        workers=each(rows, _worker),
        balance_sat=_balance(said),
    )
    earned, paid = said.rows("earnings"), said.rows("payments")
    if earned is not None:
        part["earnings"] = tuple(filter(None, map(_earning, earned)))
    if paid is not None:
        part["payouts"] = tuple(filter(None, map(_payout, paid)))
    part["defects"] = said.wrong()
    return part


def _worker(row: Said) -> WorkerReport | None:
    name = row.need("name").text("name")
    if name is None or row.text("algorithm") not in (None, ALGORITHM):
        return None
    rates = _rate(row)
    return WorkerReport(
        name=name, hashrate=rates, state=None if not rates else "active" if rates[0.0] > 0 else "inactive"
    )


def _balance(said: Said) -> int | None:
    rows = said.rows("balances") or ()
    return next((row.sat("balance") for row in rows if row.raw.get("coinTicker") == "BTC"), None)


def _earning(row: Said) -> Earning | None:
    start = row.need("timestamp").time("timestamp")
    sat = row.child("coins").child("BTC").sat("value")
    if start is None or sat is None:
        return None
    start -= start % DAY
    return Earning(start=start, end=start + DAY, sat=sat)


def _payout(row: Said) -> Payout | None:
    at, sat = row.time("timestamp"), row.sat("value")
    return None if row.raw.get("ticker") != "BTC" or at is None or sat is None else Payout(at=at, sat=sat)


POWERPOOL: Final = Pool(
    kind="powerpool",
    title="PowerPool",
    url="https://powerpool.io",
    needs=("key",),
    takes=("account",),
    calls=(
        Call("account", STATUS, lambda turn: Ask(f"/api2/user?{urlencode({'apiKey': turn.account.key})}"), read_user),
    ),
    spacing=10.0,
    tells=frozenset({"account", "workers", "balance", "earnings", "payouts"}),
    access="On powerpool.io in the settings of the account: the API key is the `key`.",
    limits="Not published.",
    notes="The key is part of the address that is asked; it is in no log, error or page of the agent's. Only "
    "SHA-256 and bitcoin count; merged coins do not.",
)
