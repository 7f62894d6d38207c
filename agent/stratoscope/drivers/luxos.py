"""Reads Antminers on LuxOS (LUXminer), over port 4028.

SUMMARY has windows from 5 s to 24 h; the canonical one is 5 minutes. STATS imitates Bitmain's layout, but its
total_acn and "total rate" are wrong and its chain_rateN is the average since start (2025.4.8), so the boards' rates
come from DEVS. DEVS lists boards in the order in which they started; ID is the slot.
Watts are measured only if POWER has "PSU": true, otherwise LuxOS estimates them.
"""

from typing import Final

from stratoscope.drivers import bitmain_stats as bitmain
from stratoscope.drivers.cgminer_sections import (
    board_rate,
    hardware_address,
    is_hashing,
    pool_slots,
    shares,
    signature,
    windows,
)
from stratoscope.drivers.driver import Command, Driver, Fingerprint, Replies
from stratoscope.fields import Fields
from stratoscope.reading import Defect, Fan, Hashboard, PowerSource, Reading
from stratoscope.units import MH

VOLTAGES: Final = tuple(f"voltage_{n}" for n in range(3))
COMMANDS: Final = (
    Command("summary", "summary"),
    Command("stats", "stats"),
    Command("devs", "devs", required=False),
    Command("temps", "temps", required=False),
    Command("fans", "fans", required=False),
    Command("power", "power", required=False),
    Command("pools", "pools", every=2, required=False),
    Command("version", "version", every=60, required=False, identity=True),
    Command("config", "config", every=60, required=False, identity=True),
    *(Command(key, "voltageget", param=key[-1], every=20, required=False, joins=False) for key in VOLTAGES),
)


def matches(fingerprint: Fingerprint) -> bool:
    """Recognize LuxOS by LUXminer in its answers."""
    words = signature(fingerprint)
    return "luxminer" in words or "luxos" in words


def decode(replies: Replies) -> Reading:
    """Return the reading of a rig on LuxOS; never raises."""
    defects: list[Defect] = []
    named, live = bitmain.stats_rows(replies, defects)
    summary = replies.first("summary", "SUMMARY", defects)
    version = replies.first("version", "VERSION", defects)
    config = replies.first("config", "CONFIG", defects)
    known = bitmain.parse_product_name(version.text("Type") or named.text("Type") or config.text("Model"))
    rates = windows(summary) or windows(live)
    devs = replies.section("devs", "DEVS", defects)
    power, source = _power(replies.first("power", "POWER", defects))
    return Reading(
        driver=DRIVER.name,
        make=known.make,
        model=known.model,
        firmware="luxos",
        firmware_version=version.text("Miner", "LUXminer") or named.text("Miner"),
        mac=hardware_address(config, "MACAddr"),
        serial=config.text("SerialNumber"),
        hostname=config.text("Hostname"),
        algorithm=known.algorithm,
        uptime=summary.number("Elapsed") if "Elapsed" in summary else live.number("Elapsed"),
        hashing=is_hashing(rates),
        hashrate=rates,
        hashrate_expected=_expected(live, devs, bitmain.chain_unit(live, bitmain.rate_unit(live, known))),
        power=power,
        power_source=source,
        boards=_boards(replies, live, devs, defects),
        fans=_fans(replies, live, config, defects),
        pools=replies.decode_once("pools", pool_slots, defects),
        shares=shares(summary),
        hardware_errors=summary.integer("Hardware Errors"),
        defects=tuple(defects),
    )


def _power(row: Fields) -> tuple[float | None, PowerSource | None]:
    watts = row.number("Watts")
    if watts is None:
        return None, None
    return watts, "measured" if row.flag("PSU") else "reported"


def _expected(live: Fields, devs: list[Fields], unit: float) -> float | None:
    """Return the rate of the current profile in H/s: the ideal rate of STATS, otherwise the boards' nominal rates."""
    ideal = live.number("total_rateideal", scale=unit)
    if ideal:
        return ideal
    nominal = [dev.number("Nominal MHS", scale=MH) for dev in devs]
    return sum(rate for rate in nominal if rate) or None


