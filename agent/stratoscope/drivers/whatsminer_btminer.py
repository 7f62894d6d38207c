"""Reads WhatsMiner rigs over BTMiner's API v1 and v2 (TCP 4028): M20 to M7x, firmware 2019 to 2025.

An answer has one of two shapes: CGMiner's {"STATUS":[..],"SUMMARY":[..]} and, in 2025 firmware, the flat
{"STATUS":"S","Msg":..}. Units: `MHS *` and `HS RT` are MH/s, `Factory GHS` GH/s, `Power` W, frequencies MHz.
"""

import re
from collections.abc import Iterator
from typing import Final

from stratoscope.drivers import whatsminer_codes
from stratoscope.drivers.driver import Command, Driver, Fingerprint, Replies
from stratoscope.drivers.mhs_sections import (
    MAX_RPM,
    answered_at,
    celsius,
    is_hashing,
    pools,
    shares,
    slot,
    windows,
)
from stratoscope.fields import Fields, mac_address
from stratoscope.reading import Defect, Fan, Fault, Hashboard, PoolSlot, PowerSource, Reading
from stratoscope.units import GH, MH, MHZ

COMMANDS: Final = (
    Command("summary", "summary"),
    Command("devs", "devs", required=False),
    Command("pools", "pools", every=2, required=False),
    Command("status", "status", every=12, required=False, joins=False),  # v1 has none
    Command("get_error_code", "get_error_code", every=4, required=False, joins=False),
    Command("devdetails", "devdetails", every=60, required=False, identity=True),
    Command("get_version", "get_version", every=60, required=False, identity=True, joins=False),
    Command("get_miner_info", "get_miner_info", every=60, required=False, identity=True, joins=False),
)

WINDOW_ORDER: Final = ("5m", "15m", "1m", "realtime", "5s", "avg")
"""Minutes first. `HS RT` counts the chips' own nonces, so it comes before the average, which hides a stop."""

MIN_HASHRATE: Final = 1 * GH
"""No WhatsMiner hashes slower than this: a lower value has another unit than the firmware's usual one."""

LIQUID: Final = re.compile(r"M\d[3-8](?!\d)")
"""M33, M53, M63 are water-cooled, M36, M56, M66 immersed: neither has fans, though firmwares report 0 rpm."""

MAX_METER_DEVIATION: Final = 0.1  # ratio of V × A


def is_liquid_cooled(model: str | None) -> bool:
    """Return whether the model name belongs to a rig without fans."""
    return bool(model and LIQUID.match(model))


def rows(replies: Replies, key: str, name: str, defects: list[Defect]) -> list[Fields]:
    """Return the rows of section `name`, from the CGMiner shape or from the flat `Msg` shape."""
    reply = replies.fields(key, defects)
    if name in reply:
        return reply.items(name)
    msg = reply.raw.get("Msg")
    if isinstance(msg, dict) and name in msg:
        return reply.child("Msg").items(name)
    return reply.items("Msg") if isinstance(msg, dict | list) else []


def message(replies: Replies, key: str, defects: list[Defect]) -> Fields:
    """Return the object in `Msg`; an empty one if `Msg` is text, as in v1's get_version."""
    reply = replies.fields(key, defects)
    msg = reply.raw.get("Msg")
    return Fields(msg if isinstance(msg, dict) else None, f"/{key}/Msg", defects)


def fans(row: Fields, keys: tuple[str, str], *, liquid: bool) -> tuple[Fan, ...]:
    """Return the intake (0) and outlet (1) fan; for a liquid-cooled rig only those that turn."""
    speeds = ((index, row.integer(key, high=MAX_RPM)) for index, key in enumerate(keys))
    return tuple(Fan(index=at, rpm=rpm) for at, rpm in speeds if rpm is not None and not (liquid and rpm == 0))


def _pools(replies: Replies, defects: list[Defect]) -> tuple[PoolSlot, ...]:
    return pools(rows(replies, "pools", "POOLS", defects), answered_at(replies.fields("pools", [])), first=1)


def decode(replies: Replies) -> Reading:
    """Return the reading of a rig from its answers; never raises."""
    defects: list[Defect] = []
    found = rows(replies, "summary", "SUMMARY", defects)
    summary = found[0] if found else Fields(None, "/summary", defects)
    version = message(replies, "get_version", defects)
    info = message(replies, "get_miner_info", defects)
    status = message(replies, "status", defects)
    model = _model(replies, defects)
    hashrate = _hashrate(summary)
    devices = [row for row in rows(replies, "devs", "DEVS", defects) if row]
    power, source = _power(summary)
    mac = summary.text("MAC") or info.text("mac")
    return Reading(
        driver=DRIVER.name,
        make="WhatsMiner",
        model=model,
        firmware="stock",
        firmware_version=_version(version, summary, status),
        mac=_mac(mac, summary),
        serial=info.text("minersn", "miner_sn", "miner-sn"),
        hostname=info.text("hostname"),
        algorithm="other" if model and model.startswith("D") else "sha256",  # the WhatsMiner D1 is not a SHA-256 rig
        uptime=summary.number("Elapsed"),
        hashing=_hashing(hashrate, status),
        hashrate=hashrate,
        hashrate_expected=_expected(summary, devices),
        power=power,
        power_source=source,
        boards=tuple(_boards(devices)),
        fans=fans(summary, ("Fan Speed In", "Fan Speed Out"), liquid=_is_liquid(model, summary)),
        pools=replies.decode_once("pools", _pools, defects),
        shares=shares(summary),
        hardware_errors=summary.integer("Hardware Errors"),
        temperature_inlet=celsius(summary, "Env Temp"),
        faults=_faults(replies, summary, defects),
        defects=tuple(defects),
    )


