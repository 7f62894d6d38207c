"""Reads Auradine Teraflux rigs (FluxOS): CGMiner's API on TCP 4028, the rest over HTTP on 8080 with a bearer token.

FluxOS reports identity, fans, power supply, mode and chip temperatures only over HTTP and only after a login, so
they need configured credentials. `MHS *` are in MH/s; the power supply's values carry their unit: "58.94W".
"""

import re
from collections.abc import Iterator
from typing import Final

from stratoscope.drivers.driver import Command, Driver, Fingerprint, Login, LoginScheme, Replies, Via
from stratoscope.drivers.mhs_sections import (
    MAX_CELSIUS,
    MAX_RPM,
    MIN_CELSIUS,
    answered_at,
    celsius,
    is_hashing,
    pools,
    shares,
    slot,
    windows,
)
from stratoscope.fields import Fields, mac_address
from stratoscope.reading import Defect, Fan, Hashboard, PoolSlot, Reading
from stratoscope.units import KILOWATT, MH, MHZ, MILLI, TH

WEB_PORT: Final = 8080


def _web(verb: str, every: int, *, identity: bool = False) -> Command:
    return Command(verb, f"/{verb}", Via.HTTP, every=every, required=False, identity=identity, port=WEB_PORT)


COMMANDS: Final = (
    Command("summary", "summary"),
    Command("devs", "devs", required=False),
    Command("pools", "pools", every=2, required=False),
    Command("devdetails", "devdetails", every=60, required=False, identity=True),
    _web("psu", 1),
    _web("mode", 2),
    _web("fan", 2),
    _web("temperature", 2),
    _web("frequency", 6),  # hundreds of chips
    _web("ipreport", 60, identity=True),
)

WINDOW_ORDER: Final = ("5m", "15m", "1m", "avg", "5s")
"""Minutes first: FluxOS calculates its windows from shares, too few in 5 s; the average hides a stop."""

POWER_TEXT: Final = re.compile(r"\s*([+-]?\d{1,12}(?:\.\d{0,12})?)\s*(mW|W|kW)\s*", re.IGNORECASE)
MAX_SENSORS: Final = 512  # per hashboard
MAX_FREQUENCY_MHZ: Final = 10_000.0
WATTS: Final = {"mw": MILLI, "w": 1.0, "kw": KILOWATT}


def _pools(replies: Replies, defects: list[Defect]) -> tuple[PoolSlot, ...]:
    return pools(replies.section("pools", "POOLS", defects), answered_at(replies.fields("pools", [])))


def decode(replies: Replies) -> Reading:
    """Return the reading of a rig from its answers; never raises."""
    defects: list[Defect] = []
    summary = replies.first("summary", "SUMMARY", defects)
    report = replies.first("ipreport", "IPReport", defects)
    mode = replies.first("mode", "Mode", defects)
    hashrate = windows(summary)
    asleep = mode.flag("Sleep")
    power = _power(replies, defects)
    return Reading(
        driver=DRIVER.name,
        make="Auradine",
        model=report.text("model") or _model(replies, defects),
        firmware="stock",
        firmware_version=report.text("version") or _build(replies),
        mac=_mac(report),
        serial=report.text("SerialNo"),
        hostname=report.text("hostname"),
        algorithm="sha256",
        uptime=summary.number("Elapsed"),
        hashing=False if asleep else is_hashing(hashrate),
        hashrate=hashrate,
        hashrate_expected=None if asleep else mode.number("Ths", scale=TH) or None,
        power=power,
        power_source=None if power is None else "measured",
        boards=tuple(_boards(replies, defects)),
        fans=tuple(_fans(replies.section("fan", "Fan", defects))),
        pools=replies.decode_once("pools", _pools, defects),
        shares=shares(summary),
        hardware_errors=summary.integer("Hardware Errors"),
        defects=tuple(defects),
    )


def _build(replies: Replies) -> str | None:
    """Return the build in every Description: "FluxOS-2024-06.11-d37c5dd4", earlier "GCMiner-2023-05.24-…"."""
    for row in replies.section("summary", "STATUS", []):
        text = row.text("Description")
        if text and text.startswith(("FluxOS-", "GCMiner-")):
            return text
    return None


def _model(replies: Replies, defects: list[Defect]) -> str | None:
    for row in replies.section("devdetails", "DEVDETAILS", defects):
        text = row.text("Model")
        if text:
            return text
    return None


def _mac(report: Fields) -> str | None:
    text = report.text("mac")
    mac = mac_address(text)
    if text and mac is None:
        report.add_defect("mac", text, "not a MAC address")
    return mac


def _watts(row: Fields, key: str) -> float | None:
    """Return a power in W, written as a number or with its unit: 58.94, "58.94W", "3.2 kW"."""
    value = row.raw.get(key)
    if not isinstance(value, str):
        return row.number(key)
    found = POWER_TEXT.fullmatch(value[:64])
    if found is None:
        return row.number(key)
    watts = float(found[1]) * WATTS[found[2].lower()]
    if watts < 0.0:
        row.add_defect(key, value, "outside 0..inf")
        return None
    return watts


