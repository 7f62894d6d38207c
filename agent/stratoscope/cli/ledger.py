"""Implements `stratoscope ledger`: exports the agent's ledger as CSV or JSON, and copies it."""

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
    help="Export or copy the agent's ledger; the agent may be running.",
    context_settings={"help_option_names": ["-h", "--help"]},
)


class LedgerTable(StrEnum):
    """A table of the ledger."""

    DAYS = "days"
    RIG_DAYS = "rig-days"
    POOL_DAYS = "pool-days"
    PEAKS = "peaks"
    PINS = "pins"
    EVENTS = "events"


class ExportFormat(StrEnum):
    """An output format."""

    CSV = "csv"
    JSON = "json"


Config = Annotated[
    Path | None, typer.Option("--config", metavar="FILE", help="Config of the agent, which names its state directory.")
]
State = Annotated[
    Path | None,
    typer.Option("--state-dir", metavar="DIRECTORY", help="State directory of the agent, instead of --config."),
]


@ledger.command("export", short_help="Export a table as CSV or JSON.")
def export(
    since: Annotated[str, typer.Option("--since", metavar="DATE", help="First UTC day to export, as 2026-01-12.")],
    form: Annotated[ExportFormat, typer.Option("--format", help="Output format.")] = ExportFormat.CSV,
    table: Annotated[
        LedgerTable,
        typer.Option(
            "--table",
            help="Table to export: sums per day of the site, of each rig or of each pool; demand peaks; what the guard "
            "learned; or events.",
        ),
    ] = LedgerTable.DAYS,
    config: Config = None,
    state_dir: State = None,
) -> None:
    """Export a table of the ledger to stdout. Unknown values are empty (CSV) or null (JSON).

    Satoshis are whole numbers, fiat is exact to a millionth. Coverage is the fraction of the day's rig-hours that a sum
    includes. Price, difficulty and fees are the means of the day.
    """
    from stratoscope.cli.output import print_json, say
    from stratoscope.ledger.export import export_rows, open_ledger

    day = _day(since)
    with open_ledger(_directory(config, state_dir)) as db:
        rows = export_rows(db, table.value, day)
    if form is ExportFormat.JSON:
        print_json([_plain(row) for row in rows])
    elif rows:
        say(_csv(rows).removesuffix("\r\n"))


@ledger.command("backup", short_help="Copy the ledger to a file.")
def backup(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="File to create.", show_default=False)],
    config: Config = None,
    state_dir: State = None,
) -> None:
    """Copy the ledger to a new file, consistently even while the agent is running."""
    from stratoscope.cli.output import note
    from stratoscope.ledger import export

    with export.open_ledger(_directory(config, state_dir)) as db:
        export.backup(db, file)
    note(f"ledger copied to {file}")


def _directory(config: Path | None, state_dir: Path | None) -> Path:
    from stratoscope.config import load
    from stratoscope.errors import UsageError

    if (config is None) == (state_dir is None):
        raise UsageError("give either --config FILE or --state-dir DIRECTORY")
    return state_dir if state_dir is not None else load(Path(config or ""), os.environ).state_dir


def _day(text: str) -> str:
    from stratoscope.errors import UsageError

    try:
        return date.fromisoformat(text).isoformat()
    except ValueError:
        raise UsageError(f"--since {text!r} is not a date: write one such as 2026-01-12") from None


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    """Return a row for JSON, with decimals as text to keep every digit."""
    return {
        key: value if value is None or isinstance(value, int | float | str) else str(value)
        for key, value in row.items()
    }


def _csv(rows: list[dict[str, Any]]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, rows[0].keys())
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()
