"""Reads KanoPool: one flat object whose keys carry the number of the row, "w_hashrate5m:0"; key in the query."""

from typing import Final
from urllib.parse import urlencode

from stratoscope.pools.adapters.ckpool import state_of
from stratoscope.pools.pool import WORKERS, Ask, Call, Part, Pool, Turn
from stratoscope.pools.reader import MOST_ROWS, Said, opened, refusal
from stratoscope.pools.report import Tally, WorkerReport
from stratoscope.units import DAY, HOUR, MINUTE

WINDOWS: Final = {5 * MINUTE: "w_hashrate5m", HOUR: "w_hashrate1hr", DAY: "w_hashrate24hr"}
UNKNOWN: Final = "?"
"""What the pool writes where it knows no figure."""


def read_workers(body: bytes, turn: Turn) -> Part:
    """Return the workers, and their sum as the account's hashrate."""
    said = opened(body)
    if "rows" not in said and (said.raw.get("error") or said.raw.get("ERROR")):
        raise refusal("", said.raw.get("error") or said.raw.get("ERROR"))
    rows = said.need("STAMP", "rows").integer("rows", high=MOST_ROWS)
    part = Part(at=said.time("STAMP"))
    if rows is not None:
        workers = [one for row in range(rows) if (one := _worker(said, row, turn)) is not None]
        part["workers"] = tuple(workers)
        part["summed"] = len(workers) == rows
    part["defects"] = said.wrong()
    return part


def _worker(said: Said, row: int, turn: Turn) -> WorkerReport | None:
    name = said.need(f"workername:{row}").text(f"workername:{row}")
    if name is None:
        return None
    told = {window: key for window, key in WINDOWS.items() if said.raw.get(f"{key}:{row}") != UNKNOWN}
    accepted, invalid = said.number(f"w_diffacc:{row}"), said.number(f"w_diffinv:{row}")
    stale, last = said.number(f"w_diffsta:{row}"), said.time(f"w_lastshare:{row}")
    work = (
        ()
        if accepted is None
        else (
            Tally(
                accepted=accepted,
                rejected=None if stale is None or invalid is None else max(0.0, invalid - stale),
                stale=stale,
                counted="difficulty",
                window=said.number(f"w_elapsed:{row}"),
            ),
        )
    )
    return WorkerReport(
        name=name,
        hashrate=said.rates({window: f"{key}:{row}" for window, key in told.items()}),
        work=work,
        last_share=last,
        state=state_of(last, turn.now),
    )


def _ask(turn: Turn) -> Ask:
    query = {"k": "api", "username": turn.account.account, "api": turn.account.key, "json": "y", "work": "y"}
    return Ask(f"/index.php?{urlencode(query)}")


KANO: Final = Pool(
    kind="kano",
    title="KanoPool",
    url="https://kano.is",
    needs=("account", "key"),
    calls=(Call("account", WORKERS, _ask, read_workers),),
    spacing=30.0,
    burst=1,
    scheme="pplns",
    tells=frozenset({"account", "workers", "refused"}),
    access="On kano.is under Account, User Settings: the API key is the `key`, the user name is the `account`.",
    limits="Not published; the agent asks every five minutes.",
    notes="The key is part of the address that is asked; it is in no log, error or page of the agent's.",
)
