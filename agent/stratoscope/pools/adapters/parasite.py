"""Reads Parasite Pool: CKPool's figures, humanised; the hashrate is that of five minutes."""

from typing import Final
from urllib.parse import quote

from stratoscope.pools.adapters.ckpool import state_of
from stratoscope.pools.pool import STATUS, WORKERS, Ask, Call, Part, Pool, Turn
from stratoscope.pools.reader import Said, each, opened, refusal, suffixed
from stratoscope.pools.report import WorkerReport
from stratoscope.units import MINUTE

WINDOW: Final = 5 * MINUTE


def _said(body: bytes) -> Said:
    said = opened(body)
    if said.raw.get("error"):
        raise refusal("", said.raw.get("error"))
    return said


def read_user(body: bytes, turn: Turn) -> Part:
    """Return hashrate and workers. When the last share came is told for workers only: "2 minutes ago" is no time."""
    said = _said(body).need("hashrate", "workerData")
    rows = said.rows("workerData")
    workers = each(rows, lambda row: _worker(row, turn))
    return Part(
        hashrate=said.rates({WINDOW: "hashrate"}),
        last_share=max((one.last_share for one in workers or () if one.last_share is not None), default=None),
        workers=workers,
        best_difficulty=suffixed(said.raw.get("bestDifficulty")),
        defects=said.wrong(),
    )


def _worker(row: Said, turn: Turn) -> WorkerReport | None:
    name = row.need("hashrate").text("id", "name")
    if name is None:
        return None
    last = row.time("lastSubmission")
    return WorkerReport(
        name=name, hashrate=row.rates({WINDOW: "hashrate"}), last_share=last, state=state_of(last, turn.now)
    )


def read_pool(body: bytes, _: Turn) -> Part:
    """Return the hashrate of the whole pool."""
    said = _said(body).need("hashrate")
    return Part(pool_hashrate=said.rate("hashrate"), defects=said.wrong())


PARASITE: Final = Pool(
    kind="parasite",
    title="Parasite Pool",
    url="https://parasite.space",
    needs=("account",),
    calls=(
        Call("account", STATUS, lambda turn: Ask(f"/api/user/{quote(turn.account.account, safe='')}"), read_user),
        Call("pool", WORKERS, lambda _: Ask("/api/pool-stats"), read_pool, extra=True),
    ),
    spacing=10.0,
    tells=frozenset({"account", "workers"}),
    access="No key. `account` is the payout address.",
    limits="The server limits the rate; it does not say to what.",
    notes="A worker that shows a hashrate of 0 may be active all the same: its state follows from its last share. "
    "A finder keeps part of a block, the rest is shared out: neither solo nor PPLNS.",
)
