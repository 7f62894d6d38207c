"""Reads one rig once: `stratoscope read`."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from stratoscope.cli.targets import DriverName, Host, HttpPort, Password, Ports, Timeout, User

if TYPE_CHECKING:
    from rich.table import Table

    from stratoscope.discover.once import Once
    from stratoscope.drivers.driver import Driver
    from stratoscope.judgement.judge import JudgedReading
    from stratoscope.reading import Reading
    from stratoscope.wire.target import Target

WIDE: Final = frozenset({"url", "user", "field", "value", "why", "message", "component"})
YES: Final = {True: "yes", False: "no", None: None}


def read(
    host: Host,
    driver: DriverName = None,
    user: User = None,
    password: Password = None,
    http_port: HttpPort = None,
    port: Ports = None,
    timeout: Timeout = 5.0,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document on stdout, base units.")] = False,
) -> None:
    """Read one rig once and show everything it reports, with the fields that made no sense."""
    from stratoscope.cli.output import note, print_json, run_loop
    from stratoscope.cli.targets import target_of
    from stratoscope.errors import PollError

    target = target_of(host, driver=driver, user=user, password=password, http_port=http_port, ports=port)
    try:
        once = run_loop(read_target(target, driver, timeout))
    except PollError as error:
        note(f"{target.address}: {error}")
        raise typer.Exit(1) from None
    if as_json:
        print_json(document(once.driver, once.reading))
    else:
        show(once.driver, once.reading, target.address)


async def read_target(target: "Target", driver: str | None, timeout: float, *, keep_raw: bool = False) -> "Once":
    """Read `target` once within `timeout` s per exchange; raises PollError."""
    from stratoscope.clock import SystemClock
    from stratoscope.discover.once import read_once
    from stratoscope.wire.ask import Wire
    from stratoscope.wire.target import Limits

    limits = Limits(connect=min(3.0, timeout), exchange=timeout)
    wire = Wire(clock=SystemClock(), limits=limits, keep_raw=keep_raw)
    try:
        return await read_once(wire, target, driver=driver, limits=limits)
    finally:
        await wire.close()


def judged(driver: "Driver", reading: "Reading") -> "JudgedReading":
    """Return the reading without what cannot be true of its model, and what follows from it."""
    from stratoscope.judgement.judge import data_sheet, judge

    return judge(driver, reading, data_sheet(reading.make, reading.model))


def efficiency(verdict: "JudgedReading") -> float | None:
    """Return J/TH where the rig itself reports its power; the data sheet's power says nothing about this rig."""
    return verdict.judged.efficiency if verdict.judged.power_source in ("measured", "reported") else None


def document(driver: "Driver", reading: "Reading") -> dict[str, Any]:
    """Return the normalised reading as plain JSON values; what the rig did not report is left out.

    `doubts` names values that cannot be true of the model; a doubtful hashrate is left out and listed in `defects`.
    """
    from stratoscope.reading import as_json

    verdict = judged(driver, reading)
    found: dict[str, Any] = as_json(verdict.reading)
    value = efficiency(verdict)
    if value is not None:
        found["efficiency_joules_per_terahash"] = value
    if verdict.judged.reasons:
        found["doubts"] = list(verdict.judged.reasons)
    return found


def show(driver: "Driver", reading: "Reading", address: str) -> None:
    """Print a reading for people."""
    from stratoscope.cli.output import console

    verdict = judged(driver, reading)
    screen = console()
    screen.print(_identity(driver, verdict, address))
    for table in _tables(verdict.reading):
        screen.print()
        screen.print(table)


def _pairs(driver: "Driver", verdict: "JudgedReading", address: str) -> Iterator[tuple[str, str | None]]:
    from stratoscope.cli import human

    reading = verdict.reading
    rates = (f"{human.hashrate(value)} ({window})" for window, value in reading.hashrate.items())
    power = human.quantity(reading.power, "W") + (f" ({reading.power_source})" if reading.power_source else "")
    shares = reading.shares
    yield "address", address
    yield "rig", " ".join(filter(None, (reading.make, reading.model))) or None
    yield "firmware", " ".join(filter(None, (reading.firmware, reading.firmware_version))) or None
    yield "read by", f"{driver.title} ({driver.name})"
    yield "MAC", reading.mac
    yield "serial", reading.serial
    yield "host name", reading.hostname
    yield "uptime", human.duration(reading.uptime)
    yield "hashing", YES[reading.hashing]
    yield "hashrate", ", ".join(rates) or None
    yield "expected", human.hashrate(reading.hashrate_expected)
    yield "power", power
    yield "efficiency", human.quantity(efficiency(verdict), "J/TH", 1)
    yield "doubts", "; ".join(verdict.judged.reasons)
    counts = (("accepted", shares.accepted), ("rejected", shares.rejected), ("stale", shares.stale))
    yield "shares", ", ".join(f"{count:,} {name}" for name, count in counts if count is not None) or None
    yield "hardware errors", None if reading.hardware_errors is None else f"{reading.hardware_errors:,}"
    yield (
        "air",
        ", ".join(
            f"{name} {human.quantity(value, '°C')}"
            for name, value in (("inlet", reading.temperature_inlet), ("outlet", reading.temperature_outlet))
            if value is not None
        ),
    )


def _identity(driver: "Driver", verdict: "JudgedReading", address: str) -> "Table":
    from rich.table import Table

    from stratoscope.cli.output import text

    table = Table.grid(padding=(0, 2))
    for name, value in _pairs(driver, verdict, address):
        if value not in (None, "", "–"):
            table.add_row(text(name, "dim"), text(value))
    return table


def _tables(reading: "Reading") -> Iterator["Table"]:
    from stratoscope.cli import human

    if reading.boards:
        rows = [
            (
                b.index,
                human.hashrate(b.hashrate),
                human.quantity(b.temperature_board, "°C"),
                human.quantity(b.temperature_chip, "°C"),
                b.chips,
                b.hardware_errors,
                human.megahertz(b.frequency),
                human.quantity(b.voltage, "V", 2),
            )
            for b in reading.boards
        ]
        yield _table("Hashboards", ("board", "hashrate", "PCB", "chip", "chips", "errors", "clock", "voltage"), rows)
    if reading.fans:
        yield _table("Fans", ("fan", "speed"), [(fan.index, human.quantity(fan.rpm, "rpm")) for fan in reading.fans])
    if reading.pools:
        pools = [
            (p.index, p.url, p.user, YES[p.alive], YES[p.active], p.accepted, p.rejected, p.stale)
            for p in reading.pools
        ]
        yield _table("Pools", ("slot", "url", "user", "alive", "active", "accepted", "rejected", "stale"), pools)
    if reading.faults:
        faults = [(fault.code, fault.component, fault.message) for fault in reading.faults]
        yield _table("Faults the firmware reports", ("code", "component", "message"), faults)
    if reading.defects:
        defects = [(defect.path, defect.value, defect.reason) for defect in reading.defects]
        yield _table("Fields that made no sense", ("field", "value", "why"), defects)


def _table(title: str, heads: tuple[str, ...], rows: list[tuple[Any, ...]]) -> "Table":
    from stratoscope.cli.output import grid, text

    table = grid(title)
    for head in heads:
        table.add_column(head, overflow="fold", no_wrap=head not in WIDE)
    for row in rows:
        table.add_row(*(text(cell) for cell in row))
    return table
