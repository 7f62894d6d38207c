"""Maps WhatsMiner's error codes to their meanings, and reads every shape in which firmwares list them.

Meanings are those of the vendor's error list (2021 to 2025 firmware); a code that is not in it has no meaning here.
"""

from typing import Any, Final

from stratoscope.fields import Fields, clean_text
from stratoscope.reading import Fault

MAX_FAULTS: Final = 64

PER_BOARD: Final = {
    30: "temperature sensor not detected",
    32: "temperature not readable",
    35: "temperature protection",
    41: "EEPROM not detected",
    42: "EEPROM content invalid",
    43: "chip bin in EEPROM invalid",
    44: "chip count in EEPROM invalid",
    45: "EEPROM transfer failed",
    51: "made for another model",
    52: "bin type does not match",
    53: "not found",
    54: "chip id not readable",
    55: "bad chips",
    56: "voltage balance lost",
    507: "water velocity abnormal",
    511: "frequency ramp timed out",
}
"""Code without its last digit → meaning; the last digit is the hashboard's slot, 0 to 3."""

CODES: Final[dict[int, tuple[str, str]]] = {
    110: ("fan in", "no speed detected"),
    111: ("fan out", "no speed detected"),
    120: ("fan in", "speed is off by more than 2000 rpm"),
    121: ("fan out", "speed is off by more than 2000 rpm"),
    130: ("fan in", "speed is off by more than 3000 rpm"),
    131: ("fan out", "speed is off by more than 3000 rpm"),
    140: ("fan", "speed is too high"),
    200: ("psu", "no power supply found"),
    201: ("psu", "power supply does not match the configuration"),
    202: ("psu", "output voltage error"),
    203: ("psu", "protection tripped"),
    204: ("psu", "current protection tripped"),
    205: ("psu", "current error"),
    206: ("psu", "input voltage is low"),
    207: ("psu", "input current protection tripped"),
    210: ("psu", "error state"),
    213: ("psu", "input voltage and current do not match the power"),
    216: ("psu", "power unchanged for a long time"),
    217: ("psu", "could not be enabled"),
    218: ("psu", "input below 230 V, too low for high power mode"),
    239: ("psu", "output overvoltage protection"),
    240: ("psu", "output undervoltage protection"),
    241: ("psu", "output current imbalance"),
    253: ("psu", "fan error"),
    254: ("psu", "fan error"),
    255: ("psu", "output overpower protection"),
    256: ("psu", "output overpower protection"),
    257: ("psu", "primary side overcurrent protection"),
    263: ("psu", "communication warning"),
    264: ("psu", "communication error"),
    267: ("psu", "watchdog protection"),
    268: ("psu", "output overcurrent protection"),
    269: ("psu", "input overcurrent protection"),
    270: ("psu", "input overvoltage protection"),
    271: ("psu", "input undervoltage protection"),
    272: ("psu", "output power is too high"),
    273: ("psu", "input power is too high"),
    274: ("psu", "fan warning"),
    275: ("psu", "over temperature warning"),
    329: ("control board", "temperature sensor does not answer"),
    360: ("hashboard", "overheating"),
    600: ("environment", "temperature is high"),
    610: ("environment", "too hot for high power mode, back to normal"),
    701: ("control board", "chip not supported"),
    710: ("control board", "restarted unexpectedly"),
    712: ("control board", "restarted unexpectedly"),
    800: ("firmware", "checksum error in the miner program"),
    801: ("firmware", "checksum error in the system monitor"),
    802: ("firmware", "checksum error in the remote daemon"),
    2000: ("pool", "no pool is configured"),
    2010: ("pool", "all pools are disabled"),
    2020: ("pool 0", "connection failed"),
    2021: ("pool 1", "connection failed"),
    2022: ("pool 2", "connection failed"),
    2030: ("pool", "high rejection rate"),
    2040: ("pool", "version rolling is not supported"),
    2310: ("hashrate", "too low"),
    2320: ("hashrate", "too low"),
    2340: ("hashrate", "loss is too high"),
    2350: ("hashrate", "loss is too high"),
    8410: ("firmware", "made for another model series"),
    100001: ("firmware", "signature check failed"),
    100002: ("firmware", "start-up files were altered"),
    100003: ("firmware", "program files were altered"),
    **dict.fromkeys(range(233, 236), ("psu", "output over temperature protection")),
    **dict.fromkeys(range(236, 239), ("psu", "output overcurrent protection")),
    **dict.fromkeys(range(243, 246), ("psu", "input over temperature protection")),
    **dict.fromkeys(range(246, 248), ("psu", "input overcurrent protection")),
    **dict.fromkeys(range(248, 250), ("psu", "input overvoltage protection")),
    **dict.fromkeys(range(250, 252), ("psu", "input undervoltage protection")),
}
"""Code → component and meaning, for codes without a hashboard."""


def fault(code: int, reason: str | None = None) -> Fault:
    """Return the fault for `code`; `reason` is the firmware's own text, if it sends one."""
    known = CODES.get(code)
    if known is not None:
        return Fault(code=code, component=known[0], message=reason or known[1])
    family, board = divmod(code, 10)
    meaning = PER_BOARD.get(family) if board < 4 else None
    if meaning is not None:
        return Fault(code=code, component=f"hashboard {board}", message=reason or meaning)
    return Fault(code=code, message=reason)


def listed_faults(row: Fields, key: str) -> tuple[Fault, ...] | None:
    """Return the faults under `key`: () if the list is empty, None if it is missing or not a list.

    Known shapes: [{"218": time}], [{"264": time, "reason": text}], ["329", "540"], [329], and {"218": time}, which is
    what the JSON repair makes of 2.0.4's list-shaped object.
    """
    value = row.raw.get(key)
    if isinstance(value, dict):
        value = [value]
    if not isinstance(value, list):
        if value not in (None, ""):
            row.add_defect(key, value, "not a list of error codes")
        return None
    found: dict[int, Fault] = {}
    for item in value[:MAX_FAULTS]:
        _collect(row, key, item, found)
    return tuple(found.values())


def _collect(row: Fields, key: str, item: Any, found: dict[int, Fault]) -> None:
    reason = item.get("reason") if isinstance(item, dict) else None
    text = clean_text(reason) if isinstance(reason, str) else None
    known = len(found)
    for name in item if isinstance(item, dict) else (item,):
        code = _code(name)
        if code is not None and len(found) < MAX_FAULTS:
            found.setdefault(code, fault(code, text or None))
            known = -1
    if known == len(found) and item not in ({}, 0, "0", ""):
        row.add_defect(key, item, "contains no error code")


def _code(value: Any) -> int | None:
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= 9:
        value = int(value)
    return value if type(value) is int and 0 < value < 10**9 else None


def counted_faults(row: Fields) -> tuple[Fault, ...] | None:
    """Return the faults of a v1 summary: "Error Code 0", "Error Code 1", …, as many as "Error Code Count"."""
    count = row.integer("Error Code Count", high=MAX_FAULTS)
    if count is None:
        return None
    codes = (row.integer(f"Error Code {at}", low=1, high=10**9) for at in range(count))
    return tuple(fault(code) for code in dict.fromkeys(codes) if code is not None)
