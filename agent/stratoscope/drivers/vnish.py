"""Reads Antminers on VNish (AnthillOS), over port 4028 and its open web API.

VNish has its own STATS: volts, watts, state and fault per board, and a state of the miner. It refuses `version`
(STATUS E, "Invalid command", 1.2.7); the product name in STATS contains the firmware's version.
If port 4028 is closed or answers too little, the web API's summary is used: its hr_realtime equals "GHS 5s" and its
hr_average "GHS av" (1.2.7). Its power_usage is not read: newer versions send an efficiency there.
The canonical window is 30 minutes, then 5 s; "GHS av" and "GHS 30m" are equal (1.2.7).
Watts are VNish's estimate even with a metering PSU: its total is exactly the sum of the boards' (1.2.7).
"""

from typing import Final

from stratoscope.drivers import bitmain_stats as bitmain
from stratoscope.drivers.antminer_stock import merged_windows
from stratoscope.drivers.cgminer_sections import (
    hardware_address,
    is_hashing,
    page_contains,
    pool_slots,
    shares,
    signature,
    sum_of,
    texts_as_faults,
)
from stratoscope.drivers.driver import Command, Driver, Fingerprint, Replies, Via
from stratoscope.fields import Fields
from stratoscope.reading import Defect, Fan, Fault, Hashboard, PoolSlot, Reading
from stratoscope.units import MHZ, MILLIVOLT

COMMANDS: Final = (
    Command("summary", "summary", required=False),
    Command("stats", "stats", required=False),
    Command("pools", "pools", every=2, required=False),
    Command("web_info", "/api/v1/info", Via.HTTP, every=60, required=False, identity=True),
    Command("web_summary", "/api/v1/summary", Via.HTTP, required=False, fallback_for="stats"),  # if port 4028 is closed
)
WORKING_STATES: Final = frozenset({"mining", "auto-tuning", "autotuning", "tuning"})
CHAIN_FAULTS: Final = {f"chain_fault{n}": f"hashboard {n - 1}" for n in range(1, bitmain.MAX_BOARDS + 1)}


def matches(fingerprint: Fingerprint) -> bool:
    """Recognize VNish by the product name in STATS, by /api/v1/info, or by its landing page."""
    if "vnish" in signature(fingerprint):
        return True
    page = fingerprint.pages.get("/api/v1/info")
    if page is not None and isinstance(page.json, dict) and "vnish" in str(page.json.get("fw_name", "")).lower():
        return True
    return page_contains(fingerprint, "anthillos", "vnish")


def decode(replies: Replies) -> Reading:
    """Return the reading of a rig on VNish; never raises."""
    defects: list[Defect] = []
    named, live = bitmain.stats_rows(replies, defects)
    summary = replies.first("summary", "SUMMARY", defects)
    web = replies.fields("web_info", defects)
    miner = replies.fields("web_summary", defects).child("miner")
    network = web.child("system").child("network_status")
    known = bitmain.parse_product_name(named.text("Type") or miner.text("miner_type") or web.text("miner"))
    unit = _unit(live, web, known)
    boards_unit = bitmain.chain_unit(live, unit)
    rates = merged_windows(summary, live, unit) or _web_windows(miner, boards_unit)
    power = _power(live, miner)
    pools = replies.decode_once("pools", pool_slots, defects) or _web_pools(miner)
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
        hashing=_hashing(live, miner, rates),
        hashrate=rates,
        hashrate_expected=live.number("total_rateideal", scale=boards_unit)
        or miner.number("hr_nominal", scale=boards_unit)
        or None,
        power=power,
        power_source=None if power is None else "reported",
        boards=bitmain.hashboards(live, boards_unit) or _web_boards(miner, boards_unit),
        fans=_fans(live, miner),
        pools=pools,
        shares=shares(summary) if summary else sum_of(pools),
        hardware_errors=summary.integer("Hardware Errors") if summary else miner.integer("hw_errors"),
        faults=_faults(live, miner),
        defects=tuple(defects),
    )


def _unit(live: Fields, web: Fields, known: bitmain.ProductName) -> float | None:
    """Return the factor of the rates: rate_unit, or the web API's hr_measure ("MH/s" on an L7), or the model's unit."""
    if "rate_unit" not in live:
        text = web.text("hr_measure")
        factor = bitmain.RATE_UNITS.get(text.upper()) if text else None
        if factor is not None:
            return factor
    return bitmain.rate_unit(live, known)


