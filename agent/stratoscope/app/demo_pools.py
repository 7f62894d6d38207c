"""Configures the demo's pools, and fills in the reconciliation as if the agent had run since yesterday."""

from collections.abc import Mapping
from typing import Any, Final

from stratoscope.app.reconcile_service import agreed
from stratoscope.config import Config
from stratoscope.market.chain import hashes_per_block
from stratoscope.pools.adapters import BY_KIND
from stratoscope.pools.settings import PoolSettings
from stratoscope.reconcile.comparison import Piece
from stratoscope.reconcile.days import day_name
from stratoscope.reconcile.reconciler import Reckoner
from stratoscope.reconcile.spans import LATE
from stratoscope.reconcile.waterfall import PoolDay
from stratoscope.simulate.accounts import NORTH, NORTH_KEY, SOLO, SOUTH
from stratoscope.simulate.pool_past import REFUSED, PoolPast, RigHour
from stratoscope.units import DAY, HOUR, MINUTE

COMPARISON_S: Final = 2 * MINUTE
"""Seconds of one comparison in the demo: the usual quarter hour would be longer than most demos run."""
NAMES: Final = {NORTH: "north", SOUTH: "south", SOLO: "solo"}


def pool_entries(urls: Mapping[str, str]) -> list[dict[str, Any]]:
    """Return the config's entries for the simulated pools."""
    return [
        {"kind": "foundry", "name": NAMES[NORTH], "url": urls["north"], "account": NORTH, "key": NORTH_KEY},
        {
            "kind": "ckpool",
            "name": NAMES[SOUTH],
            "url": urls["south"],
            "account": SOUTH,
            "scheme": "pplns",
            "fee": 0.01,
        },
        {"kind": "ckpool", "name": NAMES[SOLO], "url": urls["pool"], "account": SOLO},
    ]


def reconciler_with_history(past: PoolPast, config: Config) -> Reckoner:
    """Return a reconciler with the simulated past of a fleet since yesterday's midnight."""
    settings = [pool.settings() for pool in config.pools]
    rows = [row for one in settings for row in days_of(past, one, config.site)]
    reckoner = Reckoner(config.site, lambda _: None, rows=rows, span=COMPARISON_S)
    reckoner.follow(map(agreed, settings), config.economics.firmware_fee)
    for account, name in NAMES.items():
        book = reckoner.books[name]
        workers = len({hour.rig for hour in past.hours.get(account, ())})
        for hours in past.in_order(account):
            pieces = [piece_of(hour, name == NAMES[NORTH]) for hour in hours]
            for hour, piece in zip(hours, pieces, strict=True):
                book.count(piece)
                book.take_worker(piece, (hour.rig,), workers, LATE)
            book.judge(pieces, LATE * sum(piece.shares for piece in pieces) / HOUR)
    return reckoner


def piece_of(hour: RigHour, by_name_suffix: bool) -> Piece:
    """Return a rig's hour as a comparison; Foundry lists workers by the last part of their names."""
    due = hour.reported * (1 - REFUSED)
    worker = hour.rig if by_name_suffix else hour.worker
    return Piece(worker, hour.start, hour.start + HOUR, hour.reported, due, hour.credited, due / hour.per_share)


def days_of(past: PoolPast, pool: PoolSettings, site: str) -> list[PoolDay]:
    """Return the past days as the agent would have written them to the ledger."""
    rows: dict[float, PoolDay] = {}
    hashes = hashes_per_block(past.difficulty)
    scheme = pool.scheme or BY_KIND[pool.kind].scheme
    for hour in past.hours.get(pool.account.account, ()):
        start = hour.start // DAY * DAY
        row = rows.setdefault(
            start, PoolDay(day=day_name(start), site=site, pool=pool.name, scheme=scheme, fee=pool.fee)
        )
        shares = hour.reported / hour.per_share
        row.watched_seconds = max(row.watched_seconds, hour.start + HOUR - start)
        row.rig_seconds += HOUR
        row.heard_seconds += HOUR
        row.hashing_seconds += HOUR
        row.reported_hashes += hour.reported
        row.valued_hashes += hour.reported
        row.reported_sat = (row.reported_sat or 0.0) + hour.reported / hashes * (past.subsidy + past.fees)
        row.subsidy_sat = (row.subsidy_sat or 0.0) + hour.reported / hashes * past.subsidy
        row.accepted += shares * (1 - REFUSED)
        row.rejected += shares * REFUSED * 0.65
        row.stale += shares * REFUSED * 0.35
        row.until = hour.start + HOUR
    return list(rows.values())
