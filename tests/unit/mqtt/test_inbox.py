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
from stratoscope.config import InvalidConfig, load
from stratoscope.economics.call import Call, call_of
from stratoscope.economics.quote import quote_of
from stratoscope.errors import BrokerError, SourceError
from stratoscope.market.settings import SourceSettings
from stratoscope.market.sources import Sources
from stratoscope.outside.broker import MOST_RECEIVED, Connection, Incoming, Outgoing
from stratoscope.outside.feed import Feed, Reader
from stratoscope.outside.fetch import Fetcher
from stratoscope.outside.inbox import Inbox, topic_of
from stratoscope.outside.source_metrics import SourceTally
from unit.mqtt.conftest import account

needs = pytest.mark.needs("mosquitto")


class Desk:
    """An inbox at a broker, and a hand that publishes there."""

    def __init__(self, broker, protocol: str = "5") -> None:
        self.clock = SystemClock()
        self.inbox = Inbox(lambda: Connection(account(broker, protocol=protocol)), self.clock, lambda: 0.02)
        self.fetcher = Fetcher(self.clock, random.random, SourceTally(), self.inbox)
        self.hand = Connection(account(broker))
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

    def reader(self, topic: str, parse, path=(), time_path=None) -> Reader:
        return Reader(topic, Feed.at_topic(topic, path, time_path), self.fetcher, parse)

    async def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        await self.hand.publish(Outgoing(topic, payload, 1, retain))

    async def said(self, reader: Reader, seconds: float = 10.0):
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
        async with asyncio.timeout(10):
            while self.inbox.received < count:
                await asyncio.sleep(0.02)


async def reason_of(waiting) -> str:
    with pytest.raises(SourceError) as caught:
        await waiting
    return caught.value.reason


@needs
@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
async def test_a_price_and_a_call_are_read_as_of_when_they_came(mosquitto, protocol) -> None:
    async with Desk(mosquitto(), protocol) as desk:
        price = desk.reader("grid/price", quote_of, ("lmp",))
        call = desk.reader("grid/call", call_of)
        async with asyncio.timeout(10):
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
        assert await desk.said(call) == Call(on=True, at=pytest.approx(desk.clock.time(), abs=5))
        assert desk.fetcher.tally.outcomes["grid/price", "ok"] == 2


@needs
async def test_a_message_that_the_broker_kept_counts_only_when_it_says_its_time(mosquitto) -> None:
    async with Desk(mosquitto()) as desk:
        at = round(desk.clock.time()) - 600
        await desk.publish("p", b'{"price": 1, "at": %d}' % at, retain=True)
        timeless = desk.reader("p", quote_of, ("price",))
        timed = desk.reader("p", quote_of, ("price",), ("at",))
        await desk.heard(1)
        assert await reason_of(timeless.read(desk.clock.time())) == "schema"
        assert (await desk.said(timed)).at == at


@needs
async def test_a_topic_that_is_asked_for_later_is_heard_too(mosquitto) -> None:
    async with Desk(mosquitto()) as desk:
        desk.reader("a", quote_of)
        async with asyncio.timeout(10):
            while not desk.inbox.connected:
                await asyncio.sleep(0.02)
        later = desk.reader("b", quote_of)
        await asyncio.sleep(0.3)
        await desk.publish("b", b"2")
        assert (await desk.said(later)).price == 2


@needs
async def test_what_is_hostile_leaves_the_last_good_figure_to_grow_old_and_the_connection_up(mosquitto) -> None:
    async with Desk(mosquitto()) as desk:
        price = desk.reader("p", quote_of, ("v",), ("t",))
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
        await desk.publish("p", b"x" * (2 * MOST_RECEIVED))  # never arrives
        await desk.publish("p", b'{"v": 3, "t": 1700000000}')
        await desk.heard(len(hostile) + 1)
        assert (await desk.said(price)).price == 3
        assert desk.inbox.failures == {}


@needs
async def test_after_the_broker_was_away_prices_come_in_again(mosquitto) -> None:
    broker = mosquitto()
    desk = Desk(broker)
    async with desk:
        price = desk.reader("p", quote_of)
        await asyncio.sleep(0.3)
        await desk.publish("p", b"1")
        first = await desk.said(price)
        broker.kill()
        async with asyncio.timeout(10):
            while desk.inbox.connected:
                await asyncio.sleep(0.02)
        assert await price.read(desk.clock.time()) == first  # with its age
        again = mosquitto(port=broker.port)
        other = Connection(account(again))
        await other.connect()
        async with asyncio.timeout(20):
            while (await price.read(desk.clock.time())).price != 2:
                await other.publish(Outgoing("p", b"2", 1))
                await asyncio.sleep(0.1)
        await other.close(clean=True)


