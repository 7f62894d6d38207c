"""Reads Hammer (BlackMiner) scrypt and X11 rigs, whose firmware descends from Bitmain's of 2018.

STATS has Bitmain's layout with rates in MH/s, most of them sent as text ("4686.4886"). It has no 30-minute window:
the canonical one is the 5 s, because the average since start would hide a board that died yesterday.
"""

from typing import Final

from stratoscope.drivers import bitmain_stats as bitmain
from stratoscope.drivers.antminer_stock import merged_windows
from stratoscope.drivers.cgminer_sections import (
    hardware_address,
    is_hashing,
    page_contains,
    pool_slots,
    product_type,
    shares,
)
from stratoscope.drivers.driver import Command, Driver, Fingerprint, Login, LoginScheme, Replies, Via
from stratoscope.reading import Algorithm, Defect, Reading

COMMANDS: Final = (
    Command("summary", "summary"),
    Command("stats", "stats"),
    Command("pools", "pools", every=2, required=False),
    Command("version", "version", every=60, required=False, identity=True),
    Command("system_info", "/cgi-bin/get_system_info.cgi", Via.HTTP, every=60, required=False, identity=True),
)
ALGORITHMS: Final[dict[str, Algorithm]] = {"D9": "x11", "D9+": "x11", "D10": "scrypt", "D10+": "scrypt"}


def matches(fingerprint: Fingerprint) -> bool:
    """Recognize a Hammer by its product name or the realm of its web login."""
    return product_type(fingerprint).lower().startswith(("hammer", "blackminer")) or page_contains(
        fingerprint, "blackminer configuration"
    )


def decode(replies: Replies) -> Reading:
    """Return the reading of a Hammer; never raises."""
    defects: list[Defect] = []
    named, live = bitmain.stats_rows(replies, defects)
    summary = replies.first("summary", "SUMMARY", defects)
    version = replies.first("version", "VERSION", defects)
    system = replies.fields("system_info", defects)
    known = bitmain.parse_product_name(named.text("Type") or version.text("Type") or system.text("minertype"))
    rates = merged_windows(summary, live, None)  # the keys have the unit: MHS
    return Reading(
        driver=DRIVER.name,
        make=known.make,
        model=known.model,
        firmware="stock",
        firmware_version=named.text("CompileTime") or version.text("CompileTime"),
        mac=hardware_address(system, "macaddr"),
        hostname=system.text("hostname"),
        algorithm=known.algorithm or ALGORITHMS.get((known.model or "").upper()),
        uptime=summary.number("Elapsed") if "Elapsed" in summary else live.number("Elapsed"),
        hashing=is_hashing(rates),
        hashrate=rates,
        boards=bitmain.hashboards(live, bitmain.chain_unit(live, None)),
        fans=bitmain.fans(live),
        pools=replies.decode_once("pools", pool_slots, defects),
        shares=shares(summary),
        hardware_errors=summary.integer("Hardware Errors"),
        defects=tuple(defects),
    )


DRIVER: Final = Driver(
    name="hammer",
    title="Hammer",
    commands=COMMANDS,
    matches=matches,
    decode=decode,
    window_order=("5s", "avg"),
    login=Login(LoginScheme.DIGEST),
    tested_with=("D10, ccminer 2.3.3 (2023-05)",),
)
