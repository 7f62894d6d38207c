"""Reads rigs on ESP-Miner (AxeOS) and its forks: Bitaxe, NerdAxe/NerdQAxe, BitForge, LuckyMiner; HTTP on port 80.

Identification uses the page "/" ("AxeOS", "NerdOS", "ForgeOS"), or /api/system/info (an object with "ASICModel" and
"hashRate"). Known shapes: ESP-Miner 2.4.5 (flat, asicCount), 2.9 (expectedHashrate), 2.14 (windows, hashrateMonitor
per ASIC, list of pools, miningPaused), NerdQAxe 1.0.3x (shutdown, asicTemps, state of each pool under stratum).
Frequent requests overload the web server: at least 15 s between polls, never two requests at once.
"""

from typing import Final

from stratoscope.drivers.driver import Command, Driver, Fingerprint, Replies, Via
from stratoscope.drivers.espminer_models import identify, meters_input_power
from stratoscope.fields import Fields, mac_address
from stratoscope.reading import Defect, Fan, Fault, Hashboard, PoolSlot, Reading, Shares
from stratoscope.units import GH, MHZ, MILLIVOLT

COMMANDS: Final = (
    Command("info", "/api/system/info", via=Via.HTTP, identity=True),
    Command("asic", "/api/system/asic", via=Via.HTTP, every=240, required=False),  # deviceModel, asicCount: constant
)

WINDOWS: Final = (("1m", "hashRate_1m"), ("1h", "hashRate_1h"), ("24h", "hashRate_1d"))
NOT_MEASURED: Final = (0, -1)
"""Values that the firmwares send for a temperature without a sensor or without a reading yet."""


def matches(fingerprint: Fingerprint) -> bool:
    """Recognize ESP-Miner or a fork of it by its info page or its landing page."""
    page = fingerprint.pages.get("/api/system/info")
    if page is not None and isinstance(page.json, dict) and "hashRate" in page.json:
        return "ASICModel" in page.json or "asicCount" in page.json
    root = fingerprint.pages.get("/")
    return root is not None and any(word in root.body for word in ("AxeOS", "NerdOS", "ForgeOS"))


def decode(replies: Replies) -> Reading:
    """Return the reading; rates are in GH/s, frequency in MHz, core voltage in mV; never raises."""
    defects: list[Defect] = []
    info = replies.fields("info", defects)
    asic = replies.fields("asic", defects)
    board = info.text("boardVersion")
    device = info.text("deviceModel", "minerModel") or asic.text("deviceModel")
    make, model = identify(device, board)
    power = info.number("power") or None
    rates = _hashrate(info)
    errors = _errors(info)
    return Reading(
        driver="espminer",
        make=make,
        model=model,
        firmware="esp-miner",
        firmware_version=info.text("version"),
        mac=mac_address(info.text("macAddr")),
        hostname=info.text("hostname"),
        algorithm="sha256",
        uptime=info.number("uptimeSeconds"),
        hashing=_hashing(info, rates.get("realtime")),
        hashrate=rates,
        hashrate_expected=_expected(info, asic),
        power=power,
        power_source=None if power is None else "measured" if meters_input_power(make, board) else "reported",
        boards=_boards(info, asic, rates.get("realtime"), errors),
        fans=tuple(_fans(info)),
        pools=tuple(_pools(info)),
        shares=Shares(accepted=info.integer("sharesAccepted"), rejected=info.integer("sharesRejected")),
        hardware_errors=errors,
        faults=_faults(info),
        defects=tuple(defects),
    )


def _hashrate(info: Fields) -> dict[str, float]:
    rates = {}
    momentary = info.number("hashRate", scale=GH)
    if momentary is not None:
        rates["realtime"] = momentary
    for window, key in WINDOWS:  # hashRate_10m has no equivalent in a reading
        rate = info.number(key, scale=GH)
        if rate is not None and (rate > 0 or not momentary):  # 0 with a momentary rate: not filled yet
            rates[window] = rate
    return rates


def _hashing(info: Fields, momentary: float | None) -> bool | None:
    # After overheating hashRate keeps the last rate while the ASIC is off (ESP-Miner 2.x, NerdAxe forks).
    if _is_on(info, "overheat_mode") or _is_on(info, "miningPaused") or _is_on(info, "shutdown"):
        return False
    return None if momentary is None else momentary > 0


def _is_on(row: Fields, key: str) -> bool | None:
    """Return a switch, which some firmwares send as true/false, others as 0/1 or 0.0/1.0."""
    if type(row.raw.get(key)) is float:
        number = row.number(key)
        return None if number is None else number != 0
    return row.flag(key)


def _expected(info: Fields, asic: Fields) -> float | None:
    expected = info.number("expectedHashrate", scale=GH)
    if expected:
        return expected
    # Older firmwares calculate it in their web page: frequency × small cores × ASICs.
    frequency, cores = info.number("frequency", scale=MHZ), info.integer("smallCoreCount")
    count = info.integer("asicCount") or asic.integer("asicCount")
    return frequency * cores * count if frequency and cores and count else None


def _asics(info: Fields) -> list[Fields]:
    return info.child("hashrateMonitor").items("asics")


def _errors(info: Fields) -> int | None:
    counts = [row.integer("errorCount") for row in _asics(info)]
    known = [count for count in counts if count is not None]
    return sum(known) if known and len(known) == len(counts) else None


