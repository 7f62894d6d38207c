"""Relays miners to their pool and counts what became of each share: `stratoscope tap`."""

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from stratoscope.stratum.tap.tap import Tap


class Names(StrEnum):
    """How workers are called on the metrics page."""

    WORKER = "worker"
    FULL = "full"
    HIDDEN = "hidden"


def tap(
    listen: Annotated[str, typer.Option("--listen", metavar="HOST:PORT", help="Where miners connect.")],
    upstream: Annotated[str, typer.Option("--upstream", metavar="HOST:PORT", help="The pool; stratum+tcp:// or not.")],
    metrics: Annotated[
        str, typer.Option("--metrics", metavar="HOST:PORT", help="Where the metrics page is served.")
    ] = "127.0.0.1:9861",
    workers: Annotated[
        Names, typer.Option("--workers", help="Label: what follows the first dot of the user, all of it, or nothing.")
    ] = Names.WORKER,
    most: Annotated[
        int, typer.Option("--max-connections", min=1, max=100_000, help="Miners at a time; further ones are cut.")
    ] = 2000,
) -> None:
    """Relay miners to one pool, byte for byte, and count shares, refusals and reply times per worker.

    This stands in the path of the money: read docs/tap.md first. Give every rig the pool itself as its second pool, so
    that it goes on mining when the relay is stopped or the machine fails. Ends on SIGTERM or Ctrl-C.
    """
    from stratoscope import logs
    from stratoscope.cli.output import note, run_loop
    from stratoscope.clock import SystemClock
    from stratoscope.errors import UsageError
    from stratoscope.poll.budget import RESERVED_FILES, raise_file_limit
    from stratoscope.stratum.tap.submits import Book
    from stratoscope.stratum.tap.tap import Tap

    logs.setup()
    at, pool = _address("--listen", listen), _pool(upstream)
    _address("--metrics", metrics)
    if at == pool:
        raise UsageError("--upstream is the relay itself: give the pool's address")
    room = max(1, (raise_file_limit() - RESERVED_FILES) // 2)
    if room < most:
        note(f"only {room} miners at a time: the limit of open files is too low for {most} (ulimit -n)")
    relay = Tap(pool, clock=SystemClock(), book=Book(workers.value), most=min(most, room))
    run_loop(_serve(relay, at, metrics))


async def _serve(relay: "Tap", at: tuple[str, int], metrics: str) -> None:
    import asyncio
    import signal

    from stratoscope.cli.output import say
    from stratoscope.errors import OperatorError
    from stratoscope.metrics import TapNow
    from stratoscope_exporters.web.tap_page import TapPage

    def now() -> TapNow:
        return TapNow(relay.listener.book, relay.traffic, relay.clock.monotonic(), relay.clock.time())

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
        raise OperatorError(f"cannot listen: {error.strerror or error}: is another program there?") from None
    finally:
        await relay.stop()
        await page.stop()


def _address(option: str, text: str) -> tuple[str, int]:
    from stratoscope.errors import UsageError
    from stratoscope_exporters.exposition.settings import split_listen

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
        raise UsageError(f"--upstream: {parts.scheme} cannot be listened to: give the pool's plain stratum+tcp port")
    if not host or not port or parts.path.strip("/") or "@" in parts.netloc:
        raise UsageError(f"--upstream {text!r} is no host:port; write for example pool.example.com:3333")
    return host, port
