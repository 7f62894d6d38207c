"""Reads what a stratum endpoint says: `stratoscope stratum URL`, and jobs from a file: `stratoscope stratum decode`."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer
from typer.core import TyperGroup

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stratoscope.stratum.jobs.template import Job

DEFAULT: Final = "watch"
"""The command that is meant when the first word is none: an endpoint's URL."""
MOST: Final = 8 << 20
"""Bytes of the largest single document; recordings are read line by line and may be of any length."""


class Endpoint(TyperGroup):
    """A group whose first word may be an endpoint's URL."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Put the default command before a first word that is no command."""
        if args and args[0] not in self.commands and args[0] not in ctx.help_option_names and DEFAULT in self.commands:
            args = [DEFAULT, *args]
        return super().parse_args(ctx, args)


stratum = typer.Typer(
    cls=Endpoint,
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Read what a stratum endpoint says, or decode jobs from a file.",
    context_settings={"help_option_names": ["-h", "--help"]},
)


@stratum.callback()
def _group() -> None:
    """Read what a stratum endpoint says, or decode jobs from a file."""


@stratum.command("decode", short_help="Decode jobs from a file or stdin.")
def decode(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A file, or - for stdin.", show_default=False)],
    extranonce1: Annotated[
        str | None, typer.Option("--extranonce1", metavar="HEX", help="The session's, where the file does not tell.")
    ] = None,
    extranonce2_size: Annotated[
        int | None, typer.Option("--extranonce2-size", metavar="BYTES", min=0, max=128, help="With --extranonce1.")
    ] = None,
) -> None:
    """Decode jobs: what they are worth, whom they pay, on which chain they build. One JSON object per job and line.

    FILE holds the params of a mining.notify, whole messages (one per line), or a recording: JSON objects with `line`
    and `dir`. Without an extranonce its size is found from the coinbase. What a job does not tell is null.
    """
    import orjson

    from stratoscope.cli.stratum_job import document
    from stratoscope.errors import OperatorError
    from stratoscope.stratum.jobs import template

    told = _told(extranonce1, extranonce2_size)
    found = 0
    for job in _jobs(file):
        found += 1
        read = template.decode(job.notify, *(told or job[1:]))
        sys.stdout.write(orjson.dumps(document(read), option=orjson.OPT_APPEND_NEWLINE).decode())
    if not found:
        raise OperatorError(
            f"{file}: no job in it: give the params of a mining.notify as a JSON array, or a session line by line"
        )


def _told(extranonce1: str | None, size: int | None) -> tuple[bytes, int] | None:
    from stratoscope.errors import UsageError
    from stratoscope.stratum.protocol.values import octets

    if extranonce1 is None and size is None:
        return None
    first = octets(extranonce1)
    if first is None or size is None:
        raise UsageError("give --extranonce1 (hex) and --extranonce2-size (bytes) together, or neither")
    return first, size


def _jobs(file: Path) -> "Iterator[Job]":
    from stratoscope.errors import OperatorError

    if str(file) == "-":
        yield from _jobs_in(sys.stdin.buffer)
        return
    try:
        with file.open("rb") as stream:
            yield from _jobs_in(stream)
    except OSError as error:
        raise OperatorError(f"{file}: {error.strerror or error}") from None


def _jobs_in(stream: Any) -> "Iterator[Job]":
    """Return the jobs in a document that has one or many lines, or in a session that has a message per line."""
    from itertools import chain

    import orjson

    from stratoscope.stratum.jobs.recording import jobs_of_document, jobs_of_lines
    from stratoscope.stratum.protocol.lines import LINE

    head = stream.readline(MOST)
    try:
        first = orjson.loads(head)
    except orjson.JSONDecodeError:
        first = None
    if isinstance(first, dict) and not any(isinstance(part, dict) for part in first.values()):
        yield from jobs_of_lines(chain((head,), iter(lambda: stream.readline(LINE), b"")))
        return
    head += stream.read(MOST - len(head))
    try:
        yield from jobs_of_document(orjson.loads(head))
    except orjson.JSONDecodeError:
        yield from jobs_of_lines(chain(head.splitlines(), iter(lambda: stream.readline(LINE), b"")))
