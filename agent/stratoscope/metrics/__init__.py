"""Holds THE TABLE: every telemetry metric once, with name, unit, help, labels and where its value comes from.

The Prometheus page, MQTT topics, dashboards and `docs/metrics.md` all derive from it. The order is the order of
importance: where a limit on series per rig bites, the families at the end go first.
"""

from typing import Any, Final

from stratoscope.economics.site import SiteMoney
from stratoscope.fields import redacted_url
from stratoscope.market.records import MarketNow
from stratoscope.metrics import market, money, parts, pools, rig, site, site_money, stratum, tamper, tap, work
from stratoscope.metrics.freshness import fresh_for, without_reading
from stratoscope.metrics.metric import (
    NAMESPACE,
    NOBODY,
    Family,
    Identity,
    Kind,
    Labels,
    Metric,
    RigFamily,
    Spread,
    Stability,
    Subject,
)
from stratoscope.metrics.reconcile import RECONCILED
from stratoscope.metrics.section import Section
from stratoscope.metrics.site import Tally, Totals, totals
from stratoscope.metrics.tap import TapNow
from stratoscope.metrics.unit import Unit
from stratoscope.pools.records import PoolNow
from stratoscope.stratum.watch.records import StratumNow
from stratoscope.tamper.detector import GuardNow

TABLE: Final[tuple[RigFamily, ...]] = (
    rig.HEALTH,
    rig.INFO,
    rig.STATE,
    rig.OUTPUT,
    rig.SHARES,
    rig.POWER_SOURCE,
    rig.POLLS,
    rig.POLLING,
    rig.TAGS,
    parts.BOARDS,
    parts.BOARD_SENSORS,
    parts.FANS,
    parts.POOLS,
    money.EARNED,
    money.RATES,
    money.RATIOS,
    work.PROOF,
    work.TIP,
    money.SPENT,
    rig.FAULTS,
    work.BOUNDS,
    rig.AIR,
    parts.POOL_USERS,
    rig.HASHRATE_WINDOWS,
    parts.POOL_COUNTERS,
    parts.POOL_WORK,
    rig.REFUSED,
)
"""Families of one rig; every series carries the label `rig` before its own."""

RIG_MONEY: Final[tuple[RigFamily, ...]] = (money.EARNED, money.RATES, money.RATIOS, money.SPENT)
"""Those families of TABLE that tell of a rig's money."""

SITE: Final[tuple[Family[Totals, Any], ...]] = (site.HASHRATES, site.SUMS, site.RIGS)
"""Families of the whole site; no `rig` label."""

SITE_MONEY: Final[tuple[Family[SiteMoney, Any], ...]] = (
    site_money.RATES, site_money.RATIOS, site_money.SHARES, site_money.COVERAGE, site_money.PRICES, site_money.TARIFFS,
    site_money.CHARGES, site_money.SOURCES,
)  # fmt: skip
"""Families of the whole site's money and its tariffs; no `rig` label."""

MARKET: Final[tuple[Family[MarketNow, Any], ...]] = (
    market.NETWORK,
    market.HASHRATES,
    market.PRICE,
    market.HASHPRICE,
    market.HASHPRICE_FIAT,
    market.OBSERVED,
    market.OBSERVED_FIAT,
    market.TEMPLATE,
    market.TEMPLATE_FIAT,
    market.NEWEST_JOB,
    market.APART,
    market.ADJUSTMENT,
    market.PUBLISHED,
    market.DOUBTS,
    market.AFTER,
    market.FORWARD,
    market.CHANGES,
    market.PARTS,
    market.AGES,
    market.USABLE,
)
"""Families of the market, where one is configured; no `rig` label."""

STRATUM: Final[tuple[Family[StratumNow, Any], ...]] = (
    stratum.ENDPOINTS, stratum.PHASES, stratum.RTT, stratum.JOBS, stratum.JOB, stratum.TRANSACTIONS, stratum.CHAIN,
    stratum.RACE, stratum.COSTS, stratum.SESSIONS, stratum.JOB_COUNTS, stratum.ASKED, stratum.TIP, stratum.ALARM,
    stratum.UNWATCHED,
)  # fmt: skip
"""Families of the stratum endpoints, where they are watched; no `rig` label."""

GUARD: Final[tuple[Family[GuardNow, Any], ...]] = (
    tamper.COUNTS, tamper.RIGS, tamper.ENDPOINTS, tamper.PINS, tamper.LEARNING, tamper.ACCEPTED,
)  # fmt: skip
"""Families about theft and tampering; no `rig` label but where an alarm is of a rig."""

POOLS: Final[tuple[Family[tuple[PoolNow, ...], Any], ...]] = (
    pools.STANDING,
    pools.INFO,
    pools.HASHRATES,
    pools.ACCOUNT,
    pools.STATES,
    pools.WORK,
    pools.EARNINGS,
    pools.PAYOUTS,
    pools.AGES,
    pools.REQUESTS,
    pools.WORKER_HASHRATES,
    pools.WORKERS,
    pools.WORKER_WORK,
)
"""Families of the pools and of the workers there, where any are configured; no `rig` label before their own."""

TAP: Final[tuple[Family[TapNow, Any], ...]] = (
    tap.WORKERS,
    tap.HASHRATES,
    tap.REJECTED,
    tap.RELAY,
    tap.BYTES,
    tap.UNREACHED,
    tap.NOISE,
)
"""Families of a relay between miners and pool, on the page of `stratoscope tap`; no `rig` label."""

WHOLE: Final[tuple[Family[Any, Any], ...]] = (*SITE, *SITE_MONEY, *MARKET, *STRATUM, *POOLS, *RECONCILED, *GUARD, *TAP)
"""Every family without a `rig` label, in the order of docs/metrics.md."""

__all__ = [
    "GUARD",
    "MARKET",
    "NAMESPACE",
    "NOBODY",
    "POOLS",
    "RECONCILED",
    "RIG_MONEY",
    "SITE",
    "SITE_MONEY",
    "STRATUM",
    "TABLE",
    "TAP",
    "WHOLE",
    "Family",
    "Identity",
    "Kind",
    "Labels",
    "Metric",
    "RigFamily",
    "Section",
    "Spread",
    "Stability",
    "Subject",
    "Tally",
    "TapNow",
    "Totals",
    "Unit",
    "fresh_for",
    "redacted_url",
    "totals",
    "without_reading",
]
