"""Implements `stratoscope stratum`: watches endpoints, and decodes jobs from a file (`stratum decode`)."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer
from typer.core import TyperGroup

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stratoscope.stratum.jobs.template import Job

DEFAULT: Final = "watch"
"""The command that runs when the first word is not a command but the URL of an endpoint."""
MAX_DOCUMENT_BYTES: Final = 8 << 20
"""Maximum size of a single document; recordings are read line by line and can have any length."""


class EndpointGroup(TyperGroup):
    """A command group whose first word can be the URL of an endpoint."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Insert the default command if the first word is not a command."""
        if args and args[0] not in self.commands and args[0] not in ctx.help_option_names and DEFAULT in self.commands:
            args = [DEFAULT, *args]
        return super().parse_args(ctx, args)


stratum = typer.Typer(
    cls=EndpointGroup,
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Watch stratum endpoints, or decode jobs from a file.",
    context_settings={"help_option_names": ["-h", "--help"]},
)


@stratum.callback()
def _group() -> None:
    """Watch stratum endpoints, or decode jobs from a file."""


@stratum.command("decode", short_help="Decode jobs from a file or stdin.")
def decode(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="File to read, or - for stdin.", show_default=False)],
    extranonce1: Annotated[
        str | None,
        typer.Option("--extranonce1", metavar="HEX", help="extranonce1 of the session, if it is not in the file."),
    ] = None,
    extranonce2_size: Annotated[
        int | None,
        typer.Option(
            "--extranonce2-size", metavar="BYTES", min=0, max=128, help="Size of extranonce2; requires --extranonce1."
        ),
    ] = None,
) -> None:
    """Decode jobs: print their value, payouts and chain, one JSON object per line and job.

    FILE contains the params of a mining.notify, complete messages (one per line), or a recording: JSON objects with
    `line` and `dir`. Without an extranonce, its size is derived from the coinbase. Unknown values are null.
    """
    import orjson

    from stratoscope.cli.stratum_job import document
    from stratoscope.errors import OperatorError
    from stratoscope.stratum.jobs import template

    extranonce = _extranonce(extranonce1, extranonce2_size)
    found = 0
    for job in _iter_jobs(file):
        found += 1
        decoded = template.decode_job(job.notify, *(extranonce or job[1:]))
        sys.stdout.write(orjson.dumps(document(decoded), option=orjson.OPT_APPEND_NEWLINE).decode())
    if not found:
        raise OperatorError(
            f"{file} contains no job: give the params of a mining.notify as a JSON array, or the lines of a session"
        )


def _extranonce(extranonce1: str | None, size: int | None) -> tuple[bytes, int] | None:
    from stratoscope.errors import UsageError
    from stratoscope.stratum.protocol.values import parse_hex

    if extranonce1 is None and size is None:
        return None
    first = parse_hex(extranonce1)
    if first is None or size is None:
        raise UsageError("give both --extranonce1 (hexadecimal) and --extranonce2-size (bytes), or neither")
    return first, size


def _iter_jobs(file: Path) -> "Iterator[Job]":
    from stratoscope.errors import OperatorError

    if str(file) == "-":
        yield from _iter_jobs_of(sys.stdin.buffer)
        return
    try:
        with file.open("rb") as stream:
            yield from _iter_jobs_of(stream)
    except OSError as error:
        raise OperatorError(f"{file}: {error.strerror or error}") from None


def _iter_jobs_of(stream: Any) -> "Iterator[Job]":
    """Yield the jobs of a JSON document, or of a session with one message per line."""
    from itertools import chain

    import orjson

    from stratoscope.stratum.jobs.recording import iter_document_jobs, iter_line_jobs
    from stratoscope.stratum.protocol.lines import MAX_LINE_BYTES

    head = stream.readline(MAX_DOCUMENT_BYTES)
    try:
        first = orjson.loads(head)
    except orjson.JSONDecodeError:
        first = None
    if isinstance(first, dict) and not any(isinstance(value, dict) for value in first.values()):
        yield from iter_line_jobs(chain((head,), iter(lambda: stream.readline(MAX_LINE_BYTES), b"")))
        return
    head += stream.read(MAX_DOCUMENT_BYTES - len(head))
    try:
        yield from iter_document_jobs(orjson.loads(head))
    except orjson.JSONDecodeError:
        yield from iter_line_jobs(chain(head.splitlines(), iter(lambda: stream.readline(MAX_LINE_BYTES), b"")))
