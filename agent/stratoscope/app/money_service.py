"""Runs the economist: terms from the config, power prices and grid calls from feeds, a tick every 15 seconds."""

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

TICK_S: Final = 15.0
"""Seconds between ticks: the quarter hour of a demand charge and the window of an advice need several."""
MIN_FEED_PAUSE_S: Final = 1.0
FEED_FAILED: Final = {
    "price": "tariff price source failed (the last price is used until it expires, then the fallback or none)",
    "call": "grid call source failed (the last state is used until it expires)",
}
FEED_RECOVERED: Final = {"price": "tariff price source recovered", "call": "grid call source recovered"}

log = structlog.get_logger("stratoscope")
KeptCounters = tuple[str, Counters, Sample]
"""Identity key, counters and last sample of a machine, as the ledger keeps them."""


def terms_of(config: Config) -> Terms | None:
    """Return the terms of a config; None when it configures nothing that money could be computed from."""
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


def in_currency(rows: Iterable[KeptCounters], currency: str) -> Iterator[KeptCounters]:
    """Yield kept counters, without fiat amounts in another currency: amounts in two currencies cannot be added."""
    for key, counters, sample in rows:
        if counters.currency not in (None, currency):
            counters = replace(
                counters,
                revenue_micro=None,
                cost_micro=None,
                credit_micro=None,
                revenue_seconds=0.0,
                cost_seconds=0.0,
                currency=None,
            )
        yield key, counters, sample


class FeedKey(NamedTuple):
    """Identifies a feed: the power price of a tariff, or the grid's calls to curtail."""

    quantity: Literal["price", "call"]
    tariff: str

    @property
    def source(self) -> str:
        """Return the source name of its requests in the metrics."""
        return f"{'tariff' if self.quantity == 'price' else 'call'} {self.tariff}"


class MoneyService:
    """Runs the economist and reads the feeds of its tariffs."""

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
        """Tick and read feeds until cancelled."""
        try:
            async with asyncio.TaskGroup() as self._tasks:
                self._follow_feeds()
                while True:  # the first tick is immediate: the time of the first rigs counts from here
                    self.economist.tick(snapshots, self._clock.monotonic(), self._clock.time())
                    await self._clock.sleep(TICK_S)
        finally:
            self._tasks = None
            await self._fetcher.close()

    def follow(self, terms: Terms) -> None:
        """Switch to other terms in the same currency; unchanged feeds are not restarted."""
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
                    self._tasks.create_task(self._read(key, feed), name=f"{key.quantity} of {key.tariff}"),
                )

    def _wanted(self) -> Iterator[tuple[FeedKey, Feed]]:
        for name, contract in self.economist.terms.tariffs.items():
            if contract.feed is not None:
                yield FeedKey("price", name), contract.feed
            if contract.call is not None:
                yield FeedKey("call", name), contract.call

    def apply(self, key: FeedKey, value: Quote | Call) -> None:
        """Pass a feed's value to the economist: a new price, or whether the grid calls."""
        if isinstance(value, Quote):
            self.economist.quote(key.tariff, value, self._clock.monotonic(), self._clock.time())
        else:
            self.economist.call(key.tariff, value)

    async def _read(self, key: FeedKey, feed: Feed) -> None:
        """Read one feed at its interval; log a failure once per reason, and the recovery."""
        failed: str | None = None  # reason of the failure logged last
        reader: Reader[Quote | Call] = Reader(
            key.source, feed, self._fetcher, quote_of if key.quantity == "price" else call_of
        )
        while True:
            now, at = self._clock.monotonic(), self._clock.time()
            try:
                self.apply(key, await reader.read(at))
            except SourceError as error:
                if error.reason not in (failed, "waiting"):
                    failed = error.reason
                    log.warning(FEED_FAILED[key.quantity], tariff=key.tariff, reason=str(error))
            else:
                if failed is not None:
                    failed = None
                    log.info(FEED_RECOVERED[key.quantity], tariff=key.tariff)
            await self._clock.sleep(max(MIN_FEED_PAUSE_S, now + feed.interval - self._clock.monotonic()))
