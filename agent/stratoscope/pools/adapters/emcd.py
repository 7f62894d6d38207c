"""Reads EMCD: key in the path, H/s and bitcoin as numbers."""

from collections.abc import Callable
from typing import Final
from urllib.parse import quote

from stratoscope.pools.pool import (
    ACCOUNT_INTERVAL_S,
    REWARDS_INTERVAL_S,
    PartialReport,
    PoolAdapter,
    PoolCall,
    PoolRequest,
    RequestContext,
)
from stratoscope.pools.reader import AnswerReader, read_object, read_rows, refusal_error
from stratoscope.pools.report import Earning, WorkerReport, WorkerState
from stratoscope.units import DAY, HOUR

WINDOWS: Final = {0.0: "hashrate", HOUR: "hashrate1h", DAY: "hashrate24h"}


def _open_answer(body: bytes) -> AnswerReader:
    reader = read_object(body)
    error = reader.raw.get("error") or (reader.raw.get("message") if reader.raw.keys() <= {"message", "code"} else None)
    if error:
        raise refusal_error(reader.raw.get("code", ""), error if isinstance(error, str) else None)
    return reader


def read_workers(body: bytes, _: RequestContext) -> PartialReport:
    """Return hashrate and workers."""
    reader = _open_answer(body).require("total_hashrate", "details")
    counts, states = reader.child("total_count"), dict[WorkerState, int]()
    for state in ("active", "inactive"):
        if (count := counts.integer(state)) is not None:
            states["active" if state == "active" else "inactive"] = count
    rows = reader.rows("details")
    return PartialReport(
        hashrate=reader.child("total_hashrate").require("hashrate1h").rates(WINDOWS),
        workers=read_rows(rows, _read_worker),
        workers_by_state=states,
        defects=reader.defect_texts(),
    )


def _read_worker(row: AnswerReader) -> WorkerReport | None:
    name = row.require("worker", "hashrate1h").text("worker")
    active = row.flag("active")
    if name is None:
        return None
    return WorkerReport(
        name=name, hashrate=row.rates(WINDOWS), state=None if active is None else "active" if active else "inactive"
    )


def read_balance(body: bytes, _: RequestContext) -> PartialReport:
    """Return the balance and the total paid."""
    reader = _open_answer(body).require("bitcoin").child("bitcoin").require("balance")
    return PartialReport(
        balance_sat=reader.sat("balance"), paid_sat=reader.sat("total_paid"), defects=reader.defect_texts()
    )


def read_income(body: bytes, _: RequestContext) -> PartialReport:
    """Return the earnings of each day; an income belongs to the UTC day of its timestamp."""
    reader = _open_answer(body).require("income")
    rows = reader.rows("income")
    found = []
    for row in rows or ():
        at, sat = row.require("timestamp", "income").time("timestamp"), row.sat("income")
        if at is not None and sat is not None:
            start = at - at % DAY
            found.append(Earning(start=start, end=start + DAY, sat=sat, hashrate=row.rate("total_hashrate")))
    return PartialReport(**({} if rows is None else {"earnings": tuple(found)}), defects=reader.defect_texts())


def _get(path: str) -> Callable[[RequestContext], PoolRequest]:
    return lambda context: PoolRequest(f"{path}/{quote(context.account.key, safe='')}")


EMCD: Final = PoolAdapter(
    kind="emcd",
    title="EMCD",
    url="https://api.emcd.io",
    required_keys=("key",),
    optional_keys=("account",),
    calls=(
        PoolCall("account", ACCOUNT_INTERVAL_S, _get("/v1/btc/workers"), read_workers),
        PoolCall("balance", REWARDS_INTERVAL_S, _get("/v1/info"), read_balance, optional=True),
        PoolCall("rewards", REWARDS_INTERVAL_S, _get("/v1/btc/income"), read_income, optional=True),
    ),
    spacing=10.0,
    scheme="fpps",
    reports=frozenset({"account", "workers", "balance", "earnings"}),
    access="On emcd.io in the profile of the mining account: the API key is the `key`. `account` is only a reminder "
    "for you.",
    limits="Not published.",
    notes="The API key is part of the URL; the agent never writes it to a log, an error or a page.",
)
