"""Decodes the sections that every CGMiner descendant has: SUMMARY rates and shares, POOLS, VERSION.

Field meanings: CGMiner's API-README (4.11), BFGMiner's README.RPC (5.5) and answers of the firmwares named below.
"""

import re
from typing import Any, Final

from stratoscope.drivers.driver import Fingerprint, Replies
from stratoscope.fields import Fields, mac_address
from stratoscope.reading import Defect, Fault, PoolSlot, Shares
from stratoscope.units import GH, HOUR, KH, MH, MINUTE, PH, TH, H

_FACTORS: Final = {"": H, "K": KH, "M": MH, "G": GH, "T": TH, "P": PH}
_WINDOWS: Final = {
    "5s": "5s",
    "1m": "1m",
    "60s": "1m",
    "5m": "5m",
    "15m": "15m",
    "30m": "30m",
    "1h": "1h",
    "60m": "1h",
    "24h": "24h",
    "av": "avg",
    "avg": "avg",
    # CGMiner names its short window after --log (5 s by default); BFGMiner has 20 s and a decaying "rolling".
    # `Reading` has no such windows, so they count as momentary values.
    "10s": "realtime",
    "15s": "realtime",
    "20s": "realtime",
    "30s": "realtime",
    "rolling": "realtime",
}
RATE_KEYS: Final = {
    f"{letter}HS {suffix}": (window, factor)
    for letter, factor in _FACTORS.items()
    for suffix, window in _WINDOWS.items()
}
"""Every spelling of a rate: "GHS 5s" → ("5s", 1e9)."""

RECENT_WINDOWS: Final = ("5s", "realtime", "1m")
"""Windows short enough to prove that a rig hashes now."""

BOARD_WINDOW_ORDER: Final = ("5m", "1m", "15m", "realtime", "5s", "avg")
"""Order in which a hashboard's window is chosen; minutes first, because seconds are share luck."""

_ALIVE: Final = {
    "alive": True,
    "active": True,
    "working": True,
    "dead": False,
    "disabled": False,
    "rejecting": False,
    "unreachable": False,
    "offline": False,
}
_CLOCK: Final = re.compile(r"(?:(\d{1,5}) days?,? )?(\d{1,6}):(\d\d):(\d\d)")
_PRODUCT_ROWS: Final = (
    ("version", "VERSION"),
    ("stats", "STATS"),
    ("devdetails", "DEVDETAILS"),
    ("summary", "SUMMARY"),
)


def windows(row: Fields, unit: float | None = None) -> dict[str, float]:
    """Return every hashrate window in `row` in H/s.

    `unit` is the factor for all of them if the firmware states it apart from the key (Bitmain's rate_unit); otherwise
    the letter in the key decides.
    """
    found: dict[str, float] = {}
    for key in [key for key in row.raw if key in RATE_KEYS]:
        window, factor = RATE_KEYS[key]
        if window not in found:
            rate = row.number(key, scale=factor if unit is None else unit)
            if rate is not None:
                found[window] = rate
    return found


def board_rate(rates: dict[str, float]) -> float | None:
    """Return the preferred window of a hashboard in H/s."""
    return next((rates[name] for name in BOARD_WINDOW_ORDER if name in rates), None)


def is_hashing(rates: dict[str, float]) -> bool | None:
    """Return whether a recent window shows hashing; None without a recent window (an average proves nothing)."""
    return next((rates[name] > 0 for name in RECENT_WINDOWS if name in rates), None)


def shares(row: Fields) -> Shares:
    """Return the share counters of a SUMMARY row."""
    return Shares(accepted=row.integer("Accepted"), rejected=row.integer("Rejected"), stale=row.integer("Stale"))


def sum_of(pools: tuple[PoolSlot, ...]) -> Shares:
    """Return the share counters summed over the pools; None for a counter that any pool does not report."""

    def total(counts: list[int | None]) -> int | None:
        known = [count for count in counts if count is not None]
        return sum(known) if known and len(known) == len(counts) else None

    return Shares(
        accepted=total([pool.accepted for pool in pools]),
        rejected=total([pool.rejected for pool in pools]),
        stale=total([pool.stale for pool in pools]),
    )


def hardware_address(row: Fields, *keys: str) -> str | None:
    """Return the first present key as a MAC; an invalid one (redacted, all zero) is None and a defect."""
    for key in keys:
        text = row.text(key)
        if text is not None:
            mac = mac_address(text)
            if mac is None:
                row.add_defect(key, text, "not a MAC address")
            return mac
    return None


