"""Reads Bitdeer SealMiner rigs (stock firmware, "bdminer"): CGMiner API on 4028, identity over HTTP PHP pages.

Identification uses the answer to `version` on 4028 (key "BDMiner", description "bdminer ..."), otherwise `stats`
("Ctrl Board", "ASIC": "Seal..") or the page /cgi-bin/get_system_info.php ("brand": "Sealminer").
Seen: A2, firmware 2025091001, whose answers on 4028 already contain MAC, model and the PSU's meter.
"""

from typing import Final

from stratoscope.drivers.driver import Command, Driver, Fingerprint, Login, LoginScheme, Replies, Via
from stratoscope.fields import Fields, mac_address
from stratoscope.reading import Defect, Fan, Fault, Hashboard, PoolSlot, PowerSource, Reading, Shares
from stratoscope.units import MH, MHZ, MINUTE

MAX_BOARDS: Final = 8
MAX_FANS: Final = 16

COMMANDS: Final = (
    Command("summary", "summary"),
    Command("stats", "stats"),
    Command("pools", "pools", every=2),
    Command("version", "version", every=60, required=False),
    Command("system", "/cgi-bin/get_system_info.php", via=Via.HTTP, every=60, required=False, identity=True),
)

SHARE_WINDOWS: Final = (("1m", "MHS 1m"), ("5m", "MHS 5m"), ("15m", "MHS 15m"), ("avg", "MHS av"))
"""Windows of `summary`, calculated from shares, as a pool does. "MHS 5s" is ignored: luck of single shares."""

CHIP_WINDOWS: Final = (
    ("1m", "MHS(1m)", 1 * MINUTE),
    ("5m", "MHS(5m)", 5 * MINUTE),
    ("15m", "MHS(15m)", 15 * MINUTE),
    ("30m", "MHS(30m)", 30 * MINUTE),
    ("1h", "MHS(1h)", 60 * MINUTE),
    ("avg", "MHS(Avg)", 0.0),
)
"""Windows of `stats`, sampled on the chips (6 % above the shares on an A2), used if `summary` has none, and the uptime
that fills them. Firmware 2025091001 divides by the whole window from the start: at 2481 s it reports 122 TH/s for 1h
and 61 TH/s for 2h on a 220 TH/s rig."""


def matches(fingerprint: Fingerprint) -> bool:
    """Recognize SealMiner's bdminer by its answers or its system page."""
    for key in ("version", "stats", "summary"):
        if "bdminer" in str(fingerprint.replies.get(key, "")).lower():
            return True
    page = fingerprint.pages.get("/cgi-bin/get_system_info.php")
    return page is not None and "sealminer" in page.body.lower()


def decode(replies: Replies) -> Reading:
    """Return the reading; power is the PSU's measured input ("PSU Input Power"); never raises."""
    defects: list[Defect] = []
    stats = replies.first("stats", "STATS", defects)
    summary = replies.first("summary", "SUMMARY", defects)
    system = replies.fields("system", defects)
    elapsed = summary.number("Elapsed")
    if elapsed is None:
        elapsed = stats.number("Elapsed")
    power, source = _power(stats)
    return Reading(
        driver="sealminer",
        make="SealMiner",
        model=stats.text("Model") or system.text("miner_type"),
        firmware="stock",
        firmware_version=stats.text("Firmware") or system.text("firmware_version"),
        mac=mac_address(stats.text("MAC") or system.text("macaddr")),
        serial=stats.text("Ctrl Board SN") or system.text("crtl_sn"),
        algorithm="sha256",
        uptime=elapsed,
        hashing=_hashing(stats, summary),
        hashrate=_hashrate(stats, summary, elapsed),
        hashrate_expected=stats.number("MHS(Ideal)", scale=MH) or None,
        power=power,
        power_source=source,
        boards=tuple(_boards(stats)),
        fans=tuple(_fans(stats)),
        pools=replies.decode_once("pools", _slots, defects),
        shares=Shares(
            accepted=summary.integer("Accepted"),
            rejected=summary.integer("Rejected"),
            stale=summary.integer("Stale"),
        ),
        hardware_errors=summary.integer("Hardware Errors"),
        faults=_faults(stats),
        defects=tuple(defects),
    )


def _hashrate(stats: Fields, summary: Fields, elapsed: float | None) -> dict[str, float]:
    rates: dict[str, float] = {}
    for window, key in SHARE_WINDOWS:
        rate = summary.number(key, scale=MH)
        if rate is not None:
            rates[window] = rate
    if not rates:
        for window, key, needs in CHIP_WINDOWS:
            rate = stats.number(key, scale=MH)
            if rate is not None and (elapsed is None or elapsed >= needs):
                rates[window] = rate
    momentary = stats.number("MHS(Sample)", scale=MH)
    if momentary is not None:
        rates["realtime"] = momentary
    return rates


