"""The watcher with stratum V2 servers over real sockets."""

import asyncio
import struct
import time

import pytest

from fakes import sv2_server as server
from fakes.sv2_server import Authority, V2Pool, authority_text
from stratoscope.clock import SystemClock
from stratoscope.stratum.protocol.endpoint import parse_endpoint
from stratoscope.stratum.protocol.sv2.noise import MAX_PAYLOAD_BYTES
from stratoscope.stratum.sessions.base_session import USER_REQUIRED
from stratoscope.stratum.sessions.dial import SocketDialer
from stratoscope.stratum.settings import ConfiguredEndpoint, StratumLogin, StratumSettings
from stratoscope.stratum.watch import watcher
from stratoscope.stratum.watch.watcher import EndpointClaims, EndpointWatcher
from stratoscope.wire.dns import DnsResolver


class Watching:
    """Watches one endpoint within a `with` block."""

    def __init__(self, port: int, key: str = "", login: StratumLogin | None = None) -> None:
        endpoint = parse_endpoint(f"stratum2+tcp://127.0.0.1:{port}/{key}")
        clock = SystemClock()
        self.names, self.events, self.url = DnsResolver(clock), [], endpoint.url
        settings = StratumSettings(
            endpoints=(ConfiguredEndpoint(endpoint=endpoint, login=login),), from_rigs=False, start_spread_s=0.0
        )
        self.watch = EndpointWatcher(
            settings, clock, random01=lambda: 0.0, dial=SocketDialer(self.names, clock), events=self.events.append
        )

    async def __aenter__(self):
        self.task = asyncio.create_task(self.watch.run())
        return self

    async def __aexit__(self, *_):
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)
        await self.names.close()

    def snapshot(self):
        watched = self.watch.comparison.endpoints.get(self.url)
        return watched and watched.snapshot()

    async def until(self, check):
        async with asyncio.timeout(60):
            while not ((one := self.snapshot()) and check(one)):
                await asyncio.sleep(0.01)
        return one


async def test_v2_pool_gives_the_same_state_as_a_v1_pool():
    async with V2Pool() as pool, Watching(pool.port, authority_text(pool.authority.key)) as watching:
        one = await watching.until(lambda one: one.template and one.rtt_tcp)
        assert (one.state, one.difficulty) == ("working", pytest.approx(8192))
        assert one.version_mask == 0x1FFFE000
        assert (one.extranonce1_size, one.extranonce2_size, one.template.extranonce_size) == (4, 5, 9)
        assert set(one.phases) == {"connect", "tls", "subscribe", "first_job"}
        assert one.certificate_verified is True
        assert one.certificate_end == pytest.approx(time.time() + 3600, abs=30)
        assert (one.template.height, one.template.fees_sat, one.template.tag) == (952_772, 4321, "/a v2 pool/")
        assert [type_ for type_, _ in pool.requests] == [0x00, 0x13]  # no share and no user
        watching.watch.comparison.update()
        assert "certificate" not in {alarm.kind for alarm in watching.watch.now.alarms}  # although it is short-lived


async def test_new_block_and_new_target_are_recorded():
    async with V2Pool() as pool, Watching(pool.port) as watching:
        await watching.until(lambda one: one.template)
        pool.send_to_all(0x21, struct.pack("<I", 7) + (server.TARGET // 2).to_bytes(32, "little"))
        pool.send_to_all(0x1F, server.job(2, None))
        pool.send_to_all(0x20, server.prev_hash(2, b"\x09" * 32))
        one = await watching.until(lambda one: one.template.prev_hash == "09" * 32)
        assert (one.difficulty, one.counts.blocks, one.template.clean) == (pytest.approx(16384), 1, True)
        assert one.certificate_verified is None  # the URL has no authority key


async def test_certificate_of_another_authority_raises_an_alarm():
    async with V2Pool() as pool, Watching(pool.port, authority_text(Authority().key)) as watching:
        one = await watching.until(lambda one: one.template)
        assert one.certificate_verified is False
        watching.watch.comparison.update()
        alarms = {alarm.kind: alarm.text for alarm in watching.watch.now.alarms}
        assert "is not signed by the authority in its URL" in alarms["certificate"]


async def test_expired_certificate_is_not_verified():
    async with V2Pool(valid=(100, 200)) as pool, Watching(pool.port, authority_text(pool.authority.key)) as watching:
        one = await watching.until(lambda one: one.template)
        assert (one.certificate_verified, one.certificate_end) == (False, 200)


async def test_channel_is_opened_with_the_configured_user_only_if_required():
    async with V2Pool(refuse="unknown-user") as pool:
        async with Watching(pool.port) as watching:
            one = await watching.until(lambda one: one.counts.sessions.get("unauthorized"))
            assert one.why == f"the endpoint refuses to open a channel (unknown-user): {USER_REQUIRED}"
        pool.requests.clear()
        async with Watching(pool.port, login=StratumLogin(user="account.watch")) as watching:
            await watching.until(lambda one: one.template)
        users = [payload[5 : 5 + payload[4]] for type_, payload in pool.requests if type_ == 0x13]
        assert users == [b"", b"account.watch"]


async def test_template_provider_is_detected_and_its_templates_are_decoded():
    async with V2Pool(provider=True) as pool, Watching(pool.port) as watching:
        one = await watching.until(lambda one: one.template)
        assert one.counts.sessions == {"closed": 1}
        assert (one.template.height, one.template.fees_sat, one.template.defects) == (952_772, 1000, ())
        assert one.template.payout[0].address is None


async def test_v2_endpoints_of_rigs_count_as_protocol_without_the_extra(monkeypatch):
    monkeypatch.setattr(watcher, "sv2_available", lambda: False)
    made = EndpointWatcher(
        StratumSettings(), SystemClock(), random01=lambda: 0.0, dial=lambda *_: pytest.fail("it was dialed")
    )
    made.update_claims({"stratum2+tcp://pool.example:3333": EndpointClaims({"public"})})
    assert made.now.unwatched == {"protocol": 1}


async def test_redirect_to_a_foreign_host_is_not_followed():
    async with V2Pool() as pool, Watching(pool.port) as watching:
        await watching.until(lambda one: one.template)
        pool.send_to_all(0x04, server.text("pool.evil.example") + struct.pack("<H", 3333))
        one = await watching.until(lambda one: one.counts.reconnect_requests)
        assert one.counts.reconnect_requests == {"abroad": 1}
        assert one.state == "working"


@pytest.mark.parametrize("first", [b"x" * 234, b'{"id":1,"result":null}\n' * 20, b"HTTP/1.1 400 Bad Request\r\n" * 12])
async def test_server_of_another_protocol_ends_the_session_with_a_reason(first):
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
        (0x1F, bytes(MAX_PAYLOAD_BYTES + 1), 1, "garbled"),
        (0x1C, b"", 500, "flood"),
        (0x18, struct.pack("<I", 7) + b"\x03bye", 1, "closed"),
    ],
)
async def test_hostile_server_ends_the_session_with_a_reason(type_, payload, times, reason):
    async with V2Pool() as pool, Watching(pool.port) as watching:
        await watching.until(lambda one: one.template)
        for _ in range(times):
            pool.send_to_all(type_, payload)
        one = await watching.until(lambda one: one.counts.sessions)
        assert list(one.counts.sessions) == [reason]
