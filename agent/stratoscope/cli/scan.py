"""Looks for rigs in address ranges: `stratoscope scan`."""

import random
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from stratoscope.discover.scan import ScanResult


def scan(
    ranges: Annotated[
        list[str],
        typer.Argument(metavar="CIDR…", help="Networks such as 192.168.1.0/24; up to a /16 in all."),
    ],
    rate: Annotated[float, typer.Option("--rate", min=1, max=50, help="New connections per second.")] = 50.0,
    write: Annotated[
        Path | None, typer.Option("--write", metavar="FILE", help="Add the rigs found to a config; its comments stay.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")] = False,
) -> None:
    """Look for rigs at every address of the given networks, gently, and show what answers."""
    from stratoscope.cli.output import note, print_json, run_loop

    found = run_loop(_sweep(ranges, rate))
    rigs = [one for one in found if one.reading is not None]
    if as_json:
        print_json([_document(one) for one in found])
    elif found:
        _show(found)
    if not rigs:
        note("no rig that can be read was found")
        raise typer.Exit(1)
    if write is not None:
        from stratoscope.cli.append import append

        added = append(write, [{"address": one.address} for one in rigs], [_title(one) for one in rigs])
        note(f"{added} of {len(rigs)} rigs added to {write}" + ("" if added == len(rigs) else "; the rest was there"))


async def _sweep(ranges: list[str], rate: float) -> "list[ScanResult]":
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    from stratoscope.cli.output import console
    from stratoscope.clock import SystemClock
    from stratoscope.discover.scan import SCAN_LIMITS, parse_ranges, scan_hosts
    from stratoscope.wire.client import Wire

    addresses = parse_ranges(ranges)
    clock = SystemClock()
    found: list[ScanResult] = []
    wire = Wire(clock=clock, limits=SCAN_LIMITS)
    columns = (
        TextColumn("looking for rigs"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rigs]} found"),
    )
    try:
        with Progress(*columns, console=console(stderr=True), transient=True) as progress:
            task = progress.add_task("", total=len(addresses), rigs=0)

            def on_progress(done: int, total: int) -> None:
                progress.update(task, completed=done, total=total, rigs=len(found))

            async for one in scan_hosts(
                addresses, wire=wire, clock=clock, shuffle=random.shuffle, rate=rate, on_progress=on_progress
            ):
                found.append(one)  # noqa: PERF401 — the progress bar counts them as they come
    finally:
        await wire.close()
    return sorted(found, key=lambda one: _order(one.address))


def _order(address: str) -> tuple[int, int, str]:
    from ipaddress import ip_address

    try:
        parsed = ip_address(address)
    except ValueError:
        return 9, 0, address
    return parsed.version, int(parsed), address


def _title(found: "ScanResult") -> str:
    reading = found.reading
    if reading is None:
        return ""
    return ", ".join(filter(None, (" ".join(filter(None, (reading.make, reading.model))), reading.firmware)))


def _document(found: "ScanResult") -> dict[str, Any]:
    if found.reading is None or found.driver is None:
        return {"address": found.address, "error": found.error}
    from stratoscope.cli.read import document

    return {"address": found.address, "driver": found.driver.name, "reading": document(found.driver, found.reading)}


def _show(found: "list[ScanResult]") -> None:
    from stratoscope.cli import human
    from stratoscope.cli.output import console, grid, text

    table = grid()
    longest = max(len(one.address) for one in found)
    for head, least in (("address", longest), ("rig", 8), ("firmware", 8), ("hashrate", 11), ("power", 7), ("MAC", 17)):
        table.add_column(head, no_wrap=True, overflow="ellipsis", min_width=least)
    for one in found:
        reading = one.reading
        if reading is None or one.driver is None:
            table.add_row(text(one.address), text(one.error, "red"))
            continue
        firmware = human.shortened(" ".join(filter(None, (reading.firmware, reading.firmware_version))), 20)
        rig = " ".join(filter(None, (reading.make, reading.model)))
        hashrate = human.hashrate(reading.window(one.driver.window_order))
        cells = (one.address, rig or None, firmware or None, hashrate, human.quantity(reading.power, "W"), reading.mac)
        table.add_row(*(text(cell) for cell in cells))
    console().print(table)