def _hashing(live: Fields, miner: Fields, rates: dict[str, float]) -> bool | None:
    """Return False if the state is not work ("stopped", "failure", "initializing"), otherwise use the recent window."""
    state = live.text("state") or miner.child("miner_status").text("miner_state")
    if state is not None and state.lower() not in WORKING_STATES:
        return False
    return is_hashing(rates)


def _power(live: Fields, miner: Fields) -> float | None:
    """Return the estimate in W: the sum of the boards' values in STATS, otherwise the web API's."""
    watts = [live.number(keys.consumption) for keys in bitmain.CHAIN_KEYS if keys.consumption in live.raw]
    known = [value for value in watts if value is not None]
    if known:
        return sum(known)
    return bitmain.chain_power(live) or miner.number("power_consumption") or None


def _fans(live: Fields, miner: Fields) -> tuple[Fan, ...]:
    """Return the fans; in immersion mode the control board still lists connectors, all at 0 rpm."""
    cooling = miner.child("cooling")
    fans = bitmain.fans(live) or _web_fans(cooling)
    mode = cooling.child("settings").child("mode").text("name") if fans else None
    if mode is not None and mode.lower().startswith("immers"):
        return tuple(fan for fan in fans if fan.rpm)
    return fans


def _web_windows(miner: Fields, unit: float) -> dict[str, float]:
    found = {"5s": miner.number("hr_realtime", scale=unit), "avg": miner.number("hr_average", scale=unit)}
    return {name: rate for name, rate in found.items() if rate is not None}


def _web_fans(cooling: Fields) -> tuple[Fan, ...]:
    speeds: dict[int, int] = {}
    for at, row in enumerate(cooling.items("fans")):
        number, rpm = row.integer("id", high=63), row.integer("rpm", high=100_000)
        if rpm is not None:
            speeds.setdefault(at if number is None else number, rpm)
    return tuple(Fan(index=index, rpm=speeds[index]) for index in sorted(speeds))


def _web_boards(miner: Fields, unit: float) -> tuple[Hashboard, ...]:
    """Return the boards of the web summary, numbered from 1; chips are counted by the colour of their state."""
    rows = [(number, row) for row in miner.items("chains") if (number := row.integer("id", high=63)) is not None]
    offset = bitmain.first_slot([number for number, _ in rows])
    boards: dict[int, Hashboard] = {}
    for number, row in rows:
        colours = row.child("chip_statuses")
        counts = [colours.integer(colour) for colour in colours.raw]
        board = Hashboard(
            index=number - offset,
            hashrate=row.number("hashrate_rt", scale=unit),
            temperature_board=_hottest(row, "pcb_temp"),
            temperature_chip=_hottest(row, "chip_temp"),
            chips=sum(count or 0 for count in counts) if counts else None,
            hardware_errors=row.integer("hw_errors"),
            frequency=row.number("frequency", scale=MHZ),
            voltage=row.number("voltage", scale=MILLIVOLT),
        )
        boards.setdefault(board.index, board)
    return tuple(boards[index] for index in sorted(boards))


def _hottest(row: Fields, key: str) -> float | None:
    return row.child(key).number("max", low=bitmain.MIN_CELSIUS, high=bitmain.MAX_CELSIUS)


def _web_pools(miner: Fields) -> tuple[PoolSlot, ...]:
    """Return the pools of the web summary: "active" is in use, "working" answers, any other status is dead."""
    slots: dict[int, PoolSlot] = {}
    for at, row in enumerate(miner.items("pools")):
        number, status = row.integer("id", high=63), row.text("status")
        index = at if number is None else number
        slot = PoolSlot(
            index=index,
            url=row.text("url"),
            user=row.text("user"),
            alive=None if status is None else status.lower() in ("active", "working"),
            active=None if status is None else status.lower() == "active",
            accepted=row.integer("accepted"),
            rejected=row.integer("rejected"),
            stale=row.integer("stale"),
            difficulty_accepted=row.number("diffa"),
        )
        slots.setdefault(index, slot)
    return tuple(slots[index] for index in sorted(slots))


def _faults(live: Fields, miner: Fields) -> tuple[Fault, ...] | None:
    """Return the boards' fault texts and the miner's failure code; None if neither is reported."""
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
    window_order=("30m", "5s", "avg"),
    tested_with=("S21 Pro, 1.2.7",),
)
