"""Holds the metric table: every metric once, with name, unit, help text, labels and the source of its value.

The Prometheus page, MQTT topics, dashboards and `docs/metrics.md` derive from it. Families are in order of importance:
a limit on the series per rig drops the last ones first.
"""

from typing import Any, Final

from stratoscope.economics.site import SiteMoney
from stratoscope.fields import redacted_url
from stratoscope.market.records import MarketState
from stratoscope.metrics import (
    hashprice,
    money,
    network,
    own,
    own_mqtt,
    parts,
    pools,
    rig,
    site,
    site_money,
    stratum,
    stratum_jobs,
    tamper,
    tap,
    work,
)
from stratoscope.metrics.collector import OwnCollector
from stratoscope.metrics.freshness import freshness_seconds, without_reading
from stratoscope.metrics.metric import (
    NAMESPACE,
    UNKNOWN_IDENTITY,
    Distribution,
    Identity,
    Labels,
    Metric,
    MetricFamily,
    MetricKind,
    RigFamily,
    Stability,
    Subject,
)
from stratoscope.metrics.own import SOURCE_FAMILIES
from stratoscope.metrics.own_mqtt import INBOX_FAMILIES, MQTT_FAMILIES
from stratoscope.metrics.reconcile import RECONCILED
from stratoscope.metrics.section import Section
from stratoscope.metrics.site import RigContribution, Totals, totals
from stratoscope.metrics.tap import TapState
from stratoscope.metrics.unit import Unit
from stratoscope.pools.records import PoolState
from stratoscope.stratum.watch.records import StratumState
from stratoscope.tamper.detector import TamperState

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
"""Families of one rig. Every series has the label `rig` before its own labels."""

RIG_MONEY: Final[tuple[RigFamily, ...]] = (money.EARNED, money.RATES, money.RATIOS, money.SPENT)
"""The families of TABLE about the money of a rig."""

SITE: Final[tuple[MetricFamily[Totals, Any], ...]] = (site.HASHRATES, site.SUMS, site.RIGS)
"""Families of the whole site; no `rig` label."""

SITE_MONEY: Final[tuple[MetricFamily[SiteMoney, Any], ...]] = (
    site_money.RATES,
    site_money.RATIOS,
    site_money.SHARES,
    site_money.COVERAGE,
    site_money.PRICES,
    site_money.TARIFFS,
    site_money.CHARGES,
    site_money.SOURCES,
)
"""Families of the whole site's money and its tariffs; no `rig` label."""

MARKET: Final[tuple[MetricFamily[MarketState, Any], ...]] = (
    network.NETWORK,
    network.HASHRATES,
    network.PRICE,
    hashprice.HASHPRICE,
    hashprice.HASHPRICE_FIAT,
    hashprice.OBSERVED,
    hashprice.OBSERVED_FIAT,
    hashprice.TEMPLATE,
    hashprice.TEMPLATE_FIAT,
    hashprice.NEWEST_JOB,
    hashprice.APART,
    network.ADJUSTMENT,
    hashprice.PUBLISHED,
    hashprice.DOUBTS,
    hashprice.AFTER,
    hashprice.FORWARD,
    hashprice.CHANGES,
    hashprice.PARTS,
    network.AGES,
    network.USABLE,
)
"""Families of the market, if one is configured; no `rig` label."""

STRATUM: Final[tuple[MetricFamily[StratumState, Any], ...]] = (
    stratum.ENDPOINTS,
    stratum.PHASES,
    stratum.RTT,
    stratum_jobs.JOBS,
    stratum_jobs.JOB,
    stratum_jobs.TRANSACTIONS,
    stratum_jobs.CHAIN,
    stratum_jobs.RACE,
    stratum_jobs.COSTS,
    stratum.SESSIONS,
    stratum_jobs.JOB_COUNTS,
    stratum.ASKED,
    stratum.TIP,
    stratum.ALARM,
    stratum.UNWATCHED,
)
"""Families of the stratum endpoints, if they are monitored; no `rig` label."""

GUARD: Final[tuple[MetricFamily[TamperState, Any], ...]] = (
    tamper.COUNTS,
    tamper.RIGS,
    tamper.ENDPOINTS,
    tamper.PINS,
    tamper.LEARNING,
    tamper.ACCEPTED,
)
"""Families about theft and tampering; only alarms of a rig have a `rig` label."""

POOLS: Final[tuple[MetricFamily[tuple[PoolState, ...], Any], ...]] = (
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
"""Families of pools and their workers, if any are configured; `rig` is not their first label."""

TAP: Final[tuple[MetricFamily[TapState, Any], ...]] = (
    tap.WORKERS,
    tap.HASHRATES,
    tap.REJECTED,
    tap.RELAY,
    tap.BYTES,
    tap.UNREACHED,
    tap.NOISE,
)
"""Families of a relay between miners and pool, on the page of `stratoscope tap`; no `rig` label."""

OWN: Final[tuple[MetricFamily[Any, Any], ...]] = (
    *own.AGENT_FAMILIES,
    *own.POLL_FAMILIES,
    *own.SOURCE_FAMILIES,
    *own.PAGE_FAMILIES,
    *own_mqtt.MQTT_FAMILIES,
    *own_mqtt.HOMEASSISTANT_FAMILIES,
    *own_mqtt.INBOX_FAMILIES,
)
"""Families about the agent itself (`stratoscope_*`)."""

WHOLE: Final[tuple[MetricFamily[Any, Any], ...]] = (
    *SITE,
    *SITE_MONEY,
    *MARKET,
    *STRATUM,
    *POOLS,
    *RECONCILED,
    *GUARD,
    *TAP,
    *OWN,
)
"""Every family without a `rig` label, in the order of docs/metrics.md."""

__all__ = [
    "GUARD",
    "INBOX_FAMILIES",
    "MARKET",
    "MQTT_FAMILIES",
    "NAMESPACE",
    "OWN",
    "POOLS",
    "RECONCILED",
    "RIG_MONEY",
    "SITE",
    "SITE_MONEY",
    "SOURCE_FAMILIES",
    "STRATUM",
    "TABLE",
    "TAP",
    "UNKNOWN_IDENTITY",
    "WHOLE",
    "Distribution",
    "Identity",
    "Labels",
    "Metric",
    "MetricFamily",
    "MetricKind",
    "OwnCollector",
    "RigContribution",
    "RigFamily",
    "Section",
    "Stability",
    "Subject",
    "TapState",
    "Totals",
    "Unit",
    "freshness_seconds",
    "redacted_url",
    "totals",
    "without_reading",
]
