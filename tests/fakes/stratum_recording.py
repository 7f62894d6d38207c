"""Reads the recorded stratum sessions of the reference shelf: lines with their direction and connection."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple


class Line(NamedTuple):
    """One recorded line."""

    time: float
    connection: str
    from_pool: bool
    raw: bytes


def recorded(file: Path) -> Iterator[Line]:
    """Return the lines of a recording in the order of time; each scenario of a probe is a connection of its own."""
    scenario = ""
    for text in file.read_text().splitlines():
        row = json.loads(text)
        scenario = row.get("scenario", scenario)
        if "line" in row:
            raw = row["line"].encode("utf-8", "surrogatepass")
            yield Line(row["t"], f"{scenario}{row.get('conn', '')}", row["dir"] == "s2c", raw)
