"""Runs the agent's bookkeeping: terms from the config, prices of power from outside, a look at everything at times."""

import asyncio
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Final, Literal, NamedTuple

import structlog

from stratoscope.clock import Clock
from stratoscope.config import Config
from stratoscope.economics.call import Call, call_of
from stratoscope.economics.days import Day, DayBook
from stratoscope.economics.demand import Demand, Peak
from stratoscope.economics.economist import Economist
from stratoscope.economics.quote import quote_of
from stratoscope.economics.terms import Terms
from stratoscope.errors import SourceError
from stratoscope.events import Event
from stratoscope.fleet import Counters, RigSnapshot
from stratoscope.judgement.counters import Sample
from stratoscope.market.records import Market
from stratoscope.market.tariff import Quote
from stratoscope.outside.feed import Feed, Reader
from stratoscope.outside.fetch import Fetcher

TICK: Final = 15.0
"""Seconds between looks: a demand's quarter of an hour and an advice's window want several."""

log = structlog.get_logger("stratoscope")
Sums = tuple[str, Counters, Sample]


def terms_of(config: Config) -> Terms | None:
    """Return what the operator said about money; None when the config says nothing that money could be reckoned by."""
    own, market = config.economics, config.market
    if not (config.tariffs or market or own.algorithms):
        return None
    currency = own.currency or (market.currency if market is not None else "USD")
    ages = {} if market is None else {"price_max_age": market.price_max_age, "chain_max_age": market.tip_max_age}
    return Terms(
        currency=currency,
        pool_fee=own.pool_fee,
        firmware_fee=own.firmware_fee,
        tariffs={name: tariff.contract(currency, own.overhead_ratio) for name, tariff in config.tariffs.items()},
        algorithms=own.rates,
        capex=own.costs,
        decay=own.decay_per_day,
        hosting_per_kw_month=None if own.hosting_per_kw_month is None else float(own.hosting_per_kw_month),
        policy=own.curtailment.policy,
        strike=None if own.curtailment.strike == "auto" else float(own.curtailment.strike),
        margin=own.curtailment.margin,
        rig_days=own.rig_days,
        **ages,
    )


def in_currency(rows: Iterable[Sums], currency: str) -> Iterator[Sums]:
    """Yield kept sums; fiat of another currency is left out of them, since two currencies make no sum."""
    for key, sums, sample in rows:
        if sums.currency not in (None, currency):
            sums = replace(
                sums,
                revenue_micro=None,
                cost_micro=None,
                credit_micro=None,
                revenue_seconds=0.0,
                cost_seconds=0.0,
                currency=None,
            )
        yield key, sums, sample


class FeedKey(NamedTuple):
    """What is read for a tariff: its price, or the grid's call."""

    of: Literal["price", "call"]
    tariff: str

    @property
    def source(self) -> str:
        """Return the name under which its requests are counted."""
        return f"{'tariff' if self.of == 'price' else 'call'} {self.tariff}"

    @property
    def title(self) -> str:
        """Return what it is for people."""
        return "price of power" if self.of == "price" else "word of the grid"


class MoneyService:
    """The economist and what keeps it informed."""

    def __init__(
        self,
        terms: Terms,
        site: str,
        market: Market | None,
        fetcher: Fetcher,
        clock: Clock,
        events: Callable[[Event], None],
        days: Iterable[Day] = (),
        peaks: Iterable[Peak] = (),
    ) -> None:
        self._fetcher, self._clock = fetcher, clock
        book = DayBook(site, terms.currency, rig_days=terms.rig_days, rows=days)
        self.economist = Economist(terms, market, book, Demand(site, peaks), events, clock.monotonic())
        self._feeds: dict[FeedKey, tuple[Feed, asyncio.Task[None]]] = {}
        self._tasks: asyncio.TaskGroup | None = None

    async def run(self, snapshots: Mapping[str, RigSnapshot]) -> None:
        """Look at everything until cancelled."""
        try:
            async with asyncio.TaskGroup() as self._tasks:
                self._follow_feeds()
                while True:  # at once too: the first rigs' time passes from here on
                    self.economist.tick(snapshots, self._clock.monotonic(), self._clock.time())
                    await self._clock.sleep(TICK)
        finally:
            self._tasks = None
            await self._fetcher.close()

    def follow(self, terms: Terms) -> None:
        """Reckon by other terms of the same currency from now on; feeds that stay are not touched."""
        self.economist.follow(terms, self._clock.monotonic(), self._clock.time())
        self._follow_feeds()

    def _follow_feeds(self) -> None:
        if self._tasks is None:
            return
        wanted = dict(self._wanted())
        for key in [key for key, (feed, _) in self._feeds.items() if wanted.get(key) != feed]:
            self._feeds.pop(key)[1].cancel()
        for key, feed in wanted.items():
            if key not in self._feeds:
                self._feeds[key] = (
                    feed,
                    self._tasks.create_task(self._read(key, feed), name=f"{key.of} of {key.tariff}"),
                )

    def _wanted(self) -> Iterator[tuple[FeedKey, Feed]]:
        for name, contract in self.economist.terms.tariffs.items():
            if contract.feed is not None:
                yield FeedKey("price", name), contract.feed
            if contract.call is not None:
                yield FeedKey("call", name), contract.call

    def take(self, key: FeedKey, said: Quote | Call) -> None:
        """Take what a feed said: a price begins, the grid calls or does not."""
        if isinstance(said, Quote):
            self.economist.quote(key.tariff, said, self._clock.monotonic(), self._clock.time())
        else:
            self.economist.call(key.tariff, said)

    async def _read(self, key: FeedKey, feed: Feed) -> None:
        """Read one feed over and over; what is wrong with it is told once, and once more when it is right again."""
        wrong = None
        reader: Reader[Quote | Call] = Reader(
            key.source, feed, self._fetcher, quote_of if key.of == "price" else call_of
        )
        while True:
            now, at = self._clock.monotonic(), self._clock.time()
            try:
                self.take(key, await reader.read(at))
            except SourceError as error:
                if error.reason not in (wrong, "waiting"):
                    wrong = error.reason
                    log.warning("a tariff's source gives nothing", tariff=key.tariff, of=key.title, reason=str(error))
            else:
                if wrong is not None:
                    wrong = None
                    log.info("a tariff's source is back", tariff=key.tariff, of=key.title)
            await self._clock.sleep(max(1.0, now + feed.interval - self._clock.monotonic()))