def _boards(replies: Replies, live: Fields, devs: list[Fields], defects: list[Defect]) -> tuple[Hashboard, ...]:
    """Return the boards by slot: rates from DEVS, chips from STATS, sensors from TEMPS, volts from voltageget."""
    by_slot = {slot: dev for dev in devs if (slot := dev.integer("ID", "ASC", high=15)) is not None}
    fitted = {keys.number - 1: chips for keys, chips in bitmain.fitted_chains(live)}
    temps = _temperatures(replies, defects)
    volts = _volts(replies, defects)
    boards = []
    for slot in sorted(by_slot.keys() | fitted.keys()):
        keys, dev = bitmain.CHAIN_KEYS[slot], by_slot.get(slot)
        board, chip = temps.get(slot) or (bitmain.hottest(live, keys.board_sensor, keys.board_sensors), None)
        boards.append(
            Hashboard(
                index=slot,
                hashrate=board_rate(windows(dev)) if dev is not None else None,
                temperature_board=board,
                temperature_chip=chip,
                chips=fitted.get(slot),
                hardware_errors=live.integer(keys.errors) if dev is None else dev.integer("Hardware Errors"),
                frequency=bitmain.frequency(live, keys),
                voltage=volts.get(slot),
            )
        )
    return tuple(boards)


def _temperatures(replies: Replies, defects: list[Defect]) -> dict[int, tuple[float | None, float | None]]:
    """Return slot → (hottest PCB sensor, hottest chip sensor) in °C.

    METADATA names each sensor ("Board Exhaust (bottom)"); only a sensor with "chip" in its name counts as chip
    temperature: STATS repeats PCB sensors under temp_chipN (2025.4.8, S19k Pro).
    """
    labels = replies.first("temps", "METADATA", defects)
    found = {}
    for row in replies.section("temps", "TEMPS", defects):
        slot = row.integer("ID", "TEMP", high=15)
        board: list[float] = []
        chip: list[float] = []
        for key in row.raw if slot is not None else ():
            if key in ("ID", "TEMP"):
                continue
            value = row.number(key, low=bitmain.MIN_CELSIUS, high=bitmain.MAX_CELSIUS)
            if value:  # 0: no sensor
                label = labels.child(key).text("Label") or "" if key in labels else ""
                (chip if "chip" in f"{key} {label}".lower() else board).append(value)
        if slot is not None and (board or chip):
            found[slot] = (max(board, default=None), max(chip, default=None))
    return found


def _volts(replies: Replies, defects: list[Defect]) -> dict[int, float | None]:
    rows = (replies.first(key, "VOLTAGE", defects) for key in VOLTAGES if key in replies)
    return {slot: row.number("Voltage") for row in rows if (slot := row.integer("Board")) is not None}


def _fans(replies: Replies, live: Fields, config: Fields, defects: list[Defect]) -> tuple[Fan, ...]:
    """Return the fans of FANS by ID, otherwise those of STATS; in immersion mode connectors at 0 rpm are empty."""
    rows = replies.section("fans", "FANS", defects)
    if not rows:
        return bitmain.fans(live)
    is_immersed = config.flag("ImmersionMode")
    speeds: dict[int, int] = {}
    for row in rows:
        slot, rpm = row.integer("ID", high=63), row.integer("RPM", high=100_000)
        if slot is not None and rpm is not None and (rpm or not is_immersed):
            speeds.setdefault(slot, rpm)
    return tuple(Fan(index=slot, rpm=speeds[slot]) for slot in sorted(speeds))


DRIVER: Final = Driver(
    name="luxos",
    title="Antminer on LuxOS",
    commands=COMMANDS,
    matches=matches,
    decode=decode,
    window_order=("5m", "15m", "1m", "30m", "5s", "avg"),
    tested_with=("S19k Pro, 2025.4.8.220305",),
)
