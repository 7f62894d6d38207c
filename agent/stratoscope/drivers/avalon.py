"""Reads Avalon rigs over CGMiner's API (TCP 4028): A7 to A9 with several modules, A10 to A15, Nano 3, Mini 3, Q.

Nearly everything is in the bracket string of `stats` (see avalon_brackets). Units there: GHS*, MGHS GH/s; Freq MHz;
temperatures °C, with -273 for "no sensor"; PS = [error, -, 0.01 V, A, W out, 0.01 V set, W at the wall].
"""

import re
from collections.abc import Iterator
from typing import Final

from stratoscope.drivers.avalon_modules import AvalonModule, hottest, modules_of, temperature, warmest
from stratoscope.drivers.driver import Command, Driver, Fingerprint, Replies
from stratoscope.drivers.mhs_sections import MAX_RPM, answered_at, is_hashing, pools, shares, windows
from stratoscope.fields import Fields, mac_address
from stratoscope.reading import Defect, Fan, Hashboard, PoolSlot, PowerSource, Reading
from stratoscope.units import GH, MHZ

COMMANDS: Final = (
    Command("stats", "stats"),
    Command("summary", "summary", required=False),
    Command("devs", "devs", every=3, required=False),  # windows for firmware that refuses summary
    Command("estats", "estats", every=3, required=False),  # Avalon Q 25052801 sometimes sends an empty string for stats
    Command("pools", "pools", every=2, required=False),
    Command("version", "version", every=60, required=False, identity=True),
)

WINDOW_ORDER: Final = ("15m", "5m", "avg", "1m", "realtime", "5s")
"""`MHS *` count shares above the nonce mask: on a Nano 3 (4 TH/s) the 5 s and 1 m windows vary by half, so they come
last. `GHSspd` follows the chips at once but is momentary. For rigs that report only `GHSspd` and `GHSavg` the average
is used; it does not hide a stop, because a rig that does not hash is exported as zero."""

FAN_KEYS: Final = ("Fan", "Fan1", "Fan2", "Fan3", "Fan4", "Fan5", "Fan6", "Fan7", "Fan8")
MIN_MEAN_WORKS: Final = 16  # per chip: from here a chip without work is dead, not unlucky (e**-16)
POSITIONS: Final = tuple(str(at) for at in range(64))  # hashboards of one module
MODEL_NAMES: Final = {"nano3": "Nano 3", "nano3s": "Nano 3S", "mini3": "Mini 3", "q": "Q"}


def _pools(replies: Replies, defects: list[Defect]) -> tuple[PoolSlot, ...]:
    return pools(replies.section("pools", "POOLS", defects), answered_at(replies.fields("pools", [])))


def decode(replies: Replies) -> Reading:
    """Return the reading of a rig from its answers; never raises."""
    defects: list[Defect] = []
    modules = modules_of(replies, "stats", defects) or modules_of(replies, "estats", defects)
    head = modules[0].fields if modules else Fields(None, "/stats", defects)
    summary = replies.first("summary", "SUMMARY", defects)
    version = replies.first("version", "VERSION", defects)
    hashrate = _hashrate(modules, summary, replies, defects)
    power, source = _power(modules)
    firmware = head.text("Ver")
    return Reading(
        driver=DRIVER.name,
        make="Avalon",
        model=_model(version, firmware),
        firmware="stock",
        firmware_version=firmware or version.text("VERSION", "LVERSION"),
        mac=_mac(version),
        serial=head.text("DNA") or version.text("DNA"),
        algorithm="sha256",
        uptime=_uptime(summary, head, replies),
        hashing=_hashing(modules, hashrate),
        hashrate=hashrate,
        hashrate_expected=_total(modules, "GHSmm", GH) or None,
        power=power,
        power_source=source,
        boards=tuple(_boards(modules)),
        fans=tuple(_fans(modules)),
        pools=replies.decode_once("pools", _pools, defects),
        shares=shares(summary or replies.first("devs", "DEVS", defects)),
        hardware_errors=_hardware_errors(modules, summary),
        temperature_inlet=hottest(modules, "Temp", "ITemp"),
        temperature_outlet=hottest(modules, "OTemp"),
        defects=tuple(defects),
    )


