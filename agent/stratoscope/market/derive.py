"""Derives the state of the market from the inputs, without inputs that are too old or doubtful."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from stratoscope.market.adjustment import (
    Adjustment,
    HashpriceFactors,
    estimate_adjustment,
    forward_error,
    forward_hashprice,
    hashprice_after,
)
from stratoscope.market.chain import Halving, next_halving, subsidy
from stratoscope.market.choose import NetworkState, PriceQuote, PriceState, SourcedNetwork, why_suspect
from stratoscope.market.hashprice import (
    Hashprice,
    ObservedHashprice,
    hashprice,
    observed_hashprice,
    template_hashprice,
)
from stratoscope.market.history import HashpriceHistory
from stratoscope.market.records import ForwardHashprice, MarketState, SourcedValue, TemplateState
from stratoscope.market.references import OwnHashprice, PublishedFigure, ReferenceSettings, compare_references
from stratoscope.market.settings import MarketSettings
from stratoscope.market.template import MAX_TEMPLATE_AGE_S, NO_JOB_YET, BlockTemplate, find_disagreements

FORWARD_BLOCKS: Final = (144, 1008, 2016)
"""Spans of the forward hashprice in blocks: about a day, a week and two weeks."""

MARKET_INPUTS: Final = ("tip", "difficulty", "fees", "network_hashrate", "epoch", "price")
"""The inputs from the configured sources, as values of the label `input`; "template" comes from stratum."""

NETWORK_INPUTS: Final = MARKET_INPUTS[:5]


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketInputs:
    """The newest values of all sources; `price_wrong` and `network_wrong` say why the last round failed."""

    network: NetworkState
    price: PriceState
    quotes: Mapping[str, PriceQuote] = field(default_factory=dict)  # the newest by source
    price_wrong: str | None = None
    network_wrong: str | None = None
    watched: bool = False  # whether stratum endpoints are watched
    template: BlockTemplate | None = None  # their newest job
    references: Mapping[str, tuple[ReferenceSettings, PublishedFigure]] = field(default_factory=dict)  # with a figure


@dataclass(frozen=True, slots=True)
class Instant:
    """One point in time on both clocks, in seconds."""

    monotonic: float
    utc: float

    def to_utc(self, monotonic: float) -> float:
        """Return a monotonic time as UTC seconds, by the current wall clock."""
        return self.utc - (self.monotonic - monotonic)


def derive(settings: MarketSettings, inputs: MarketInputs, history: HashpriceHistory, moment: Instant) -> MarketState:
    """Return the state of the market at `moment`."""
    usable = _UsableInputs(settings, inputs, moment)
    price, seen = usable.price(), usable.network()
    fiat = None if price is None else price.value
    template = usable.template(seen, fiat)
    if seen is None:
        return MarketState(
            at=moment.utc,
            currency=settings.currency,
            price=price,
            template=template,
            published=compare_references(inputs.references, OwnHashprice(fiat), moment.utc),
            ages=usable.ages,
            stale=usable.stale,
        )
    network = seen.network
    new_coins = subsidy(network.height)
    reward = None if network.fees is None else new_coins + network.fees
    adjustment = None if "epoch" in usable.stale else _adjustment(seen, moment)
    halving = next_halving(network.height)
    current = None if reward is None else hashprice(network.difficulty, reward, fiat)
    origin = _Origin(seen, moment)
    own = OwnHashprice(
        fiat, network.difficulty, new_coins, network.fees, None if current is None else current.btc_per_ph_day
    )
    return MarketState(
        at=moment.utc,
        currency=settings.currency,
        height=origin.value(network.height, seen.tip_as_of),
        difficulty=origin.value(network.difficulty),
        fees=None if network.fees is None else origin.value(network.fees),
        subsidy=new_coins,
        price=price,
        network_hashrate={blocks: origin.value(rate) for blocks, rate in sorted(network.hashrate.items())},
        epoch_start=None if network.epoch_start is None else origin.value(network.epoch_start),
        previous_change=None if network.previous_change is None else origin.value(network.previous_change),
        hashprice=current,
        observed=_observed(network.hashrate, reward, fiat),
        template=template,
        published=compare_references(inputs.references, own, moment.utc),
        adjustment=adjustment,
        forward=_forward(current, adjustment, halving, reward),
        halving=halving,
        changes={}
        if fiat is None or reward is None
        else history.changes(moment.utc, HashpriceFactors(fiat, reward, network.difficulty)),
        ages=usable.ages,
        stale=usable.stale,
    )


@dataclass(frozen=True, slots=True)
class _Origin:
    seen: SourcedNetwork
    moment: Instant

    def value(self, value: float, as_of: float | None = None) -> SourcedValue:
        at = self.moment.to_utc(self.seen.fetched if as_of is None else as_of)
        return SourcedValue(value=value, at=at, source=self.seen.source)


class _UsableInputs:
    """Selects the usable inputs; each method adds to `ages`, and the reasons for unusable ones to `stale`."""

    def __init__(self, settings: MarketSettings, inputs: MarketInputs, moment: Instant) -> None:
        self._settings, self._inputs, self._moment = settings, inputs, moment
        self.stale: dict[str, str] = {}
        self.ages: dict[tuple[str, str], float] = {}

    def price(self) -> SourcedValue | None:
        """Return the price in use; None without one or if it is too old."""
        inputs, moment = self._inputs, self._moment
        self.ages.update({("price", name): moment.monotonic - quote.as_of for name, quote in inputs.quotes.items()})
        good = inputs.price.good
        doubt = why_suspect(inputs.price) or inputs.price_wrong
        if good is None:
            self.stale["price"] = doubt or "no price has been received yet"
            return None
        age = self.ages["price", "median"] = moment.monotonic - good.as_of
        if age > self._settings.price_max_age:
            self.stale["price"] = f"{age:.0f} s old" + (f"; {doubt}" if doubt else "")
            return None
        return SourcedValue(value=good.price, at=moment.to_utc(good.as_of), source="+".join(good.sources))

    def network(self) -> SourcedNetwork | None:
        """Return the network in use; None without one, if it is contradicted, or if the tip is too old."""
        inputs, moment = self._inputs, self._moment
        seen = inputs.network.seen
        if seen is None:
            reason = inputs.network_wrong or "no state of the network has been received yet"
            self.stale.update(dict.fromkeys(NETWORK_INPUTS, reason))
            return None
        age = self.ages["tip", seen.source] = moment.monotonic - seen.tip_as_of
        for name, present in (
            ("difficulty", True),
            ("fees", seen.network.fees is not None),
            ("network_hashrate", bool(seen.network.hashrate)),
            ("epoch", seen.network.epoch_start is not None),
        ):
            if present:
                self.ages[name, seen.source] = moment.monotonic - seen.fetched
            else:
                self.stale[name] = seen.network.wrong.get(name, f"{seen.source} does not report it")
        reason_against = inputs.network.doubt
        if age > self._settings.tip_max_age:
            failure = f"; {inputs.network_wrong}" if inputs.network_wrong else ""
            reason_against = self.stale["tip"] = f"no new block for {age:.0f} s{failure}"
        if reason_against is None:
            return seen
        for name in NETWORK_INPUTS[1:]:
            self.stale.setdefault(name, reason_against)
        return None

    def template(self, seen: SourcedNetwork | None, fiat: float | None) -> TemplateState | None:
        """Return the newest stratum job and its hashprice; None without one or if it is too old."""
        if not self._inputs.watched:
            return None
        template = self._inputs.template
        if template is None:
            self.stale["template"] = NO_JOB_YET
            return None
        age = self.ages["template", "stratum"] = max(0.0, self._moment.utc - template.at)
        if age > MAX_TEMPLATE_AGE_S:
            self.stale["template"] = f"the newest job is {age:.0f} s old"
            return None
        price = (
            template_hashprice(template.difficulty, template.coinbase_value, fiat) if template.is_plausible else None
        )
        if price is None:
            self.stale["template"] = "the coinbase pays less than the subsidy of its height"
        tip = None
        if seen is not None and not seen.source.startswith("stratum"):  # a job is not compared with itself
            tip = seen.network.height, seen.network.difficulty
        return TemplateState(job=template, hashprice=price, disagreements=find_disagreements(template, tip))


def _adjustment(seen: SourcedNetwork, moment: Instant) -> Adjustment | None:
    network = seen.network
    if network.epoch_start is None:
        return None
    return estimate_adjustment(
        network.height,
        network.epoch_start,
        moment.utc,
        previous_change=network.previous_change,
        window_start=network.window_start,
        latest_block=network.tip_time,
    )


def _observed(rates: Mapping[int, float], reward: float | None, fiat: float | None) -> ObservedHashprice | None:
    """Return the hashprice by the longest window, which has the smallest error."""
    if reward is None or not rates:
        return None
    return observed_hashprice(rates[max(rates)], reward, fiat)


def _forward(
    current: Hashprice | None, adjustment: Adjustment | None, halving: Halving | None, reward: float | None
) -> dict[int, ForwardHashprice]:
    """Return the mean hashprice by blocks ahead; fees stay the same, so a halving takes less than half."""
    if current is None or adjustment is None or reward is None:
        return {}
    halving_in = None if halving is None else halving.blocks
    ratio = (
        1.0 if halving is None else (reward - halving.subsidy) / reward
    )  # a halving removes as much as the new subsidy
    found = {}
    for blocks in FORWARD_BLOCKS:
        factor = forward_hashprice(
            1.0, adjustment.change, adjustment.remaining_blocks, blocks, halving_in=halving_in, reward_ratio=ratio
        )
        if factor is not None:
            fiat = None if current.fiat_per_ph_day is None else current.fiat_per_ph_day * factor
            found[blocks] = ForwardHashprice(
                btc_per_ph_day=current.btc_per_ph_day * factor,
                fiat_per_ph_day=fiat,
                relative_error=forward_error(adjustment, blocks),
            )
    return found


def after_adjustment(now: MarketState) -> float | None:
    """Return the hashprice (BTC per PH/s per day) after the estimated next adjustment; None if it is unknown."""
    if now.hashprice is None or now.adjustment is None:
        return None
    return hashprice_after(now.hashprice.btc_per_ph_day, now.adjustment.change)
