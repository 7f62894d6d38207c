"""Generates docs/supported-rigs.md from the drivers and the model catalogue."""

from collections import defaultdict
from collections.abc import Iterable
from typing import Final

from stratoscope.drivers import DRIVERS
from stratoscope.drivers.driver import Command, Driver, Via
from stratoscope.drivers.models import RigModel, catalogue
from stratoscope.units import HASH_UNITS

HEAD: Final = """# Supported rigs

Generated from the drivers and `agent/stratoscope/drivers/models.csv`; do not edit.

A rig is recognized by its answers, not by its address. A model that is not in the catalogue works too, without the
values that need a data sheet: nameplate hashrate and power, number of hashboards. The driver `generic-cgminer` reads
any other firmware with a CGMiner API. To add a rig, see [CONTRIBUTING](../CONTRIBUTING.md).

Hashrate is exported as one canonical value: the first window in the driver's list that the rig reports. Minutes come
first if the firmware has them, because seconds are share luck and an average since the start hides a stop.

## Drivers
"""


def supported_markdown() -> str:
    """Return the page as Markdown."""
    parts = [HEAD]
    parts += [_driver(driver) for driver in DRIVERS]
    parts.append(_models())
    return "\n".join(parts)


def _driver(driver: Driver) -> str:
    lines = [f"### {driver.title}", ""]
    lines.append(f"* driver: `{driver.name}`")
    lines.append(f"* queries: {_queries(driver.commands)}")
    lines.append(f"* canonical hashrate: {', '.join(driver.window_order)}")
    if driver.login is not None:
        lines.append(f"* web login: {driver.login.scheme.value}, only if `user` and `password` are configured")
    if driver.min_interval > 5:
        lines.append(f"* minimum polling interval: {driver.min_interval:g} s")
    if driver.tested_with:
        lines.append(f"* tested with: {'; '.join(driver.tested_with)}")
    return "\n".join([*lines, ""])


def _queries(commands: Iterable[Command]) -> str:
    places: dict[str, list[str]] = defaultdict(list)
    for command in commands:
        port = command.port or command.via.value
        place = {Via.HTTP: f"HTTP {port}", Via.ASIC_RS: "pyasic-rs"}.get(command.via, f"TCP {port}")
        name = command.request.partition("?")[0] + (f" {command.param}" if command.param else "")
        if name not in places[place]:
            places[place].append(name)
    return "; ".join(f"{place}: {', '.join(f'`{name}`' for name in names)}" for place, names in places.items())


def _models() -> str:
    lines = ["## Models with a data sheet", "", "Blank: unknown.", ""]
    lines += [
        "| make | model | algorithm | hashboards | chips each | fans | hashrate | power |",
        "|---|---|---|---|---|---|---|---|",
    ]
    return "\n".join([*lines, *(_model(model) for model in catalogue().values()), ""])


def _model(model: RigModel) -> str:
    cells = [
        model.make,
        model.model,
        model.algorithm,
        *("" if n is None else str(n) for n in (model.boards, model.chips_per_board, model.fans)),
        human_rate(model.hashrate),
        "" if model.watts is None else f"{model.watts:g} W",
    ]
    return f"| {' | '.join(cells)} |"


def human_rate(rate: float) -> str:
    """Return a hashrate (H/s) as data sheets write it: in the largest unit that leaves at least 1."""
    unit = next((unit for unit in ("TH", "GH", "MH") if rate >= HASH_UNITS[unit]), "KH")
    return f"{rate / HASH_UNITS[unit]:g} {unit.replace('KH', 'kH')}/s"
