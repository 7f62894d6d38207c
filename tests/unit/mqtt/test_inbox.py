"""Figures read from a real broker: prices and calls, their age, and whatever else somebody may publish there."""

import asyncio
import random
from decimal import Decimal
from typing import Self

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakes.clock import StillClock
from stratoscope.clock import SystemClock
from stratoscope.economics.call import GridCall, parse_call
from stratoscope.economics.quote import parse_quote
from stratoscope.errors import BrokerError, SourceError
from stratoscope.market.settings import MarketSourceSettings
from stratoscope.market.sources import MarketSources
from stratoscope.outside.broker import MAX_RECEIVED_BYTES, BrokerConnection, Incoming, Outgoing
from stratoscope.outside.feed import Feed, FeedReader
from stratoscope.outside.fetch import Fetcher
from stratoscope.outside.inbox import Inbox
from stratoscope.outside.source_metrics import SourceMetrics
from unit.mqtt.conftest import account

needs = pytest.mark.needs("mosquitto")


class Desk:
    """An inbox at a broker, and a hand that publishes there."""

    def __init__(self, broker, protocol: str = "5") -> None:
        self.clock = SystemClock()
        self.inbox = Inbox(lambda: BrokerConnection(account(broker, protocol=protocol)), self.clock, lambda: 0.02)
        self.fetcher = Fetcher(self.clock, random.random, SourceMetrics(), self.inbox)
        self.hand = BrokerConnection(account(broker))
        self.task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        await self.hand.connect()
        self.task = asyncio.create_task(self.inbox.run())
        return self

    async def __aexit__(self, *_) -> None:
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)
        await self.hand.close(clean=True)
        await self.fetcher.close()

    def reader(self, topic: str, parse, path=(), time_path=None) -> FeedReader:
        return FeedReader(topic, Feed.at_topic(topic, path, time_path), self.fetcher, parse)

    async def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        await self.hand.publish(Outgoing(topic, payload, 1, retain))

    async def said(self, reader: FeedReader, seconds: float = 60.0):
        """Return what the reader says once it says anything."""
        async with asyncio.timeout(seconds):
            while True:
                try:
                    return await reader.read(self.clock.time())
                except SourceError as error:
                    if error.reason not in ("waiting", "unreachable"):
                        raise
                    await asyncio.sleep(0.02)

    async def heard(self, count: int) -> None:
        """Wait until so many messages came."""
        async with asyncio.timeout(60):
            while self.inbox.received < count:
                await asyncio.sleep(0.02)


async def reason_of(waiting) -> str:
    with pytest.raises(SourceError) as caught:
        await waiting
    return caught.value.reason


@needs
@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
async def test_price_and_grid_request_have_their_arrival_time(mosquitto, protocol) -> None:
    async with Desk(mosquitto(), protocol) as desk:
        price = desk.reader("grid/price", parse_quote, ("lmp",))
        call = desk.reader("grid/call", parse_call)
        async with asyncio.timeout(60):
            while not desk.inbox.connected:
                await asyncio.sleep(0.02)
        assert await reason_of(price.read(desk.clock.time())) == "waiting"
        await asyncio.sleep(0.2)  # until the subscription stands
        before = desk.clock.time()
        await desk.publish("grid/price", b'{"lmp": 0.0312}')
        await desk.publish("grid/call", b"on")
        await desk.heard(2)
        quote = await desk.said(price)
        assert quote.price == Decimal("0.0312")
        assert before <= quote.at <= desk.clock.time()
        assert (await price.read(desk.clock.time() + 3600)).at == quote.at  # reading again makes nothing young
        assert await reason_of(call.read(desk.clock.time())) == "not_json"  # a bare word is no JSON
        await desk.publish("grid/call", b'"on"')
        await desk.heard(3)
        assert await desk.said(call) == GridCall(on=True, at=pytest.approx(desk.clock.time(), abs=5))
        assert desk.fetcher.tally.outcomes["grid/price", "ok"] == 2


@needs
async def test_retained_message_counts_only_with_its_own_timestamp(mosquitto) -> None:
    async with Desk(mosquitto()) as desk:
        at = round(desk.clock.time()) - 600
        await desk.publish("p", b'{"price": 1, "at": %d}' % at, retain=True)
        timeless = desk.reader("p", parse_quote, ("price",))
        timed = desk.reader("p", parse_quote, ("price",), ("at",))
        await desk.heard(1)
        assert await reason_of(timeless.read(desk.clock.time())) == "schema"
        assert (await desk.said(timed)).at == at


@needs
async def test_topic_added_later_is_received(mosquitto) -> None:
    async with Desk(mosquitto()) as desk:
        desk.reader("a", parse_quote)
        async with asyncio.timeout(60):
            while not desk.inbox.connected:
                await asyncio.sleep(0.02)
        later = desk.reader("b", parse_quote)
        await asyncio.sleep(0.3)
        await desk.publish("b", b"2")
        assert (await desk.said(later)).price == 2


@needs
async def test_hostile_messages_keep_the_last_good_value_and_the_connection(mosquitto) -> None:
    async with Desk(mosquitto()) as desk:
        price = desk.reader("p", parse_quote, ("v",), ("t",))
        await asyncio.sleep(0.5)
        hostile = (
            b"\xff\xfe\x00",
            b"",
            b"[" * 5000,
            b'{"v": NaN}',
            b'{"v": 1e999}',
            b'{"v": true, "t": 1}',
            b"null",
            b'{"v": 1, "t": 99999999999}',
            b'{"v": "9" , "t": {}}',
            b"x" * 60_000,
        )
        for number, payload in enumerate(hostile, 1):
            await desk.publish("p", payload, retain=number % 2 == 0)
            await desk.heard(number)
            assert await reason_of(price.read(desk.clock.time())) in ("not_json", "schema")
        await desk.publish("p", b"x" * (2 * MAX_RECEIVED_BYTES))  # never arrives
        await desk.publish("p", b'{"v": 3, "t": 1700000000}')
        await desk.heard(len(hostile) + 1)
        assert (await desk.said(price)).price == 3
        assert desk.inbox.failures == {}


