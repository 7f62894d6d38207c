"""Holds the rows of the metric table that tell whether pools credit and pay what the rigs did."""

from collections.abc import Iterable
from typing import Any, Final, NamedTuple

from stratoscope.metrics.metric import Family, Labels, Metric
from stratoscope.metrics.unit import Unit
from stratoscope.reconcile.book import DAY_WINDOW, Reconciled, WorkerStanding
from stratoscope.reconcile.comparison import Comparison
from stratoscope.reconcile.waterfall import Waterfall
from stratoscope.units import PH, SATOSHIS, TH

Pools = tuple[Reconciled, ...]
SATS_PER_TH: Final = SATOSHIS * TH / PH


class Compared(NamedTuple):
    """A window of a pool, with how many rigs it stands for and the tolerance that its band includes."""

    compared: Comparison
    rigs: int
    tolerance: float


class Amount(NamedTuple):
    """One figure of its own row; None is unknown."""

    value: float | None


def _each(pools: Pools) -> Iterable[tuple[Labels, Reconciled]]:
    return (((one.pool,), one) for one in pools)


def _windows(pools: Pools) -> Iterable[tuple[Labels, Compared]]:
    for one in pools:
        for window, compared in one.windows.items():
            yield (one.pool, window), Compared(compared, one.rigs.get("matched", 0), one.tolerance)


def _rigs(pools: Pools) -> Iterable[tuple[Labels, Amount]]:
    return (((one.pool, match), Amount(count)) for one in pools for match, count in one.rigs.items())


def _workers(pools: Pools) -> Iterable[tuple[Labels, Amount]]:
    return (((one.pool, match), Amount(count)) for one in pools for match, count in one.worker_matches.items())


def _own(pools: Pools) -> Iterable[tuple[Labels, WorkerStanding]]:
    """Yield workers that are one rig; a name shared by several rigs is in the pool's sums only."""
    for one in pools:
        for worker in one.workers:
            if len(worker.rigs) == 1:
                yield (one.pool, worker.rigs[0]), worker


def _settled(pools: Pools) -> Iterable[tuple[Labels, Waterfall]]:
    return (((one.pool,), one.waterfall) for one in pools if one.waterfall is not None)


def _factors(pools: Pools) -> Iterable[tuple[Labels, Amount]]:
    for (pool,), day in _settled(pools):
        for name, factor in day.factors.items():
            yield (pool, name), Amount(factor)


def _parts(pools: Pools) -> Iterable[tuple[Labels, Amount]]:
    for (pool,), day in _settled(pools):
        for name, part in day.parts.items():
            yield (pool, name), Amount(part)


def _costs(pools: Pools) -> Iterable[tuple[Labels, Amount]]:
    for (pool,), day in _settled(pools):
        for name, cost in day.costs.items():
            yield (pool, name), Amount(cost)


def _odds(pools: Pools) -> Iterable[tuple[Labels, Amount]]:
    for one in pools:
        if one.odds is not None:
            for days, chance in one.odds.chances.items():
                yield (one.pool, f"{days}d"), Amount(chance)


def _sats(btc_per_ph_day: float | None) -> float | None:
    return None if btc_per_ph_day is None else btc_per_ph_day * SATS_PER_TH


CREDIT: Family[Pools, Compared] = Family("pool: credited against reported", _windows, (
    Metric("pool_reported_hashrate", Unit.HASHES_PER_SECOND, "Mean hashrate that the matched rigs at the pool "
           "reported, over the time that the pool's books tell of too.", lambda c: c.compared.reported * c.rigs),
    Metric("pool_credited_hashrate", Unit.HASHES_PER_SECOND, "Mean hashrate that the pool credited the matched rigs "
           "with, over the same time.", lambda c: c.compared.credited * c.rigs),
    Metric("pool_credited", Unit.RATIO, "Credited hashes over those due: reported, less the configured firmware fee "
           "and less openly refused shares.", lambda c: c.compared.ratio),
    Metric("pool_credited_band", Unit.RATIO, "How far from 1 mining_pool_credited_ratio may be by chance and "
           "tolerance: 2.576 standard errors (99 %) and the configured tolerance.",
           lambda c: c.compared.band(c.tolerance)),
    Metric("pool_credited_standard_error", Unit.RATIO, "One standard error of mining_pool_credited_ratio: "
           "1/sqrt(shares), wider by the measured scatter.", lambda c: c.compared.noise),
    Metric("pool_compared_shares", Unit.NONE, "Shares that were due in the compared time.",
           lambda c: c.compared.shares),
), ("pool", "window"))  # fmt: skip

VERDICT: Family[Pools, Reconciled] = Family("pool: shortfall", _each, (
    Metric("pool_shortfall", Unit.NONE, "1 while it is established that the pool credits less than is due, beyond the "
           "tolerance; else 0. By chance once in a hundred years.", lambda p: int(p.finding is not None)),
    Metric("pool_shortfall", Unit.RATIO, "Part of the due hashes that is not credited, since the shortfall began; "
           "absent without one.", lambda p: None if p.finding is None else 1 - p.finding.rate),
    Metric("pool_shortfall_since", Unit.TIMESTAMP, "When the shortfall began, as far as the counts tell; absent "
           "without one.", lambda p: None if p.finding is None else p.finding.since),
    Metric("pool_shortfall_evidence", Unit.RATIO, "Evidence for a shortfall over what is wanted to establish one, "
           "both as logarithms; 1 establishes it.", lambda p: p.evidence),
    Metric("pool_shortfall_detection", Unit.SECONDS, "Time after which a shortfall of 3 % would be established, on "
           "average, with the present number of shares.", lambda p: p.detection),
    Metric("pool_share_dispersion", Unit.RATIO, "Variance of credited shares over that of pure chance, as measured; "
           "at least 1.", lambda p: p.dispersion),
    Metric("pool_matched_hashrate", Unit.RATIO, "Part of the account's hashrate that comes from workers which are "
           "known rigs: what the comparison stands for.", lambda p: p.coverage),
    Metric("pool_reconciled", Unit.TIMESTAMP, "Up to when the pool's books were compared with the rigs.",
           lambda p: p.at or None),
    Metric("pool_expected_block", Unit.SECONDS, "Time to a block on average at the credited hashrate, where the "
           "account mines alone.", lambda p: None if p.odds is None else p.odds.seconds),
), ("pool",))  # fmt: skip

