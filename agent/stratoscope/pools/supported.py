"""Generates docs/pools.md from the adapters: what each pool reports, which keys it needs, and how to get them."""

from typing import Final

from stratoscope.pools.adapters import POOLS
from stratoscope.pools.pool import PoolAdapter

HEAD: Final = """# Pools

Generated from the adapters; do not edit.

Each entry of `pools` in the config ([configuration.md](configuration.md#pools)) is one account at one pool. The results
are in the metrics `mining_pool_*` and `mining_worker_*` ([metrics.md](metrics.md)): hashrates in H/s with their
averaging window, amounts in whole satoshis, times in UTC. A value that a pool does not report is absent. `stratoscope
pools check --config FILE` queries every configured pool once and shows the result, or how to fix a failure.

The agent polls the account every minute, its workers every five minutes and its rewards every fifteen minutes, unless
the list below says otherwise; a random delay of up to a tenth is added. Requests with one key are never closer together
than the spacing below, whatever the config says. If a pool requests a pause, the agent waits, up to an hour. A failed
call is retried after one, two and four minutes, then up to fifteen; a rejected login after five, then up to fifteen. A
value is shown for three intervals, at least ten minutes, with its age in `mining_pool_age_seconds`; then it disappears.

Keys are references to secrets (`env:NAME`, `file:/path`, `credential:name`). They are sent only to the configured host,
over https unless `allow_http` is set, never follow a redirect, and never appear in a log, an error, a metric or a page.
A read-only key is enough for every pool.

Payout schemes: `pps` pays for each share, from the subsidy; `pps+` adds a share of the transaction fees; `fpps` pays
for each share the subsidy and the fee rate of the day; `pplns` and `prop` pay a share of each block that the pool
finds; `tides` does so over a window of eight times the network difficulty; `solo` pays the whole block to its finder.

| kind | pool | account | workers | refused work | balance | earnings | payouts |
|---|---|---|---|---|---|---|---|
"""

COLUMNS: Final = ("account", "workers", "refused", "balance", "earnings", "payouts")


def pools_markdown() -> str:
    """Return docs/pools.md as Markdown."""
    table = "".join(f"| [`{pool.kind}`](#{pool.kind}) | {pool.title} | {_cells(pool)} |\n" for pool in POOLS)
    return f"{HEAD}{table}\n" + "\n".join(_section(pool) for pool in POOLS)


def _cells(pool: PoolAdapter) -> str:
    return " | ".join("yes" if column in pool.reports else "–" for column in COLUMNS)


def _section(pool: PoolAdapter) -> str:
    optional = (*pool.optional_keys, *(("url",) if pool.url is not None else ()))
    keys = [*(f"`{key}`" for key in pool.required_keys), *(f"`{key}` (optional)" for key in optional)]
    lines = [f"## {pool.kind}", "", f"{pool.title}.", "", f"* keys: {', '.join(keys)}", f"* {pool.access}"]
    if pool.url is not None:
        lines.append(f"* default URL: {pool.url}")
    calls = ", ".join(f"{call.name} every {call.interval:.0f} s" for call in pool.calls)
    at_once = "one request" if pool.burst == 1 else f"{pool.burst} requests"
    lines.append(f"* calls: {calls}; at most {at_once} at once, then one per {pool.spacing:g} s")
    if pool.scheme is not None:
        lines.append(f"* payout scheme: {pool.scheme}")
    if pool.limits:
        lines.append(f"* the pool's limits: {pool.limits}")
    if pool.notes:
        lines.append(f"* {pool.notes}")
    return "\n".join((*lines, ""))
