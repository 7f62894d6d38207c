"""Writes docs/pools.md from the adapters: what each pool tells, what it needs, and how to get that."""

from typing import Final

from stratoscope.pools.adapters import POOLS
from stratoscope.pools.pool import Pool

HEAD: Final = """# Pools

Generated from the adapters; do not edit.

A pool is asked for one account per entry of `pools` in the config ([configuration.md](configuration.md#pools)). What it
says becomes `mining_pool_*` and `mining_worker_*` ([metrics.md](metrics.md)): hashrates in H/s with the window they are
means over, amounts in whole satoshis, times in UTC. What a pool does not tell is absent. `stratoscope pools check
--config FILE` asks every configured pool once and says what came, or what to do about what did not.

The state of an account is asked for every minute, its workers every five minutes, rewards every fifteen, spread at
random by a tenth. Requests with one key never come faster than the spacing below, whatever the config says. A pause
that a pool asks for is kept, up to an hour. What fails is tried again after one, two, four minutes up to fifteen, a
refused login after five and up to fifteen. A figure is shown for three cadences, at least ten minutes, with its age in
`mining_pool_age_seconds`; then it vanishes.

Keys are references to secrets (`env:NAME`, `file:/path`, `credential:name`). They go only to the configured host, over
https unless `allow_http` allows otherwise, never along a redirect, and are part of no log, error, metric or page. A key
that may only read is enough everywhere.

How a pool pays: `pps` for each share, from the subsidy; `pps+` that and a share of the transaction fees; `fpps` the
subsidy and the day's rate of fees for each share; `pplns` and `prop` a share of each block that the pool finds; `tides`
the same over a window of eight times the network's difficulty; `solo` the whole block to whoever finds it.

| kind | pool | account | workers | refused work | balance | earnings | payouts |
|---|---|---|---|---|---|---|---|
"""

COLUMNS: Final = ("account", "workers", "refused", "balance", "earnings", "payouts")


def pools_markdown() -> str:
    """Return the page."""
    table = "".join(f"| [`{pool.kind}`](#{pool.kind}) | {pool.title} | {_cells(pool)} |\n" for pool in POOLS)
    return f"{HEAD}{table}\n" + "\n".join(_pool(pool) for pool in POOLS)


def _cells(pool: Pool) -> str:
    return " | ".join("yes" if column in pool.tells else "–" for column in COLUMNS)


def _pool(pool: Pool) -> str:
    takes = [f"`{key}`" for key in pool.needs]
    takes += [f"`{key}` (optional)" for key in (*pool.takes, *(("url",) if pool.url is not None else ()))]
    lines = [f"## {pool.kind}", "", f"{pool.title}.", "", f"* keys: {', '.join(takes)}", f"* {pool.access}"]
    if pool.url is not None:
        lines.append(f"* asked at: {pool.url}")
    calls = ", ".join(f"{call.name} every {call.every:.0f} s" for call in pool.calls)
    lines.append(f"* asked for: {calls}; at most {pool.burst} at once, then one in {pool.spacing:g} s")
    if pool.scheme is not None:
        lines.append(f"* pays: {pool.scheme}")
    if pool.limits:
        lines.append(f"* limits: {pool.limits}")
    if pool.notes:
        lines.append(f"* {pool.notes}")
    return "\n".join((*lines, ""))
