"""Defines the market metrics of network, bitcoin price, next adjustment and age of the inputs."""

from collections.abc import Iterable

from stratoscope.market.adjustment import Adjustment
from stratoscope.market.chain import BLOCK_SECONDS, implied_hashrate
from stratoscope.market.derive import MARKET_INPUTS
from stratoscope.market.records import MarketState, SourcedValue
from stratoscope.metrics.metric import WORKS, Labels, MetricFamily, MetricsOf, gauge
from stratoscope.metrics.unit import Unit


def _whole(now: MarketState) -> Iterable[tuple[Labels, MarketState]]:
    return (((), now),)


def _of(known: SourcedValue | None) -> float | None:
    return None if known is None else known.value


def _halving_due(now: MarketState) -> float | None:
    return None if now.halving is None or now.height is None else now.height.at + now.halving.blocks * BLOCK_SECONDS


def _in_currency(now: MarketState) -> Iterable[tuple[Labels, MarketState]]:
    return (((now.currency,), now),)


def _hashrates(now: MarketState) -> Iterable[tuple[Labels, tuple[int, float]]]:
    return (((str(blocks),), (blocks, known.value)) for blocks, known in now.network_hashrate.items())


def _adjustment(now: MarketState) -> Iterable[tuple[Labels, Adjustment]]:
    return () if now.adjustment is None else (((), now.adjustment),)


def _ages(now: MarketState) -> Iterable[tuple[Labels, float]]:
    return now.ages.items()


def _usable(now: MarketState) -> Iterable[tuple[Labels, float]]:
    names = (*MARKET_INPUTS, "template") if "template" in now.stale or now.template is not None else MARKET_INPUTS
    return (((name,), 0 if name in now.stale else 1) for name in names)


per_market = MetricsOf[MarketState]()
per_hashrate = MetricsOf[tuple[int, float]]()
per_adjustment = MetricsOf[Adjustment]()

NETWORK: MetricFamily[MarketState, MarketState] = MetricFamily("market: network", _whole).with_metrics(
    per_market.gauge("network_height", Unit.NONE, lambda m: _of(m.height)).means("Height of the newest block."),
    per_market.gauge("network_difficulty", Unit.NONE, lambda m: _of(m.difficulty)).means(
        "Difficulty of the newest block."
    ),
    per_market.gauge(
        "network_hashrate_implied",
        Unit.HASHES_PER_SECOND,
        lambda m: None if m.difficulty is None else implied_hashrate(m.difficulty.value),
    ).means("Network hashrate at which blocks of this difficulty take ten minutes: difficulty x 2^32 / 600."),
    per_market.gauge("block_subsidy", Unit.SATOSHIS, lambda m: m.subsidy).means("Subsidy of the newest block."),
    per_market.gauge("block_fees", Unit.SATOSHIS, lambda m: _of(m.fees)).means("Mean fees of the last 144 blocks."),
    per_market.gauge(
        "halving_remaining_blocks", Unit.NONE, lambda m: None if m.halving is None else m.halving.blocks
    ).means("Blocks until the subsidy halves."),
    per_market.gauge("halving_due", Unit.TIMESTAMP, _halving_due).means(
        "Expected time of the next halving, at one block every ten minutes."
    ),
    per_market.gauge("difficulty_adjustment_previous", Unit.RATIO, lambda m: _of(m.previous_change)).means(
        "Change of difficulty at the last adjustment; 0.05 is +5 %."
    ),
)

HASHRATES: MetricFamily[MarketState, tuple[int, float]] = MetricFamily(
    "market: network hashrate", _hashrates, ("blocks",)
).with_metrics(
    per_hashrate.gauge("network_hashrate", Unit.HASHES_PER_SECOND, lambda r: r[1]).means(
        "Network hashrate observed over the last `blocks` blocks."
    ),
    per_hashrate.gauge("network_hashrate_standard_error", Unit.RATIO, lambda r: r[0] ** -0.5).means(
        "Relative standard error of the observed hashrate: 1/sqrt(blocks)."
    ),
)

PRICE: MetricFamily[MarketState, MarketState] = MetricFamily("market: price", _in_currency, ("currency",)).with_metrics(
    per_market.gauge("btc_price", Unit.NONE, lambda m: _of(m.price)).means(
        "Price of one bitcoin in the currency of the label. Absent when older than market.price_max_age (15 min)."
    ),
)


ADJUSTMENT: MetricFamily[MarketState, Adjustment] = MetricFamily("market: next adjustment", _adjustment).with_metrics(
    per_adjustment.gauge("difficulty_adjustment", Unit.RATIO, lambda a: a.change).means(
        "Estimated change of difficulty at the next adjustment; 0.05 is +5 %."
    ),
    per_adjustment.gauge("difficulty_adjustment_standard_error", Unit.RATIO, lambda a: a.standard_error).means(
        "Standard error of the block rate used for the estimate: 1/sqrt(blocks seen)."
    ),
    per_adjustment.gauge("difficulty_adjustment_forecast_error", Unit.RATIO, lambda a: a.forecast_error).means(
        "Standard error of the estimated adjustment at constant hashrate; 0 at the end of the epoch."
    ),
    per_adjustment.gauge("difficulty_adjustment_remaining_blocks", Unit.NONE, lambda a: a.remaining_blocks).means(
        "Blocks until the next adjustment."
    ),
    per_adjustment.gauge("difficulty_adjustment_due", Unit.TIMESTAMP, lambda a: a.retarget_time).means(
        "Expected time of the next adjustment at the block rate of this epoch."
    ),
)


AGES: MetricFamily[MarketState, float] = MetricFamily("market: age of inputs", _ages, ("input", "source")).with_metrics(
    gauge("market_input_age", Unit.SECONDS).means(
        "Age of a market input: since the newest block for tip, since the last confirmation by the source for all "
        "others. The price in use has the source `median` and the age of its oldest quote."
    ),
)

USABLE: MetricFamily[MarketState, float] = MetricFamily("market: usable inputs", _usable, ("input",)).with_metrics(
    gauge("market_input_usable", Unit.NONE, levels=WORKS).means(
        "1 if the input is used, 0 if it is unknown, too old, doubtful or contradicts another input; the log gives the "
        "reason."
    ),
)