def _total(modules: list[AvalonModule], key: str, scale: float) -> float | None:
    """Return the sum of `key` over the modules; None if one of them does not report it."""
    values = [module.fields.number(key, scale=scale) for module in modules]
    known = [value for value in values if value is not None]
    return sum(known) if known and len(known) == len(values) else None


def _hashrate(
    modules: list[AvalonModule], summary: Fields, replies: Replies, defects: list[Defect]
) -> dict[str, float]:
    found = windows(summary)
    if not summary:
        for row in replies.section("devs", "DEVS", defects):
            for name, value in windows(row).items():
                found[name] = found.get(name, 0.0) + value
    realtime, average = _total(modules, "GHSspd", GH), _total(modules, "GHSavg", GH)
    if realtime is not None:
        found["realtime"] = realtime
    if average is not None:  # counted on the chips; `MHS av` is from shares
        found["avg"] = average
    return found


def _hashing(modules: list[AvalonModule], hashrate: dict[str, float]) -> bool | None:
    """Return whether the rig hashes: idle and soft-off rigs keep their averages, so only the momentary rate counts."""
    states = [module.fields.text("SYSTEMSTATU") or "" for module in modules]
    working = any("In Work" in state for state in states)
    off = any("SoftOFF" in m.fields and m.fields.text("SoftOFF") not in (None, "0") for m in modules)
    if not working and (off or any("In Idle" in state for state in states)):
        return False
    return is_hashing(hashrate)


def _power(modules: list[AvalonModule]) -> tuple[float | None, PowerSource | None]:
    """Return W: at the wall if the supply meters it (from A11), otherwise the supply's output (A10)."""
    wall = [m.fields.number("WALLPOWER") if "WALLPOWER" in m.fields else _psu(m, 6) for m in modules]
    known = [watts for watts in wall if watts is not None]
    if known and len(known) == len(wall):
        return sum(known), "measured"
    output = [watts for watts in (_psu(module, 4) for module in modules) if watts is not None]
    return (sum(output), "reported") if output and len(output) == len(modules) else (None, None)


def _psu(module: AvalonModule, at: int) -> float | None:
    supply = module.fields.raw.get("PS", ())
    if at >= len(supply):
        return None
    return Fields({"PS": supply[at]}, module.fields.path, module.fields.defects).number("PS")


def _boards(modules: list[AvalonModule]) -> Iterator[Hashboard]:
    index = 0
    for module in modules:
        fields = module.fields
        lists = (fields.raw.get(key, ()) for key in ("MGHS", "MTmax", "MH"))
        count = min(max(len(module.blocks), *map(len, lists)), len(POSITIONS))
        rates, errors, peaks = _list(fields, "MGHS"), _list(fields, "MH"), _list(fields, "MTmax")
        frequency = fields.number("Freq", scale=MHZ)
        for board in range(count):
            tokens = module.tokens("PVT_T", board)
            chip = (temperature(peaks, str(board)) if peaks else None) or _chip(fields, tokens, count)
            yield Hashboard(
                index=index,
                hashrate=rates.number(str(board), scale=GH),
                temperature_board=warmest(fields, "HBITemp", "HBOTemp") if count == 1 else None,
                temperature_chip=chip,
                chips=_chips(tokens, module.tokens("MW", board)),
                hardware_errors=errors.integer(str(board)),
                frequency=frequency,
            )
            index += 1


def _list(fields: Fields, key: str) -> Fields:
    """Return the list under `key` as a cursor whose keys are positions in the list."""
    items = dict(zip(POSITIONS, fields.raw.get(key, ()), strict=False))
    return Fields(items, f"{fields.path}/{key}", fields.defects)


def _chips(temperatures: list[str], works: list[str]) -> int | None:
    """Return how many chips answer: those with a temperature (from A10), otherwise those with work (A7 to A9)."""
    if temperatures:
        return (len(temperatures) - temperatures.count("0") - temperatures.count("-273")) or None
    if not works:
        return None
    idle = works.count("0")
    counts = [int(work) for work in works if work.isascii() and work.isdigit() and len(work) < 12]
    return len(works) - idle if sum(counts) >= MIN_MEAN_WORKS * len(works) else len(works)


