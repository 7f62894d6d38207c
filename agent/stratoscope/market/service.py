"""Keeps the market: asks the sources round by round, and says at any moment what is known then."""

import asyncio
import contextlib
import traceback
from collections.abc import Callable, Coroutine
from typing import Any, Final

from stratoscope.clock import Clock
from stratoscope.errors import SourceError
from stratoscope.events import Event
from stratoscope.market.choose import (
    Chosen,
    NetworkState,
    PriceState,
    Quote,
    Seen,
    choose_price,
    implausible,
    next_network,
    next_price,
)
from stratoscope.market.derive import Inputs, Moment, derive
from stratoscope.market.history import TOLERANCE, DayPoint, History, Memory, day_of
from stratoscope.market.records import MarketNow, disagreement
from stratoscope.market.references import Reference
from stratoscope.market.settings import MarketSettings
from stratoscope.market.sources import Sources
from stratoscope.market.sources.source import Archive, NetworkSource, PriceSource
from stratoscope.market.template import NO_JOB_YET, Templates
from stratoscope.outside.fetch import Fetcher
from stratoscope.outside.inbox import Inbox
from stratoscope.outside.source_metrics import SourceTally
from stratoscope.units import DAY, HOUR

FRESH: Final = 1.0
"""Seconds for which a record is handed out before ages are looked at again."""
QUORUM: Final = 2
JITTER: Final = 0.1
Warn = Callable[[str], None]


