"""Reads EMCD: the key stands in the path, H/s and bitcoin are numbers."""

from collections.abc import Callable
from typing import Final
from urllib.parse import quote

from stratoscope.pools.pool import REWARDS, STATUS, Ask, Call, Part, Pool, Turn
from stratoscope.pools.reader import Said, each, opened, refusal
from stratoscope.pools.report import Earning, WorkerReport, WorkerState
from stratoscope.units import DAY, HOUR

WINDOWS: Final = {0.0: "hashrate", HOUR: "hashrate1h", DAY: "hashrate24h"}


def _said(body: bytes) -> Said:
    said = opened(body)
    error = said.raw.get("error") or (said.raw.get("message") if said.raw.keys() <= {"message", "code"} else None)
    if error:
        raise refusal(said.raw.get("code", ""), error if isinstance(error, str) else None)
    return said


def read_workers(body: bytes, _: Turn) -> Part:
    """Return hashrate and workers."""
    said = _said(body).need("total_hashrate", "details")
    counts, states = said.child("total_count"), dict[WorkerState, int]()
    for state in ("active", "inactive"):
        if (count := counts.integer(state)) is not None:
            states["active" if state == "active" else "inactive"] = count
    rows = said.rows("details")
    return Part(
        hashrate=said.child("total_hashrate").need("hashrate1h").rates(WINDOWS),
        workers=each(rows, _worker),
        workers_by_state=states,
        defects=said.wrong(),
    )


def _worker(row: Said) -> WorkerReport | None:
    name = row.need("worker", "hashrate1h").text("worker")
    active = row.flag("active")
    if name is None:
        return None
    return WorkerReport(
        name=name, hashrate=row.rates(WINDOWS), state=None if active is None else "active" if active else "inactive"
    )


def read_balance(body: bytes, _: Turn) -> Part:
    """Return what is unpaid and what was paid."""
    said = _said(body).need("bitcoin").child("bitcoin").need("balance")
    return Part(balance_sat=said.sat("balance"), paid_sat=said.sat("total_paid"), defects=said.wrong())


def read_income(body: bytes, _: Turn) -> Part:
    """Return what each day earned: the UTC day that the time of an income lies in."""
    said = _said(body).need("income")
    rows = said.rows("income")
    found = []
    for row in rows or ():
        at, sat = row.need("timestamp", "income").time("timestamp"), row.sat("income")
        if at is not None and sat is not None:
            start = at - at % DAY
            found.append(Earning(start=start, end=start + DAY, sat=sat, hashrate=row.rate("total_hashrate")))
    return Part(**({} if rows is None else {"earnings": tuple(found)}), defects=said.wrong())


def _get(before: str) -> Callable[[Turn], Ask]:
    return lambda turn: Ask(f"{before}/{quote(turn.account.key, safe='')}")


EMCD: Final = Pool(
    kind="emcd",
    title="EMCD",
    url="https://api.emcd.io",
    needs=("key",),
    takes=("account",),
    calls=(
        Call("account", STATUS, _get("/v1/btc/workers"), read_workers),
        Call("balance", REWARDS, _get("/v1/info"), read_balance, extra=True),
        Call("rewards", REWARDS, _get("/v1/btc/income"), read_income, extra=True),
    ),
    spacing=10.0,
    scheme="fpps",
    tells=frozenset({"account", "workers", "balance", "earnings"}),
    access="On emcd.io in the profile of the mining account: the API key is the `key`. `account` is for your own "
    "information.",
    limits="Not published.",
    notes="The key is part of the address that is asked; it is in no log, error or page of the agent's.",
)
