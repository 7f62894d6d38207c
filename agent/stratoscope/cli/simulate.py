"""Serves simulated rigs, a pool and a market: `stratoscope simulate`."""

from pathlib import Path
from typing import Annotated, Any

import typer


def simulate(
    rigs: Annotated[int, typer.Option("--rigs", "-n", min=1, max=20_000, help="How many rigs.")] = 100,
    bind: Annotated[
        str, typer.Option("--bind", metavar="ADDR", help="Address of the first rig; the others follow on it.")
    ] = "127.64.0.1",
    seed: Annotated[int, typer.Option("--seed", help="The same seed gives the same fleet and troubles.")] = 1,
    write: Annotated[
        Path | None, typer.Option("--write", metavar="FILE", help="Add the rigs to a config the agent can run with.")
    ] = None,
    mine: Annotated[
        str | None,
        typer.Option("--mine", metavar="URL", help="Let the rigs submit shares there, to the pool or through a tap."),
    ] = None,
) -> None:
    """Serve simulated rigs that speak each family's own wire format, until SIGTERM or Ctrl-C."""
    from stratoscope.cli.output import run_loop

    run_loop(_serve(rigs, bind, seed, write, None if mine is None else _endpoint(mine)))


def _endpoint(url: str) -> Any:
    from stratoscope.errors import UsageError
    from stratoscope.stratum.protocol.endpoint import CLEAR, NoEndpoint, endpoint_of

    try:
        endpoint = endpoint_of(url)
    except NoEndpoint as error:
        raise UsageError(f"--mine {url!r} is no stratum endpoint: {error}") from None
    if endpoint.scheme != CLEAR:
        raise UsageError(f"--mine {url!r}: the simulated rigs speak {CLEAR}:// only")
    return endpoint


async def _serve(rigs: int, bind: str, seed: int, write: Path | None, mine: Any) -> None:
    import asyncio
    import signal

    from stratoscope.cli.output import say
    from stratoscope.clock import SystemClock
    from stratoscope.simulate.fleet import targets
    from stratoscope.simulate.serve import serve

    def ready(fleet: Any, urls: Any) -> None:
        first = targets(fleet)[0]["address"]
        say(f"{len(fleet.rigs)} simulated rigs, the first at {first}; try: stratoscope read {first}")
        for name, url in urls.items() if hasattr(urls, "items") else enumerate(urls):
            say(f"{name}: {url}")
        if write is not None:
            from stratoscope.cli.append import append

            say(f"{append(write, targets(fleet))} rigs added to {write}")

    serving = asyncio.ensure_future(serve(rigs, bind, seed, SystemClock(), ready, mine))
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, serving.cancel)
    try:
        await serving
    except asyncio.CancelledError:
        if not serving.cancelled():
            raise
