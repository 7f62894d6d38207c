"""Reads BTC.com: key in the query, hashrates as text with a letter beside them, whole satoshis."""

from collections.abc import Callable
from typing import Final
from urllib.parse import urlencode

from stratoscope.pools.pool import REWARDS, STATUS, WORKERS, Ask, Call, Part, Pool, Turn
from stratoscope.pools.reader import Said, day_of, each, opened, refusal
from stratoscope.pools.report import Earning, Scheme, WorkerState
from stratoscope.units import DAY, MINUTE

WINDOWS: Final = {15 * MINUTE: "shares_15m", DAY: "shares_1d"}
SCHEMES: Final[dict[str, Scheme]] = {"PPS": "pps", "PPS+": "pps+", "FPPS": "fpps", "PPLNS": "pplns"}
STATS: Final = {MINUTE: "shares_1m", 5 * MINUTE: "shares_5m", 15 * MINUTE: "shares_15m"}


def _said(body: bytes) -> Said:
    answer = opened(body)
    if answer.raw.get("err_no") != 0:
        raise refusal(answer.raw.get("err_no"), answer.raw.get("err_msg"))
    return answer.need("data").child("data")


def read_hashrate(body: bytes, _: Turn) -> Part:
    """Return hashrate; each window has a unit of its own."""
    said = _said(body).need(*WINDOWS.values())
    found = {}
    for window, key in WINDOWS.items():
        rate = said.rate(key, scale=said.unit(f"{key}_unit"))
        if rate is not None:
            found[window] = rate
    return Part(hashrate=found, defects=said.wrong())


def read_workers(body: bytes, _: Turn) -> Part:
    """Return how many workers are in each state, and hashrate over shorter windows."""
    said = _said(body).need("workers_active", "shares_unit")
    states: dict[WorkerState, int] = {}
    keys: tuple[WorkerState, ...] = ("active", "inactive", "dead")
    for state in keys:
        if (count := said.integer(f"workers_{state}")) is not None:
            states[state] = count
    return Part(
        hashrate=said.rates(STATS, scale=said.unit("shares_unit")), workers_by_state=states, defects=said.wrong()
    )


def read_balance(body: bytes, _: Turn) -> Part:
    """Return what is unpaid and what was paid, in satoshis."""
    said = _said(body).need("unpaid")
    return Part(balance_sat=said.integer("unpaid"), paid_sat=said.integer("total_paid"), defects=said.wrong())


def read_earnings(body: bytes, _: Turn) -> Part:
    """Return what each day earned, in satoshis, and by which mode the newest was paid."""
    said = _said(body).need("list")
    rows = said.rows("list")
    part = Part()
    if rows is not None:
        part["earnings"] = each(rows, _earning) or ()
    modes = [row.text("payment_mode") or "" for row in rows or ()]
    part["scheme"] = SCHEMES.get(modes[0].upper()) if modes else None
    part["defects"] = said.wrong()
    return part


def _earning(row: Said) -> Earning | None:
    date = str(row.need("date", "earnings").raw.get("date"))[:8]  # 20250614
    day, sat = day_of(f"{date[:4]}-{date[4:6]}-{date[6:]}"), row.integer("earnings")
    if day is None:
        row.add_defect("date", date, "not a day")
    return None if day is None or sat is None else Earning(start=day[0], end=day[1], sat=sat)


def _get(path: str, **more: int) -> Callable[[Turn], Ask]:
    def ask(turn: Turn) -> Ask:
        query = {"access_key": turn.account.key, "puid": turn.account.account, **more}
        return Ask(f"/v1/{path}?{urlencode(query)}")

    return ask


BTCCOM: Final = Pool(
    kind="btccom",
    title="BTC.com",
    url="https://pool.api.btc.com",
    needs=("account", "key"),
    calls=(
        Call("account", STATUS, _get("realtime/hashrate"), read_hashrate),
        Call("workers", WORKERS, _get("worker/stats"), read_workers),
        Call("balance", REWARDS, _get("account/earn-stats"), read_balance, extra=True),
        Call("rewards", REWARDS, _get("account/earn-history", page=1, page_size=50), read_earnings, extra=True),
    ),
    spacing=10.0,
    scheme="fpps",
    tells=frozenset({"account", "balance", "earnings"}),
    access="On pool.btc.com on the page of the sub-accounts: the AccessKey is the `key`, the puid is the `account`.",
    limits="Not published.",
    notes="The key is part of the address that is asked; it is in no log, error or page of the agent's. How many "
    "workers there are is told, not which.",
)
