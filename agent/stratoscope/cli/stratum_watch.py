"""Implements `stratoscope stratum URL`: watches stratum endpoints, once or continuously."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

if TYPE_CHECKING:
    from stratoscope.stratum.settings import StratumSettings
    from stratoscope.stratum.watch.records import EndpointState, StratumState
    from stratoscope.stratum.watch.watcher import EndpointWatcher

CHECK_INTERVAL_S: Final = 0.05
"""How often it is checked whether the jobs have arrived."""
USER_REQUIRED: Final = re.compile(r": it requires a user|; set stratum\.user")
"""The end of a watcher's reason that names a key of the config; the command line has --user instead."""
ROUND_TRIP_TIMEOUT_S: Final = 3.0
"""How long to wait for a round trip after the job: some pools never respond to the probe."""


def watch(
    urls: Annotated[
        list[str],
        typer.Argument(
            metavar="URL...",
            help="Endpoints: stratum+tcp://HOST:PORT, stratum+ssl://HOST:PORT, stratum2+tcp://HOST:PORT/KEY or "
            "HOST:PORT.",
        ),
    ],
    user: Annotated[
        str | None,
        typer.Option("--user", "-u", metavar="NAME", help="User for pools that send no job without a login."),
    ] = None,
    password: Annotated[
        str | None, typer.Option("--password", metavar="TEXT", help="Password for --user; most pools accept any.")
    ] = None,
    timeout: Annotated[
        float, typer.Option("--timeout", min=1, max=600, metavar="SECONDS", help="How long to wait for a job.")
    ] = 30.0,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Keep running until Ctrl-C, as a live table.")] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object per line and endpoint, or per job with --follow.")
    ] = False,
) -> None:
    """Watch stratum endpoints: show timings, difficulty and the decoded newest job. Never submits a share.

    With several endpoints and --follow, the table shows which endpoint announces a block first.
    """
    from stratoscope.cli import stratum_table
    from stratoscope.cli.output import run_loop

    settings = _settings(urls, user, password)
    if follow:
        run_loop(_follow(settings, stratum_table.print_job_lines if as_json else stratum_table.show_live_table))
        return
    now = run_loop(_watch_once(settings, timeout))
    for one in now.endpoints.values():
        stratum_table.print_endpoint(one, as_json=as_json)
    _fail_without_job(now)


def _settings(urls: list[str], user: str | None, password: str | None) -> "StratumSettings":
    from stratoscope.errors import UsageError
    from stratoscope.stratum.protocol.endpoint import V2, InvalidEndpoint, parse_endpoint
    from stratoscope.stratum.protocol.sv2.noise import parse_authority_key, sv2_available
    from stratoscope.stratum.settings import ConfiguredEndpoint, StratumLogin, StratumSettings

    login: StratumLogin | None = None
    if user is not None:
        login = StratumLogin(user=user) if password is None else StratumLogin(user=user, password=password)
    elif password is not None:
        raise UsageError("--password requires --user")
    chosen = []
    for url in dict.fromkeys(urls):
        try:
            endpoint = parse_endpoint(url)
        except InvalidEndpoint as error:
            raise UsageError(f"{url!r} is not a stratum endpoint: {error}") from None
        if endpoint.scheme == V2 and not sv2_available():
            raise UsageError(f"{url!r} requires the extra sv2: pip install 'stratoscope[sv2]'")
        if endpoint.key and parse_authority_key(endpoint.key) is None:
            raise UsageError(f"{url!r} has an invalid authority key after the port: copy it from the pool's page again")
        chosen.append(ConfiguredEndpoint(endpoint=endpoint, login=login))
    return StratumSettings(
        endpoints=tuple(chosen), from_rigs=False, probe_interval_s=10.0, start_spread_s=0.0, max_endpoints=len(chosen)
    )


@asynccontextmanager
async def _watching(settings: "StratumSettings") -> AsyncIterator["EndpointWatcher"]:
    """Run a watcher inside a `with` block."""
    import asyncio
    import random

    from stratoscope.clock import SystemClock
    from stratoscope.stratum.sessions.dial import SocketDialer
    from stratoscope.stratum.watch.watcher import EndpointWatcher
    from stratoscope.wire.dns import DnsResolver

    clock = SystemClock()
    names = DnsResolver(clock)
    made = EndpointWatcher(settings, clock, random01=random.random, dial=SocketDialer(names, clock))
    running = asyncio.create_task(made.run())
    try:
        yield made
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await names.close()


async def _watch_once(settings: "StratumSettings", timeout: float) -> "StratumState":
    """Return the state once every endpoint has a job and a round trip or has failed, or after `timeout` s."""
    import asyncio

    async with _watching(settings) as made:
        loop = asyncio.get_running_loop()
        end, measured = loop.time() + timeout, 0.0
        while loop.time() < end:
            await asyncio.sleep(CHECK_INTERVAL_S)
            records = [watched.snapshot() for watched in made.comparison.endpoints.values()]
            if not records or not all(one.template is not None or one.counts.sessions for one in records):
                continue
            measured = measured or loop.time() + ROUND_TRIP_TIMEOUT_S
            if loop.time() >= measured or all(map(_measured, records)):
                break
        made.comparison.update()
        return made.comparison.snapshot({})


def _measured(one: "EndpointState") -> bool:
    return one.rtt_configure is not None or one.template is None


async def _follow(settings: "StratumSettings", show: Any) -> None:
    async with _watching(settings) as made:
        await show(made)


def _fail_without_job(now: "StratumState") -> None:
    from stratoscope.errors import OperatorError

    without = [one for one in now.endpoints.values() if one.template is None]
    if without:
        hint = "try --user" if any(USER_REQUIRED.search(one.why or "") for one in without) else ""
        problems = "; ".join(f"{one.url}: {USER_REQUIRED.split(one.why or 'no job in time')[0]}" for one in without)
        raise OperatorError(f"{problems}; {hint}" if hint else problems)
