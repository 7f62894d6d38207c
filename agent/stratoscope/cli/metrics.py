"""Implements `stratoscope metrics`: prints the metric table."""

from collections.abc import Iterator
from typing import Any

from stratoscope.cli.options import AsJson


def metrics(
    as_json: AsJson = False,
) -> None:
    """Show every metric of rigs, site and market with unit, labels and meaning."""
    from stratoscope.cli.output import print_json

    rows = list(_iter_rows())
    if as_json:
        print_json(rows)
        return
    from stratoscope.cli.output import console, grid, text

    for group in dict.fromkeys(row["group"] for row in rows):
        table = grid(group[0].upper() + group[1:], expand=True)
        table.add_column("metric", ratio=5, overflow="fold")
        table.add_column("type", width=7, no_wrap=True)
        table.add_column("unit", width=5, no_wrap=True)
        table.add_column("meaning", ratio=6)
        for row in (row for row in rows if row["group"] == group):
            labels = "{" + ", ".join(row["labels"]) + "}" if row["labels"] else ""
            switch = f" Only with {row['option']}." if row["option"] else ""
            cells = (row["name"] + labels, row["type"], row["unit"] or None, row["help"] + switch)
            table.add_row(*(text(cell, max_length=2000) for cell in cells))
        console().print(table)


def _iter_rows() -> Iterator[dict[str, Any]]:
    from stratoscope.metrics import TABLE, WHOLE

    families: list[tuple[Any, tuple[str, ...]]] = [(family, ("rig",)) for family in TABLE] + [
        (family, ()) for family in WHOLE
    ]
    for family, before in families:
        for metric in family.metrics:
            yield {
                "name": metric.series,
                "type": metric.kind.value,
                "unit": metric.unit.symbol,
                "labels": [*before, *family.labels],
                "help": metric.help,
                "stability": metric.stability.value,
                "option": family.option,
                "group": family.title,
            }
