"""Prints results: JSON documents for programs, tables for people; text from rigs never reaches a terminal raw."""

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
    """Print a line for people on stdout."""
    typer.echo(line)


def note(line: str) -> None:
    """Print a line beside the result, on stderr."""
    typer.echo(line, err=True)


def print_json(document: Any) -> None:
    """Print one JSON document on stdout."""
    import orjson

    sys.stdout.write(orjson.dumps(document, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE).decode())
    sys.stdout.flush()


def console(*, stderr: bool = False) -> "Console":
    """Return a console that takes all text literally: no markup, no emoji codes, no highlighting."""
    from rich.console import Console

    return Console(stderr=stderr, markup=False, emoji=False, highlight=False)


def grid(title: str | None = None, **more: Any) -> "Table":
    """Return an empty table that spends no width on frames: a terminal has 80 columns."""
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


def text(value: Any, style: str = "", longest: int = 200) -> "Text":
    """Return `value` for a terminal: without control characters, literally; an unknown value is an en dash."""
    from rich.text import Text

    from stratoscope.logs import clean

    return Text("–" if value is None else clean(str(value), longest), style=style)


def run_loop(main: Coroutine[Any, Any, T]) -> T:
    """Run `main` to its end on uvloop where it is installed, else on asyncio's own loop."""
    try:
        import uvloop
    except ImportError:
        import asyncio

        return asyncio.run(main)
    return uvloop.run(main)
