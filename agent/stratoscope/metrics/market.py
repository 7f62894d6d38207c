"""Holds the rows of the metric table that describe the market: network, price, both hashprices, what comes next.

Hashprice keeps the units of its trade (BTC or fiat per PH/s per day, satoshis per TH/s per day): in base units it would
be some 10^-24, which nobody could hold against a published figure.
"""

from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from stratoscope.market.adjustment import Adjustment
from stratoscope.market.chain import BLOCK_SECONDS, implied_hashrate
from stratoscope.market.derive import INPUTS, after_adjustment
from stratoscope.market.hashprice import Hashprice, ObservedHashprice, TemplateHashprice
from stratoscope.market.records import Known, MarketNow, TemplateNow
from stratoscope.market.references import Published
from stratoscope.metrics.metric import WORKS, Family, Labels, Metric
from stratoscope.metrics.unit import Unit

ALONE: Final = "Absent while difficulty, fees or tip cannot be used; see mining_market_input_usable."
PRICED: Final = "Absent while the price cannot be used."


class _Ahead(NamedTuple):
    btc: float
    fiat: float | None
    error: float | None


def _whole(now: MarketNow) -> Iterable[tuple[Labels, MarketNow]]:
    return (((), now),)


def _of(known: Known | None) -> float | None:
    return None if known is None else known.value


def _halving_due(now: MarketNow) -> float | None:
    return None if now.halving is None or now.height is None else now.height.at + now.halving.blocks * BLOCK_SECONDS


def _value(number: float | None) -> float | None:
    return number


def _in_currency(now: MarketNow) -> Iterable[tuple[Labels, MarketNow]]:
    return (((now.currency,), now),)


def _hashrates(now: MarketNow) -> Iterable[tuple[Labels, tuple[int, float]]]:
    return (((str(blocks),), (blocks, known.value)) for blocks, known in now.network_hashrate.items())


def _adjustment(now: MarketNow) -> Iterable[tuple[Labels, Adjustment]]:
    return () if now.adjustment is None else (((), now.adjustment),)


def _ahead(now: MarketNow) -> Iterator[tuple[Labels, _Ahead]]:
    for blocks, mean in now.forward.items():
        yield (str(blocks), now.currency), _Ahead(mean.btc_per_ph_day, mean.fiat_per_ph_day, mean.relative_error)


def _changes(now: MarketNow) -> Iterable[tuple[Labels, float]]:
    return (((str(days), now.currency), change.change) for days, change in now.changes.items())


def _parts(now: MarketNow) -> Iterator[tuple[Labels, float]]:
    for days, change in now.changes.items():
        for part in ("price", "reward", "difficulty"):
            yield (str(days), now.currency, part), getattr(change, part)


def _by_difficulty(now: MarketNow) -> Iterable[tuple[Labels, Hashprice]]:
    return () if now.hashprice is None else (((), now.hashprice),)


def _by_difficulty_fiat(now: MarketNow) -> Iterable[tuple[Labels, Hashprice]]:
    return () if now.hashprice is None else (((now.currency,), now.hashprice),)


def _by_hashrate(now: MarketNow) -> Iterable[tuple[Labels, ObservedHashprice]]:
    return () if now.observed is None else (((), now.observed),)


def _by_hashrate_fiat(now: MarketNow) -> Iterable[tuple[Labels, ObservedHashprice]]:
    return () if now.observed is None else (((now.currency,), now.observed),)


def _newest(now: MarketNow) -> Iterable[tuple[Labels, TemplateNow]]:
    return () if now.template is None else (((), now.template),)


def _by_template(now: MarketNow) -> Iterable[tuple[Labels, TemplateHashprice]]:
    return () if now.template is None or now.template.hashprice is None else (((), now.template.hashprice),)


def _by_template_fiat(now: MarketNow) -> Iterable[tuple[Labels, TemplateHashprice]]:
    return (((now.currency,), one) for _, one in _by_template(now))