def _power(replies: Replies, defects: list[Defect]) -> float | None:
    """Return the input power of all supplies in W, from their meters; None if one of them does not report it."""
    values = [_watts(row, "PowerIn") for row in replies.section("psu", "PSU", defects)]
    known = [value for value in values if value is not None]
    return sum(known) if known and len(known) == len(values) else None


def _boards(replies: Replies, defects: list[Defect]) -> Iterator[Hashboard]:
    rows = [row for row in replies.section("devs", "DEVS", defects) if row]
    temperatures = _by_board(replies.section("temperature", "Temperature", defects))
    frequencies = _by_board(replies.section("frequency", "Frequency", defects))
    first = _first(rows)
    used: set[int] = set()
    for at, row in enumerate(rows):
        index = slot(row, at, used, "ID", "DEV", first=first)
        if index is None:
            continue
        pcb = _sensors(temperatures.get(index), "BoardTemp", "Temperature", MIN_CELSIUS, MAX_CELSIUS)
        chips = _sensors(temperatures.get(index), "ChipTemp", "Temperature", MIN_CELSIUS, MAX_CELSIUS)
        clocks = _sensors(frequencies.get(index), "ChipFrequency", "Frequency", 0.0, MAX_FREQUENCY_MHZ)
        yield Hashboard(
            index=index,
            hashrate=row.number("MHS 5m", "MHS 15m", "MHS 1m", "MHS av", "MHS 5s", scale=MH),
            temperature_board=max(pcb) if pcb else celsius(row, "Temperature"),
            temperature_chip=max(chips) if chips else None,
            hardware_errors=row.integer("Hardware Errors"),
            frequency=sum(clocks) / len(clocks) * MHZ if clocks else None,
        )


def _first(rows: list[Fields]) -> int:
    """Return the number of the first hashboard slot: 1, because 0 is the control board, unless a board has number 0."""
    return 0 if any(row.raw.get("ID", row.raw.get("DEV")) == 0 for row in rows) else 1


def _by_board(rows: list[Fields]) -> dict[int, Fields]:
    """Return the rows with the name "Hash Board n" by 0-based slot."""
    found: dict[int, Fields] = {}
    for row in rows:
        digits = (row.text("Name") or "").lower().removeprefix("hash board ")
        if digits.isascii() and digits.isdigit() and 0 < len(digits) < 4 and int(digits) > 0:
            found.setdefault(int(digits) - 1, row)
    return found


def _sensors(row: Fields | None, key: str, name: str, low: float, high: float) -> list[float]:
    """Return `name` of every item under `key` within [low, high]; a plain float skips `Fields`: there are hundreds."""
    items = row.raw.get(key) if row else None  # null where a board has none
    if row is None or items is None:
        return []
    if not isinstance(items, list):
        row.add_defect(key, items, "not a list")
        return []
    found = []
    for at, item in enumerate(items[:MAX_SENSORS]):
        value = item.get(name) if type(item) is dict else None
        if type(value) is not float or not low <= value <= high:
            value = Fields(item, f"{row.path}/{key}/{at}", row.defects).number(name, low=low, high=high)
        if value is not None:
            found.append(value)
    return found


def _fans(rows: list[Fields]) -> Iterator[Fan]:
    used: set[int] = set()
    first = _first(rows)
    for at, row in enumerate(rows):
        index = slot(row, at, used, "ID", first=first)
        rpm = row.integer("Speed", high=MAX_RPM)
        if index is not None and rpm is not None:
            yield Fan(index=index, rpm=rpm)


def _is_fluxos(reply: object) -> bool:
    status = reply.get("STATUS") if isinstance(reply, dict) else None
    row = status[0] if isinstance(status, list) and status else None
    text = row.get("Description") if isinstance(row, dict) else None
    return isinstance(text, str) and text.startswith(("FluxOS", "GCMiner"))


def matches(fingerprint: Fingerprint) -> bool:
    """Recognize FluxOS by the Description of its answers or by the driver name of its devices."""
    replies = fingerprint.replies
    if any(_is_fluxos(reply) for reply in replies.values()):
        return True
    if "GCMiner" in replies.first("version", "VERSION", []):
        return True
    return any(row.raw.get("Driver") == "FluxOS" for row in replies.section("devdetails", "DEVDETAILS", []))


DRIVER: Final = Driver(
    name="auradine",
    title="Auradine Teraflux (FluxOS)",
    commands=COMMANDS,
    matches=matches,
    decode=decode,
    window_order=WINDOW_ORDER,
    login=Login(
        LoginScheme.BEARER,
        path="/token",
        body={"command": "token", "user": "{user}", "password": "{password}"},
        token="Token.0.Token",  # noqa: S106 — a path in an answer, not a secret
        header="Token",
        prefix="",
        port=WEB_PORT,
    ),
    tested_with=("AT1500, FluxOS 2023-12.27",),
)
