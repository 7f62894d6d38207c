"""Reads the agent's ledger for people and spreadsheets, and copies it: `stratoscope ledger`."""

import csv
import io
import os
from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

ledger = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Read or copy the agent's ledger, while it runs or not.",
    context_settings={"help_option_names": ["-h", "--help"]},
)


class Of(StrEnum):
    """What to write out."""

    DAYS = "days"
    RIG_DAYS = "rig-days"
    POOL_DAYS = "pool-days"
    PEAKS = "peaks"
    PINS = "pins"
    EVENTS = "events"


class Format(StrEnum):
    """How to write it."""

    CSV = "csv"
    JSON = "json"


Config = Annotated[Path | None, typer.Option("--config", help="The agent's config, for its state_dir.")]
State = Annotated[Path | None, typer.Option("--state-dir", help="The agent's state directory itself.")]


@ledger.command("export", short_help="Write days, peaks of demand or events as CSV or JSON.")
def export(
    since: Annotated[str, typer.Option("--since", metavar="DATE", help="First UTC day, as 2026-01-12.")],
    form: Annotated[Format, typer.Option("--format", help="csv or json.")] = Format.CSV,
    of: Annotated[
        Of,
        typer.Option(
            "--of",
            help="days of the site, rig-days, pool-days (waterfalls), peaks of demand, pins of the guard, or events.",
        ),
    ] = Of.DAYS,
    config: Config = None,
    state_dir: State = None,
) -> None:
    """Write the ledger's rows from a UTC day on to stdout. What is not known is empty (CSV) or null (JSON).

    Satoshis are whole, fiat is exact to the millionth; coverage is the part of the day's rig-hours that a sum stands
    for. The basis (price, difficulty, fees) is the day's mean.
    """
    from stratoscope.cli.output import print_json, say
    from stratoscope.ledger.export import export_rows, open_ledger

    day = _day(since)
    with open_ledger(_directory(config, state_dir)) as db:
        rows = export_rows(db, of.value, day)
    if form is Format.JSON:
        print_json([_plain(row) for row in rows])
    elif rows:
        say(_table(rows).removesuffix("\r\n"))


@ledger.command("backup", short_help="Copy the ledger into one file.")
def backup(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A new file.", show_default=False)],
    config: Config = None,
    state_dir: State = None,
) -> None:
    """Copy the whole ledger into a new file, complete and consistent, while the agent goes on."""
    from stratoscope.cli.output import note
    from stratoscope.ledger import export

    with export.open_ledger(_directory(config, state_dir)) as db:
        export.backup(db, file)
    note(f"the ledger is copied to {file}")


def _directory(config: Path | None, state_dir: Path | None) -> Path:
    from stratoscope.config import load
    from stratoscope.errors import UsageError

    if (config is None) == (state_dir is None):
        raise UsageError("say where the ledger is: either --config FILE or --state-dir DIRECTORY")
    return state_dir if state_dir is not None else load(Path(config or ""), os.environ).state_dir


def _day(text: str) -> str:
    from stratoscope.errors import UsageError

    try:
        return date.fromisoformat(text).isoformat()
    except ValueError:
        raise UsageError(f"--since {text!r} is no date: write one such as 2026-01-12") from None


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    """Return a row for JSON: decimals as text, which loses nothing."""
    return {
        key: value if value is None or isinstance(value, int | float | str) else str(value)
        for key, value in row.items()
    }


def _table(rows: list[dict[str, Any]]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, rows[0].keys())
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()
