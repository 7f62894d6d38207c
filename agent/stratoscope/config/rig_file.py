"""Reads a rig file: one `address[:port] [name]` per line, or CSV with a header."""

import csv
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from stratoscope.config.document import read_text
from stratoscope.config.problems import InvalidConfig, nearest

COLUMNS: Final = (
    "address",
    "name",
    "driver",
    "port",
    "user",
    "password",
    "interval",
    "power_watts",
    "tariff_group",
    "group",
)
TAG: Final = "tag."


@dataclass(frozen=True)
class RigRow:
    """One rig of a file: its line number and its settings under the keys of a `rigs` entry."""

    line: int
    settings: dict[str, Any]


def read(path: Path) -> list[RigRow]:
    """Return the rigs in `path`; raise InvalidConfig, which names every bad line."""
    lines = [(at, line.strip()) for at, line in enumerate(read_text(path).splitlines(), 1)]
    lines = [(at, line) for at, line in lines if line and not line.startswith("#")]
    if lines and "address" in (cell.strip() for cell in lines[0][1].lower().split(",")):
        return _parse_csv(path, lines)
    return [RigRow(at, _parse_line(line)) for at, line in lines]


def _parse_line(line: str) -> dict[str, Any]:
    text = line.split(" #", 1)[0].split("\t#", 1)[0]
    address, *name = text.split(maxsplit=1)
    return {"address": address, "name": name[0].strip()} if name else {"address": address}


def _parse_csv(path: Path, lines: list[tuple[int, str]]) -> list[RigRow]:
    header = [name.strip().lower() for name in lines[0][1].split(",")]
    unknown = [name for name in header if name not in COLUMNS and not re.fullmatch(r"tag\..+", name)]
    known = (*COLUMNS, "tag.NAME")
    problems = [f"{path}:{lines[0][0]}: column {name} is unknown: {nearest(name, known)}" for name in unknown]
    if len(set(header)) < len(header):
        problems.append(f"{path}:{lines[0][0]}: a column appears twice: remove one of them")
    rows = []
    for at, line in lines[1:]:
        cells = [cell.strip() for cell in next(csv.reader([line]))]
        if len(cells) != len(header):
            problems.append(f"{path}:{at}: this line has {len(cells)} columns, the header has {len(header)}")
        rows.append(RigRow(at, _settings(dict(zip(header, cells, strict=False)))))
    if problems:
        raise InvalidConfig(problems)
    return rows


def _settings(cells: dict[str, str]) -> dict[str, Any]:
    settings: dict[str, Any] = {name: cell for name, cell in cells.items() if cell and name in COLUMNS}
    if "power_watts" in settings:
        settings["power"] = {"watts": settings.pop("power_watts")}
    tags = {name.removeprefix(TAG): cell for name, cell in cells.items() if cell and name.startswith(TAG)}
    return settings | ({"tags": tags} if tags else {})