def _apart(now: MarketNow) -> Iterable[tuple[Labels, float]]:
    return () if now.template is None else (((what,), int(found)) for what, found in now.template.apart.items())


def _published(now: MarketNow) -> Iterable[tuple[Labels, Published]]:
    return (((name,), one) for name, one in now.published.items())


def _doubts(now: MarketNow) -> Iterator[tuple[Labels, float]]:
    for name, one in now.published.items():
        if one.check is not None:
            yield (name, "subsidy"), int(not one.check.plausible)
            if one.check.agrees is not None:
                yield (name, "fees"), int(not one.check.agrees)


def _ages(now: MarketNow) -> Iterable[tuple[Labels, float]]:
    return now.ages.items()


def _usable(now: MarketNow) -> Iterable[tuple[Labels, float]]:
    names = (*INPUTS, "template") if "template" in now.stale or now.template is not None else INPUTS
    return (((name,), 0 if name in now.stale else 1) for name in names)


NETWORK: Family[MarketNow, MarketNow] = Family("market: network", _whole, (
    Metric("network_height", Unit.NONE, "Height of the newest block.", lambda m: _of(m.height)),
    Metric("network_difficulty", Unit.NONE, "Difficulty of the newest block.",
           lambda m: _of(m.difficulty)),
    Metric("network_hashrate_implied", Unit.HASHES_PER_SECOND, "Network hashrate at which blocks of this difficulty "
           "come every ten minutes: difficulty x 2^32 / 600.",
           lambda m: None if m.difficulty is None else implied_hashrate(m.difficulty.value)),
    Metric("block_subsidy", Unit.SATOSHIS, "New satoshis of the newest block.", lambda m: m.subsidy),
    Metric("block_fees", Unit.SATOSHIS, "Mean fees of the last 144 blocks.", lambda m: _of(m.fees)),
    Metric("halving_remaining_blocks", Unit.NONE, "Blocks until the subsidy halves.",
           lambda m: None if m.halving is None else m.halving.blocks),
    Metric("halving_due", Unit.TIMESTAMP, "When the subsidy halves if a block comes every ten minutes from now on.",
           _halving_due),
    Metric("difficulty_adjustment_previous", Unit.RATIO, "Change of difficulty at the last adjustment; 0.05 is +5 %.",
           lambda m: _of(m.previous_change)),
))  # fmt: skip

HASHRATES: Family[MarketNow, tuple[int, float]] = Family("market: network hashrate", _hashrates, (
    Metric("network_hashrate", Unit.HASHES_PER_SECOND, "Network hashrate as observed over the last blocks.",
           lambda r: r[1]),
    Metric("network_hashrate_standard_error", Unit.RATIO, "One standard error of the observed hashrate over its value: "
           "1/sqrt(blocks).", lambda r: r[0] ** -0.5),
), ("blocks",))  # fmt: skip

PRICE: Family[MarketNow, MarketNow] = Family("market: price", _in_currency, (
    Metric("btc_price", Unit.NONE, "Price of one bitcoin in the currency of the label. Absent once it is older than "
           "market.price_max_age (15 min).", lambda m: _of(m.price)),
), ("currency",))  # fmt: skip

HASHPRICE: Family[MarketNow, Hashprice] = Family("market: hashprice", _by_difficulty, (
    Metric("hashprice", Unit.BTC_PER_PH_DAY, "Hashprice by difficulty, before pool fees: what FPPS credits for 1 PH/s "
           f"over a day. {ALONE}", lambda h: h.btc_per_ph_day),
    Metric("hashprice", Unit.SATOSHIS_PER_TH_DAY, "The same in satoshis for 1 TH/s over a day.",
           lambda h: h.sats_per_th_day),
))  # fmt: skip

