"""A compromised rig cannot make the watcher connect to this machine, however it writes the address."""

import asyncio

import pytest

from fakes.stratum import ScriptedPool
from stratoscope.clock import SystemClock
from stratoscope.stratum.sessions.dial import SocketDialer
from stratoscope.stratum.settings import StratumSettings
from stratoscope.stratum.watch.watcher import EndpointClaims, EndpointWatcher
from stratoscope.wire.dns import DnsResolver

from .conftest import eventually

FORMS = [
    "127.0.0.1",
    "127.1",
    "127.0.1",
    "0x7f000001",
    "0x7f.0.0.1",
    "0x7f.1",
    "2130706433",
    "0177.0.0.1",
    "0177.1",
    "017700000001",
    "127.255.255.254",
    "0.0.0.0",
    "0",
    "localhost",
    "LOCALHOST",
    "localhost.",
    "[::1]",
    "[::]",
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
    "[0:0:0:0:0:ffff:127.0.0.1]",
    "[64:ff9b::127.0.0.1]",
    "[2002:7f00:1::]",
    "user@127.0.0.1",
    "pool.com:3333@127.0.0.1",
    "user:pass@127.1",
    "a@b@127.0.0.1",
    "127.0.0.1%00.pool.com",
    "127.0.0.1#",
    "127.0.0.1?",
    "127。0。0。1",
    "①②⑦.0.0.1",
    "127.0.0.1\u200b",
    "localhost\x00.pool.com",
    "169.254.169.254",
    "[::ffff:a9fe:a9fe]",
    "0xa9fea9fe",
    "2852039166",
    "metadata.google.internal",
]
PREFIXES = ["", "stratum+tcp://", "stratum+ssl://", "tcp://"]


@pytest.fixture
async def bounded():
    """Return a function that watches URLs named by a rig with the address scopes `scopes`; `lookup` resolves names."""
    clock, tasks, names = SystemClock(), [], []

    async def begin(urls, scopes, lookup=None) -> EndpointWatcher:
        names.append(DnsResolver(clock) if lookup is None else DnsResolver(clock, lookup))
        watcher = EndpointWatcher(
            StratumSettings(start_spread_s=0.0, max_endpoints=256),
            clock,
            random01=lambda: 1.0,
            dial=SocketDialer(names[-1], clock),
        )
        tasks.append(asyncio.create_task(watcher.run()))
        await asyncio.sleep(0)
        watcher.update_claims({url: EndpointClaims(set(scopes)) for url in urls})
        return watcher

    yield begin
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    for one in names:
        await one.close()


async def never(_crank, _reader, _writer) -> None:
    """Accept the connection and send nothing."""


async def ended(watcher: EndpointWatcher) -> set[str]:
    """Return the outcomes of all first sessions."""
    await eventually(lambda: all(one.snapshot().counts.sessions for one in watcher.comparison.endpoints.values()))
    return {reason for one in watcher.comparison.endpoints.values() for reason in one.snapshot().counts.sessions}


@pytest.mark.parametrize("prefix", PREFIXES)
async def test_no_spelling_of_this_machine_by_a_remote_rig_leads_to_a_connection(bounded, prefix):
    async with ScriptedPool(never) as pool:
        watcher = await bounded([f"{prefix}{form}:{pool.port}" for form in FORMS], {"private", "public"})
        assert await ended(watcher) <= {"forbidden", "dns"}
        assert pool.sessions == 0
        assert not any(one.up for one in watcher.now.endpoints.values())


async def test_name_that_resolves_to_this_machine_is_refused(bounded):
    asked = []

    def lookup(host: str) -> tuple[str, ...]:
        asked.append(host)
        return ("127.0.0.1", "::1")

    async with ScriptedPool(never) as pool:
        watcher = await bounded([f"pool.evil.com:{pool.port}"], {"private"}, lookup)
        assert await ended(watcher) == {"forbidden"}
        assert (asked, pool.sessions) == (["pool.evil.com"], 0), "resolved once, never connected"
        one = next(iter(watcher.now.endpoints.values()))
        assert one.state == "refused"
        assert "configure it" in one.why


async def test_rig_on_this_machine_may_name_a_pool_on_this_machine(bounded):
    async with ScriptedPool(never) as pool:
        watcher = await bounded([f"127.0.0.1:{pool.port}"], {"loopback"})
        await eventually(lambda: pool.sessions)
        assert await ended(watcher) == {"closed"}
