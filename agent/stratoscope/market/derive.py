"""Works out everything the market says from its inputs, and what of it is too old or too doubtful to be said."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from stratoscope.market.adjustment import (
    Adjustment,
    MarketPoint,
    forward_error,
    forward_hashprice,
    hashprice_after,
    next_adjustment,
)
from stratoscope.market.chain import Halving, next_halving, subsidy
from stratoscope.market.choose import NetworkState, PriceState, Quote, Seen, why_suspect
from stratoscope.market.hashprice import (
    Hashprice,
    ObservedHashprice,
    hashprice,
    observed_hashprice,
    template_hashprice,
)
from stratoscope.market.history import History
from stratoscope.market.records import Forward, Known, MarketNow, TemplateNow
from stratoscope.market.references import Figure, Own, ReferenceSettings, beside
from stratoscope.market.settings import MarketSettings
from stratoscope.market.template import NO_JOB_YET, TEMPLATE_MAX_AGE, Template, apart

AHEAD: Final = (144, 1008, 2016)
"""Blocks over which the forward hashprice is told: about a day, a week, two weeks."""

INPUTS: Final = ("tip", "difficulty", "fees", "network_hashrate", "epoch", "price")


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """What the sources gave so far; `price_wrong` and `network_wrong` say why the last round gave nothing."""

    network: NetworkState
    price: PriceState
    quotes: Mapping[str, Quote] = field(default_factory=dict)  # the newest of each source
    price_wrong: str | None = None
    network_wrong: str | None = None
    watched: bool = False  # whether stratum endpoints are watched
    template: Template | None = None  # their newest job
    references: Mapping[str, tuple[ReferenceSettings, Figure]] = field(default_factory=dict)  # those that said anything


@dataclass(frozen=True, slots=True)
class Moment:
    """One moment on both clocks."""

    monotonic: float
    utc: float

    def utc_of(self, born: float) -> float:
        """Return the UTC seconds of a monotonic moment, by the wall clock as it stands now."""
        return self.utc - (self.monotonic - born)


def derive(settings: MarketSettings, inputs: Inputs, history: History, moment: Moment) -> MarketNow:
    """Return what is known at `moment`."""
    stale: dict[str, str] = {}
    ages: dict[tuple[str, str], float] = {}
    price = _price(settings, inputs, moment, stale, ages)
    seen = _usable(settings, inputs, moment, stale, ages)
    fiat = None if price is None else price.value
    template = _template(inputs, seen, fiat, moment, stale, ages)
    if seen is None:
        published = beside(inputs.references, Own(fiat), moment.utc)
        return MarketNow(
            at=moment.utc,
            currency=settings.currency,
            price=price,
            template=template,
            published=published,
            ages=ages,
            stale=stale,
        )
    network = seen.network
    reward = None if network.fees is None else subsidy(network.height) + network.fees
    adjustment = _adjustment(seen, moment, stale)
    halving = next_halving(network.height)
    now = None if reward is None else hashprice(network.difficulty, reward, fiat)
    known = _Origin(seen, moment)
    own = Own(
        fiat, network.difficulty, subsidy(network.height), network.fees, None if now is None else now.btc_per_ph_day
    )
    return MarketNow(
        at=moment.utc,
        currency=settings.currency,
        height=known.of(network.height, seen.tip_born),
        difficulty=known.of(network.difficulty),
        fees=None if network.fees is None else known.of(network.fees),
        subsidy=subsidy(network.height),
        price=price,
        network_hashrate={blocks: known.of(rate) for blocks, rate in sorted(network.hashrate.items())},
        epoch_start=None if network.epoch_start is None else known.of(network.epoch_start),
        previous_change=None if network.previous_change is None else known.of(network.previous_change),
        hashprice=now,
        observed=_observed(network.hashrate, reward, fiat),
        template=template,
        published=beside(inputs.references, own, moment.utc),
        adjustment=adjustment,
        forward=_forward(now, adjustment, halving, reward),
        halving=halving,
        changes={}
        if fiat is None or reward is None
        else history.changes(moment.utc, MarketPoint(fiat, reward, network.difficulty)),
        ages=ages,
        stale=stale,
    )


@dataclass(frozen=True, slots=True)
class _Origin:
    seen: Seen
    moment: Moment

    def of(self, value: float, born: float | None = None) -> Known:
        at = self.moment.utc_of(self.seen.fetched if born is None else born)
        return Known(value=value, at=at, source=self.seen.source)


def _price(
    settings: MarketSettings, inputs: Inputs, moment: Moment, stale: dict[str, str], ages: dict[tuple[str, str], float]
) -> Known | None:
    """Return the price in force, or None with the reason in `stale`: what was held, at last grows too old."""
    ages.update({("price", name): moment.monotonic - quote.born for name, quote in inputs.quotes.items()})
    good = inputs.price.good
    doubt = why_suspect(inputs.price) or inputs.price_wrong
    if good is None:
        stale["price"] = doubt or "no price was had yet"
        return None
    age = ages["price", "median"] = moment.monotonic - good.born
    if age > settings.price_max_age:
        stale["price"] = f"{age:.0f} s old" + (f"; {doubt}" if doubt else "")
        return None
    return Known(value=good.price, at=moment.utc_of(good.born), source="+".join(good.sources))


def _usable(
    settings: MarketSettings, inputs: Inputs, moment: Moment, stale: dict[str, str], ages: dict[tuple[str, str], float]
) -> Seen | None:
    """Return the network in force, or None; `stale` names every input of it that cannot be used."""
    seen = inputs.network.seen
    if seen is None:
        stale.update(dict.fromkeys(INPUTS[:5], inputs.network_wrong or "the network was not heard of yet"))
        return None
    age = ages["tip", seen.source] = moment.monotonic - seen.tip_born
    heard = moment.monotonic - seen.fetched
    for name, there in (
        ("difficulty", True),
        ("fees", seen.network.fees is not None),
        ("network_hashrate", bool(seen.network.hashrate)),
        ("epoch", seen.network.epoch_start is not None),
    ):
        if there:
            ages[name, seen.source] = heard
        else:
            stale[name] = seen.network.wrong.get(name, f"{seen.source} does not say")
    why = inputs.network.doubt
    if age > settings.tip_max_age:
        why = f"no new block for {age:.0f} s" + (f"; {inputs.network_wrong}" if inputs.network_wrong else "")
        stale["tip"] = why
    if why is None:
        return seen
    for name in INPUTS[1:5]:
        stale.setdefault(name, why)
    return None


def _template(
    inputs: Inputs,
    seen: Seen | None,
    fiat: float | None,
    moment: Moment,
    stale: dict[str, str],
    ages: dict[tuple[str, str], float],
) -> TemplateNow | None:
    """Return what the newest stratum job offers; None, with the reason in `stale`, when it is old or none came."""
    if not inputs.watched:
        return None
    template = inputs.template
    if template is None:
        stale["template"] = NO_JOB_YET
        return None
    age = ages["template", "stratum"] = max(0.0, moment.utc - template.at)
    if age > TEMPLATE_MAX_AGE:
        stale["template"] = f"the newest job is {age:.0f} s old"
        return None
    price = template_hashprice(template.difficulty, template.coinbase_value, fiat) if template.whole else None
    if price is None:
        stale["template"] = "the coinbase pays less than the subsidy of its height"
    compared = seen is not None and not seen.source.startswith("stratum")  # else it is held against itself
    return TemplateNow(
        job=template,
        hashprice=price,
        apart=apart(template, (seen.network.height, seen.network.difficulty) if seen and compared else None),
    )


def _adjustment(seen: Seen, moment: Moment, stale: Mapping[str, str]) -> Adjustment | None:
    network = seen.network
    if network.epoch_start is None or "epoch" in stale:
        return None
    return next_adjustment(
        network.height,
        network.epoch_start,
        moment.utc,
        previous_change=network.previous_change,
        window_start=network.window_start,
        latest_block=network.tip_time,
    )


def _observed(rates: Mapping[int, float], reward: float | None, fiat: float | None) -> ObservedHashprice | None:
    """Return the hashprice by the longest window: its error is the smallest."""
    if reward is None or not rates:
        return None
    return observed_hashprice(rates[max(rates)], reward, fiat)


def _forward(
    now: Hashprice | None, adjustment: Adjustment | None, halving: Halving | None, reward: float | None
) -> dict[int, Forward]:
    """Return the mean over the blocks ahead; fees stay as they are, so a halving takes off less than half."""
    if now is None or adjustment is None or reward is None:
        return {}
    halving_in = None if halving is None else halving.blocks
    ratio = 1.0 if halving is None else (reward - halving.subsidy) / reward  # the new subsidy is what is taken off
    found = {}
    for blocks in AHEAD:
        part = forward_hashprice(
            1.0, adjustment.change, adjustment.remaining_blocks, blocks, halving_in=halving_in, reward_ratio=ratio
        )
        if part is not None:
            fiat = None if now.fiat_per_ph_day is None else now.fiat_per_ph_day * part
            found[blocks] = Forward(
                btc_per_ph_day=now.btc_per_ph_day * part,
                fiat_per_ph_day=fiat,
                relative_error=forward_error(adjustment, blocks),
            )
    return found


def after_adjustment(now: MarketNow) -> float | None:
    """Return the hashprice (BTC per PH/s per day) once the next adjustment came as estimated; None where unknown."""
    if now.hashprice is None or now.adjustment is None:
        return None
    return hashprice_after(now.hashprice.btc_per_ph_day, now.adjustment.change)
