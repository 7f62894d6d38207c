"""Finds the modules in Avalon's `stats` answers and returns their bracket fields as cursors."""

from dataclasses import dataclass
from typing import Any, Final

from stratoscope.drivers.avalon_brackets import brackets, hashboard_blocks
from stratoscope.drivers.driver import Replies
from stratoscope.fields import Fields
from stratoscope.reading import Defect

MAX_MODULES: Final = 64
LIST_FIELDS: Final = ("MGHS", "MH", "MTmax", "MW", "PS")
NO_SENSOR: Final = -60.0  # below: -273 ("no sensor") or an average with it


@dataclass(slots=True)
class AvalonModule:
    """One module (MM) of a rig: its bracket fields, and those of its hashboards if "HBinfo" has them."""

    fields: Fields
    blocks: list[dict[str, str]]

    def tokens(self, name: str, board: int) -> list[str]:
        """Return the per-chip list `name` of hashboard `board`: from HBinfo, otherwise from the module's own string."""
        text: Any = self.fields.raw.get(f"{name}{board}")
        if board < len(self.blocks):
            block = self.blocks[board]
            text = block.get(f"{name}{board}", block.get(f"{name}0", text))
        return text.split() if isinstance(text, str) else []


def modules_of(replies: Replies, key: str, defects: list[Defect]) -> list[AvalonModule]:
    """Return the modules in all rows of a `stats` answer, by controller and number."""
    reply = replies.get(key)
    rows = reply.get("STATS") if isinstance(reply, dict) else None
    found: list[tuple[int, int, AvalonModule]] = []
    for at, row in enumerate(rows[:MAX_MODULES] if isinstance(rows, list) else ()):
        if isinstance(row, dict) and not str(row.get("ID")).startswith("POOL"):
            names = [name for name in row if name.startswith("MM ID")]
            found += [(at, _number(name), _module(row, name, f"/{key}/STATS/{at}", defects)) for name in names]
    found.sort(key=lambda item: item[:2])
    return [module for _, _, module in found if module.fields][:MAX_MODULES]


def _number(name: str) -> int:
    digits = name[5:].partition(":")[0].strip()
    return int(digits) if digits.isascii() and digits.isdigit() and len(digits) < 5 else 0


def _module(row: dict[str, Any], name: str, place: str, defects: list[Defect]) -> AvalonModule:
    text, boards = row[name], row.get("HBinfo")
    if not isinstance(text, str):
        Fields(row, place, defects).add_defect(name, text, "not a bracket string")
        text = ""
    found: dict[str, Any] = brackets(text)
    for key in LIST_FIELDS:
        if key in found:
            found[key] = found[key].split()
    fields = Fields(found, f"{place}/{name}", defects)
    return AvalonModule(fields, hashboard_blocks(boards) if isinstance(boards, str) else [])


def temperature(fields: Fields, key: str) -> float | None:
    """Return °C; None for the "no sensor" value and for 0, which is the value of an unpowered chip."""
    value = fields.number(key, low=-300.0, high=200.0)
    return value if value is not None and value > NO_SENSOR and value != 0.0 else None


def warmest(fields: Fields, *keys: str) -> float | None:
    """Return the highest of `keys` in °C; None if no sensor has a value."""
    values = [value for value in (temperature(fields, key) for key in keys) if value is not None]
    return max(values) if values else None


def hottest(modules: list[AvalonModule], *keys: str) -> float | None:
    """Return the highest of `keys` over all modules in °C; None if no sensor has a value."""
    values = [value for value in (warmest(module.fields, *keys) for module in modules) if value is not None]
    return max(values) if values else None