def _chip(fields: Fields, tokens: list[str], boards: int) -> float | None:
    """Return the hottest chip without MTmax: from the chip list, otherwise from TMax of a one-board module."""
    degrees = [int(token) for token in tokens if token.isascii() and token.isdigit() and len(token) < 4]
    if degrees:
        return float(max(degrees)) or None
    return temperature(fields, "TMax") if boards == 1 else None


def _fans(modules: list[AvalonModule]) -> Iterator[Fan]:
    """Yield the fans: Fan1 is 0, and so is `Fan` of an A7 to A9 module; the next module continues from there."""
    first = 0
    for module in modules:
        keys = {max(at - 1, 0): key for at, key in enumerate(FAN_KEYS) if key in module.fields}
        for number, key in keys.items():
            rpm = module.fields.integer(key, high=MAX_RPM)
            if rpm is not None:
                yield Fan(index=first + number, rpm=rpm)
        first += max(keys, default=-1) + 1


def _hardware_errors(modules: list[AvalonModule], summary: Fields) -> int | None:
    counts = [module.fields.integer("HW") for module in modules]
    known = [count for count in counts if count is not None]
    return sum(known) if known and len(known) == len(counts) else summary.integer("Hardware Errors")


def _uptime(summary: Fields, head: Fields, replies: Replies) -> float | None:
    if "Elapsed" in summary:
        return summary.number("Elapsed")
    reply = replies.get("stats")
    rows = reply.get("STATS") if isinstance(reply, dict) else None
    row = Fields(rows[0], "/stats/STATS/0", summary.defects) if isinstance(rows, list) and rows else summary
    return row.number("Elapsed") if "Elapsed" in row else head.number("Elapsed")


def _mac(version: Fields) -> str | None:
    text = version.text("MAC")
    mac = mac_address(text)
    if text and mac is None:
        version.add_defect("MAC", text, "not a MAC address")
    return mac


def _model(version: Fields, firmware: str | None) -> str | None:
    """Return the model from MODEL or PROD in `version`, otherwise from the start of `Ver`."""
    text = version.text("MODEL") or version.text("PROD") or firmware
    return model_name(re.sub(r"(?i)^avalon *(?:miner)?[ _-]*", "", text)) if text else None


def model_name(text: str) -> str | None:
    """Return the model in "1246-83-21072802_4ec" (1246), "8411803-14b0" (841), "15-194-2410" (15-194), "nano3"."""
    parts = text.split("-")
    head = re.sub(r"(?i)^a(?=\d)", "", parts[0].strip())
    old = re.fullmatch(r"([789]\d\d)\d{4}", head)
    if old:
        return old[1]  # A7 to A9: one number holds the model and the build's year and month
    if len(parts) > 1 and re.fullmatch(r"\d\d", head) and re.fullmatch(r"\d{2,3}", parts[1]):
        return f"{head}-{parts[1]}"  # the A15 series: series and TH/s
    return MODEL_NAMES.get(head.lower().replace(" ", ""), head) or None


def matches(fingerprint: Fingerprint) -> bool:
    """Recognize an Avalon by its product name, or by an MM string in `stats` or `estats`."""
    replies = fingerprint.replies
    version = replies.first("version", "VERSION", [])
    if "avalon" in f"{version.text('PROD')} {version.text('MODEL')}".lower():
        return True
    rows = replies.section("stats", "STATS", []) + replies.section("estats", "STATS", [])
    return any(key.startswith("MM ID") for row in rows for key in row.raw)


DRIVER: Final = Driver(
    name="avalon",
    title="Avalon (A7 to A15, Nano 3, Mini 3, Q)",
    commands=COMMANDS,
    matches=matches,
    decode=decode,
    window_order=WINDOW_ORDER,
    tested_with=("1246, 21072802_4ec6bb0_211fc46",),
)