HASHPRICE_FIAT: Family[MarketNow, Hashprice] = Family("market: hashprice in fiat", _by_difficulty_fiat, (
    Metric("hashprice", Unit.FIAT_PER_PH_DAY, f"Hashprice by difficulty in the currency of the label. {PRICED}",
           lambda h: h.fiat_per_ph_day),
), ("currency",))  # fmt: skip

OBSERVED: Family[MarketNow, ObservedHashprice] = Family("market: hashprice observed", _by_hashrate, (
    Metric("hashprice_observed", Unit.BTC_PER_PH_DAY, "Hashprice by the observed network hashrate (144 rewards a day "
           "shared out over the longest window): JPMorgan's measure, not what pools credit.",
           lambda h: h.observed_btc_per_ph_day),
    Metric("hashprice_observed", Unit.SATOSHIS_PER_TH_DAY, "The same in satoshis for 1 TH/s over a day.",
           lambda h: h.observed_sats_per_th_day),
))  # fmt: skip

OBSERVED_FIAT: Family[MarketNow, ObservedHashprice] = Family("market: hashprice observed in fiat", _by_hashrate_fiat, (
    Metric("hashprice_observed", Unit.FIAT_PER_PH_DAY, "Hashprice by observed hashrate in the currency of the label.",
           lambda h: h.observed_fiat_per_ph_day),
    Metric("hashprice_observed", Unit.FIAT_PER_EH_DAY, "The same for 1 EH/s: JPMorgan's daily block reward revenue.",
           lambda h: h.observed_fiat_per_eh_day),
), ("currency",))  # fmt: skip

TEMPLATE: Family[MarketNow, TemplateHashprice] = Family("market: hashprice of the newest template", _by_template, (
    Metric("hashprice_template", Unit.BTC_PER_PH_DAY, "Hashprice if every block paid as the coinbase of the newest "
           "stratum job does: forward-looking and noisy. Absent while no job is at hand.",
           lambda h: h.template_btc_per_ph_day),
    Metric("hashprice_template", Unit.SATOSHIS_PER_TH_DAY, "The same in satoshis for 1 TH/s over a day.",
           lambda h: h.template_sats_per_th_day),
))  # fmt: skip

TEMPLATE_FIAT: Family[MarketNow, TemplateHashprice] = Family(
    "market: hashprice of the newest template in fiat", _by_template_fiat, (
        Metric("hashprice_template", Unit.FIAT_PER_PH_DAY, f"The same in the currency of the label. {PRICED}",
               lambda h: h.template_fiat_per_ph_day),
    ), ("currency",))  # fmt: skip

NEWEST_JOB: Family[MarketNow, TemplateNow] = Family("market: newest template", _newest, (
    Metric("template_coinbase", Unit.SATOSHIS, "What the coinbase of the newest stratum job pays: subsidy and fees.",
           lambda o: o.job.coinbase_value),
    Metric("template_height", Unit.NONE, "Height of the block that the newest stratum job builds.",
           lambda o: o.job.height),
))  # fmt: skip

APART: Family[MarketNow, float] = Family("market: template against market", _apart, (
    Metric("template_disagrees", Unit.NONE, "1 where the newest stratum job is at odds with the market: its height by "
           "more than three blocks, its difficulty inside one epoch, or its coinbase below the subsidy; else 0. Absent "
           "where the two cannot be compared.", _value),
), ("of",))  # fmt: skip

PUBLISHED: Family[MarketNow, Published] = Family("market: hashprices of others", _published, (
    Metric("hashprice_reference", Unit.BTC_PER_PH_DAY, "A hashprice that somebody else publishes (market.references); "
           "absent once it is too old.", lambda p: p.btc_per_ph_day),
    Metric("hashprice_reference_age", Unit.SECONDS, "Age of that figure.", lambda p: p.age),
    Metric("hashprice_reference_deviation", Unit.RATIO, "By how much it is above our own hashprice by difficulty; 0.01 "
           "is 1 %.", lambda p: p.deviation),
    Metric("hashprice_reference_fees", Unit.RATIO, "Part of the block reward that it implies to be fees.",
           lambda p: None if p.check is None else p.check.implied_fee_share),
), ("reference",))  # fmt: skip

