"""Reads Elphapex scrypt rigs (DG1, DG1+, DG-Home1, DG2 ...; stock firmware) over their HTTP CGI pages.

Identification uses the page "/" (401 with realm "Daoge Miner"), otherwise /cgi-bin/get_system_info.cgi or
/cgi-bin/summary.cgi ("minertype" / INFO.type "DG..").
Seen: DG-Home1 V1.0.5 (stopped) and DG1+ V1.0.2 (running). Ignored because the values are not what the names say:
chain `hw` (equals the chip count), `hw_all` (equals rate_avg), `temp_pcb` (the same constants on every board, fitted
or not), pool `diffa` (the last share, not a sum), `freq_avg` (no unit), get_power's `power_output` (PSU output).
"""

import re
from typing import Final

from stratoscope.drivers.driver import Command, Driver, Fingerprint, Login, LoginScheme, Replies, Via
from stratoscope.fields import Fields, mac_address
from stratoscope.reading import Algorithm, Defect, Fan, Fault, Hashboard, PoolSlot, Reading
from stratoscope.units import HASH_UNITS, MH, MILLI

COMMANDS: Final = (
    Command("summary", "/cgi-bin/summary.cgi", via=Via.HTTP),
    Command("stats", "/cgi-bin/stats.cgi", via=Via.HTTP),
    Command("pools", "/cgi-bin/pools.cgi", via=Via.HTTP, every=2, required=False),
    Command("system", "/cgi-bin/get_system_info.cgi", via=Via.HTTP, every=60, required=False, identity=True),
)

WINDOWS: Final = (("5s", "rate_5s"), ("15m", "rate_15m"), ("30m", "rate_30m"), ("avg", "rate_avg"))
VERSION: Final = re.compile(r"V(\d[\w.]*)$")
ALGORITHMS: Final[dict[str, Algorithm]] = {"scrypt": "scrypt", "sha256": "sha256", "x11": "x11"}


def matches(fingerprint: Fingerprint) -> bool:
    """Recognize an Elphapex by the realm of its login, or by its model name."""
    root = fingerprint.pages.get("/")
    if root is not None and "daoge" in str(root.headers.get("www-authenticate", "")).lower():
        return True
    if root is not None and "elphapex" in root.body.lower():
        return True
    for path in ("/cgi-bin/get_system_info.cgi", "/cgi-bin/summary.cgi", "/cgi-bin/stats.cgi"):
        page = fingerprint.pages.get(path)
        answer = Fields(page.json if page is not None else None)
        model = answer.text("minertype") or answer.child("INFO").text("type")
        if model is not None and model.upper().startswith("DG"):
            return True
    return False


def decode(replies: Replies) -> Reading:
    """Return the reading; rates carry their unit ("MH/s"), chip temperatures are milli-degrees; never raises."""
    defects: list[Defect] = []
    stats = replies.first("stats", "STATS", defects)
    summary = replies.first("summary", "SUMMARY", defects)
    about = replies.fields("stats" if "stats" in replies else "summary", defects).child("INFO")
    system = replies.fields("system", defects)
    rates = _hashrate(summary) or _hashrate(stats)
    uptime = summary.number("elapsed")
    version = about.text("miner_version") or system.text("system_filesystem_version")
    found = VERSION.search(version) if version else None
    return Reading(
        driver="elphapex",
        make="Elphapex",
        model=about.text("type") or system.text("minertype"),
        firmware="stock",
        firmware_version=found.group(1) if found else version,
        mac=mac_address(system.text("macaddr")),
        serial=about.text("dev_sn"),
        hostname=system.text("hostname"),
        algorithm=ALGORITHMS.get((system.text("Algorithm") or "scrypt").lower().replace("-", ""), "other"),
        uptime=stats.number("elapsed") if uptime is None else uptime,
        hashing=_hashing(rates),
        hashrate=rates,
        hashrate_expected=_rate(stats, "rate_ideal") or _rate(summary, "rate_ideal") or None,
        boards=tuple(_boards(stats)),
        fans=tuple(_fans(stats)),
        pools=tuple(_pools(replies, defects)),
        faults=_faults(summary),
        defects=tuple(defects),
    )


