"""The watcher at V2 servers over real sockets: it learns what it learns at V1 pools, and whom it can trust."""

import asyncio
import struct
import time

import pytest

from fakes import sv2_server as server
from fakes.sv2_server import Authority, Pool
from stratoscope.clock import SystemClock
from stratoscope.stratum.protocol.dial import Dialer
from stratoscope.stratum.protocol.endpoint import endpoint_of
from stratoscope.stratum.protocol.sv2.noise import MOST, authority_text
from stratoscope.stratum.watch import watcher
from stratoscope.stratum.watch.settings import Chosen, Login, StratumSettings
from stratoscope.stratum.watch.watcher import Naming, Watch
from stratoscope.wire.dns import DnsResolver


class Watching:
    """A watch on one endpoint, for the length of a `with`."""

    def __init__(self, port: int, key: str = "", login: Login | None = None) -> None:
        endpoint = endpoint_of(f"stratum2+tcp://127.0.0.1:{port}/{key}")
        clock = SystemClock()
        self.names, self.told, self.url = DnsResolver(clock), [], endpoint.url
        settings = StratumSettings(endpoints=(Chosen(endpoint=endpoint, login=login),), from_rigs=False, spread=0.0)
        self.watch = Watch(settings, clock, chance=lambda: 0.0, dial=Dialer(self.names, clock), events=self.told.append)

    async def __aenter__(self):
        self.task = asyncio.create_task(self.watch.run())
        return self

    async def __aexit__(self, *_):
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)
        await self.names.close()

    def record(self):
        watched = self.watch.standing.endpoints.get(self.url)
        return watched and watched.record()

    async def until(self, check):
        async with asyncio.timeout(15):
            while not ((one := self.record()) and check(one)):
                await asyncio.sleep(0.01)
        return one


async def test_a_v2_pool_tells_what_a_v1_pool_tells():
    async with Pool() as pool, Watching(pool.port, authority_text(pool.authority.key)) as watching:
        one = await watching.until(lambda one: one.template and one.rtt_tcp)
        assert (one.state, one.difficulty) == ("working", pytest.approx(8192))
        assert one.version_mask == 0x1FFFE000
        assert (one.extranonce1_size, one.extranonce2_size, one.template.extranonce_size) == (4, 5, 9)
        assert set(one.phases) == {"connect", "tls", "subscribe", "first_job"}
        assert one.certificate_verified is True
        assert one.certificate_end == pytest.approx(time.time() + 3600, abs=30)
        assert (one.template.height, one.template.fees_sat, one.template.tag) == (952_772, 4321, "/a v2 pool/")
        assert [type_ for type_, _ in pool.asked] == [0x00, 0x13]  # no share, and no user
        watching.watch.standing.tick()
        assert "certificate" not in {alarm.kind for alarm in watching.watch.now.alarms}  # though it holds for an hour


async def test_a_new_block_and_a_new_target_are_heard_at_once():
    async with Pool() as pool, Watching(pool.port) as watching:
        await watching.until(lambda one: one.template)
        pool.say(0x21, struct.pack("<I", 7) + (server.TARGET // 2).to_bytes(32, "little"))
        pool.say(0x1F, server.job(2, None))
        pool.say(0x20, server.prev_hash(2, b"\x09" * 32))
        one = await watching.until(lambda one: one.template.prev_hash == "09" * 32)
        assert (one.difficulty, one.counts.blocks, one.template.clean) == (pytest.approx(16384), 1, True)
        assert one.certificate_verified is None  # no key in the URL: nobody to ask


async def test_a_server_that_another_authority_signed_is_watched_and_not_trusted():
    async with Pool() as pool, Watching(pool.port, authority_text(Authority().key)) as watching:
        one = await watching.until(lambda one: one.template)
        assert one.certificate_verified is False
        watching.watch.standing.tick()
        alarms = {alarm.kind: alarm.text for alarm in watching.watch.now.alarms}
        assert "another authority signed it" in alarms["certificate"]


async def test_a_certificate_whose_time_is_over_is_not_good():
    async with Pool(valid=(100, 200)) as pool, Watching(pool.port, authority_text(pool.authority.key)) as watching:
        one = await watching.until(lambda one: one.template)
        assert (one.certificate_verified, one.certificate_end) == (False, 200)


async def test_a_pool_that_wants_a_user_gets_the_one_that_was_given_and_no_other():
    async with Pool(refuse="unknown-user") as pool:
        async with Watching(pool.port) as watching:
            one = await watching.until(lambda one: one.counts.sessions.get("unauthorized"))
            assert one.why == "the endpoint opens no channel (unknown-user): it wants a user, see stratum.user"
        pool.asked.clear()
        async with Watching(pool.port, login=Login(user="account.watch")) as watching:
            await watching.until(lambda one: one.template)
        users = [payload[5 : 5 + payload[4]] for type_, payload in pool.asked if type_ == 0x13]
        assert users == [b"", b"account.watch"]


async def test_a_template_provider_is_found_out_and_its_templates_are_read():
    async with Pool(provider=True) as pool, Watching(pool.port) as watching:
        one = await watching.until(lambda one: one.template)
        assert one.counts.sessions == {"closed": 1}
        assert (one.template.height, one.template.fees_sat, one.template.defects) == (952_772, 1000, ())
        assert one.template.payout[0].address is None


async def test_without_the_extra_what_rigs_name_is_counted_as_another_protocol(monkeypatch):
    monkeypatch.setattr(watcher, "available", lambda: False)
    made = Watch(StratumSettings(), SystemClock(), chance=lambda: 0.0, dial=lambda *_: pytest.fail("it was dialed"))
    made.name({"stratum2+tcp://pool.example:3333": Naming({"public"})})
    assert made.now.unwatched == {"protocol": 1}


async def test_a_request_to_go_abroad_is_reported_and_not_followed():
    async with Pool() as pool, Watching(pool.port) as watching:
        await watching.until(lambda one: one.template)
        pool.say(0x04, server.text("pool.evil.example") + struct.pack("<H", 3333))
        one = await watching.until(lambda one: one.counts.turns)
        assert one.counts.turns == {"abroad": 1}
        assert one.state == "working"


@pytest.mark.parametrize("first", [b"x" * 234, b'{"id":1,"result":null}\n' * 20, b"HTTP/1.1 400 Bad Request\r\n" * 12])
async def test_a_server_that_speaks_something_else_ends_the_session_with_a_reason(first):
    async def speak(reader, writer):
        writer.write(first)
        await reader.read(-1)
        writer.close()

    other = await asyncio.start_server(speak, "127.0.0.1", 0)
    async with Watching(other.sockets[0].getsockname()[1]) as watching:
        one = await watching.until(lambda one: one.counts.sessions)
        assert one.counts.sessions == {"tls": 1}
    other.close()


@pytest.mark.parametrize(
    ("type_", "payload", "times", "reason"),
    [
        (0x1F, b"short", 60, "garbled"),
        (0x1F, bytes(MOST + 1), 1, "garbled"),
        (0x1C, b"", 500, "flood"),
        (0x18, struct.pack("<I", 7) + b"\x03bye", 1, "closed"),
    ],
)
async def test_a_hostile_server_ends_the_session_with_a_reason(type_, payload, times, reason):
    async with Pool() as pool, Watching(pool.port) as watching:
        await watching.until(lambda one: one.template)
        for _ in range(times):
            pool.say(type_, payload)
        one = await watching.until(lambda one: one.counts.sessions)
        assert list(one.counts.sessions) == [reason]
