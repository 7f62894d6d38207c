"""Looks at stratum endpoints once, or follows them: `stratoscope stratum URL`."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

if TYPE_CHECKING:
    from stratoscope.stratum.watch.records import EndpointNow, StratumNow
    from stratoscope.stratum.watch.settings import StratumSettings
    from stratoscope.stratum.watch.watcher import Watch

LOOK: Final = 0.05
"""Seconds between looks at what came."""
MEASURED_WITHIN: Final = 3.0
"""Seconds that a round trip is waited for once the job is there: some pools do not answer the question."""


def watch(
    urls: Annotated[
        list[str],
        typer.Argument(
            metavar="URL...",
            help="stratum+tcp://HOST:PORT, stratum+ssl://…, stratum2+tcp://HOST:PORT/KEY or HOST:PORT.",
        ),
    ],
    user: Annotated[
        str | None, typer.Option("--user", "-u", help="Authorise as this user where no job comes without one.")
    ] = None,
    password: Annotated[
        str | None, typer.Option("--password", help="Of that user, where the pool wants one; most want none.")
    ] = None,
    timeout: Annotated[
        float, typer.Option("--timeout", min=1, max=600, metavar="SECONDS", help="Give up without a job after this.")
    ] = 30.0,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on until Ctrl-C: a live table.")] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="One JSON object per endpoint and line; with --follow per job.")
    ] = False,
) -> None:
    """Show what stratum endpoints say: timings, difficulty, and the newest job decoded. No share is ever submitted.

    With several endpoints and --follow the table shows who announces a block first.
    """
    from stratoscope.cli import stratum_table
    from stratoscope.cli.output import run_loop

    settings = _settings(urls, user, password)
    if follow:
        run_loop(_follow(settings, stratum_table.lines if as_json else stratum_table.show))
        return
    now = run_loop(_look(settings, timeout))
    for one in now.endpoints.values():
        stratum_table.print_one(one, as_json=as_json)
    _fail_without_job(now)


def _settings(urls: list[str], user: str | None, password: str | None) -> "StratumSettings":
    from stratoscope.errors import UsageError
    from stratoscope.stratum.protocol.endpoint import V2, NoEndpoint, endpoint_of
    from stratoscope.stratum.protocol.sv2.noise import authority_key, available
    from stratoscope.stratum.watch.settings import Chosen, Login, StratumSettings

    login: Login | None = None
    if user is not None:
        login = Login(user=user) if password is None else Login(user=user, password=password)
    elif password is not None:
        raise UsageError("--password goes with --user")
    chosen = []
    for url in dict.fromkeys(urls):
        try:
            endpoint = endpoint_of(url)
        except NoEndpoint as error:
            raise UsageError(f"{url!r} is no stratum endpoint: {error}") from None
        if endpoint.scheme == V2 and not available():
            raise UsageError(f"{url!r} needs the extra sv2: pip install 'stratoscope[sv2]'")
        if endpoint.key and authority_key(endpoint.key) is None:
            raise UsageError(
                f"{url!r} has a wrong authority key after the port: copy it from the pool's page once more"
            )
        chosen.append(Chosen(endpoint=endpoint, login=login))
    return StratumSettings(endpoints=tuple(chosen), from_rigs=False, probe=10.0, spread=0.0, most=len(chosen))


@asynccontextmanager
async def _watching(settings: "StratumSettings") -> AsyncIterator["Watch"]:
    """Run a watch for the length of a `with`."""
    import asyncio
    import random

    from stratoscope.clock import SystemClock
    from stratoscope.stratum.protocol.dial import Dialer
    from stratoscope.stratum.watch.watcher import Watch
    from stratoscope.wire.dns import DnsResolver

    clock = SystemClock()
    names = DnsResolver(clock)
    made = Watch(settings, clock, chance=random.random, dial=Dialer(names, clock))
    running = asyncio.create_task(made.run())
    try:
        yield made
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await names.close()


async def _look(settings: "StratumSettings", timeout: float) -> "StratumNow":
    """Return what is known once every endpoint gave a job and its round trip, or failed, or the time is over."""
    import asyncio

    async with _watching(settings) as made:
        loop = asyncio.get_running_loop()
        end, measured = loop.time() + timeout, 0.0
        while loop.time() < end:
            await asyncio.sleep(LOOK)
            records = [watched.record() for watched in made.standing.endpoints.values()]
            if not records or not all(one.template is not None or one.counts.sessions for one in records):
                continue
            measured = measured or loop.time() + MEASURED_WITHIN
            if loop.time() >= measured or all(map(_measured, records)):
                break
        made.standing.tick()
        return made.standing.record({})


def _measured(one: "EndpointNow") -> bool:
    return one.rtt_configure is not None or one.template is None


async def _follow(settings: "StratumSettings", show: Any) -> None:
    async with _watching(settings) as made:
        await show(made)


def _fail_without_job(now: "StratumNow") -> None:
    from stratoscope.errors import OperatorError

    without = [one for one in now.endpoints.values() if one.template is None]
    if without:
        hint = "try --user" if any("wants a user" in (one.why or "") for one in without) else ""
        told = "; ".join(f"{one.url}: {(one.why or 'no job in time').partition(': it wants')[0]}" for one in without)
        raise OperatorError(f"{told}; {hint}" if hint else told)
