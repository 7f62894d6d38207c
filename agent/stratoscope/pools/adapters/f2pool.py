"""Reads F2Pool's second API: POST with JSON bodies, H/s, bitcoin as numbers, refusals as a code in a good answer."""

from collections.abc import Callable, Mapping
from typing import Any, Final

import orjson

from stratoscope.pools.pool import REWARDS, STATUS, WORKERS, Ask, Call, Part, Pool, Turn
from stratoscope.pools.reader import Said, each, opened, refusal
from stratoscope.pools.report import Earning, Tally, WorkerReport, WorkerState
from stratoscope.units import DAY, HOUR

WINDOWS: Final = {0.0: "hash_rate", HOUR: "h1_hash_rate", DAY: "h24_hash_rate"}
STALE: Final = {HOUR: "h1_stale_hash_rate", DAY: "h24_stale_hash_rate"}
STATES: Final[dict[int, WorkerState]] = {0: "active", 1: "inactive", 2: "dead"}
BACK: Final = 7 * DAY


def _said(body: bytes) -> Said:
    said = opened(body)
    if said.raw.get("code") not in (None, 0):
        raise refusal(said.raw.get("code"), said.raw.get("msg"))
    return said


def _work(said: Said) -> tuple[Tally, ...]:
    """Return hashes accepted and stale, from the mean rates over the windows."""
    found = []
    for window, key in STALE.items():
        stale, accepted = said.rate(key), said.rate(WINDOWS[window])
        if stale is not None and accepted is not None:
            found.append(Tally(accepted=accepted * window, stale=stale * window, counted="hashes", window=window))
    return tuple(found)


def read_account(body: bytes, _: Turn) -> Part:
    """Return hashrate and stale work."""
    said = _said(body).need("info").child("info").need("hash_rate", "h1_hash_rate", "h24_hash_rate")
    return Part(hashrate=said.rates(WINDOWS), work=_work(said), defects=said.wrong())


def read_workers(body: bytes, _: Turn) -> Part:
    """Return the workers; all come at once."""
    said = _said(body).need("workers")
    rows = said.rows("workers")
    found = each(rows, _worker)
    return Part(workers=found, defects=said.wrong())


def _worker(row: Said) -> WorkerReport | None:
    rates = row.need("hash_rate_info").child("hash_rate_info").need("name", "hash_rate")
    name = rates.text("name")
    if name is None:
        return None
    status = row.integer("status")
    return WorkerReport(
        name=name,
        hashrate=rates.rates(WINDOWS),
        work=_work(rates),
        last_share=row.time("last_share_at"),
        state=None if status is None else STATES.get(status),
    )


def read_balance(body: bytes, _: Turn) -> Part:
    """Return what is unpaid and what was paid."""
    said = _said(body).need("balance_info").child("balance_info").need("balance")
    return Part(balance_sat=said.sat("balance"), paid_sat=said.sat("paid"), defects=said.wrong())


def read_earnings(body: bytes, _: Turn) -> Part:
    """Return what each day earned, with the parts it consists of."""
    said = _said(body).need("transactions")
    rows = said.rows("transactions")
    part = Part(defects=())
    found = []
    for row in rows or ():
        extra = row.child("mining_extra")
        start, sat = extra.need("mining_date").time("mining_date"), row.need("changed_balance").sat("changed_balance")
        fees, fee = extra.number("tx_fee_rate", high=100.0), extra.number("pps_fee_rate", high=1.0)
        if fee is not None:
            part["fee_ratio"] = fee
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
        part["earnings"] = tuple(found)
    part["defects"] = said.wrong()
    return part


def _post(path: str, more: Callable[[Turn], Mapping[str, Any]] = lambda _: {}) -> Callable[[Turn], Ask]:
    def ask(turn: Turn) -> Ask:
        body = {"currency": "bitcoin", "mining_user_name": turn.account.account, **more(turn)}
        headers = {"F2P-API-SECRET": turn.account.key, "Content-Type": "application/json"}
        return Ask(f"/v2/{path}", headers, orjson.dumps(body))

    return ask


def _span(turn: Turn) -> Mapping[str, Any]:
    return {"type": "revenue", "start_time": int(turn.now - BACK), "end_time": int(turn.now)}


F2POOL: Final = Pool(
    kind="f2pool",
    title="F2Pool",
    url="https://api.f2pool.com",
    needs=("account", "key"),
    calls=(
        Call("account", STATUS, _post("hash_rate/info"), read_account),
        Call("workers", WORKERS, _post("hash_rate/worker/list"), read_workers),
        Call("balance", REWARDS, _post("assets/balance"), read_balance, extra=True),
        Call("rewards", REWARDS, _post("assets/transactions/list", _span), read_earnings, extra=True),
    ),
    spacing=5.0,
    scheme="fpps",
    tells=frozenset({"account", "workers", "refused", "balance", "earnings"}),
    access="On f2pool.com under Account, API: request a token with the permissions hash_rate/info, "
    "hash_rate/worker/list, assets/balance and assets/transactions/list; it is the `key`. `account` is the "
    "mining user name.",
    limits="The pool's own client keeps a second between requests.",
    notes="Without the two assets permissions everything but balance and earnings is told.",
)
