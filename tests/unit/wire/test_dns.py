"""Tests that name resolution never blocks polls (F25)."""

import asyncio
import socket
import threading

import pytest

from fakes.rig import FakeRig, cgminer_object
from stratoscope.drivers.driver import Command, Via
from stratoscope.errors import Unreachable
from stratoscope.wire.dns import MAX_LOOKUPS, NEGATIVE_TTL_S, TTL_S, DnsResolver
from stratoscope.wire.target import Limits, RigSession, Target

ANSWER = cgminer_object("summary", Elapsed=1)
SUMMARY = Command("summary", "summary")


class Resolver:
    """Fakes the system's resolver: counts lookups, answers from a table, and hangs while `held` is cleared."""

    def __init__(self, **table):
        self.table = table
        self.asked = []
        self.held = threading.Event()
        self.held.set()

    def __call__(self, host):
        self.asked.append(host)
        self.held.wait(20)
        if host not in self.table:
            raise socket.gaierror(socket.EAI_NONAME, "no such host")
        return self.table[host]


def use(wire, clock, resolver):
    """Make `wire` resolve names with `resolver`."""
    names = DnsResolver(clock, resolver)
    wire._resolver = names
    wire._web._resolver = names


async def test_f25_address_is_cached_for_a_minute(wire, clock):
    resolver = Resolver(rig1=("127.0.0.1",))
    names = DnsResolver(clock, resolver)
    assert await names.addresses("rig1") == ("127.0.0.1",)
    resolver.table["rig1"] = ("127.0.0.2",)
    clock.now += TTL_S - 1
    assert await names.addresses("rig1") == ("127.0.0.1",)
    clock.now += 2
    assert await names.addresses("rig1") == ("127.0.0.2",)
    assert resolver.asked == ["rig1", "rig1"]


async def test_f25_failure_is_cached_for_half_a_minute(clock):
    resolver = Resolver()
    names = DnsResolver(clock, resolver)
    for seconds, questions in ((0, 1), (NEGATIVE_TTL_S - 1, 1), (2, 2)):
        clock.now += seconds
        with pytest.raises(Unreachable) as caught:
            await names.addresses("rig1")
        assert caught.value.reason == "dns"
        assert len(resolver.asked) == questions


@pytest.mark.parametrize("literal", ["127.0.0.1", "::1", "fe80::1%lo", "10.1.2.3"])
async def test_f25_literal_address_needs_no_lookup(clock, literal):
    resolver = Resolver()
    assert await DnsResolver(clock, resolver).addresses(literal) == (literal,)
    assert resolver.asked == []


async def test_f25_hanging_dns_fails_names_but_not_literal_addresses(wire, clock):
    resolver = Resolver(**{f"rig{n}": ("127.0.0.1",) for n in range(40)})
    resolver.held.clear()
    use(wire, clock, resolver)
    async with FakeRig({"summary": ANSWER}) as rig:
        by_name = [
            wire.query(Target(f"rig{n}", {4028: rig.port}), [SUMMARY], RigSession(), limits=Limits(0.3, 0.3))
            for n in range(40)
        ]
        hung = asyncio.gather(*by_name, return_exceptions=True)
        for _ in range(20):
            assert (await wire.query(rig.target(), [SUMMARY], RigSession())).replies == {"summary": ANSWER}
        assert {failure.reason for failure in await hung} == {"dns"}
        assert len(resolver.asked) <= MAX_LOOKUPS
        resolver.held.set()


async def test_parallel_waiters_share_one_lookup(clock):
    resolver = Resolver(rig1=("127.0.0.1",))
    names = DnsResolver(clock, resolver)
    assert await asyncio.gather(*(names.addresses("rig1") for _ in range(50))) == [("127.0.0.1",)] * 50
    assert resolver.asked == ["rig1"]


async def test_cancelled_waiter_does_not_cancel_the_others(clock):
    resolver = Resolver(rig1=("127.0.0.1",))
    resolver.held.clear()
    names = DnsResolver(clock, resolver)
    first = asyncio.create_task(names.addresses("rig1"))
    second = asyncio.create_task(names.addresses("rig1"))
    await asyncio.sleep(0.05)
    first.cancel()
    resolver.held.set()
    assert await second == ("127.0.0.1",)


async def test_addresses_of_a_name_are_tried_in_turn(wire, clock):
    async with FakeRig({"summary": ANSWER}) as rig:
        use(wire, clock, Resolver(rig1=("127.0.0.9", "127.0.0.1")))  # nothing listens on the first
        assert (await wire.query(Target("rig1", {4028: rig.port}), [SUMMARY], RigSession())).replies


async def test_names_are_resolved_for_http_too(wire, clock):
    use(wire, clock, Resolver())
    page = Command("info", "/api/v1/info", Via.HTTP)
    for poll in (
        wire.query(Target("gone"), [page], RigSession()),
        wire.page(Target("gone"), "/"),
        wire.open_ports(Target("gone"), (80, 4028)),
    ):
        with pytest.raises(Unreachable) as caught:
            await poll
        assert caught.value.reason == "dns"


async def test_system_resolver_finds_localhost(clock):
    assert "127.0.0.1" in await DnsResolver(clock).addresses("localhost")