DOUBTS: Family[MarketNow, float] = Family("market: doubts about hashprices of others", _doubts, (
    Metric("hashprice_reference_doubtful", Unit.NONE, "1 where a published hashprice implies less than the subsidy "
           "(check subsidy) or a share of fees over one percentage point off our own (check fees), else 0.", _value),
), ("reference", "check"))  # fmt: skip

AFTER: Family[MarketNow, MarketNow] = Family("market: hashprice after the adjustment", _whole, (
    Metric("hashprice_after_adjustment", Unit.BTC_PER_PH_DAY, "Hashprice by difficulty once the next adjustment came "
           "as estimated, price and fees as now.", after_adjustment),
))  # fmt: skip

ADJUSTMENT: Family[MarketNow, Adjustment] = Family("market: next adjustment", _adjustment, (
    Metric("difficulty_adjustment", Unit.RATIO, "Estimated change of difficulty at the next adjustment; 0.05 is +5 %.",
           lambda a: a.change),
    Metric("difficulty_adjustment_standard_error", Unit.RATIO, "One standard error of the pace behind the estimate: "
           "1/sqrt(blocks seen).", lambda a: a.standard_error),
    Metric("difficulty_adjustment_forecast_error", Unit.RATIO, "One standard error of the adjustment itself, at a "
           "steady hashrate; 0 at the end of the epoch.", lambda a: a.forecast_error),
    Metric("difficulty_adjustment_remaining_blocks", Unit.NONE, "Blocks until the next adjustment.",
           lambda a: a.remaining_blocks),
    Metric("difficulty_adjustment_due", Unit.TIMESTAMP, "When the next adjustment comes at the pace of this epoch.",
           lambda a: a.retarget_time),
))  # fmt: skip

FORWARD: Family[MarketNow, _Ahead] = Family("market: hashprice forward", _ahead, (
    Metric("hashprice_forward", Unit.BTC_PER_PH_DAY, "Mean hashprice by difficulty over the blocks ahead, price and "
           "fees as now, across the next adjustment and halving.", lambda f: f.btc),
    Metric("hashprice_forward", Unit.FIAT_PER_PH_DAY, f"The same in the currency of the label. {PRICED}",
           lambda f: f.fiat),
    Metric("hashprice_forward_standard_error", Unit.RATIO, "One standard error of the adjustment's part in the forward "
           "hashprice, over its value; price and fees are not in it.", lambda f: f.error),
), ("blocks", "currency"))  # fmt: skip

CHANGES: Family[MarketNow, float] = Family("market: hashprice change", _changes, (
    Metric("hashprice_change", Unit.RATIO, "Change of the hashprice in fiat over so many days; 0.05 is +5 %. Absent "
           "where the past is not known.", _value),
), ("days", "currency"))  # fmt: skip

PARTS: Family[MarketNow, float] = Family("market: hashprice change by cause", _parts, (
    Metric("hashprice_change_log", Unit.RATIO, "What price, reward and difficulty did to the hashprice over so many "
           "days, as natural logarithms: they add up to ln(1 + mining_hashprice_change_ratio), exactly.", _value),
), ("days", "currency", "part"))  # fmt: skip

AGES: Family[MarketNow, float] = Family("market: age of inputs", _ages, (
    Metric("market_input_age", Unit.SECONDS, "Age of an input: since the newest block for tip, since the source last "
           "confirmed it for the others. The price in force has the source median; it is as old as its oldest quote.",
           _value),
), ("input", "source"))  # fmt: skip

USABLE: Family[MarketNow, float] = Family("market: usable inputs", _usable, (
    Metric("market_input_usable", Unit.NONE, "1 if the input is used, 0 if it is unknown, too old, in doubt or at odds "
           "with another; the log says why.", _value, levels=WORKS),
), ("input",))  # fmt: skip
