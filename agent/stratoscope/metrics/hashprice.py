"""Defines the hashprice metrics: computed, observed, from the newest job, published and forward.

Hashprice keeps the units of the trade (BTC or fiat per PH/s per day, satoshis per TH/s per day). In base units it would
be about 10^-24, which nobody could compare with a published figure.
"""

from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from stratoscope.market.derive import after_adjustment
from stratoscope.market.hashprice import Hashprice, ObservedHashprice, TemplateHashprice
from stratoscope.market.records import MarketState, TemplateState
from stratoscope.market.references import PublishedHashprice
from stratoscope.metrics.metric import Labels, MetricFamily, MetricsOf, gauge
from stratoscope.metrics.unit import Unit

ALONE: Final = "Absent while difficulty, fees or tip are unusable; see mining_market_input_usable."


PRICED: Final = "Absent while the price is unusable."


class _Ahead(NamedTuple):
    btc: float
    fiat: float | None
    error: float | None


def _whole(now: MarketState) -> Iterable[tuple[Labels, MarketState]]:
    return (((), now),)


def _ahead(now: MarketState) -> Iterator[tuple[Labels, _Ahead]]:
    for blocks, mean in now.forward.items():
        yield (str(blocks), now.currency), _Ahead(mean.btc_per_ph_day, mean.fiat_per_ph_day, mean.relative_error)


def _changes(now: MarketState) -> Iterable[tuple[Labels, float]]:
    return (((str(days), now.currency), change.change) for days, change in now.changes.items())


def _parts(now: MarketState) -> Iterator[tuple[Labels, float]]:
    for days, change in now.changes.items():
        for part in ("price", "reward", "difficulty"):
            yield (str(days), now.currency, part), getattr(change, part)


def _by_difficulty(now: MarketState) -> Iterable[tuple[Labels, Hashprice]]:
    return () if now.hashprice is None else (((), now.hashprice),)


def _by_difficulty_fiat(now: MarketState) -> Iterable[tuple[Labels, Hashprice]]:
    return () if now.hashprice is None else (((now.currency,), now.hashprice),)


def _by_hashrate(now: MarketState) -> Iterable[tuple[Labels, ObservedHashprice]]:
    return () if now.observed is None else (((), now.observed),)


def _by_hashrate_fiat(now: MarketState) -> Iterable[tuple[Labels, ObservedHashprice]]:
    return () if now.observed is None else (((now.currency,), now.observed),)


def _newest(now: MarketState) -> Iterable[tuple[Labels, TemplateState]]:
    return () if now.template is None else (((), now.template),)


def _by_template(now: MarketState) -> Iterable[tuple[Labels, TemplateHashprice]]:
    return () if now.template is None or now.template.hashprice is None else (((), now.template.hashprice),)


def _by_template_fiat(now: MarketState) -> Iterable[tuple[Labels, TemplateHashprice]]:
    return (((now.currency,), one) for _, one in _by_template(now))


def _apart(now: MarketState) -> Iterable[tuple[Labels, float]]:
    return () if now.template is None else (((what,), int(found)) for what, found in now.template.disagreements.items())


def _published(now: MarketState) -> Iterable[tuple[Labels, PublishedHashprice]]:
    return (((name,), one) for name, one in now.published.items())


def _doubts(now: MarketState) -> Iterator[tuple[Labels, float]]:
    for name, one in now.published.items():
        if one.check is not None:
            yield (name, "subsidy"), int(not one.check.plausible)
            if one.check.agrees is not None:
                yield (name, "fees"), int(not one.check.agrees)


per_market = MetricsOf[MarketState]()


per_hashprice = MetricsOf[Hashprice]()


per_observed = MetricsOf[ObservedHashprice]()


per_job_hashprice = MetricsOf[TemplateHashprice]()


per_job = MetricsOf[TemplateState]()


per_published = MetricsOf[PublishedHashprice]()


per_ahead = MetricsOf[_Ahead]()