@needs
async def test_prices_arrive_again_after_a_broker_outage(mosquitto) -> None:
    broker = mosquitto()
    desk = Desk(broker)
    async with desk:
        price = desk.reader("p", parse_quote)
        await asyncio.sleep(0.3)
        await desk.publish("p", b"1")
        first = await desk.said(price)
        broker.kill()
        async with asyncio.timeout(60):
            while desk.inbox.connected:
                await asyncio.sleep(0.02)
        assert await price.read(desk.clock.time()) == first  # with its age
        again = mosquitto(port=broker.port)
        other = BrokerConnection(account(again))
        await other.connect()
        async with asyncio.timeout(60):
            while (await price.read(desk.clock.time())).price != 2:
                await other.publish(Outgoing("p", b"2", 1))
                await asyncio.sleep(0.1)
        await other.close(clean=True)


@needs
async def test_market_reads_its_price_from_a_topic(mosquitto) -> None:
    async with Desk(mosquitto()) as desk:
        settings = MarketSourceSettings(kind="mqtt", topic="btc", price_path="usd", time_path="at")
        (source,) = MarketSources((), (settings,), desk.fetcher).prices
        await asyncio.sleep(0.3)
        await desk.publish("btc", b'{"usd": 91000.5, "at": 1700000000}')
        await desk.heard(1)
        price = await source.price("USD")
        assert (price.value, price.at) == (91000.5, 1_700_000_000)
        await desk.publish("btc", b'{"usd": -1, "at": 1700000000}')
        await desk.heard(2)
        assert await reason_of(source.price("USD")) == "schema"


async def test_without_a_broker_a_topic_is_unreachable_and_nothing_is_connected() -> None:
    def never() -> BrokerConnection:
        raise AssertionError("nobody asked for anything")

    inbox = Inbox(never, StillClock(), lambda: 0.0)
    task = asyncio.create_task(inbox.run())
    await asyncio.sleep(0.05)
    assert not task.done()
    task.cancel()
    reader = FeedReader(
        "p", Feed.at_topic("p", (), None), Fetcher(StillClock(), lambda: 0.0, SourceMetrics()), parse_quote
    )
    assert await reason_of(reader.read(0.0)) == "unreachable"


class Flooded:
    """A broker that sends the given messages, then breaks."""

    def __init__(self, messages: list[Incoming]) -> None:
        self._messages = iter(messages)

    async def connect(self, will=None) -> None:
        pass

    async def publish(self, message) -> None:
        pass

    async def subscribe(self, topics) -> None:
        pass

    async def receive(self) -> Incoming:
        for message in self._messages:
            return message
        raise BrokerError("lost")

    async def close(self, *, clean: bool) -> None:
        pass


class Strict(Flooded):
    """A broker that lets nobody read `bad`, and says so when asked (mosquitto's rules only keep quiet)."""

    async def subscribe(self, topics) -> None:
        if "bad" in topics:
            raise BrokerError("denied", of_message=True)

    async def receive(self) -> Incoming:
        for message in self._messages:
            return message
        return await asyncio.Future()


async def test_denied_topic_is_reported_and_others_continue() -> None:
    inbox = Inbox(lambda: Strict([Incoming("good", b"1", retained=False)]), StillClock(), lambda: 0.0)
    fetcher = Fetcher(StillClock(), lambda: 0.0, SourceMetrics(), inbox)
    bad, good = (FeedReader(name, Feed.at_topic(name, (), None), fetcher, parse_quote) for name in ("bad", "good"))
    task = asyncio.create_task(inbox.run())
    async with asyncio.timeout(60):
        while not inbox.received:
            await asyncio.sleep(0.01)
    assert (await good.read(0.0)).price == 1
    assert await reason_of(bad.read(0.0)) == "auth"
    assert inbox.failures == {}
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


@given(st.lists(st.tuples(st.sampled_from(["a", "b", "", "$SYS/x", "a/b"]), st.binary(max_size=40), st.booleans())))
def test_only_the_newest_message_per_followed_topic_is_kept(messages) -> None:
    async def play() -> None:
        inbox = Inbox(lambda: Flooded([Incoming(*message) for message in messages]), StillClock(), lambda: 0.0)
        inbox.follow("a")
        task = asyncio.create_task(inbox.run())
        for _ in range(len(messages) + 20):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        mine = [payload for topic, payload, _ in messages if topic == "a"]
        assert inbox.received == len(mine)
        assert inbox.unsolicited == len(messages) - len(mine)
        if mine:
            assert inbox.newest("a").payload == mine[-1]

    asyncio.run(play())


@needs
async def test_does_not_reconnect_while_the_agent_stops(mosquitto):
    broker, ending = mosquitto(), asyncio.Event()
    inbox = Inbox(lambda: BrokerConnection(account(broker)), SystemClock(), lambda: 0.02, ending.is_set)
    inbox.follow("price")
    task = asyncio.create_task(inbox.run())
    async with asyncio.timeout(60):
        while not inbox.connected:
            await asyncio.sleep(0.02)
        ending.set()
        broker.kill()
        await task