def _chips(info: Fields, asic: Fields, momentary: float | None) -> int | None:
    """Return the ASICs that hash if the firmware reports each one's rate, otherwise those found at start."""
    rates = [row.number("total") for row in _asics(info)]
    if rates and None not in rates and momentary:
        return sum(1 for rate in rates if rate)
    return info.integer("asicCount", high=1024) or asic.integer("asicCount", high=1024) or None


def _hottest(info: Fields, *keys: str, listed: str | None = None) -> float | None:
    values = [info.number(key, low=-60, high=250) for key in keys]
    if listed:
        values += info.numbers(listed)
    known = [value for value in values if value is not None and value not in NOT_MEASURED]
    return max(known) if known else None


def _boards(info: Fields, asic: Fields, momentary: float | None, errors: int | None) -> tuple[Hashboard, ...]:
    if not info:
        return ()
    frequency = info.number("actualFrequency", scale=MHZ) or info.number("frequency", scale=MHZ)
    return (
        Hashboard(
            index=0,
            hashrate=momentary,
            temperature_board=_hottest(info, "boardtemp1", "boardtemp2"),
            temperature_chip=_hottest(info, "temp", "temp2", listed="asicTemps"),
            chips=_chips(info, asic, momentary),
            hardware_errors=errors,
            frequency=frequency or None,
            voltage=info.number("coreVoltageActual", scale=MILLIVOLT),
        ),
    )


def _fans(info: Fields) -> list[Fan]:
    listed = info.items("fans", limit=8)
    if listed:
        speeds = [row.integer("rpm", high=60_000) for row in listed]
    else:
        second = info.integer("fan2rpm", "fanrpm2", high=60_000)
        if not second and (info.integer("fanCount") or 1) < 2:
            second = None  # always sent; 0 without a second fan
        speeds = [info.integer("fanrpm", high=60_000), second]
    return [Fan(index=at, rpm=rpm) for at, rpm in enumerate(speeds) if rpm is not None]


def _pools(info: Fields) -> list[PoolSlot]:
    listed = info.items("pools", limit=16)
    if listed and listed[0].text("stratumURL"):
        return _listed_pools(info, listed)
    # height of the block that the rig works on (ESP-Miner 2.10 and later, NerdQAxe)
    height = info.integer("blockHeight") or None
    tip = None if height is None else height - 1
    fallback = _is_on(info, "isUsingFallbackStratum")
    stratum = info.child("stratum")  # NerdQAxe: the state of each connection
    if fallback is None:
        fallback = stratum.flag("usingFallback")
    states = stratum.items("pools", limit=8)
    dual = stratum.integer("activePoolMode", "poolMode") == 1
    slots = []
    for at, prefix in enumerate(("stratum", "fallbackStratum")):
        url = _url(info.text(f"{prefix}URL"), info.integer(f"{prefix}Port", high=65_535))
        active = None if fallback is None else fallback == bool(at)
        # A single state is that of the pool in use; two are in slot order.
        row = states[at] if len(states) > at and len(states) > 1 else states[0] if states and active else None
        state = row if row is not None else Fields(None)
        connected = state.flag("connected")
        if url is not None:
            slots.append(
                PoolSlot(
                    index=at,
                    url=url,
                    user=info.text(f"{prefix}User"),
                    alive=connected,
                    active=connected if dual else active,
                    accepted=state.integer("accepted"),
                    rejected=state.integer("rejected"),
                    tip_height=tip if active else None,
                )
            )
    return slots


def _listed_pools(info: Fields, rows: list[Fields]) -> list[PoolSlot]:
    """Return the slots of ESP-Miner's newest form: a list, and the indexes of the primary and the secondary."""
    primary, secondary = info.integer("primaryPoolIndex", high=255), info.integer("secondaryPoolIndex", high=255)
    fallback = _is_on(info, "isUsingFallbackStratum")
    using = None if fallback is None else secondary if fallback else primary
    slots = []
    for at, row in enumerate(rows):
        number = row.integer("id", high=255)
        index = at if number is None else number
        url = _url(row.text("stratumURL"), row.integer("stratumPort", high=65_535))
        if url is not None:
            active = None if using is None else using == index
            tip = info.integer("blockHeight") if active else None
            slots.append(
                PoolSlot(
                    index=index,
                    url=url,
                    user=row.text("stratumUser"),
                    active=active,
                    tip_height=tip - 1 if tip else None,
                )
            )
    return slots


def _url(host: str | None, port: int | None) -> str | None:
    if not host:
        return None
    return host if not port or host.endswith(f":{port}") else f"{host}:{port}"


def _faults(info: Fields) -> tuple[Fault, ...] | None:
    if not any(key in info for key in ("overheat_mode", "power_fault", "hardware_fault")):
        return None
    faults = []
    if _is_on(info, "overheat_mode"):
        faults.append(Fault(code="overheat_mode", component="asic", message="Stopped because of its temperature"))
    for key, component in (("power_fault", "voltage regulator"), ("hardware_fault", None)):
        message = info.text(key)
        if message:
            faults.append(Fault(code=key, component=component, message=message))
    return tuple(faults)


DRIVER: Final = Driver(
    name="espminer",
    title="ESP-Miner (Bitaxe, NerdAxe and other forks)",
    commands=COMMANDS,
    matches=matches,
    decode=decode,
    window_order=("1m", "1h", "realtime"),
    min_interval=15.0,
    tested_with=("Bitaxe Supra 401, 2.4.5", "API description of 2.14"),
)
"""ESP-Miner and forks; the canonical hashrate is the 1-minute window, or the momentary one without it."""
