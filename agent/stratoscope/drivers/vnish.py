"""Reads Antminers on VNish (AnthillOS), over port 4028 and its open web API.

VNish writes its own STATS: per board also volts, watts, state and fault, and a state of the miner. `version` is
refused (STATUS E, "Invalid command", 1.2.7); the product name in STATS carries the firmware's version.
The canonical window is the 30 minutes, then the 5 s; "GHS av" and "GHS 30m" were seen equal (1.2.7).
Watts are VNish's estimate even with a metering PSU: its total was exactly the sum of the boards' (1.2.7).
"""

from typing import Final

from stratoscope.drivers import bitmain_stats as bitmain
from stratoscope.drivers.antminer_stock import merged_windows
from stratoscope.drivers.cgminer_sections import (
    hardware_address,
    is_hashing,
    page_says,
    pool_slots,
    shares,
    signature,
    texts_as_faults,
)
from stratoscope.drivers.driver import Command, Driver, Fingerprint, Replies, Via
from stratoscope.fields import Fields
from stratoscope.reading import Defect, Fan, Fault, Reading

COMMANDS: Final = (
    Command("summary", "summary"),
    Command("stats", "stats"),
    Command("pools", "pools", every=3, needed=False),
    Command("web_info", "/api/v1/info", Via.HTTP, every=60, needed=False, identity=True),
    Command("web_summary", "/api/v1/summary", Via.HTTP, every=3, needed=False),
)
AT_WORK: Final = frozenset({"mining", "auto-tuning", "autotuning", "tuning"})
CHAIN_FAULTS: Final = {f"chain_fault{n}": f"hashboard {n - 1}" for n in range(1, bitmain.MAX_BOARDS + 1)}


def matches(seen: Fingerprint) -> bool:
    """Know VNish by the product name in STATS, by /api/v1/info, or by its landing page."""
    if "vnish" in signature(seen):
        return True
    page = seen.pages.get("/api/v1/info")
    if page is not None and isinstance(page.json, dict) and "vnish" in str(page.json.get("fw_name", "")).lower():
        return True
    return page_says(seen, "anthillos", "vnish")


def decode(replies: Replies) -> Reading:
    """Return the reading of a rig on VNish; raises on no input."""
    defects: list[Defect] = []
    named, live = bitmain.stats_rows(replies, defects)
    summary = replies.first("summary", "SUMMARY", defects)
    web = replies.fields("web_info", defects)
    miner = replies.fields("web_summary", defects).child("miner")
    network = web.child("system").child("network_status")
    known = bitmain.product(named.text("Type") or miner.text("miner_type") or web.text("miner"))
    unit = _unit(live, web, known)
    rates = merged_windows(summary, live, unit)
    boards_unit = bitmain.chain_unit(live, unit)
    power = _power(live, miner)
    return Reading(
        driver=DRIVER.name,
        make=known.make,
        model=known.model,
        firmware="vnish",
        firmware_version=known.firmware_version or web.text("fw_version") or named.text("Cgminer"),
        mac=hardware_address(network, "mac"),
        serial=web.text("serial"),
        hostname=network.text("hostname"),
        algorithm=known.algorithm,
        uptime=summary.number("Elapsed") if "Elapsed" in summary else live.number("Elapsed"),
        hashing=_hashing(live, rates),
        hashrate=rates,
        hashrate_expected=live.number("total_rateideal", scale=boards_unit) or None,
        power=power,
        power_source=None if power is None else "reported",
        boards=bitmain.hashboards(live, boards_unit),
        fans=_fans(live, miner),
        pools=pool_slots(replies, defects),
        shares=shares(summary),
        hardware_errors=summary.integer("Hardware Errors"),
        faults=_faults(live, miner),
        defects=tuple(defects),
    )


def _unit(live: Fields, web: Fields, known: bitmain.Product) -> float | None:
    """Return the factor of the rates: rate_unit, else the web API's hr_measure ("MH/s" on an L7), else the model's."""
    if "rate_unit" not in live:
        text = web.text("hr_measure")
        factor = bitmain.UNITS.get(text.upper()) if text else None
        if factor is not None:
            return factor
    return bitmain.rate_unit(live, known)


def _hashing(live: Fields, rates: dict[str, float]) -> bool | None:
    """Believe a state that is no work ("stopped", "failure", "initializing"), else ask the fresh window."""
    state = live.text("state")
    if state is not None and state.lower() not in AT_WORK:
        return False
    return is_hashing(rates)


def _power(live: Fields, miner: Fields) -> float | None:
    """Return the estimate in W: the boards' sum of this very answer, else the web API's, which may be older."""
    watts = [live.number(keys.consumption) for keys in bitmain.CHAINS if keys.consumption in live.raw]
    known = [value for value in watts if value is not None]
    if known:
        return sum(known)
    return bitmain.chain_power(live) or miner.number("power_consumption", "power_usage") or None


def _fans(live: Fields, miner: Fields) -> tuple[Fan, ...]:
    """Return the fans; in immersion mode the control board still lists plugs, all at 0 rpm."""
    fans = bitmain.fans(live)
    mode = miner.child("cooling").child("settings").child("mode").text("name") if fans else None
    if mode is not None and mode.lower().startswith("immers"):
        return tuple(fan for fan in fans if fan.rpm)
    return fans


def _faults(live: Fields, miner: Fields) -> tuple[Fault, ...] | None:
    """Return the boards' fault texts and the miner's failure code; None where neither is told."""
    boards = texts_as_faults(live, CHAIN_FAULTS)
    status = miner.child("miner_status")
    code = status.integer("failure_code", low=-(2**31))
    if not code:
        return boards
    return (*(boards or ()), Fault(code=code, message=status.text("description")))


DRIVER: Final = Driver(
    name="vnish",
    title="Antminer on VNish",
    commands=COMMANDS,
    matches=matches,
    decode=decode,
    steady=("30m", "5s", "avg"),
    seen=("S21 Pro, 1.2.7",),
)
