"""Prints results as JSON or tables, and removes control characters of text from rigs."""

import signal
import sys
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any, TypeVar

import typer

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

T = TypeVar("T")


def say(line: str) -> None:
    """Print a line on stdout."""
    typer.echo(line)


def note(line: str) -> None:
    """Print a line on stderr, separate from the result."""
    typer.echo(line, err=True)


def print_json(document: Any) -> None:
    """Print one JSON document on stdout."""
    import orjson

    sys.stdout.write(orjson.dumps(document, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE).decode())
    sys.stdout.flush()


def console(*, stderr: bool = False) -> "Console":
    """Return a console that prints text literally: no markup, no emoji codes, no highlighting."""
    from rich.console import Console

    return Console(stderr=stderr, markup=False, emoji=False, highlight=False)


def grid(title: str | None = None, **more: Any) -> "Table":
    """Return an empty table without frames, to fit into 80 columns."""
    from rich import box
    from rich.table import Table

    heading = None if title is None else text(title, "bold")
    return Table(
        title=heading,
        title_justify="left",
        box=box.SIMPLE_HEAD,
        pad_edge=False,
        padding=(0, 1),
        collapse_padding=True,
        **more,
    )


def text(value: Any, style: str = "", max_length: int = 200) -> "Text":
    """Return `value` as literal text without control characters; None is an en dash."""
    from rich.text import Text

    from stratoscope.logs import clean

    return Text("–" if value is None else clean(str(value), max_length), style=style)


def run_loop(main: Coroutine[Any, Any, T]) -> T:
    """Run `main` on uvloop if it is installed, else on asyncio's event loop; SIGINT always ends it."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # a shell script started this in the background
        signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        import uvloop
    except ImportError:
        import asyncio

        return asyncio.run(main)
    return uvloop.run(main)
