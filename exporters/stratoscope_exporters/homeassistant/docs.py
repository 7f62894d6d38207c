"""Writes docs/home-assistant-entities.md: the entities in Home Assistant, from the rows that are announced."""

from typing import Final

from stratoscope_exporters.homeassistant.patterns import RIG, SITE_AND_MARKET, Pattern
from stratoscope_exporters.homeassistant.shapes import Flag

HEAD: Final = """# Entities in Home Assistant

Generated from `exporters/stratoscope_exporters/homeassistant/entities.py`; do not edit. For the setup see
[home-assistant.md](home-assistant.md).

An entity is announced once its value is known: a rig whose firmware does not report power has no power entity. Words in
braces are placeholders: the number of a hashboard, fan or pool slot, the name of a tariff (empty for `default`), an
algorithm (empty for `sha256`). `¤` is the currency of the config. Entities marked *off* are disabled by default; enable
the ones you need on the page of the device. *Diagnostic* entities have their own section there.

In addition, every rig has **State** (with reasons and faults as attributes) and **Online**, which are also published
while the rig is offline, and the site has **Agent**.
"""
TABLE: Final = ("| Entity | Unit | Device class | State class | | Series |", "|---|---|---|---|---|---|")


def entities_markdown() -> str:
    """Return the page."""
    return "\n".join((HEAD, *_section("A rig", RIG), *_section("The site", SITE_AND_MARKET)))


def _section(heading: str, patterns: tuple[Pattern, ...]) -> list[str]:
    return [f"## {heading}", "", *TABLE, *map(_row, patterns), ""]


def _row(pattern: Pattern) -> str:
    entity, shape = pattern.entity, pattern.shape
    if isinstance(shape, Flag):
        cells = ["", shape.value or "", "on or off"]
    else:
        cells = [shape.unit or "", shape.device_class or "", shape.state_class or ""]
    marks = ", ".join(filter(None, ("diagnostic" if entity.diagnostic else "", "" if entity.on else "off")))
    name = entity.name[:1].upper() + entity.name[1:]
    return f"| {' | '.join((name, *(cell or '–' for cell in cells), marks, f'`{entity.series}`'))} |"