def _hashing(stats: Fields, summary: Fields) -> bool | None:
    rate = stats.number("MHS(Sample)")
    if rate is None:
        rate = stats.number("MHS(1m)")
    if rate is None:
        rate = summary.number("MHS 1m", "MHS 5m")
    state = stats.text("PM State")  # anything but "Running" is a pause, a start or a fault
    if rate is None:
        return None
    if rate == 0:
        return False
    return True if state in (None, "Running") else None


def _power(stats: Fields) -> tuple[float | None, PowerSource | None]:
    power = stats.number("PSU Input Power")
    return (power, "measured") if power else (None, None)  # 0 W: the PSU did not answer


def _boards(stats: Fields) -> list[Hashboard]:
    boards = []
    for at in range(MAX_BOARDS):
        if f"{at} Chip Count" not in stats and f"{at} MHS(Sample)" not in stats:
            continue
        chips = stats.integer(f"{at} Chip Count")
        bad = stats.integer(f"{at} Bad Chip Count") or 0
        boards.append(
            # "N Temp 0..3" are ignored: it is unknown which sensors are on chips and which on the board.
            Hashboard(
                index=at,
                hashrate=stats.number(f"{at} MHS(Sample)", scale=MH),
                chips=None if chips is None else max(0, chips - bad),
                frequency=stats.number(f"{at} Freq", scale=MHZ),
            )
        )
    return boards


def _fans(stats: Fields) -> list[Fan]:
    fans = []
    for at in range(MAX_FANS):
        rpm = stats.integer(f"{at} Speed", high=60_000)
        if rpm is not None:
            fans.append(Fan(index=at, rpm=rpm))
    return fans


def _slots(replies: Replies, defects: list[Defect]) -> tuple[PoolSlot, ...]:
    return tuple(_pools(replies, defects))


def _pools(replies: Replies, defects: list[Defect]) -> list[PoolSlot]:
    answered_at = replies.first("pools", "STATUS", defects).number("When")
    slots = []
    for at, row in enumerate(replies.section("pools", "POOLS", defects)):
        last = row.number("Last Share Time") or None  # 0: no share yet
        number = row.integer("POOL", high=255)
        slots.append(
            PoolSlot(
                index=at if number is None else number,
                url=row.text("URL"),
                user=row.text("User"),
                alive=_alive(row.text("Status")),
                active=row.flag("Stratum Active"),
                accepted=row.integer("Accepted"),
                rejected=row.integer("Rejected"),
                stale=row.integer("Stale"),
                difficulty_accepted=row.number("Difficulty Accepted"),
                last_share_seconds_ago=_age(answered_at, last),
                tip_height=row.integer("Current Block Height")
                or None,  # as in cgminer 4.11.1: the block that the work builds on
            )
        )
    return slots


def _age(answered_at: float | None, last: float | None) -> float | None:
    """Return the seconds between two times of one answer, both by the rig's own clock."""
    return answered_at - last if answered_at is not None and last is not None and answered_at >= last else None


def _alive(status: str | None) -> bool | None:
    return None if status is None else status.lower() == "alive"


def _faults(stats: Fields) -> tuple[Fault, ...] | None:
    if "Error Code" not in stats and "PSU Error" not in stats:
        return None
    faults = []
    code = stats.text("Error Code")
    if code:
        faults.append(Fault(code=code, component=stats.text("Error Chip")))
    psu = stats.text("PSU Error")
    if psu and psu.lower().removeprefix("0x").strip("0"):
        faults.append(Fault(code=psu, component="psu"))
    return tuple(faults)


DRIVER: Final = Driver(
    name="sealminer",
    title="SealMiner (Bitdeer stock)",
    commands=COMMANDS,
    matches=matches,
    decode=decode,
    window_order=("avg", "15m", "30m", "1h", "5m", "1m", "realtime"),
    login=Login(
        LoginScheme.COOKIE, "/cgi-bin/login.php", {"username": "{user}", "origin_pwd": "{password}"}, form=True
    ),
    tested_with=("A2, 2025091001",),
)
"""The canonical hashrate of SealMiner's stock firmware is the average since start: at the difficulty that pools assign
(262144) a 5-minute window holds some 60 shares and is off by 13 %. `hashing` comes from the chips and is instant."""