def _scale(row: Fields) -> float | None:
    unit = row.text("rate_unit")
    if unit is None:
        return MH  # every DG firmware seen counts in MH/s
    factor = HASH_UNITS.get(unit.upper())
    if factor is None:
        row.add_defect("rate_unit", unit, "unknown hashrate unit")
    return factor


def _rate(row: Fields, key: str) -> float | None:
    factor = _scale(row)
    return None if factor is None else row.number(key, scale=factor)


def _hashrate(row: Fields) -> dict[str, float]:
    factor = _scale(row)
    if factor is None:
        return {}
    rates = {}
    for window, key in WINDOWS:
        rate = row.number(key, scale=factor)
        if rate is not None:
            rates[window] = rate
    if rates.get("30m") == 0 and rates.get("15m"):
        del rates["30m"]  # always 0 on DG1+ V1.0.2
    return rates


def _hashing(rates: dict[str, float]) -> bool | None:
    short = [rates[window] for window in ("5s", "15m") if window in rates]
    if not short:
        return None
    if short[0] > 0:
        return True
    return None if any(short) else False


def _boards(stats: Fields) -> list[Hashboard]:
    factor = _scale(stats)
    boards = []
    for at, chain in enumerate(stats.items("chain", limit=16)):
        chips = chain.integer("asic_num", high=10_000)
        if not chips and not chain.text("sn"):
            continue  # an empty slot: the firmware always lists four
        index = chain.integer("index", high=255)
        boards.append(
            Hashboard(
                index=at if index is None else index,
                hashrate=None if factor is None else chain.number("rate_real", "hashrate", scale=factor),
                temperature_chip=_hottest(chain),
                chips=chips,
            )
        )
    return boards


def _hottest(chain: Fields) -> float | None:
    # Sent as "47125"; missing sensors are "". Values below 1000 are whole degrees.
    values = [value for value in chain.numbers("temp_chip", limit=16) if value]
    if not values:
        return None
    hottest = max(values)
    return hottest * MILLI if abs(hottest) >= 1000 else hottest


def _fans(stats: Fields) -> list[Fan]:
    speeds = stats.numbers("fan", limit=16)
    return [Fan(index=at, rpm=int(rpm)) for at, rpm in enumerate(speeds) if rpm is not None and 0 <= rpm < 60_000]


def _pools(replies: Replies, defects: list[Defect]) -> list[PoolSlot]:
    slots = []
    for at, row in enumerate(replies.section("pools", "POOLS", defects)):
        index = row.integer("index", high=255)
        status = (row.text("status") or "").lower()
        slots.append(
            PoolSlot(
                index=at if index is None else index,
                url=row.text("url"),
                user=row.text("user"),
                alive=True if status == "alive" else False if status in ("unreachable", "dead") else None,
                accepted=row.integer("accepted"),
                rejected=row.integer("rejected"),
                stale=row.integer("stale"),
            )
        )
    return [slot for slot in slots if slot.url]


def _faults(summary: Fields) -> tuple[Fault, ...] | None:
    if "status" not in summary:
        return None
    faults = []
    for row in summary.items("status"):
        if row.raw.get("code") == 0 and row.raw.get("msg") == "" and row.raw.get("status") in ("", "s"):
            continue
        code = row.integer("code", low=-(2**31))
        message = row.text("msg")
        bad = (row.text("status") or "s").lower() not in ("s", "i")
        if code or message or bad:
            faults.append(Fault(code=code or 0, component=row.text("type"), message=message))
    return tuple(faults)


DRIVER: Final = Driver(
    name="elphapex",
    title="Elphapex (stock)",
    commands=COMMANDS,
    matches=matches,
    decode=decode,
    window_order=("15m", "30m", "avg", "5s"),
    login=Login(LoginScheme.DIGEST),
    tested_with=("DG-Home1, 1.0.5", "DG1+, 1.0.2"),
)
"""Elphapex on stock firmware; the canonical hashrate is the 15-minute window."""