HASHPRICE: MetricFamily[MarketState, Hashprice] = MetricFamily("market: hashprice", _by_difficulty).with_metrics(
    per_hashprice.gauge("hashprice", Unit.BTC_PER_PH_DAY, lambda h: h.btc_per_ph_day).means(
        f"Hashprice by difficulty, before pool fees: what FPPS credits for 1 PH/s in one day. {ALONE}"
    ),
    per_hashprice.gauge("hashprice", Unit.SATOSHIS_PER_TH_DAY, lambda h: h.sats_per_th_day).means(
        "Hashprice by difficulty, before pool fees, in satoshis for 1 TH/s in one day."
    ),
)


HASHPRICE_FIAT: MetricFamily[MarketState, Hashprice] = MetricFamily(
    "market: hashprice in fiat", _by_difficulty_fiat, ("currency",)
).with_metrics(
    per_hashprice.gauge("hashprice", Unit.FIAT_PER_PH_DAY, lambda h: h.fiat_per_ph_day).means(
        f"Hashprice by difficulty, before pool fees, in the currency of the label. {PRICED}"
    ),
)


OBSERVED: MetricFamily[MarketState, ObservedHashprice] = MetricFamily(
    "market: hashprice observed", _by_hashrate
).with_metrics(
    per_observed.gauge("hashprice_observed", Unit.BTC_PER_PH_DAY, lambda h: h.observed_btc_per_ph_day).means(
        "Hashprice by the observed network hashrate (144 block rewards per day divided by the hashrate of the longest "
        "window): JPMorgan's measure, not what pools credit."
    ),
    per_observed.gauge("hashprice_observed", Unit.SATOSHIS_PER_TH_DAY, lambda h: h.observed_sats_per_th_day).means(
        "Hashprice by the observed network hashrate in satoshis for 1 TH/s in one day."
    ),
)


OBSERVED_FIAT: MetricFamily[MarketState, ObservedHashprice] = MetricFamily(
    "market: hashprice observed in fiat", _by_hashrate_fiat, ("currency",)
).with_metrics(
    per_observed.gauge("hashprice_observed", Unit.FIAT_PER_PH_DAY, lambda h: h.observed_fiat_per_ph_day).means(
        "Hashprice by the observed network hashrate in the currency of the label."
    ),
    per_observed.gauge("hashprice_observed", Unit.FIAT_PER_EH_DAY, lambda h: h.observed_fiat_per_eh_day).means(
        "Hashprice by the observed network hashrate for 1 EH/s: JPMorgan's daily block reward revenue."
    ),
)


TEMPLATE: MetricFamily[MarketState, TemplateHashprice] = MetricFamily(
    "market: hashprice of the newest job", _by_template
).with_metrics(
    per_job_hashprice.gauge("hashprice_template", Unit.BTC_PER_PH_DAY, lambda h: h.template_btc_per_ph_day).means(
        "Hashprice if every block paid as much as the coinbase of the newest stratum job: forward-looking and noisy. "
        "Absent without a job."
    ),
    per_job_hashprice.gauge("hashprice_template", Unit.SATOSHIS_PER_TH_DAY, lambda h: h.template_sats_per_th_day).means(
        "Hashprice of the newest stratum job in satoshis for 1 TH/s in one day."
    ),
)


TEMPLATE_FIAT: MetricFamily[MarketState, TemplateHashprice] = MetricFamily(
    "market: hashprice of the newest job in fiat", _by_template_fiat, ("currency",)
).with_metrics(
    per_job_hashprice.gauge("hashprice_template", Unit.FIAT_PER_PH_DAY, lambda h: h.template_fiat_per_ph_day).means(
        f"Hashprice of the newest stratum job in the currency of the label. {PRICED}"
    ),
)


NEWEST_JOB: MetricFamily[MarketState, TemplateState] = MetricFamily("market: newest job", _newest).with_metrics(
    per_job.gauge("template_coinbase", Unit.SATOSHIS, lambda o: o.job.coinbase_value).means(
        "Coinbase value of the newest stratum job: subsidy plus fees."
    ),
    per_job.gauge("template_height", Unit.NONE, lambda o: o.job.height).means(
        "Block height of the newest stratum job."
    ),
)


