"""Reads any other firmware with CGMiner's API: cgminer, bfgminer, sgminer and unnamed descendants.

DEVS rows (ASC, PGA, GPU, CPU) become hashboards; if STATS has Bitmain's layout, boards and fans come from there. The
canonical window depends on what the miner reports: minutes first, then its short window, and the average since start
last, because it hides a stop.
"""

import re
from typing import Final

from stratoscope.drivers import bitmain_stats as bitmain
from stratoscope.drivers.cgminer_sections import (
    board_rate,
    hardware_address,
    is_hashing,
    pool_slots,
    shares,
    windows,
)
from stratoscope.drivers.driver import DEFAULT_WINDOW_ORDER, Command, Driver, Fingerprint, Replies
from stratoscope.fields import Fields
from stratoscope.reading import Algorithm, Defect, Fan, Hashboard, Reading
from stratoscope.units import MHZ

COMMANDS: Final = (
    Command("summary", "summary"),
    Command("devs", "devs", required=False),
    Command("stats", "stats", required=False),
    Command("pools", "pools", every=2, required=False),
    Command("version", "version", every=60, required=False, identity=True),
    Command("devdetails", "devdetails", every=60, required=False, identity=True),
    Command("coin", "coin", every=3, required=False),
)
DEVICE_KINDS: Final = ("ASC", "PGA", "GPU", "CPU")
SECTIONS: Final = frozenset({"SUMMARY", "VERSION", "STATS", "DEVS", "DEVDETAILS", "POOLS"})
HASH_METHODS: Final[dict[str, Algorithm]] = {"sha256": "sha256", "sha256d": "sha256", "scrypt": "scrypt", "x11": "x11"}
PROGRAM_VERSION: Final = re.compile(r"([a-z]*miner)[ /]v?(\d[\w.\-]{0,40})", re.IGNORECASE)


def matches(fingerprint: Fingerprint) -> bool:
    """Recognize the API by the shape of any answer, including a refusal."""
    for answer in fingerprint.replies.values():
        if isinstance(answer, dict) and (SECTIONS & answer.keys() or isinstance(answer.get("STATUS"), list)):
            return True
    return False


def decode(replies: Replies) -> Reading:
    """Return the reading of a rig with CGMiner's API; never raises."""
    defects: list[Defect] = []
    named, live = bitmain.stats_rows(replies, defects)
    summary = replies.first("summary", "SUMMARY", defects)
    version = replies.first("version", "VERSION", defects)
    devs = _devices(replies, defects)
    known = bitmain.parse_product_name(
        version.text("Type", "PROD", "MODEL") or named.text("Type") or _model(replies, defects)
    )
    unit = bitmain.rate_unit(live, known)
    rates = windows(summary, unit)
    boards = bitmain.hashboards(live, bitmain.chain_unit(live, unit)) or tuple(_board(at, row) for at, row in devs)
    firmware, firmware_version = _firmware(replies, version)
    return Reading(
        driver=DRIVER.name,
        make=known.make,
        model=known.model,
        firmware=known.firmware or firmware,
        firmware_version=known.firmware_version or firmware_version,
        mac=hardware_address(version, "MAC", "mac"),
        algorithm=_algorithm(replies, defects) or known.algorithm,
        uptime=summary.number("Elapsed"),
        hashing=_hashing(rates, devs),
        hashrate=rates,
        hashrate_expected=live.number("total_rateideal", scale=bitmain.chain_unit(live, unit)) or None,
        boards=boards,
        fans=bitmain.fans(live) or _fans(devs),
        pools=replies.decode_once("pools", pool_slots, defects),
        shares=shares(summary),
        hardware_errors=summary.integer("Hardware Errors"),
        tip_hash=replies.first("coin", "COIN", defects).text("Current Block Hash"),
        defects=tuple(defects),
    )


def _devices(replies: Replies, defects: list[Defect]) -> list[tuple[int, Fields]]:
    """Return the DEVS rows with their number; by position if kinds are mixed or a number is not unique."""
    rows = replies.section("devs", "DEVS", defects)
    numbers = [
        next((n for kind in DEVICE_KINDS if (n := row.integer(kind, high=4095)) is not None), None) for row in rows
    ]
    if None in numbers or len(set(numbers)) < len(rows):
        return list(enumerate(rows))
    return [(number or 0, row) for number, row in zip(numbers, rows, strict=True)]


def _board(index: int, row: Fields) -> Hashboard:
    """Return a device as a hashboard; temperature 0 means no sensor, clock 0 unreported."""
    volts = row.number("GPU Voltage", "Voltage", high=100.0)
    return Hashboard(
        index=index,
        hashrate=board_rate(windows(row)),
        temperature_board=row.number("Temperature", low=bitmain.MIN_CELSIUS, high=bitmain.MAX_CELSIUS) or None,
        hardware_errors=row.integer("Hardware Errors"),
        frequency=row.number("Frequency", "GPU Clock", scale=MHZ) or None,
        voltage=volts or None,
    )


def _fans(devs: list[tuple[int, Fields]]) -> tuple[Fan, ...]:
    """Return the fans of graphics cards (sgminer, cgminer 3): "Fan Speed" in rpm, -1 or 0 if unknown."""
    speeds = ((at, row.number("Fan Speed", low=-1.0, high=100_000.0)) for at, row in devs if "Fan Speed" in row)
    return tuple(Fan(index=at, rpm=int(rpm)) for at, rpm in speeds if rpm and rpm > 0)


def _hashing(rates: dict[str, float], devs: list[tuple[int, Fields]]) -> bool | None:
    """Use the rig's recent window, otherwise those of its devices (cgminer 2 sums only the average)."""
    whole = is_hashing(rates)
    if whole is not None:
        return whole
    states = [state for _, row in devs if (state := is_hashing(windows(row))) is not None]
    return any(states) if states else None


def _model(replies: Replies, defects: list[Defect]) -> str | None:
    rows = replies.section("devdetails", "DEVDETAILS", defects)
    return next((text for row in rows if (text := row.text("Model"))), None)


def _algorithm(replies: Replies, defects: list[Defect]) -> Algorithm | None:
    method = replies.first("coin", "COIN", defects).text("Hash Method")
    return HASH_METHODS.get(method.lower()) if method else None


def _firmware(replies: Replies, version: Fields) -> tuple[str | None, str | None]:
    """Return name and version of the mining program: "bfgminer 5.5.0" in the Description of any answer."""
    for key in ("version", "summary", "stats", "devs"):
        status = replies.fields(key, []).items("STATUS", limit=1)
        match = PROGRAM_VERSION.search(status[0].text("Description") or "") if status else None
        if match:
            return match[1].lower(), match[2]
    for name in ("CGMiner", "SGMiner", "BFGMiner", "Miner"):
        text = version.text(name)
        if text is not None:
            match = PROGRAM_VERSION.search(text)
            return (match[1].lower(), match[2]) if match else (name.lower(), text)
    return None, None


DRIVER: Final = Driver(
    name="generic-cgminer",
    title="Any other firmware with CGMiner's API",
    commands=COMMANDS,
    matches=matches,
    decode=decode,
    window_order=DEFAULT_WINDOW_ORDER,
    tested_with=("bfgminer 5.5.0", "cgminer 2.11.4"),
)