def _model(replies: Replies, defects: list[Defect]) -> str | None:
    for row in rows(replies, "devdetails", "DEVDETAILS", defects):
        text = row.text("Model")
        if text:
            return text
    return None


def _version(version: Fields, summary: Fields, status: Fields) -> str | None:
    # summary and status put it in quotes: "'20210109.22.REL'" (H6 boards, 2021)
    text = version.text("fw_ver") or summary.text("Firmware Version")
    text = text or status.text("FirmwareVersion", "Firmware Version")
    return text.strip("'\" ") or None if text else None


def _mac(text: str | None, row: Fields) -> str | None:
    mac = mac_address(text)
    if text and mac is None:
        row.add_defect("MAC", text, "not a MAC address")
    return mac


def _hashrate(summary: Fields) -> dict[str, float]:
    found = windows(summary)
    realtime = summary.number("HS RT", scale=MH)
    if realtime is not None:
        if 0.0 < realtime < MIN_HASHRATE:
            summary.add_defect("HS RT", summary.raw["HS RT"], "below the slowest WhatsMiner: not in MH/s")
        else:
            found["realtime"] = realtime
    return found


def _hashing(hashrate: dict[str, float], status: Fields) -> bool | None:
    if status.flag("mineroff", "btmineroff"):
        return False
    hashing = is_hashing(hashrate)
    if hashing is None and hashrate.get("avg") == 0.0:
        return False
    return hashing


def _expected(summary: Fields, devices: list[Fields]) -> float | None:
    factory = summary.number("Factory GHS", scale=GH)
    if factory is None and "Factory GHS" not in summary:
        parts = [row.number("Factory GHS", scale=GH) for row in devices]
        factory = sum(part for part in parts if part is not None) if parts and None not in parts else None
    return factory or None  # 0: the firmware does not know the model


def _power(summary: Fields) -> tuple[float | None, PowerSource | None]:
    """Return W and its source: "measured" if the supply's input meter (V × A) in the same answer agrees."""
    power = summary.number("Power", "Power_RT")
    if power is None:
        return None, None
    volts, amperes = summary.number("Power Voltage Input"), summary.number("Power Current Input")
    metered = volts * amperes if volts and amperes else None
    agrees = metered is not None and abs(metered - power) <= MAX_METER_DEVIATION * metered
    return power, "measured" if agrees else "reported"


def _boards(devices: list[Fields]) -> Iterator[Hashboard]:
    used: set[int] = set()
    for at, row in enumerate(devices):
        index = slot(row, at, used, "Slot", "ASC", "ID")
        if index is not None:
            yield Hashboard(
                index=index,
                hashrate=row.number("MHS 5m", "MHS 15m", "MHS 1m", "MHS av", scale=MH),
                temperature_board=celsius(row, "Temperature"),
                temperature_chip=celsius(row, "Chip Temp Max"),
                chips=row.integer("Effective Chips", high=65_535),
                hardware_errors=row.integer("Hardware Errors"),
                frequency=row.number("Chip Frequency", "Frequency", scale=MHZ),
            )


def _is_liquid(model: str | None, summary: Fields) -> bool:
    return is_liquid_cooled(model) or bool(summary.flag("Liquid Cooling"))


def _faults(replies: Replies, summary: Fields, defects: list[Defect]) -> tuple[Fault, ...] | None:
    faults = whatsminer_codes.listed_faults(message(replies, "get_error_code", defects), "error_code")
    return whatsminer_codes.counted_faults(summary) if faults is None else faults


def answers_as_btminer(replies: Replies) -> bool:
    """Return whether any answer has content that only BTMiner sends: flat get_version, driver names, summary fields."""
    version = replies.get("get_version")
    if isinstance(version, dict) and isinstance(version.get("STATUS"), str) and "Msg" in version:
        return True
    unread: list[Defect] = []
    for row in rows(replies, "devdetails", "DEVDETAILS", unread):
        if row.raw.get("Driver") == "bitmicro" or re.match(r"M\d\d", row.text("Model") or ""):
            return True
    found = rows(replies, "summary", "SUMMARY", unread)
    return any(key in row for row in found for key in ("Factory GHS", "HS RT", "Power_RT", "Btminer Fast Boot"))


def matches(fingerprint: Fingerprint) -> bool:
    """Recognize a WhatsMiner with API v1 or v2 by its own answers."""
    return answers_as_btminer(fingerprint.replies)


DRIVER: Final = Driver(
    name="whatsminer",
    title="WhatsMiner (BTMiner API v1, v2)",
    commands=COMMANDS,
    matches=matches,
    decode=decode,
    window_order=WINDOW_ORDER,
    tested_with=("M50-class, 20230803.11.REL (API 2.0.5)",),
)