class LiveMarket:
    """The market as the configured sources tell it. `now` never holds an input beyond its age, even if `run` stands."""

    def __init__(
        self,
        settings: MarketSettings,
        clock: Clock,
        *,
        chance: Callable[[], float],
        memory: Memory | None = None,
        warn: Warn = lambda _: None,
        templates: Templates | None = None,
        events: Callable[[Event], None] = lambda _: None,
        inbox: Inbox | None = None,
    ) -> None:
        """Make the sources; `chance` gives numbers from 0 to 1, `memory` keeps days, `warn` hears what changed.

        `templates` gives the newest job of the stratum endpoints that are watched, `events` takes disagreements,
        `inbox` has what comes over MQTT.
        """
        self.settings = settings
        self.tally = SourceTally()
        self._clock, self._chance, self._memory, self._warn = clock, chance, memory, warn
        self._fetcher = Fetcher(clock, chance, self.tally, inbox)
        self._templates, self._events = templates, events
        self._sources = Sources(settings.network, settings.prices, self._fetcher, templates)
        self._references = [Reference(one, self._fetcher) for one in settings.references]
        self._history = History(settings.currency, memory.market_days() if memory is not None else ())
        newest = self._history.newest
        self._network = NetworkState()
        self._price = PriceState(reference=newest.price if newest is not None else None)
        self._wrong: dict[str, str | None] = {"price": None, "network": None}
        self._quotes: dict[str, Quote] = {}
        self._now: MarketNow | None = None
        self._made = 0.0  # monotonic s
        self._asked: set[str] = set()
        self._told: dict[str, str] = {}
        self._apart: set[str] = set()

    @property
    def now(self) -> MarketNow:
        """Return what is known now; a record is at most a second old."""
        at = self._clock.monotonic()
        if self._now is None or at - self._made >= FRESH:
            self._now, self._made = self._derived(), at
        return self._now

    def _derived(self) -> MarketNow:
        moment = Moment(self._clock.monotonic(), self._clock.time())
        inputs = Inputs(
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
        """Ask the sources until cancelled."""
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._forever(self.ask_prices, self.settings.interval), name="market prices")
                tasks.create_task(self._forever(self.ask_network, self.settings.interval), name="market network")
                tasks.create_task(self._forever(self.keep, HOUR), name="market days")
                for one in self._references:
                    if (feed := one.settings.feed) is not None:
                        tasks.create_task(self._forever(one.ask, feed.interval), name=f"reference {one.settings.name}")
        finally:
            await self.close()

    async def once(self) -> MarketNow:
        """Ask every source once and return what is known then."""
        await asyncio.gather(self.ask_prices(), self.ask_network(), *(one.ask() for one in self._references))
        self._now = None
        return self.now

    async def close(self) -> None:
        """Close all connections."""
        await self._fetcher.close()

    async def _forever(self, ask: Callable[[], Coroutine[Any, Any, bool]], interval: float) -> None:
        """Ask every `interval` s, each time a little later; sooner while `ask` says that it could do nothing."""
        while True:
            done = False
            try:
                done = await ask()
            except Exception:  # noqa: BLE001 — a bug over a stranger's answer must not stop the polling of rigs
                self.tally.count("market", "bug")
                self._warn(f"market: a bug of ours: {traceback.format_exc(limit=-3)}")
            pause = interval if done else min(interval, self.settings.interval)
            await self._clock.sleep(pause * (1 + JITTER * self._chance()))

    async def ask_prices(self) -> bool:
        """Ask every price source, and take the median in where enough of them agree; return whether they did."""
        answers = await asyncio.gather(*(self._quote(source) for source in self._sources.prices))
        self._quotes = {**self._quotes, **{answer.source: answer for answer in answers if isinstance(answer, Quote)}}
        quorum = min(QUORUM, len(self._sources.prices))
        chosen = choose_price(list(self._quotes.values()), quorum, self._clock.monotonic())
        failed = [f"{s.name}: {a}" for s, a in zip(self._sources.prices, answers, strict=True) if isinstance(a, str)]
        if isinstance(chosen, Chosen):
            self._price = next_price(self._price, chosen)
        self._wrong["price"] = None if isinstance(chosen, Chosen) else "; ".join((chosen, *failed))
        self._changed("price")
        return isinstance(chosen, Chosen)

    async def _quote(self, source: PriceSource) -> Quote | str:
        try:
            price = await source.price(self.settings.currency)
        except SourceError as error:
            return str(error)
        at = self._clock.monotonic()
        told = 0.0 if price.at is None else max(0.0, self._clock.time() - price.at)
        return Quote(source.name, price.value, at - max(told, price.age))

    async def ask_network(self) -> bool:
        """Ask the network sources in order until one gives a whole answer, else take the first that gave any.

        Return whether there was one.
        """
        found: list[Seen] = []
        failed: list[str] = []
        for source in self._sources.network:
            answer = await self._seen(source)
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
        self._changed("network")
        return best is not None

    async def _seen(self, source: NetworkSource) -> Seen | str:
        try:
            network = await source.network()
        except SourceError as error:
            return str(error)
        if (why := implausible(network)) is not None:
            return why
        at = self._clock.monotonic()
        age = 0.0 if network.tip_time is None else max(0.0, self._clock.time() - network.tip_time)
        return Seen(network, source.name, at - age, at)

    def _changed(self, asked: str) -> None:
        """Let go of the record at hand; say what became unusable or usable, once everything was asked."""
        self._now = None
        self._asked.add(asked)
        if len(self._asked) < len(self._wrong):
            return
        stale = {name: why for name, why in self.now.stale.items() if why != NO_JOB_YET}
        told = self._told
        for name in sorted(stale.keys() - told.keys()):
            self._warn(f"market: {name} cannot be used: {stale[name]}")
        for name in sorted(told.keys() - stale.keys()):
            self._warn(f"market: {name} can be used again")
        self._told = stale
        self._tell_apart(self.now)

    def _tell_apart(self, now: MarketNow) -> None:
        """Raise an event where stratum job and market begin or cease to disagree; what is unknown changes nothing."""
        if now.template is None:
            return
        for what, differs in sorted(now.template.apart.items()):
            if differs != (what in self._apart):
                self._apart ^= {what}
                self._events(disagreement(now, now.template, what))

    async def keep(self) -> bool:
        """Keep the point of this hour, and fill what the past lacks from a source that knows it.

        Return whether there was a point to keep.
        """
        now = self.now
        if now.price is None or now.difficulty is None or now.fees is None or now.subsidy is None:
            return False
        reward = round(now.subsidy + now.fees.value)
        self._take(DayPoint(day_of(now.at), now.at, now.price.value, reward, now.difficulty.value, now.currency))
        if self._sources.archive is not None:
            await self._fill(self._sources.archive)
        self._now = None
        return True

    def _take(self, point: DayPoint) -> None:
        self._history.add(point)
        if self._memory is not None:
            self._memory.keep_market_days([point])

    async def _fill(self, archive: Archive) -> None:
        now = self._clock.time()
        for days in self._history.missing(now):
            with contextlib.suppress(SourceError):  # counted; the span stays absent, and is asked for again in an hour
                price = await archive.past_price(self.settings.currency, now - days * DAY)
                if abs(price.at - (now - days * DAY)) <= TOLERANCE[days]:
                    past = await archive.past(price.at)
                    day, currency = day_of(price.at), self.settings.currency
                    self._take(DayPoint(day, price.at, price.value, past.reward, past.difficulty, currency))
