"""Reads rigs on ePIC PowerPlay / UMC firmware (Antminer S17, S19, S21 ..., ePIC BlockMiner): HTTP JSON on port 4028.

Identification uses the page "/" on port 80 (title "Miner Web Dashboard"), or "/summary" on port 4028 (an object with
"Software", "Session" and "HBs"). Port 4028 has no CGMiner protocol: a `version` command gets an HTTP error.
Seen: Antminer S19 XP, PowerPlay-BMS 1.5.13. /summary also holds stratum passwords; this driver never reads them.
"""

import re
from typing import Any, Final

from stratoscope.drivers.driver import Command, Driver, Fingerprint, Replies, Via, WebPage
from stratoscope.fields import Fields, mac_address
from stratoscope.reading import Algorithm, Defect, Fan, Fault, Hashboard, PoolSlot, PowerSource, Reading, Shares
from stratoscope.units import MH, MHZ

PORT: Final = 4028

COMMANDS: Final = (
    Command("summary", "/summary", via=Via.HTTP, port=PORT),
    Command("temps", "/temps", via=Via.HTTP, port=PORT, every=2, required=False),
    Command("chip_temps", "/temps/chip", via=Via.HTTP, port=PORT, every=6, required=False),
    Command("chip_hashrates", "/hashrate", via=Via.HTTP, port=PORT, every=12, required=False),
    Command("network", "/network", via=Via.HTTP, port=PORT, every=60, required=False, identity=True),
    Command("capabilities", "/capabilities", via=Via.HTTP, port=PORT, every=60, required=False, identity=True),
)

STOPPED: Final = frozenset({"idling", "idle", "stopped", "stopping", "paused", "suspended", "coolingdown", "error"})
VERSION: Final = re.compile(r"\bv?(\d+\.[\w.+-]+)$")
MAKES: Final = (("antminer", "Antminer"), ("whatsminer", "WhatsMiner"), ("avalonminer", "Avalon"), ("avalon", "Avalon"))
ALGORITHMS: Final[dict[str, Algorithm]] = {
    "sha256": "sha256",
    "sha256d": "sha256",
    "scrypt": "scrypt",
    "x11": "x11",
    "blake2s": "blake2s",
    "kheavyhash": "kheavyhash",
    "eaglesong": "eaglesong",
    "equihash": "equihash",
}


def matches(fingerprint: Fingerprint) -> bool:
    """Recognize ePIC's firmware by its landing page or its summary."""
    root = fingerprint.pages.get("/")
    if root is not None and "miner web dashboard" in root.body.lower():
        return True
    return _is_summary(fingerprint.pages.get("/summary"))


def _is_summary(page: WebPage | None) -> bool:
    answer = page.json if page is not None else None
    return isinstance(answer, dict) and "Software" in answer and ("Session" in answer or "HBs" in answer)


def decode(replies: Replies) -> Reading:
    """Return the reading; hashrates are in MH/s, clocks in MHz, board voltages in V; never raises."""
    defects: list[Defect] = []
    summary = replies.fields("summary", defects)
    session = summary.child("Session")
    make, model = _model(replies.fields("capabilities", defects).text("Model"))
    software = summary.text("Software")
    version = VERSION.search(software) if software else None
    rates, expected = _hashrate(summary, session)
    power, source = _power(summary)
    accepted, rejected = session.integer("Accepted"), session.integer("Rejected")
    return Reading(
        driver="epic",
        make=make,
        model=model,
        firmware="epic",
        firmware_version=version.group(1) if version else software,
        mac=_mac(replies.get("network")),
        hostname=summary.text("Hostname"),
        algorithm=_algorithm(summary.child("Mining").text("Algorithm")),
        uptime=session.number("Uptime"),
        hashing=_hashing(summary, rates.get("realtime")),
        hashrate=rates,
        hashrate_expected=expected,
        power=power,
        power_source=source,
        boards=tuple(_boards(summary, replies)),
        fans=tuple(_fans(summary)),
        pools=tuple(_pools(summary, session)),
        shares=Shares(accepted=accepted, rejected=rejected),
        faults=_faults(summary),
        defects=tuple(defects),
    )


def _model(name: str | None) -> tuple[str | None, str | None]:
    if name is None:
        return None, None
    first, _, rest = name.partition(" ")
    for word, make in MAKES:
        if first.lower() == word:
            return make, rest or None
    if re.match(r"[ST]\d", name):  # "S19J PRO" without a brand
        return "Antminer", name
    return ("ePIC", name) if "blockminer" in name.lower() else (None, name)


def _mac(network: Any) -> str | None:
    """Return the MAC; `network` is {"dhcp": {...}} or {"static": {...}}."""
    for part in network.values() if isinstance(network, dict) else ():
        found = mac_address(part.get("mac_address")) if _has_mac(part) else None
        if found:
            return found
    return None


def _has_mac(part: Any) -> bool:
    return isinstance(part, dict) and isinstance(part.get("mac_address"), str)


def _algorithm(name: str | None) -> Algorithm | None:
    return None if name is None else ALGORITHMS.get(name.lower().replace("-", ""), "other")


