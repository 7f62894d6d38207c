"""Reads Parasite Pool: CKPool's figures in human-readable form; hashrates are means over five minutes."""

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
from stratoscope.pools.reader import AnswerReader, parse_suffixed, read_object, read_rows, refusal_error
from stratoscope.pools.report import WorkerReport
from stratoscope.units import MINUTE

WINDOW: Final = 5 * MINUTE


def _open_answer(body: bytes) -> AnswerReader:
    reader = read_object(body)
    if reader.raw.get("error"):
        raise refusal_error("", reader.raw.get("error"))
    return reader


def read_user(body: bytes, context: RequestContext) -> PartialReport:
    """Return hashrate and workers. The account's last share is text ("2 minutes ago"), so the workers' one is used."""
    reader = _open_answer(body).require("hashrate", "workerData")
    rows = reader.rows("workerData")
    workers = read_rows(rows, lambda row: _read_worker(row, context))
    return PartialReport(
        hashrate=reader.rates({WINDOW: "hashrate"}),
        last_share=max((one.last_share for one in workers or () if one.last_share is not None), default=None),
        workers=workers,
        best_difficulty=parse_suffixed(reader.raw.get("bestDifficulty")),
        defects=reader.defect_texts(),
    )


def _read_worker(row: AnswerReader, context: RequestContext) -> WorkerReport | None:
    name = row.require("hashrate").text("id", "name")
    if name is None:
        return None
    last = row.time("lastSubmission")
    return WorkerReport(
        name=name, hashrate=row.rates({WINDOW: "hashrate"}), last_share=last, state=state_of(last, context.now)
    )


def read_pool(body: bytes, _: RequestContext) -> PartialReport:
    """Return the hashrate of the whole pool."""
    reader = _open_answer(body).require("hashrate")
    return PartialReport(pool_hashrate=reader.rate("hashrate"), defects=reader.defect_texts())


PARASITE: Final = PoolAdapter(
    kind="parasite",
    title="Parasite Pool",
    url="https://parasite.space",
    required_keys=("account",),
    calls=(
        PoolCall(
            "account",
            ACCOUNT_INTERVAL_S,
            lambda context: PoolRequest(f"/api/user/{quote(context.account.account, safe='')}"),
            read_user,
        ),
        PoolCall("pool", WORKERS_INTERVAL_S, lambda _: PoolRequest("/api/pool-stats"), read_pool, optional=True),
    ),
    spacing=10.0,
    reports=frozenset({"account", "workers"}),
    access="No key. `account` is the payout address.",
    limits="The server limits the request rate; the limit is not published.",
    notes="A worker with a reported hashrate of 0 can be active: its state is derived from its last share. The finder "
    "keeps part of a block and the rest is shared: neither solo nor PPLNS.",
)