APART: MetricFamily[MarketState, float] = MetricFamily(
    "market: contradictions between newest job and market", _apart, ("quantity",)
).with_metrics(
    gauge("template_disagrees", Unit.NONE).means(
        "1 if the newest stratum job contradicts the market in the quantity of the label: height differs by more than "
        "three blocks, difficulty differs within one epoch, or coinbase is below the subsidy; else 0. Absent if they "
        "cannot be compared."
    ),
)


PUBLISHED: MetricFamily[MarketState, PublishedHashprice] = MetricFamily(
    "market: published hashprices", _published, ("reference",)
).with_metrics(
    per_published.gauge("hashprice_reference", Unit.BTC_PER_PH_DAY, lambda p: p.btc_per_ph_day).means(
        "Hashprice published by another source (market.references); absent when too old."
    ),
    per_published.gauge("hashprice_reference_age", Unit.SECONDS, lambda p: p.age).means(
        "Age of the published hashprice."
    ),
    per_published.gauge("hashprice_reference_deviation", Unit.RATIO, lambda p: p.deviation).means(
        "Deviation of the published hashprice from mining_hashprice_btc_per_ph_day; 0.01 means 1 % higher."
    ),
    per_published.gauge(
        "hashprice_reference_fees", Unit.RATIO, lambda p: None if p.check is None else p.check.implied_fee_share
    ).means("Share of transaction fees in the block reward that the published hashprice implies."),
)


DOUBTS: MetricFamily[MarketState, float] = MetricFamily(
    "market: plausibility of published hashprices", _doubts, ("reference", "check")
).with_metrics(
    gauge("hashprice_reference_doubtful", Unit.NONE).means(
        "1 if the published hashprice implies less than the subsidy (check subsidy) or a fee share that differs by "
        "more than one percentage point from the agent's own (check fees), else 0."
    ),
)


AFTER: MetricFamily[MarketState, MarketState] = MetricFamily(
    "market: hashprice after the adjustment", _whole
).with_metrics(
    per_market.gauge("hashprice_after_adjustment", Unit.BTC_PER_PH_DAY, after_adjustment).means(
        "Hashprice by difficulty after the next adjustment as estimated, with current price and fees."
    ),
)


FORWARD: MetricFamily[MarketState, _Ahead] = MetricFamily(
    "market: forward hashprice", _ahead, ("blocks", "currency")
).with_metrics(
    per_ahead.gauge("hashprice_forward", Unit.BTC_PER_PH_DAY, lambda f: f.btc).means(
        "Mean hashprice by difficulty over the next `blocks` blocks with current price and fees, across the next "
        "adjustment and halving."
    ),
    per_ahead.gauge("hashprice_forward", Unit.FIAT_PER_PH_DAY, lambda f: f.fiat).means(
        f"Mean hashprice over the next `blocks` blocks in the currency of the label. {PRICED}"
    ),
    per_ahead.gauge("hashprice_forward_standard_error", Unit.RATIO, lambda f: f.error).means(
        "Relative standard error of the forward hashprice that comes from the adjustment; uncertainty of price and "
        "fees is not included."
    ),
)


CHANGES: MetricFamily[MarketState, float] = MetricFamily(
    "market: hashprice change", _changes, ("days", "currency")
).with_metrics(
    gauge("hashprice_change", Unit.RATIO).means(
        "Change of the fiat hashprice over the last `days` days; 0.05 is +5 %. Absent while the past value is unknown."
    ),
)


PARTS: MetricFamily[MarketState, float] = MetricFamily(
    "market: hashprice change by cause", _parts, ("days", "currency", "part")
).with_metrics(
    gauge("hashprice_change_log", Unit.RATIO).means(
        "Contributions of price, reward and difficulty to the hashprice change over the last `days` days, as natural "
        "logarithms; they add up exactly to ln(1 + mining_hashprice_change_ratio)."
    ),
)