@needs
async def test_a_market_takes_its_price_from_a_topic(mosquitto) -> None:
    async with Desk(mosquitto()) as desk:
        settings = SourceSettings(kind="mqtt", topic="btc", price_path="usd", time_path="at")
        (source,) = Sources((), (settings,), desk.fetcher).prices
        await asyncio.sleep(0.3)
        await desk.publish("btc", b'{"usd": 91000.5, "at": 1700000000}')
        await desk.heard(1)
        price = await source.price("USD")
        assert (price.value, price.at) == (91000.5, 1_700_000_000)
        await desk.publish("btc", b'{"usd": -1, "at": 1700000000}')
        await desk.heard(2)
        assert await reason_of(source.price("USD")) == "schema"


async def test_without_a_broker_a_topic_is_unreachable_and_nothing_is_connected() -> None:
    def never() -> Connection:
        raise AssertionError("nobody asked for anything")

    inbox = Inbox(never, StillClock(), lambda: 0.0)
    task = asyncio.create_task(inbox.run())
    await asyncio.sleep(0.05)
    assert not task.done()
    task.cancel()
    reader = Reader("p", Feed.at_topic("p", (), None), Fetcher(StillClock(), lambda: 0.0, SourceTally()), quote_of)
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


async def test_a_topic_that_may_not_be_read_says_so_and_the_others_go_on() -> None:
    inbox = Inbox(lambda: Strict([Incoming("good", b"1", retained=False)]), StillClock(), lambda: 0.0)
    fetcher = Fetcher(StillClock(), lambda: 0.0, SourceTally(), inbox)
    bad, good = (Reader(name, Feed.at_topic(name, (), None), fetcher, quote_of) for name in ("bad", "good"))
    task = asyncio.create_task(inbox.run())
    async with asyncio.timeout(10):
        while not inbox.received:
            await asyncio.sleep(0.01)
    assert (await good.read(0.0)).price == 1
    assert await reason_of(bad.read(0.0)) == "auth"
    assert inbox.failures == {}
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


@given(st.lists(st.tuples(st.sampled_from(["a", "b", "", "$SYS/x", "a/b"]), st.binary(max_size=40), st.booleans())))
def test_any_messages_leave_one_per_topic_that_was_asked_for(messages) -> None:
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
        assert inbox.unasked == len(messages) - len(mine)
        if mine:
            assert inbox.newest("a").payload == mine[-1]

    asyncio.run(play())


@pytest.mark.parametrize("text", ["", "a/+/b", "a/#", "$SYS/broker", "a\0b", "x" * 600, "/".join("a" * 40)])
def test_what_is_not_one_topic_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"topic|stand for|broker's own"):
        topic_of(text)


def test_a_config_that_reads_from_a_broker_names_one(tmp_path) -> None:
    body = """
rigs: [203.0.113.1]
market: {prices: [{kind: mqtt, topic: btc/usd}]}
tariffs:
  default:
    energy: {type: external, source: {kind: mqtt, topic: grid/price, fallback: none}}
    curtailment: {event_source: {kind: mqtt, topic: grid/call}}
exporters: {mqtt: {}}
"""
    path = tmp_path / "c.yaml"
    path.write_text(body)
    with pytest.raises(InvalidConfig) as caught:
        load(path, {})
    assert str(caught.value).count("add the section `mqtt:`") == 4
    path.write_text(body + "mqtt: {host: broker.example.net}\n")
    config = load(path, {})
    assert config.mqtt is not None
    assert (config.mqtt.account().port, config.mqtt.account().tls) == (8883, True)


@pytest.mark.parametrize(
    ("section", "word"),
    [
        ("{host: a b}", "host"),
        ("{host: a, password: x}", "user"),
        ("{host: a, key: k}", "cert"),
        ("{host: 127.0.0.1, ca: c}", "tls"),
        ("{host: a, protocol: 4}", "3.1.1"),
        ("{host: a, port: 0}", "port"),
        ("{host: a, keepalive: 1s}", "keepalive"),
        ("{port: 1883}", "host"),
        ("{host: a, colour: red}", "colour"),
    ],
)
def test_a_wrong_section_is_named_with_its_remedy(tmp_path, section, word) -> None:
    path = tmp_path / "c.yaml"
    path.write_text(f"rigs: [203.0.113.1]\nmqtt: {section}\n")
    with pytest.raises(InvalidConfig, match=word):
        load(path, {})


def test_a_password_in_the_open_is_warned_of(tmp_path) -> None:
    path = tmp_path / "c.yaml"
    path.write_text("rigs: [203.0.113.1]\nmqtt: {host: broker.lan, tls: false, user: u, password: env:P}\n")
    assert any("in the open" in warning for warning in load(path, {"P": "hunter2"}).warnings)
    assert "hunter2" not in str(load(path, {"P": "hunter2"}))


@needs
async def test_a_connection_that_is_lost_while_the_agent_ends_is_not_had_again(mosquitto):
    broker, ending = mosquitto(), asyncio.Event()
    inbox = Inbox(lambda: Connection(account(broker)), SystemClock(), lambda: 0.02, ending.is_set)
    inbox.follow("price")
    task = asyncio.create_task(inbox.run())
    async with asyncio.timeout(10):
        while not inbox.connected:
            await asyncio.sleep(0.02)
        ending.set()
        broker.kill()
        await task
