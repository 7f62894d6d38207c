"""Reads recorded stratum sessions: lines with their direction and connection."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple


class RecordedLine(NamedTuple):
    """One recorded line."""

    time: float
    connection: str
    from_pool: bool
    raw: bytes


def iter_recording(file: Path) -> Iterator[RecordedLine]:
    """Yield the lines of a recording in order; each scenario of a probe is a separate connection."""
    scenario = ""
    for text in file.read_text().splitlines():
        row = json.loads(text)
        scenario = row.get("scenario", scenario)
        if "line" in row:
            raw = row["line"].encode("utf-8", "surrogatepass")
            yield RecordedLine(row["t"], f"{scenario}{row.get('conn', '')}", row["dir"] == "s2c", raw)
