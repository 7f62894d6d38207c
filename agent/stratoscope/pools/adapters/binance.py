"""Reads Binance Pool: signed queries, H/s as text, milliseconds, pages of workers and of payments."""

from collections.abc import Callable, Mapping
from typing import Final
from urllib.parse import urlencode

from stratoscope.pools.pool import REWARDS, STATUS, WORKERS, Ask, Call, Part, Pool, Turn
from stratoscope.pools.reader import Said, each, opened, refusal
from stratoscope.pools.report import Earning, WorkerReport, WorkerState
from stratoscope.pools.signing import signed
from stratoscope.units import DAY, MINUTE

WINDOWS: Final = {15 * MINUTE: "fifteenMinHashRate", DAY: "dayHashRate"}
WORKER_WINDOWS: Final = {0.0: "hashRate", DAY: "dayHashRate"}
STATES: Final[dict[int, WorkerState]] = {1: "active", 2: "inactive", 3: "dead"}
TOO_MANY: Final = (-1003, -1015)
ROWS: Final = 200


def _said(body: bytes) -> Said:
    answer = opened(body)
    code = answer.raw.get("code")
    if code not in (0, "0"):
        raise refusal(code, answer.raw.get("msg"), "rate_limited" if code in TOO_MANY else None)
    return answer.need("data").child("data")


def read_account(body: bytes, _: Turn) -> Part:
    """Return hashrate."""
    said = _said(body).need(*WINDOWS.values(), "unit")
    return Part(hashrate=said.rates(WINDOWS, scale=said.unit("unit")), defects=said.wrong())


def read_workers(body: bytes, turn: Turn) -> Part:
    """Return a page of workers."""
    said = _said(body).need("workerDatas")
    rows = said.rows("workerDatas")
    found = each(rows, _worker)
    return Part(workers=found, more=_more(said, turn) and bool(found), defects=said.wrong())


def _more(said: Said, turn: Turn) -> bool:
    total, size = said.integer("totalNum"), said.integer("pageSize")
    return total is not None and size is not None and turn.page * size < total


def _worker(row: Said) -> WorkerReport | None:
    name = row.need("workerName", "hashRate").text("workerName")
    if name is None:
        return None
    status = row.integer("status")
    return WorkerReport(
        name=name,
        hashrate=row.rates(WORKER_WINDOWS),
        last_share=row.time("lastShareTime"),
        state=None if status is None else STATES.get(status),
    )


def read_earnings(body: bytes, turn: Turn) -> Part:
    """Return what each day earned in bitcoin."""
    said = _said(body).need("accountProfits")
    rows = said.rows("accountProfits")
    found = []
    for row in rows or ():
        start, sat = row.need("time", "profitAmount").time("time"), row.sat("profitAmount")
        if row.text("coinName") == "BTC" and start is not None and sat is not None:
            found.append(Earning(start=start, end=start + DAY, sat=sat, hashrate=row.rate("dayHashRate")))
    part = Part(more=_more(said, turn) and bool(rows), defects=said.wrong())
    if rows is not None:
        part["earnings"] = tuple(found)
    return part


def _get(page: str, more: Callable[[Turn], Mapping[str, str | int]] = lambda _: {}) -> Callable[[Turn], Ask]:
    def ask(turn: Turn) -> Ask:
        query = urlencode(
            {
                "algo": "sha256",
                "userName": turn.account.account,
                **more(turn),
                "recvWindow": 10000,
                "timestamp": turn.nonce,
            }
        )
        sign = signed(query, turn.account.secret)
        return Ask(f"/sapi/v1/mining/{page}?{query}&signature={sign}", {"X-MBX-APIKEY": turn.account.key})

    return ask


BINANCE: Final = Pool(
    kind="binance",
    title="Binance Pool",
    url="https://api.binance.com",
    needs=("account", "key", "secret"),
    calls=(
        Call("account", STATUS, _get("statistics/user/status"), read_account),
        Call("workers", WORKERS, _get("worker/list", lambda t: {"pageIndex": t.page}), read_workers),
        Call(
            "rewards",
            REWARDS,
            _get("payment/list", lambda _: {"coin": "BTC", "pageIndex": 1, "pageSize": ROWS}),
            lambda body, turn: _first_page(read_earnings(body, turn)),
            extra=True,
        ),
    ),
    spacing=2.0,
    burst=5,
    scheme="fpps",
    tells=frozenset({"account", "workers", "earnings"}),
    access="On binance.com under Account, API Management: make a key that may only read, and best limit it to the "
    "agent's public address; it gives `key` and `secret`. `account` is the mining account. The clock must "
    "be right to seconds.",
    limits="Each request weighs 5 of the 1,200 that an address has in a minute.",
)


def _first_page(part: Part) -> Part:
    """Return the newest days only: older ones do not change."""
    part["more"] = False
    return part
