"""Implements `stratoscope simulate`: serves simulated rigs, a pool and a market."""

from pathlib import Path
from typing import Annotated, Any

import typer

from stratoscope.cli.options import RigCount, Seed


def simulate(
    rigs: RigCount = 100,
    bind: Annotated[
        str,
        typer.Option(
            "--bind", metavar="ADDR", help="Address of the first rig; the others use the following addresses."
        ),
    ] = "127.64.0.1",
    seed: Seed = 1,
    write: Annotated[Path | None, typer.Option("--write", metavar="FILE", help="Add the rigs to this config.")] = None,
    mine: Annotated[
        str | None,
        typer.Option("--mine", metavar="URL", help="Submit shares of the rigs to this pool or tap."),
    ] = None,
) -> None:
    """Serve simulated rigs with the protocol of each family, a pool and a market, until SIGTERM or Ctrl-C."""
    from stratoscope.cli.output import run_loop

    run_loop(_serve(rigs, bind, seed, write, None if mine is None else _endpoint(mine)))


def _endpoint(url: str) -> Any:
    from stratoscope.errors import UsageError
    from stratoscope.stratum.protocol.endpoint import CLEAR, InvalidEndpoint, parse_endpoint

    try:
        endpoint = parse_endpoint(url)
    except InvalidEndpoint as error:
        raise UsageError(f"--mine {url!r} is not a stratum endpoint: {error}") from None
    if endpoint.scheme != CLEAR:
        raise UsageError(f"--mine {url!r}: the simulated rigs support {CLEAR}:// only")
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
