"""Reads AntPool: signed forms, H/s in the overview and MH/s elsewhere, pages of workers, work of difficulty 1."""

from collections.abc import Callable, Mapping
from typing import Final
from urllib.parse import urlencode

from stratoscope.pools.pool import REWARDS, STATUS, WORKERS, Ask, Call, Part, Pool, Turn
from stratoscope.pools.reader import Said, each, opened, refusal
from stratoscope.pools.report import Tally, WorkerReport, WorkerState
from stratoscope.pools.signing import signed
from stratoscope.units import DAY, HOUR, MH, MINUTE

OVERVIEW: Final = {10 * MINUTE: "hsLast10m", HOUR: "hsLast1h", DAY: "hsLast1d"}  # H/s
WINDOWS: Final = {10 * MINUTE: "last10m", 30 * MINUTE: "last30m", HOUR: "last1h", DAY: "last1d"}  # MH/s
GOOD: Final = (0, "0", "000000")
ROWS: Final = 50


def signature(user: str, key: str, secret: str, nonce: int) -> str:
    """Return the HMAC-SHA256 of user, key and nonce in upper-case hexadecimal."""
    return signed(f"{user}{key}{nonce}", secret).upper()


def _said(body: bytes) -> Said:
    answer = opened(body)
    if answer.raw.get("code") not in GOOD:
        raise refusal(answer.raw.get("code"), answer.raw.get("message"))
    return answer.need("data").child("data")


def _work(said: Said) -> tuple[Tally, ...]:
    """Return the work in difficulty 1; duplicates and others are rejected ones."""
    accepted, stale = said.number("accepted"), said.number("stale")
    twice, other = said.number("dupelicate", "duplicate"), said.number("other")  # the first is the pool's own spelling
    if accepted is None:
        return ()
    rejected = None if twice is None or other is None else twice + other
    return (Tally(accepted=accepted, stale=stale, rejected=rejected, counted="difficulty"),)


def read_overview(body: bytes, _: Turn) -> Part:
    """Return hashrate, workers by state and what is unpaid."""
    said = _said(body).need("hsLast10m", "hsLast1h", "hsLast1d")
    states: dict[WorkerState, int] = {}
    keys: tuple[tuple[WorkerState, str], ...] = (
        ("active", "activeWorkerNum"),
        ("inactive", "inactiveWorkerNum"),
        ("dead", "invalidWorkerNum"),
    )
    for state, key in keys:
        if (count := said.integer(key)) is not None:
            states[state] = count
    return Part(
        hashrate=said.rates(OVERVIEW),
        workers_by_state=states,
        balance_sat=said.sat("unpaidAmount"),
        defects=said.wrong(),
    )


def read_hashrate(body: bytes, _: Turn) -> Part:
    """Return hashrate and work."""
    said = _said(body).need("last10m", "accepted")
    return Part(hashrate=said.rates(WINDOWS, scale=MH), work=_work(said), defects=said.wrong())


def read_account(body: bytes, _: Turn) -> Part:
    """Return what is unpaid and what was paid."""
    said = _said(body).need("balance")
    return Part(balance_sat=said.sat("balance"), paid_sat=said.sat("paidOut"), defects=said.wrong())


def read_workers(body: bytes, turn: Turn) -> Part:
    """Return a page of workers."""
    said = _said(body).need("rows")
    rows = said.rows("rows")
    found = each(rows, _worker)
    pages = said.integer("totalPage") or 1
    return Part(workers=found, more=turn.page < pages and bool(found), defects=said.wrong())


def _worker(row: Said) -> WorkerReport | None:
    name = row.need("worker", "last10m").text("worker")
    if name is None:
        return None
    rates = row.rates(WINDOWS, scale=MH)
    now = rates.get(10 * MINUTE)
    return WorkerReport(
        name=name, hashrate=rates, work=_work(row), state=None if now is None else "active" if now > 0 else "inactive"
    )


def _form(page: str, more: Callable[[Turn], Mapping[str, str | int]] = lambda _: {}) -> Callable[[Turn], Ask]:
    def ask(turn: Turn) -> Ask:
        who = turn.account
        form = {
            "key": who.key,
            "nonce": turn.nonce,
            "signature": signature(who.account, who.key, who.secret, turn.nonce),
            "coin": "BTC",
            "userId": who.account,
            "clientUserId": who.account,
            **more(turn),
        }
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        return Ask(f"/api/{page}.htm", headers, urlencode(form).encode())

    return ask


ANTPOOL: Final = Pool(
    kind="antpool",
    title="AntPool",
    url="https://antpool.com",
    needs=("account", "key", "secret"),
    calls=(
        Call("account", STATUS, _form("accountOverview"), read_overview),
        Call(
            "workers",
            WORKERS,
            _form("workers", lambda t: {"pageEnable": 1, "page": t.page, "pageSize": ROWS}),
            read_workers,
        ),
        Call("work", WORKERS, _form("hashrate"), read_hashrate, extra=True),
        Call("balance", REWARDS, _form("account"), read_account, extra=True),
    ),
    spacing=2.0,
    burst=5,
    tells=frozenset({"account", "workers", "refused", "balance"}),
    access="On antpool.com under Account, API: make a key with the permission to read; it gives `key` and "
    "`secret`. `account` is the user or sub-account.",
    limits="600 requests in ten minutes, else the address is shut out.",
    notes="How the account is paid is not told: set `scheme`.",
)
