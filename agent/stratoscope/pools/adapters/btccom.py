"""Reads BTC.com: key in the query, hashrates as text with a letter beside them, whole satoshis."""

from collections.abc import Callable
from typing import Final
from urllib.parse import urlencode

from stratoscope.pools.pool import REWARDS, STATUS, WORKERS, Ask, Call, Part, Pool, Turn
from stratoscope.pools.report import WorkerState
from stratoscope.pools.said import Said, opened, refusal
from stratoscope.units import DAY, MINUTE

WINDOWS: Final = {15 * MINUTE: "shares_15m", DAY: "shares_1d"}
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
    return Part(hashrate=said.rates(STATS, scale=said.unit("shares_unit")), workers_by_state=states,
                defects=said.wrong())  # fmt: skip


def read_balance(body: bytes, _: Turn) -> Part:
    """Return what is unpaid and what was paid, in satoshis."""
    said = _said(body).need("unpaid")
    return Part(balance_sat=said.integer("unpaid"), paid_sat=said.integer("total_paid"), defects=said.wrong())


def _get(page: str) -> Callable[[Turn], Ask]:
    return lambda turn: Ask(f"/v1/{page}?{urlencode({'access_key': turn.account.key, 'puid': turn.account.account})}")


BTCCOM: Final = Pool(
    kind="btccom",
    title="BTC.com",
    url="https://pool.api.btc.com",
    needs=("account", "key"),
    calls=(
        Call("account", STATUS, _get("realtime/hashrate"), read_hashrate),
        Call("workers", WORKERS, _get("worker/stats"), read_workers),
        Call("balance", REWARDS, _get("account/earn-stats"), read_balance, extra=True),
    ),
    spacing=10.0,
    scheme="fpps",
    access="On pool.btc.com on the page of the sub-accounts: the AccessKey is the `key`, the puid is the `account`.",
    limits="Not published.",
    notes="The key is part of the address that is asked; it is in no log, error or page of the agent's. How many "
    "workers there are is told, not which.",
)
