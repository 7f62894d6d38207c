"""Reads Antminers on Bitmain's own firmware, S1 to S23 and the L, D, K, Z … models in their own units.

Over port 4028: bmminer/cgminer of 2015–2019 and the firmware from 2020. It does not report power. The canonical
window is the firmware's 30 minutes (from 2020). Older firmware has only 5 s and the average since start; there the
5 s come first, because a week's average would hide a board that died yesterday.
"""

from typing import Final

from stratoscope.drivers import bitmain_stats as bitmain
from stratoscope.drivers.cgminer_sections import (
    hardware_address,
    is_hashing,
    page_contains,
    pool_slots,
    product_type,
    shares,
    signature,
    windows,
)
from stratoscope.drivers.driver import Command, Driver, Fingerprint, Login, LoginScheme, Replies, Via
from stratoscope.fields import Fields
from stratoscope.reading import Defect, Fault, Reading

COMMANDS: Final = (
    Command("summary", "summary"),
    Command("stats", "stats"),
    Command("pools", "pools", every=2, required=False),
    Command("version", "version", every=60, required=False, identity=True),
    Command("system_info", "/cgi-bin/get_system_info.cgi", Via.HTTP, every=60, required=False, identity=True),
    Command("health", "/cgi-bin/summary.cgi", Via.HTTP, every=6, required=False),
)
OTHER_FIRMWARES: Final = ("vnish", "luxminer", "luxos", "bosminer", "boser", "braiins")


def matches(fingerprint: Fingerprint) -> bool:
    """Recognize Bitmain's firmware by its product name, its bmminer, or the realm of its web login."""
    words = signature(fingerprint)
    if any(other in words for other in OTHER_FIRMWARES):
        return False
    if product_type(fingerprint).lower().startswith("antminer") or "bmminer" in words:
        return True
    return page_contains(fingerprint, "antminer configuration")


def merged_windows(summary: Fields, live: Fields, unit: float | None) -> dict[str, float]:
    """Return the windows of SUMMARY in H/s; missing or unreadable ones come from STATS."""
    rates = windows(summary, unit)
    if "5s" not in rates or "avg" not in rates:
        rates = windows(live, unit) | rates
    if "30m" not in rates:
        half_hour = live.number("rate_30m", scale=bitmain.chain_unit(live, unit))
        if half_hour is not None:
            rates["30m"] = half_hour
    return rates


def decode(replies: Replies) -> Reading:
    """Return the reading of a stock Antminer; never raises."""
    defects: list[Defect] = []
    named, live = bitmain.stats_rows(replies, defects)
    summary = replies.first("summary", "SUMMARY", defects)
    version = replies.first("version", "VERSION", defects)
    system = replies.fields("system_info", defects)
    # the API's own name first: on some firmwares get_system_info.cgi names the board's generation instead
    known = bitmain.parse_product_name(named.text("Type") or version.text("Type") or system.text("minertype"))
    unit = bitmain.rate_unit(live, known)
    rates = merged_windows(summary, live, unit)
    boards_unit = bitmain.chain_unit(live, unit)
    power = bitmain.chain_power(live)
    return Reading(
        driver=DRIVER.name,
        make=known.make,
        model=known.model,
        firmware=known.firmware or "stock",
        firmware_version=known.firmware_version or named.text("CompileTime") or version.text("CompileTime"),
        mac=hardware_address(system, "macaddr"),
        serial=system.text("serinum"),
        hostname=system.text("hostname"),
        algorithm=known.algorithm,
        uptime=summary.number("Elapsed") if "Elapsed" in summary else live.number("Elapsed"),
        hashing=is_hashing(rates),
        hashrate=rates,
        hashrate_expected=live.number("total_rateideal", scale=boards_unit) or None,
        power=power,
        power_source=None if power is None else "reported",
        boards=bitmain.hashboards(live, boards_unit),
        fans=bitmain.fans(live),
        pools=replies.decode_once("pools", pool_slots, defects),
        shares=shares(summary),
        hardware_errors=_hardware_errors(summary, live),
        faults=_faults(replies.first("health", "SUMMARY", defects)),
        defects=tuple(defects),
    )


def _hardware_errors(summary: Fields, live: Fields) -> int | None:
    errors = summary.integer("Hardware Errors")
    return live.integer("no_matching_work") if errors is None else errors


def _faults(health: Fields) -> tuple[Fault, ...] | None:
    """Return the entries of "status" in summary.cgi that are not "s" (fine); None if there is no such list."""
    if "status" not in health:
        return None
    found = []
    for row in health.items("status"):
        state = row.text("status")
        if state is not None and state.lower() != "s":
            code = row.integer("code", low=-(2**31))
            part = row.text("type")
            found.append(Fault(code=state if code is None else code, component=part, message=row.text("msg")))
    return tuple(found)


DRIVER: Final = Driver(
    name="antminer-stock",
    title="Antminer, Bitmain's firmware",
    commands=COMMANDS,
    matches=matches,
    decode=decode,
    window_order=("30m", "5s", "avg"),
    login=Login(LoginScheme.DIGEST),
    tested_with=("S19 Pro, 49.0.1.3 (2022-12)",),
)
