"""Reads rigs on Braiins OS over port 4028: BOSminer (2020–2022) and BOSer (from 22.08), without a login.

TEMPS, FANS, TUNERSTATUS and DEVDETAILS are Braiins' own; STATS is empty there and not queried. The canonical window
is 5 minutes. Watts are Braiins' estimate (ApproximateMinerPowerConsumption). Field meanings: Braiins' BOSminer API
documentation. These answers contain neither MAC nor serial number.
"""

from typing import Final

from stratoscope.drivers import bitmain_stats as bitmain
from stratoscope.drivers.braiins_rest import fans_of
from stratoscope.drivers.cgminer_sections import (
    board_rate,
    is_hashing,
    pool_slots,
    raw_rows,
    shares,
    signature,
    windows,
)
from stratoscope.drivers.driver import Command, Driver, Fingerprint, Replies
from stratoscope.fields import Fields
from stratoscope.reading import Defect, Hashboard, Reading
from stratoscope.units import MH, MHZ

COMMANDS: Final = (
    Command("summary", "summary"),
    Command("devs", "devs"),
    Command("temps", "temps", required=False),
    Command("fans", "fans", required=False),
    Command("tunerstatus", "tunerstatus", required=False),
    Command("pools", "pools", every=2, required=False),
    Command("devdetails", "devdetails", every=3, required=False),
    Command("version", "version", every=60, required=False, identity=True),
)


def matches(fingerprint: Fingerprint) -> bool:
    """Recognize Braiins OS by BOSminer or BOSer in its answers."""
    words = signature(fingerprint)
    # In late releases port 4028 may answer only `version`; then only the web API is readable.
    return ("bosminer" in words or "boser" in words) and bool(raw_rows(fingerprint.replies.get("summary"), "SUMMARY"))


def decode(replies: Replies) -> Reading:
    """Return the reading of a rig on Braiins OS; never raises."""
    defects: list[Defect] = []
    summary = replies.first("summary", "SUMMARY", defects)
    version = replies.first("version", "VERSION", defects)
    devs = _by_id(replies.section("devs", "DEVS", defects))
    details = _by_id(replies.section("devdetails", "DEVDETAILS", defects))
    known = bitmain.parse_product_name(next((text for row in details.values() if (text := row.text("Model"))), None))
    rates = windows(summary)
    power = replies.first("tunerstatus", "TUNERSTATUS", defects).number("ApproximateMinerPowerConsumption")
    nominal = [rate for row in devs.values() if (rate := row.number("Nominal MHS", scale=MH))]
    return Reading(
        driver=DRIVER.name,
        make=known.make,
        model=known.model,
        firmware="braiins",
        firmware_version=version.text("BOSer", "BOSminer", "BOSminer+"),
        algorithm="sha256" if summary else None,  # Braiins OS supports no other
        uptime=summary.number("Elapsed"),
        hashing=is_hashing(rates),
        hashrate=rates,
        hashrate_expected=sum(nominal) if nominal else None,
        power=power,
        power_source=None if power is None else "reported",
        boards=_boards(devs, _by_id(replies.section("temps", "TEMPS", defects)), details),
        fans=fans_of(_fan_rows(replies, defects), "ID", known.sheet),
        pools=replies.decode_once("pools", pool_slots, defects),
        shares=shares(summary),
        hardware_errors=summary.integer("Hardware Errors"),
        defects=tuple(defects),
    )


def _by_id(rows: list[Fields]) -> dict[int, Fields]:
    found: dict[int, Fields] = {}
    for row in rows:
        number = row.integer("ID", high=63)
        if number is not None:
            found.setdefault(number, row)
    return found


def _boards(devs: dict[int, Fields], temps: dict[int, Fields], details: dict[int, Fields]) -> tuple[Hashboard, ...]:
    """Return the boards that DEVS, TEMPS or DEVDETAILS list; ID is the number of the connector."""
    numbers = sorted(devs.keys() | temps.keys() | details.keys())
    offset = bitmain.first_slot(numbers)
    nothing = Fields(None)
    boards = []
    for number in numbers:
        dev, temp, detail = (rows.get(number, nothing) for rows in (devs, temps, details))
        boards.append(
            Hashboard(
                index=number - offset,
                hashrate=board_rate(windows(dev)),
                temperature_board=_celsius(temp, "Board"),
                temperature_chip=_celsius(temp, "Chip"),
                chips=detail.integer("Chips"),
                hardware_errors=dev.integer("Hardware Errors"),
                frequency=_frequency(detail),
                voltage=detail.number("Voltage") or None,
            )
        )
    return tuple(boards)


def _celsius(row: Fields, key: str) -> float | None:
    return row.number(key, low=bitmain.MIN_CELSIUS, high=bitmain.MAX_CELSIUS) or None  # 0: no sensor


def _frequency(detail: Fields) -> float | None:
    """Return the frequency in Hz: BOSminer sends 650000000; no chip runs below 10 kHz, so 650 is MHz."""
    value = detail.number("Frequency")
    if not value:
        return None
    return value if value > 1e4 else value * MHZ


def _fan_rows(replies: Replies, defects: list[Defect]) -> list[Fields]:
    rows = replies.section("fans", "FANS", defects)
    return [Fields({"ID": row.raw.get("ID"), "rpm": row.raw.get("RPM")}, row.path, defects) for row in rows]


DRIVER: Final = Driver(
    name="braiins-cgminer",
    title="Braiins OS, port 4028",
    commands=COMMANDS,
    matches=matches,
    decode=decode,
    window_order=("5m", "15m", "1m", "5s", "avg"),
)
