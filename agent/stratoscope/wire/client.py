"""Offers the wire to the rest of the agent: query a rig, fetch one of its pages, find its open ports."""

import asyncio
from collections.abc import Sequence
from typing import Any, Final

from stratoscope.clock import Clock
from stratoscope.drivers.driver import Command, Login, WebPage
from stratoscope.errors import Garbled, PollError
from stratoscope.wire import repair
from stratoscope.wire.connect import Deadline, connect, resolve
from stratoscope.wire.dns import DnsResolver
from stratoscope.wire.exchange import Exchange
from stratoscope.wire.http import WebClient, WebEndpoint
from stratoscope.wire.target import Answers, Limits, RigSession, Target

MAX_PAGE_BYTES: Final = 65536
DEFAULT_LIMITS: Final = Limits()


class Wire:
    """The only access to rigs, read-only: `verbs` and `paths` list every allowed request. One per program; close it."""

    def __init__(self, *, clock: Clock, limits: Limits = DEFAULT_LIMITS, keep_raw: bool = False) -> None:
        self._clock = clock
        self._limits = limits
        self._keep_raw = keep_raw
        self._resolver = DnsResolver(clock)
        self._web = WebClient(self._resolver)

    async def query(
        self,
        target: Target,
        commands: Sequence[Command],
        session: RigSession,
        *,
        login: Login | None = None,
        limits: Limits | None = None,
    ) -> Answers:
        """Send `commands` to a rig within one deadline and return its answers.

        If the rig refuses a command that is not required, `refused` has the reason and `errors` the rig's error
        object, and the command is not sent again for an hour (five minutes if there was no connection); during that
        time it is in neither. Raises Unreachable, TimedOut, Garbled or AuthRefused if a required command fails, if
        nothing was answered at all (not even a refusal), and if every answer is Code 45; ForbiddenCommand for a
        command outside the allow-list.
        """
        limits = limits or self._limits
        deadline = Deadline(limits)
        exchange = Exchange(
            target,
            session,
            login,
            limits,
            self._resolver,
            self._web,
            deadline,
            self._clock.monotonic(),
            keep_raw=self._keep_raw,
        )
        try:
            async with deadline.timeout:
                await exchange.run(commands)
        except TimeoutError:
            exchange.handle_timeout()
        return exchange.answers

    async def page(self, target: Target, path: str, *, port: int = 80, limits: Limits | None = None) -> WebPage:
        """GET `path` without credentials and return any HTTP response, with at most the first 64 KiB of the body.

        `port` is the default port. Raises Unreachable or TimedOut, and Garbled if the answer is not HTTP.
        """
        limits = limits or self._limits
        site = WebEndpoint(target.host, target.port(port), limits.connect, min(limits.size, MAX_PAGE_BYTES))
        deadline = Deadline(limits)
        try:
            async with deadline.timeout:
                await resolve(site.host, self._resolver, deadline)
                deadline.start_wait(site.host, site.port)
                answer = await self._web.get(site, path, {}, cut=True)
        except TimeoutError:
            raise deadline.failure() from None
        text = answer.body.decode("utf-8", "replace")
        return WebPage(answer.status, answer.headers, text, _json(answer.body))

    async def open_ports(self, target: Target, ports: Sequence[int]) -> frozenset[int]:
        """Return those of the default `ports` on which the rig accepts a connection, all tried at once.

        Raises Unreachable only for `dns` and `no_sockets`: those do not depend on the rig.
        """
        async with asyncio.TaskGroup() as group:
            tries = {port: group.create_task(self._accepts(target, port)) for port in ports}
        failures = [failure for task in tries.values() if isinstance(failure := task.result(), PollError)]
        if failures:
            raise failures[0]
        return frozenset(port for port, task in tries.items() if task.result() is True)

    async def _accepts(self, target: Target, port: int) -> bool | PollError:
        """Return whether the port accepts a connection, or the error if this machine is the cause."""
        limits = Limits(self._limits.connect, self._limits.connect)
        deadline = Deadline(limits)
        try:
            async with deadline.timeout:
                opened = await connect(_ConnectProbe, target.host, target.port(port), self._resolver, deadline)
                opened.close()
        except TimeoutError:
            return deadline.failure() if deadline.phase == "dns" else False
        except PollError as failure:
            return failure if failure.reason in ("dns", "no_sockets") else False
        return True

    async def close(self) -> None:
        """Close everything that stays open between exchanges."""
        await self._web.close()
        await self._resolver.close()


class _ConnectProbe(asyncio.Protocol):
    """Opens a connection and sends nothing."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def close(self) -> None:
        self._transport.close()


def _json(body: bytes) -> Any:
    if not body.lstrip().startswith((b"{", b"[")):
        return None
    try:
        return repair.parse(body)
    except Garbled:
        return None
