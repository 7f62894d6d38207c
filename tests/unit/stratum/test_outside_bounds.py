"""However a broken rig writes the address of this machine, nothing is connected."""

import asyncio

import pytest

from fakes.stratum import Crank
from stratoscope.clock import SystemClock
from stratoscope.stratum.protocol.dial import Dialer
from stratoscope.stratum.watch.settings import StratumSettings
from stratoscope.stratum.watch.watcher import Naming, Watch
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
    """Return a function that watches what a rig at `places` names; `lookup` may lie."""
    clock, tasks, names = SystemClock(), [], []

    async def begin(urls, places, lookup=None) -> Watch:
        names.append(DnsResolver(clock) if lookup is None else DnsResolver(clock, lookup))
        made = Watch(StratumSettings(spread=0.0, most=256), clock, chance=lambda: 1.0, dial=Dialer(names[-1], clock))
        tasks.append(asyncio.create_task(made.run()))
        await asyncio.sleep(0)
        made.name({url: Naming(set(places)) for url in urls})
        return made

    yield begin
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    for one in names:
        await one.close()


async def never(_crank, _reader, _writer) -> None:
    """Say nothing: that anyone came is what counts."""


async def ended(made: Watch) -> set[str]:
    """Return how all first sessions ended."""
    await eventually(lambda: all(one.record().counts.sessions for one in made.standing.endpoints.values()))
    return {reason for one in made.standing.endpoints.values() for reason in one.record().counts.sessions}


@pytest.mark.parametrize("prefix", PREFIXES)
async def test_no_spelling_of_this_machine_leads_a_rig_elsewhere_to_a_connection(bounded, prefix):
    async with Crank(never) as crank:
        made = await bounded([f"{prefix}{form}:{crank.port}" for form in FORMS], {"private", "public"})
        assert await ended(made) <= {"forbidden", "dns"}
        assert crank.sessions == 0
        assert not any(one.up for one in made.now.endpoints.values())


async def test_a_name_that_turns_out_to_be_this_machine_is_refused_each_time(bounded):
    asked = []

    def lookup(host: str) -> tuple[str, ...]:
        asked.append(host)
        return ("127.0.0.1", "::1")

    async with Crank(never) as crank:
        made = await bounded([f"pool.evil.com:{crank.port}"], {"private"}, lookup)
        assert await ended(made) == {"forbidden"}
        assert (asked, crank.sessions) == (["pool.evil.com"], 0), "resolved once, and never connected"
        one = next(iter(made.now.endpoints.values()))
        assert one.state == "refused"
        assert "configure it" in one.why


async def test_a_rig_on_this_machine_may_name_a_pool_on_this_machine(bounded):
    async with Crank(never) as crank:
        made = await bounded([f"127.0.0.1:{crank.port}"], {"loopback"})
        await eventually(lambda: crank.sessions)
        assert await ended(made) == {"closed"}