def pool_slots(replies: Replies, defects: list[Defect]) -> tuple[PoolSlot, ...]:
    """Return the configured pools of a POOLS answer; slots without a URL are skipped."""
    answer = replies.fields("pools", defects)
    status = answer.items("STATUS", limit=1)
    now = status[0].number("When") if status else None
    slots: list[PoolSlot] = []
    taken: set[int] = set()
    for row in answer.items("POOLS"):
        url = row.text("URL")
        if url is None:
            continue
        index = row.integer("POOL")
        if index is None or index in taken:
            if index is not None:
                row.add_defect("POOL", index, "duplicate pool number")
            index = next(n for n in range(len(taken) + 1) if n not in taken)
        taken.add(index)
        slots.append(_slot(row, index, url, now))
    return tuple(slots)


def _slot(row: Fields, index: int, url: str, now: float | None) -> PoolSlot:
    accepted, rejected = row.integer("Accepted"), row.integer("Rejected")
    # LuxOS 2025.4 counts "Last Share Time" from its own start in slots that never received a share
    idle = accepted == 0 and not rejected
    status = row.text("Status")
    return PoolSlot(
        index=index,
        url=url,
        user=row.text("User"),
        alive=None if status is None else _ALIVE.get(status.lower()),
        active=row.flag("Stratum Active"),
        accepted=accepted,
        rejected=rejected,
        stale=row.integer("Stale"),
        difficulty_accepted=row.number("Difficulty Accepted"),
        last_share_seconds_ago=None if idle else _ago(row, now),
        # cgminer 4.11.1 subtracts one from the height of the work: this is the block that the work builds on
        tip_height=row.integer("Current Block Height") or None,
    )


def _ago(row: Fields, now: float | None) -> float | None:
    """Return the age of the last share in s: Bitmain, VNish and LuxOS send h:mm:ss, others the time of day.

    Seconds since 1970 are by the rig's own clock, so only the rig's own "When" is comparable.
    """
    raw = row.raw.get("Last Share Time")
    if isinstance(raw, str) and ":" in raw[:32]:
        match = _CLOCK.fullmatch(raw.strip())
        if match is None:
            row.add_defect("Last Share Time", raw, "neither an age nor a time of day")
            return None
        days, hours, minutes, seconds = (int(part or 0) for part in match.groups())
        return (days * 24 + hours) * HOUR + minutes * MINUTE + seconds
    at = row.number("Last Share Time")
    if not at or now is None:
        return None
    if at > now + MINUTE:
        row.add_defect("Last Share Time", raw, "later than the time of the answer")
        return None
    return max(now - at, 0.0)


def raw_rows(answer: Any, section: str) -> list[dict[str, Any]]:
    """Return the objects of a section of an untrusted CGMiner answer of any type; for `matches`."""
    rows = answer.get(section) if isinstance(answer, dict) else None
    if isinstance(rows, dict):
        rows = [rows]
    return [row for row in rows[:8] if isinstance(row, dict)] if isinstance(rows, list) else []


def signature(fingerprint: Fingerprint) -> str:
    """Return the text that names a rig's make and firmware on the CGMiner API, in lower case.

    It consists of the names and text values of VERSION, of the first row of STATS and of DEVDETAILS, and of every
    Description.
    """
    words: list[str] = []
    for key, section in _PRODUCT_ROWS:
        answer = fingerprint.replies.get(key)
        words.extend(str(row.get("Description", "")) for row in raw_rows(answer, "STATUS"))
        if section == "SUMMARY":
            continue
        for row in raw_rows(answer, section)[:1]:
            words.extend(f"{name}={value}" for name, value in row.items() if isinstance(value, str) and len(value) < 99)
    return "\n".join(words).lower()


def product_type(fingerprint: Fingerprint) -> str:
    """Return the product name that a rig reports as "Type" in VERSION or STATS, or ""."""
    for key, section in _PRODUCT_ROWS[:2]:
        for row in raw_rows(fingerprint.replies.get(key), section)[:1]:
            if isinstance(row.get("Type"), str):
                return str(row["Type"])
    return ""


def page_contains(fingerprint: Fingerprint, *words: str) -> bool:
    """Return whether the landing page or its headers contain one of `words` (given in lower case)."""
    page = fingerprint.pages.get("/")
    if page is None:
        return False
    text = f"{page.headers} {page.body[:65536]}".lower()
    return any(word in text for word in words)


def texts_as_faults(row: Fields, names: dict[str, str]) -> tuple[Fault, ...] | None:
    """Return a fault for each non-empty text under the keys of `names` (key → component); None if no key is present."""
    present = [(key, part) for key, part in names.items() if key in row]
    if not present:
        return None
    found = ((row.text(key), part) for key, part in present)
    return tuple(Fault(code=text, component=part, message=text) for text, part in found if text is not None)
