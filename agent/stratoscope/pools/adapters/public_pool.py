"""Reads public-pool, the public one and self-hosted ones: sessions of a worker are added up; solo, without a fee."""

from typing import Final
from urllib.parse import quote

from stratoscope.pools.adapters.ckpool import state_of
from stratoscope.pools.pool import STATUS, WORKERS, Ask, Call, Part, Pool, Turn
from stratoscope.pools.reader import Said, added_up, each, opened
from stratoscope.pools.report import WorkerReport
from stratoscope.units import CENTI, MINUTE

WINDOW: Final = 10 * MINUTE
"""public-pool's hashrate is that of the last ten minutes or so."""
IDLE: Final = 20 * MINUTE
"""Ten minutes without a share, in an answer that may have been kept for ten minutes."""


def read_client(body: bytes, turn: Turn) -> Part:
    """Return the account's workers, and its hashrate as their sum."""
    said = opened(body).need("workers")
    rows = said.rows("workers")
    sessions = each(rows, lambda row: _worker(row, turn)) or ()
    workers = None if rows is None else added_up(sessions)
    return Part(
        workers=workers,
        summed=bool(rows) and all(WINDOW in one.hashrate for one in sessions) and len(sessions) == len(rows or ()),
        last_share=max((one.last_share for one in workers or () if one.last_share is not None), default=None),
        best_difficulty=said.number("bestDifficulty"),
        defects=said.wrong(),
    )


def _worker(row: Said, turn: Turn) -> WorkerReport | None:
    name = row.need("name", "hashRate").text("name")
    if name is None:
        return None
    last = row.time("lastSeen")
    return WorkerReport(
        name=name, hashrate=row.rates({WINDOW: "hashRate"}), last_share=last, state=state_of(last, turn.now, IDLE)
    )


def read_pool(body: bytes, _: Turn) -> Part:
    """Return hashrate, fee and blocks of the whole pool."""
    said = opened(body).need("totalHashRate")
    blocks = said.raw.get("blocksFound")
    return Part(
        pool_hashrate=said.rate("totalHashRate"),
        fee_ratio=said.number("fee", scale=CENTI, high=1.0),
        blocks_found=len(blocks) if isinstance(blocks, list) and all(isinstance(one, dict) for one in blocks) else None,
        defects=said.wrong(),
    )


PUBLIC_POOL: Final = Pool(
    kind="public-pool",
    title="public-pool (public-pool.io and self-hosted)",
    url="https://public-pool.io:40557",
    needs=("account",),
    calls=(
        Call("account", STATUS, lambda turn: Ask(f"/api/client/{quote(turn.account.account, safe='')}"), read_client),
        Call("pool", WORKERS, lambda _: Ask("/api/pool"), read_pool, extra=True),
    ),
    scheme="solo",
    tells=frozenset({"account", "workers"}),
    access="No key. `account` is the payout address. A pool of your own needs `url`: http://HOST:3334, with "
    "`allow_http: true` unless it is on this machine.",
    limits="Answers are cached for one to ten minutes.",
    notes="An address that has not mined for a while is unknown: HTTP 404.",
)
