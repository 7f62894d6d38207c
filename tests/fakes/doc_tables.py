"""Reads the tables of a worked example out of a paper under docs/, so that tests can hold it against the program."""

import re
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Final

DOCS: Final = Path(__file__).resolve().parents[2] / "docs"
NUMBER: Final = re.compile(r"[-+−]?\d[\d,]*(?:\.\d+)?")


def rows(paper: str, title: str) -> Iterator[tuple[str, str]]:
    """Yield name and value (first and last cell) of the table under a heading."""
    section = (DOCS / paper).read_text(encoding="utf-8").split(f"### {title}\n", 1)[1].split("\n#", 1)[0]
    for line in section.splitlines():
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if len(cells) > 1 and NUMBER.match(cells[-1]):
            yield cells[0], cells[-1]


def number(cell: str) -> Decimal:
    """Return the number that a cell begins with."""
    match = NUMBER.match(cell)
    assert match is not None
    return Decimal(match[0].replace(",", "").replace("−", "-"))


def is_shown(found: float, cell: str) -> bool:
    """Tell whether a cell shows `found`, rounded to the digits it has."""
    shown = number(cell)
    digits = -int(shown.as_tuple().exponent)
    return abs(Decimal(found) - shown) <= Decimal(10) ** -digits * Decimal("0.5000001")
