"""Reads public-pool, public or self-hosted: sessions of a worker are added up; solo, without a fee."""

from typing import Final
from urllib.parse import quote

from stratoscope.pools.adapters.ckpool import state_of
from stratoscope.pools.pool import (
    ACCOUNT_INTERVAL_S,
    WORKERS_INTERVAL_S,
    PartialReport,
    PoolAdapter,
    PoolCall,
    PoolRequest,
    RequestContext,
)
from stratoscope.pools.reader import AnswerReader, read_object, read_rows, sum_by_name
from stratoscope.pools.report import WorkerReport
from stratoscope.units import CENTI, MINUTE

WINDOW: Final = 10 * MINUTE
"""public-pool averages hashrates over about ten minutes."""
IDLE_AFTER_S: Final = 20 * MINUTE
"""Ten minutes without a share, plus up to ten minutes that the response is cached."""


def read_client(body: bytes, context: RequestContext) -> PartialReport:
    """Return the account's workers; the account's hashrate is their sum."""
    reader = read_object(body).require("workers")
    rows = reader.rows("workers")
    sessions = read_rows(rows, lambda row: _read_worker(row, context)) or ()
    workers = None if rows is None else sum_by_name(sessions)
    return PartialReport(
        workers=workers,
        summed=bool(rows) and all(WINDOW in one.hashrate for one in sessions) and len(sessions) == len(rows or ()),
        last_share=max((one.last_share for one in workers or () if one.last_share is not None), default=None),
        best_difficulty=reader.number("bestDifficulty"),
        defects=reader.defect_texts(),
    )


def _read_worker(row: AnswerReader, context: RequestContext) -> WorkerReport | None:
    name = row.require("name", "hashRate").text("name")
    if name is None:
        return None
    last = row.time("lastSeen")
    return WorkerReport(
        name=name,
        hashrate=row.rates({WINDOW: "hashRate"}),
        last_share=last,
        state=state_of(last, context.now, IDLE_AFTER_S),
    )


def read_pool(body: bytes, _: RequestContext) -> PartialReport:
    """Return hashrate, fee and blocks of the whole pool."""
    reader = read_object(body).require("totalHashRate")
    blocks = reader.raw.get("blocksFound")
    return PartialReport(
        pool_hashrate=reader.rate("totalHashRate"),
        fee_ratio=reader.number("fee", scale=CENTI, high=1.0),
        blocks_found=len(blocks) if isinstance(blocks, list) and all(isinstance(one, dict) for one in blocks) else None,
        defects=reader.defect_texts(),
    )


PUBLIC_POOL: Final = PoolAdapter(
    kind="public-pool",
    title="public-pool (public-pool.io and self-hosted)",
    url="https://public-pool.io:40557",
    required_keys=("account",),
    calls=(
        PoolCall(
            "account",
            ACCOUNT_INTERVAL_S,
            lambda context: PoolRequest(f"/api/client/{quote(context.account.account, safe='')}"),
            read_client,
        ),
        PoolCall("pool", WORKERS_INTERVAL_S, lambda _: PoolRequest("/api/pool"), read_pool, optional=True),
    ),
    scheme="solo",
    reports=frozenset({"account", "workers"}),
    access="No key. `account` is the payout address. For your own pool set `url` to http://HOST:3334, with "
    "`allow_http: true` unless it is on this machine.",
    limits="Responses are cached for one to ten minutes.",
    notes="The pool forgets an address that has not mined for a while: HTTP 404.",
)
