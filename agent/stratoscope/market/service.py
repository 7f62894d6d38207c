"""Queries the market sources in rounds and provides the current state of the market."""

import asyncio
import contextlib
import traceback
from collections.abc import Callable, Coroutine
from typing import Any, Final

from stratoscope.clock import Clock
from stratoscope.errors import SourceError
from stratoscope.events import Event
from stratoscope.market.choose import (
    MedianPrice,
    NetworkState,
    PriceQuote,
    PriceState,
    SourcedNetwork,
    choose_price,
    next_network,
    next_price,
    why_implausible,
)
from stratoscope.market.derive import Instant, MarketInputs, derive
from stratoscope.market.history import MAX_OFFSET_S, HashpriceHistory, MarketDay, MarketDayStore, day_of
from stratoscope.market.records import MarketState, disagreement_event
from stratoscope.market.references import ReferenceReader
from stratoscope.market.settings import MarketSettings
from stratoscope.market.sources import MarketSources
from stratoscope.market.sources.source import HistorySource, NetworkSource, PriceSource
from stratoscope.market.template import NO_JOB_YET, TemplateSource
from stratoscope.outside.fetch import Fetcher
from stratoscope.outside.inbox import Inbox
from stratoscope.outside.source_metrics import SourceMetrics
from stratoscope.units import DAY, HOUR

MAX_STATE_AGE_S: Final = 1.0
"""How long a state is returned again before it is derived again with new ages."""
MIN_PRICES: Final = 2
"""Prices that must agree, unless only one source is configured."""
JITTER: Final = 0.1
Log = Callable[[str], None]


