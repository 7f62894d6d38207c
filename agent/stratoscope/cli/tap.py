"""Implements `stratoscope tap`: relays miners to their pool and counts the result of each share."""

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from stratoscope.stratum.tap.tap import Tap


class WorkerNaming(StrEnum):
    """The label of workers on the metrics page."""

    WORKER = "worker"
    FULL = "full"
    HIDDEN = "hidden"


def tap(
    listen: Annotated[str, typer.Option("--listen", metavar="HOST:PORT", help="Address that miners connect to.")],
    upstream: Annotated[
        str,
        typer.Option("--upstream", metavar="HOST:PORT", help="Address of the pool, with or without stratum+tcp://."),
    ],
    metrics: Annotated[
        str, typer.Option("--metrics", metavar="HOST:PORT", help="Address to serve the metrics on.")
    ] = "127.0.0.1:9861",
    workers: Annotated[
        WorkerNaming,
        typer.Option("--workers", help="Label of workers: the user after its first dot, the full user, or none."),
    ] = WorkerNaming.WORKER,
    max_connections: Annotated[
        int,
        typer.Option(
            "--max-connections", min=1, max=100_000, help="Maximum number of miners; further connections are closed."
        ),
    ] = 2000,
) -> None:
    """Relay miners to one pool byte for byte until SIGTERM or Ctrl-C; count shares and response times per worker.

    All income passes through the relay: read docs/tap.md first. Configure the pool itself as the second pool of every
    rig, so that it continues to mine if the relay stops or this machine fails.
    """
    from stratoscope import logs
    from stratoscope.cli.output import note, run_loop
    from stratoscope.clock import SystemClock
    from stratoscope.errors import UsageError
    from stratoscope.poll.budget import RESERVED_FILES, raise_file_limit
    from stratoscope.stratum.tap.submits import TapCounts
    from stratoscope.stratum.tap.tap import Tap

    logs.setup()
    at, pool = _address("--listen", listen), _pool(upstream)
    _address("--metrics", metrics)
    if at == pool:
        raise UsageError("--upstream is the address of the relay itself: give the address of the pool")
    capacity = max(1, (raise_file_limit() - RESERVED_FILES) // 2)
    if capacity < max_connections:
        note(f"at most {capacity} miners: the limit of open files is too low for {max_connections} (raise ulimit -n)")
    relay = Tap(
        pool, clock=SystemClock(), counts=TapCounts(workers.value), max_connections=min(max_connections, capacity)
    )
    run_loop(_serve(relay, at, metrics))


async def _serve(relay: "Tap", at: tuple[str, int], metrics: str) -> None:
    import asyncio
    import signal

    from stratoscope.cli.output import say
    from stratoscope.errors import OperatorError
    from stratoscope.metrics import TapState
    from stratoscope_exporters.web.tap_page import TapPage

    def now() -> TapState:
        return TapState(relay.reader.counts, relay.traffic, relay.clock.monotonic(), relay.clock.time())

    ended = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    page = TapPage(metrics, now, relay.clock)
    try:
        port = await page.start()
        say(f"metrics: http://{metrics.rpartition(':')[0]}:{port}/metrics")
        miners = await relay.start(*at)
        say(f"relaying {at[0]}:{miners} to {relay.upstream[0]}:{relay.upstream[1]}")
        await ended.wait()
    except OSError as error:
        raise OperatorError(
            f"cannot listen: {error.strerror or error}: is another program using the address?"
        ) from None
    finally:
        await relay.stop()
        await page.stop()


def _address(option: str, text: str) -> tuple[str, int]:
    from stratoscope.errors import UsageError
    from stratoscope_exporters.exposition.config import split_listen

    try:
        return split_listen(text)
    except ValueError as error:
        raise UsageError(f"{option}: {error}") from None


def _pool(text: str) -> tuple[str, int]:
    from urllib.parse import urlsplit

    from stratoscope.errors import UsageError

    try:
        parts = urlsplit(text if "://" in text else f"stratum+tcp://{text}")
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port, parts = None, None, urlsplit("stratum+tcp://")
    if parts.scheme not in ("stratum+tcp", "tcp", "stratum"):
        raise UsageError(f"--upstream: {parts.scheme} is encrypted: give the plain stratum+tcp port of the pool")
    if not host or not port or parts.path.strip("/") or "@" in parts.netloc:
        raise UsageError(f"--upstream {text!r} is not HOST:PORT: write for example pool.example.com:3333")
    return host, port