RIGS: Family[Pools, Amount] = Family("pool: rigs by match", _rigs, (
    Metric("pool_rigs", Unit.NONE, "Rigs whose active slot is this pool's: matched with a worker of it, or unmatched.",
           lambda a: a.value),
), ("pool", "match"))  # fmt: skip

WORKERS: Family[Pools, Amount] = Family("pool: workers by match", _workers, (
    Metric("pool_worker_matches", Unit.NONE, "Workers that the pool lists: matched with a rig, unmatched, or "
           "ambiguous (a rig could be more than one of them).", lambda a: a.value),
), ("pool", "match"))  # fmt: skip

OWN: Family[Pools, WorkerStanding] = Family("worker: credited against reported", _own, (
    Metric("worker_credited", Unit.RATIO, f"mining_pool_credited_ratio of one rig's worker, over the last "
           f"{DAY_WINDOW}.", lambda w: w.compared.ratio),
    Metric("worker_credited_standard_error", Unit.RATIO, "One standard error of mining_worker_credited_ratio.",
           lambda w: w.compared.noise),
    Metric("worker_shortfall", Unit.NONE, "1 while it is established that the worker is credited less than is due, "
           "beyond the tolerance for one rig; else 0. A rig that overstates its hashrate looks the same.",
           lambda w: int(w.short)),
), ("pool", "rig"))  # fmt: skip

DAY: Family[Pools, Waterfall] = Family("pool: the newest settled day", _settled, (
    Metric("pool_day_theoretical", Unit.SATOSHIS, "What the rigs at the pool would have earned in the newest settled "
           "UTC day, had they hashed all the time: at the market's hashprice, before any fee.",
           lambda d: d.theoretical),
    Metric("pool_day_expected", Unit.SATOSHIS, "The theoretical after every known factor but luck: what the pool "
           "should have credited on average.", lambda d: d.expected),
    Metric("pool_day_realised", Unit.SATOSHIS, "What the pool credited for that day, after its fee: the matched rigs' "
           "part. With PPLNS, TIDES and solo a day says little.", lambda d: d.realised),
    Metric("pool_day_realised", Unit.RATIO, "Realised over theoretical: the product of the factors of "
           "mining_pool_waterfall_ratio.", lambda d: d.ratio),
    Metric("pool_day_coverage", Unit.RATIO, "Part of the rigs' day that is known; the rest is taken to be like it.",
           lambda d: d.coverage),
    Metric("pool_day_market_hashprice", Unit.BTC_PER_PH_DAY, "The market's hashprice over the same hashes.",
           lambda d: d.hashprice),
    Metric("pool_day_realised_hashprice", Unit.BTC_PER_PH_DAY, "Effective hashprice: what the pool paid over what it "
           "credited, after its fee.", lambda d: d.realised_hashprice),
    Metric("pool_day_market_hashprice", Unit.SATOSHIS_PER_TH_DAY, "The same in satoshis.",
           lambda d: _sats(d.hashprice)),
    Metric("pool_day_realised_hashprice", Unit.SATOSHIS_PER_TH_DAY, "The same in satoshis.",
           lambda d: _sats(d.realised_hashprice)),
), ("pool",))  # fmt: skip

FACTORS: Family[Pools, Amount] = Family("pool: waterfall", _factors, (
    Metric("pool_waterfall", Unit.RATIO, "Factors from theoretical to realised of the newest settled day, in order: "
           "uptime, acceptance, rate_method, pool_fee, luck, residual. An unknown one is absent and counts in the "
           "last.", lambda a: a.value),
), ("pool", "factor"))  # fmt: skip

PARTS: Family[Pools, Amount] = Family("pool: parts of the acceptance", _parts, (
    Metric("pool_acceptance", Unit.RATIO, "What the factor acceptance consists of: firmware_fee, refused (rejected "
           "and stale shares), credit (the pool's books over what was due).", lambda a: a.value),
), ("pool", "part"))  # fmt: skip

COSTS: Family[Pools, Amount] = Family("pool: cost of each loss", _costs, (
    Metric("pool_day_loss", Unit.SATOSHIS, "What each loss cost in the newest settled day at the market's hashprice; "
           "below zero where nothing was lost but won by chance.", lambda a: a.value),
), ("pool", "cause"))  # fmt: skip

ODDS: Family[Pools, Amount] = Family("pool: chance of a block", _odds, (
    Metric("pool_block_probability", Unit.RATIO, "Probability of at least one block within so many days, where the "
           "account mines alone.", lambda a: a.value),
), ("pool", "within"))  # fmt: skip

RECONCILED: Final[tuple[Family[Pools, Any], ...]] = (
    CREDIT, VERDICT, RIGS, WORKERS, DAY, FACTORS, PARTS, COSTS, ODDS, OWN,
)  # fmt: skip
"""Families of the reconciliation, where pools are configured; no `rig` label but in the last."""