class MarketService:
    """The market from the configured sources. `now` never contains an expired input, even while `run` is blocked."""

    def __init__(
        self,
        settings: MarketSettings,
        clock: Clock,
        *,
        random01: Callable[[], float],
        store: MarketDayStore | None = None,
        warn: Log = lambda _: None,
        inform: Log = lambda _: None,
        error: Log = lambda _: None,
        templates: TemplateSource | None = None,
        events: Callable[[Event], None] = lambda _: None,
        inbox: Inbox | None = None,
    ) -> None:
        """Create the sources.

        `random01` returns numbers in [0, 1); `store` keeps days over restarts; `warn`, `inform` and `error` write log
        lines; `templates` provides stratum jobs; `events` receives disagreements; `inbox` receives MQTT messages.
        """
        self.settings = settings
        self.tally = SourceMetrics()
        self._clock, self._random01, self._store = clock, random01, store
        self._warn, self._inform, self._error = warn, inform, error
        self._fetcher = Fetcher(clock, random01, self.tally, inbox)
        self._templates, self._events = templates, events
        self._sources = MarketSources(settings.network, settings.prices, self._fetcher, templates)
        self._references = [ReferenceReader(one, self._fetcher) for one in settings.references]
        self._history = HashpriceHistory(settings.currency, store.market_days() if store is not None else ())
        newest = self._history.newest
        self._network = NetworkState()
        self._price = PriceState(reference=newest.price if newest is not None else None)
        self._wrong: dict[str, str | None] = {"price": None, "network": None}
        self._quotes: dict[str, PriceQuote] = {}
        self._now: MarketState | None = None
        self._derived_at = 0.0  # monotonic s
        self._polled: set[str] = set()
        self._reported_stale: dict[str, str] = {}
        self._disagreements: set[str] = set()

    @property
    def now(self) -> MarketState:
        """Return the current state; it is at most one second old."""
        at = self._clock.monotonic()
        if self._now is None or at - self._derived_at >= MAX_STATE_AGE_S:
            self._now, self._derived_at = self._derive(), at
        return self._now

    def _derive(self) -> MarketState:
        moment = Instant(self._clock.monotonic(), self._clock.time())
        inputs = MarketInputs(
            network=self._network,
            price=self._price,
            quotes=self._quotes,
            price_wrong=self._wrong["price"],
            network_wrong=self._wrong["network"],
            watched=self._templates is not None,
            template=None if self._templates is None else self._templates.newest(),
            references={one.settings.name: (one.settings, one.figure) for one in self._references if one.figure},
        )
        return derive(self.settings, inputs, self._history, moment)

    async def run(self) -> None:
        """Query the sources until cancelled."""
        interval = self.settings.interval
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._repeat(self.poll_prices, interval), name="market prices")
                tasks.create_task(self._repeat(self.poll_network, interval), name="market network")
                tasks.create_task(self._repeat(self.store_point, HOUR), name="market days")
                for one in self._references:
                    if (feed := one.settings.feed) is not None:
                        name = f"reference {one.settings.name}"
                        tasks.create_task(self._repeat(one.update, feed.interval), name=name)
        finally:
            await self.close()

    async def once(self) -> MarketState:
        """Query every source once and return the state after that."""
        await asyncio.gather(self.poll_prices(), self.poll_network(), *(one.update() for one in self._references))
        self._now = None
        return self.now

    async def close(self) -> None:
        """Close all connections."""
        await self._fetcher.close()

    async def _repeat(self, query: Callable[[], Coroutine[Any, Any, bool]], interval: float) -> None:
        """Run `query` every `interval` s plus jitter; after a failure (False) wait at most one round."""
        while True:
            done = False
            try:
                done = await query()
            except Exception:  # noqa: BLE001 — an error over a foreign response must not stop the polling of rigs
                self.tally.count("market", "bug")
                self._error(f"market: internal error (please report): {traceback.format_exc(limit=-3)}")
            pause = interval if done else min(interval, self.settings.interval)
            await self._clock.sleep(pause * (1 + JITTER * self._random01()))

    async def poll_prices(self) -> bool:
        """Query every price source and update the price; return whether enough sources agree."""
        answers = await asyncio.gather(*(self._quote(source) for source in self._sources.prices))
        self._quotes |= {answer.source: answer for answer in answers if isinstance(answer, PriceQuote)}
        quorum = min(MIN_PRICES, len(self._sources.prices))
        chosen = choose_price(list(self._quotes.values()), quorum, self._clock.monotonic())
        failed = [f"{s.name}: {a}" for s, a in zip(self._sources.prices, answers, strict=True) if isinstance(a, str)]
        if isinstance(chosen, MedianPrice):
            self._price = next_price(self._price, chosen)
        self._wrong["price"] = None if isinstance(chosen, MedianPrice) else "; ".join((chosen, *failed))
        self._report_changes("price")
        return isinstance(chosen, MedianPrice)

    async def _quote(self, source: PriceSource) -> PriceQuote | str:
        """Return the price of a source, or why it failed."""
        try:
            price = await source.price(self.settings.currency)
        except SourceError as error:
            return str(error)
        now = self._clock.monotonic()
        age = 0.0 if price.at is None else max(0.0, self._clock.time() - price.at)
        return PriceQuote(source.name, price.value, now - max(age, price.age))

    async def poll_network(self) -> bool:
        """Query the network sources in order until one reports fees; without fees use the first report.

        Return whether there was a report.
        """
        found: list[SourcedNetwork] = []
        failed: list[str] = []
        for source in self._sources.network:
            answer = await self._network_of(source)
            if isinstance(answer, str):
                failed.append(f"{source.name}: {answer}")
                continue
            found.append(answer)
            if answer.network.fees is not None:
                break
        best = next((one for one in found if one.network.fees is not None), found[0] if found else None)
        if best is not None:
            self._network = next_network(self._network, best)
        self._wrong["network"] = None if best is not None else "; ".join(failed) or "no network source is configured"
        self._report_changes("network")
        return best is not None

    async def _network_of(self, source: NetworkSource) -> SourcedNetwork | str:
        """Return the report of a source, or why it failed."""
        try:
            network = await source.network()
        except SourceError as error:
            return str(error)
        if (reason := why_implausible(network)) is not None:
            return reason
        now = self._clock.monotonic()
        age = 0.0 if network.tip_time is None else max(0.0, self._clock.time() - network.tip_time)
        return SourcedNetwork(network, source.name, now - age, now)

    def _report_changes(self, polled: str) -> None:
        """Drop the cached state; log which inputs became unusable or usable, once prices and network were polled."""
        self._now = None
        self._polled.add(polled)
        if len(self._polled) < len(self._wrong):
            return
        stale = {name: why for name, why in self.now.stale.items() if why != NO_JOB_YET}
        reported = self._reported_stale
        for name in sorted(stale.keys() - reported.keys()):
            self._warn(f"market: {name} unusable: {stale[name]} (figures that need it are left out)")
        for name in sorted(reported.keys() - stale.keys()):
            self._inform(f"market: {name} usable again")
        self._reported_stale = stale
        self._report_disagreements(self.now)

    def _report_disagreements(self, now: MarketState) -> None:
        """Send an event if stratum job and market start or stop to disagree; an unknown value changes nothing."""
        if now.template is None:
            return
        for what, differs in sorted(now.template.disagreements.items()):
            if differs != (what in self._disagreements):
                self._disagreements ^= {what}
                self._events(disagreement_event(now, now.template, what))

    async def store_point(self) -> bool:
        """Store the current point, and fill gaps of the history from a source that has it.

        Return whether there was a point to store.
        """
        now = self.now
        if now.price is None or now.difficulty is None or now.fees is None or now.subsidy is None:
            return False
        reward = round(now.subsidy + now.fees.value)
        self._add(MarketDay(day_of(now.at), now.at, now.price.value, reward, now.difficulty.value, now.currency))
        if self._sources.history is not None:
            await self._fill_gaps(self._sources.history)
        self._now = None
        return True

    def _add(self, point: MarketDay) -> None:
        self._history.add(point)
        if self._store is not None:
            self._store.keep_market_days([point])

    async def _fill_gaps(self, source: HistorySource) -> None:
        now, currency = self._clock.time(), self.settings.currency
        for days in self._history.missing(now):
            moment = now - days * DAY
            with contextlib.suppress(SourceError):  # counted; the span stays absent and is requested again in an hour
                price = await source.past_price(currency, moment)
                if abs(price.at - moment) <= MAX_OFFSET_S[days]:
                    past = await source.past(price.at)
                    self._add(
                        MarketDay(day_of(price.at), price.at, price.value, past.reward, past.difficulty, currency)
                    )
