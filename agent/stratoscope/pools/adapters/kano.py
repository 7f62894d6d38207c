"""Reads KanoPool: one flat object whose keys end with the row number ("w_hashrate5m:0"); API key in the query."""

from typing import Final
from urllib.parse import urlencode

from stratoscope.pools.adapters.ckpool import state_of
from stratoscope.pools.pool import WORKERS_INTERVAL_S, PartialReport, PoolAdapter, PoolCall, PoolRequest, RequestContext
from stratoscope.pools.reader import MAX_ROWS, AnswerReader, read_object, refusal_error
from stratoscope.pools.report import WorkerReport, WorkTotals
from stratoscope.units import DAY, HOUR, MINUTE

WINDOWS: Final = {5 * MINUTE: "w_hashrate5m", HOUR: "w_hashrate1hr", DAY: "w_hashrate24hr"}
UNKNOWN: Final = "?"
"""The API's placeholder for an unknown hashrate."""


def read_workers(body: bytes, context: RequestContext) -> PartialReport:
    """Return the workers; the account's hashrate is their sum."""
    reader = read_object(body)
    if "rows" not in reader and (reader.raw.get("error") or reader.raw.get("ERROR")):
        raise refusal_error("", reader.raw.get("error") or reader.raw.get("ERROR"))
    rows = reader.require("STAMP", "rows").integer("rows", high=MAX_ROWS)
    report = PartialReport(at=reader.time("STAMP"))
    if rows is not None:
        workers = [one for row in range(rows) if (one := _read_worker(reader, row, context)) is not None]
        report["workers"] = tuple(workers)
        report["summed"] = len(workers) == rows
    report["defects"] = reader.defect_texts()
    return report


def _read_worker(reader: AnswerReader, row: int, context: RequestContext) -> WorkerReport | None:
    name = reader.require(f"workername:{row}").text(f"workername:{row}")
    if name is None:
        return None
    known = {window: key for window, key in WINDOWS.items() if reader.raw.get(f"{key}:{row}") != UNKNOWN}
    accepted, invalid = reader.number(f"w_diffacc:{row}"), reader.number(f"w_diffinv:{row}")
    stale, last = reader.number(f"w_diffsta:{row}"), reader.time(f"w_lastshare:{row}")
    work = (
        ()
        if accepted is None
        else (
            WorkTotals(
                accepted=accepted,
                rejected=None if stale is None or invalid is None else max(0.0, invalid - stale),
                stale=stale,
                counted="difficulty",
                window=reader.number(f"w_elapsed:{row}"),
            ),
        )
    )
    return WorkerReport(
        name=name,
        hashrate=reader.rates({window: f"{key}:{row}" for window, key in known.items()}),
        work=work,
        last_share=last,
        state=state_of(last, context.now),
    )


def _ask(context: RequestContext) -> PoolRequest:
    query = {"k": "api", "username": context.account.account, "api": context.account.key, "json": "y", "work": "y"}
    return PoolRequest(f"/index.php?{urlencode(query)}")


KANO: Final = PoolAdapter(
    kind="kano",
    title="KanoPool",
    url="https://kano.is",
    required_keys=("account", "key"),
    calls=(PoolCall("account", WORKERS_INTERVAL_S, _ask, read_workers),),
    spacing=30.0,
    burst=1,
    scheme="pplns",
    reports=frozenset({"account", "workers", "refused"}),
    access="On kano.is under Account, User Settings: the API key is the `key`, the user name is the `account`.",
    limits="Not published; the agent polls every five minutes.",
    notes="The API key is part of the URL; the agent never writes it to a log, an error or a page.",
)
