"""Reads ViaBTC: an envelope with a code, H/s as text, pages of workers, days that are Beijing's unless UTC is asked."""

from collections.abc import Callable
from typing import Final
from urllib.parse import urlencode

from stratoscope.pools.pool import REWARDS, STATUS, WORKERS, Ask, Call, Part, Pool, Turn
from stratoscope.pools.reader import Said, day_of, each, iso_day, opened, refusal
from stratoscope.pools.report import Earning, Scheme, WorkerReport, WorkerState
from stratoscope.pools.signing import signed
from stratoscope.units import DAY, HOUR, MINUTE

WINDOWS: Final = {10 * MINUTE: "hashrate_10min", HOUR: "hashrate_1hour", DAY: "hashrate_24hour"}
STATES: Final[dict[str, WorkerState]] = {"active": "active", "unactive": "inactive", "inactive": "inactive"}
LOGIN_CODES: Final = range(12001, 12005)
ROWS: Final = 100
BACK: Final = 7 * DAY
SCHEMES: Final[dict[str, Scheme]] = {"pps_profit": "pps+", "pplns_profit": "pplns", "solo_profit": "solo"}


def _said(body: bytes) -> Said:
    answer = opened(body)
    code = answer.raw.get("code")
    if code not in (0, "0"):
        raise refusal(code, answer.raw.get("message"), "auth" if code in LOGIN_CODES else None)
    return answer.need("data").child("data")


def read_account(body: bytes, _: Turn) -> Part:
    """Return hashrate and workers by state."""
    said = _said(body).need(*WINDOWS.values())
    states: dict[WorkerState, int] = {}
    for state, key in (("active", "active_workers"), ("inactive", "unactive_workers")):
        if (count := said.integer(key)) is not None:
            states[STATES[state]] = count
    return Part(hashrate=said.rates(WINDOWS), workers_by_state=states, defects=said.wrong())


def read_workers(body: bytes, _: Turn) -> Part:
    """Return a page of workers."""
    said = _said(body).need("data")
    rows = said.rows("data")
    found = each(rows, _worker)
    return Part(workers=found, more=said.flag("has_next") is True, defects=said.wrong())


def _worker(row: Said) -> WorkerReport | None:
    name = row.need("worker_name", "hashrate_10min").text("worker_name")
    if name is None:
        return None
    return WorkerReport(
        name=name,
        hashrate=row.rates(WINDOWS),
        last_share=row.time("last_active"),
        state=STATES.get(row.text("worker_status") or ""),
    )


def read_days(body: bytes, _: Turn) -> Part:
    """Return what each UTC day earned."""
    said = _said(body).need("data")
    rows = said.rows("data")
    found, schemes = [], set()
    for row in rows or ():
        day, sat = day_of(row.need("date", "total_profit").raw.get("date")), row.sat("total_profit")
        schemes |= {scheme for key, scheme in SCHEMES.items() if row.sat(key)}
        if day is not None and sat is not None:
            found.append(Earning(start=day[0], end=day[1], sat=sat))
    part = Part(more=said.flag("has_next") is True, defects=said.wrong())
    if len(schemes) == 1:
        part["scheme"] = schemes.pop()
    if rows is not None:
        part["earnings"] = tuple(found)
    return part


def _page(path: str, query: Callable[[Turn], dict[str, str | int]]) -> Callable[[Turn], Ask]:
    def ask(turn: Turn) -> Ask:
        return asked(path, {"coin": "BTC", **query(turn)}, turn)

    return ask


def asked(path: str, query: dict[str, str | int], turn: Turn) -> Ask:
    """Return the request for `query`, signed where there is a secret to sign with."""
    headers = {"X-API-KEY": turn.account.key}
    if turn.account.secret:
        query = {**query, "tonce": turn.nonce}
        headers["X-SIGNATURE"] = signed(urlencode(query), turn.account.secret)
    return Ask(f"/res/openapi/v1/{path}?{urlencode(query)}", headers)


VIABTC: Final = Pool(
    kind="viabtc",
    title="ViaBTC",
    url="https://www.viabtc.net",
    needs=("key",),
    takes=("account", "secret"),
    calls=(
        Call("account", STATUS, _page("hashrate", lambda _: {}), read_account),
        Call("workers", WORKERS, _page("hashrate/worker", lambda t: {"page": t.page, "limit": ROWS}), read_workers),
        Call(
            "rewards",
            REWARDS,
            _page(
                "profit/history",
                lambda t: {
                    "start_date": iso_day(t.now - BACK),
                    "end_date": iso_day(t.now),
                    "utc": "true",
                    "page": t.page,
                    "limit": ROWS,
                },
            ),
            read_days,
            extra=True,
        ),
    ),
    spacing=3.0,
    tells=frozenset({"account", "workers", "earnings"}),
    access="On viabtc.com under Settings, API: make a key and enter the public address of the agent's site in its "
    "list of allowed addresses, without which every request is refused. `secret` is needed only where the "
    "key wants signed requests. `account` is for your own information: the key decides which account it is.",
    limits="Not published.",
    notes="Days are UTC: the agent asks for them so, Beijing's would be the default. Workers come with the tail of"
    " their name only.",
)