def _hashrate(summary: Fields, session: Fields) -> tuple[dict[str, float], float | None]:
    """Return windows → H/s and the expected H/s: each board sends [MH/s, % of what its clocks allow, % error]."""
    rates, total, expected = {}, 0.0, 0.0
    rows = summary.items("HBs", limit=16)
    for row in rows:
        parts = row.numbers("Hashrate", limit=3)
        if not parts or parts[0] is None:
            total = expected = -1.0  # one unknown board makes the sum unknown
            break
        total += parts[0] * MH
        percent = parts[1] if len(parts) > 1 else None
        expected = expected + parts[0] * MH * 100 / percent if percent and expected >= 0 else -1.0
    if rows and total >= 0:
        rates["realtime"] = total
    average = session.number("Average MHs", scale=MH)
    if average is not None:
        rates["avg"] = average
    return rates, expected if rows and expected > 0 else None


def _hashing(summary: Fields, momentary: float | None) -> bool | None:
    state = (summary.child("Status").text("Operating State") or "").lower()
    if state in STOPPED or momentary == 0:
        return False
    if momentary:
        return True
    return True if state == "mining" else None


def _power(summary: Fields) -> tuple[float | None, PowerSource | None]:
    psu = summary.child("Power Supply Stats")
    power = psu.number("Input Power")
    if not power:  # 0.0: the supply does not report it
        return None, None
    metered = psu.number("Input Current") and psu.number("Input Voltage")
    return power, "measured" if metered else "reported"  # without current and voltage the firmware calculates it


def _per_board(answer: Any) -> dict[int, list[Any]]:
    """Return board index → Data of an answer such as [{"Index": 1, "Data": [...]}]."""
    rows = answer if isinstance(answer, list) else []
    found = {}
    for row in rows[:16]:
        if isinstance(row, dict) and type(row.get("Index")) is int and isinstance(row.get("Data"), list):
            found[row["Index"]] = row["Data"]
    return found


def _celsius(values: list[Any]) -> float | None:
    if not any(values):  # 0.0: a chip without a sensor (S19 XP, 1.5.13)
        return None
    sane = [float(value) for value in values if type(value) in (int, float) and -40 <= value <= 200 and value != 0]
    return max(sane) if sane else None


def _answering(values: list[Any]) -> int | None:
    """Return how many chips hash; each chip sends [MH/s, % of expected, % error]."""
    try:
        return len([value for value in values if value[0] > 0]) if values else None
    except (TypeError, IndexError, KeyError):  # a chip in another shape: the count would be a guess
        return None


def _boards(summary: Fields, replies: Replies) -> list[Hashboard]:
    temps = _per_board(replies.get("temps"))
    chip_temps = _per_board(replies.get("chip_temps"))
    chip_rates = _per_board(replies.get("chip_hashrates"))
    boards = []
    for at, row in enumerate(summary.items("HBs", limit=16)):
        number = row.integer("Index", high=255)
        index = at if number is None else number
        rate = (row.numbers("Hashrate", limit=3) or [None])[0]
        own = row.number("Temperature", low=-40, high=200)
        boards.append(
            Hashboard(
                index=index,
                hashrate=None if rate is None else rate * MH,
                temperature_board=_celsius([*temps.get(index, []), own]),
                temperature_chip=_celsius(chip_temps.get(index, [])),
                chips=_answering(chip_rates.get(index, [])),
                frequency=row.number("Core Clock Avg", scale=MHZ) or None,
                voltage=row.number("Input Voltage") or None,
            )
        )
    return boards


def _fans(summary: Fields) -> list[Fan]:
    speeds = summary.child("Fans Rpm")
    fans = []
    for at in range(12):
        key = f"Fans Speed {at + 1}"
        rpm = speeds.integer(key, high=60_000) if key in speeds else None  # null: not fitted; 0: stopped
        if rpm is not None:
            fans.append(Fan(index=at, rpm=rpm))
    return fans


def _pools(summary: Fields, session: Fields) -> list[PoolSlot]:
    stratum = summary.child("Stratum")
    connected, using = stratum.flag("IsPoolConnected"), stratum.integer("Config Id", high=255)
    configs = summary.items("StratumConfigs", limit=16)
    if using is None and len(configs) == 1:
        using = 0
    slots = []
    for at, config in enumerate(configs):
        used = using == at  # the session counts the shares of the pool in use
        slots.append(
            PoolSlot(
                index=at,
                url=config.text("pool"),
                user=(stratum.text("Current User") if used else None) or config.text("login"),
                alive=connected if used else None,
                active=None if using is None else used and connected,
                accepted=session.integer("Accepted") if used else None,
                rejected=session.integer("Rejected") if used else None,
                last_share_seconds_ago=session.number("Last Accepted Share Timer") if used else None,
            )
        )
    return [slot for slot in slots if slot.url]


def _faults(summary: Fields) -> tuple[Fault, ...] | None:
    """Return the last error while the rig is not mining; when it mines again the error is resolved."""
    status = summary.child("Status")
    if "Last Error" not in status:
        return None
    error = status.text("Last Error")
    mining = (status.text("Operating State") or "").lower() == "mining"
    return (Fault(code="last_error", message=error),) if error and not mining else ()


DRIVER: Final = Driver(
    name="epic",
    title="ePIC PowerPlay",
    commands=COMMANDS,
    matches=matches,
    decode=decode,
    window_order=("realtime", "avg"),
    tested_with=("Antminer S19 XP, PowerPlay-BMS 1.5.13",),
)
"""The canonical hashrate of ePIC's firmware is the sum of its boards, which it smooths itself: the session's average
hides a stop for hours."""
