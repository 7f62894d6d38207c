"""Reads Proto (Block) rigs over the Mining Development Kit's REST API, /api/v1 on port 80.

Identification uses the page "/" (title "Proto OS") or /api/v1/system ({"system-info": {...}}). Field meanings: the
vendor's API description; checked with the vendor's simulator, ProtoOS 1.8.0. Most installations need no login to
read; if a password is set, the login returns a bearer token.
"""

from typing import Any, Final

from stratoscope.drivers.driver import Command, Driver, Fingerprint, Login, LoginScheme, Replies, Via
from stratoscope.fields import Fields, mac_address
from stratoscope.reading import Defect, Fan, Fault, Hashboard, PoolSlot, PowerSource, Reading, Shares
from stratoscope.units import GH, HASH_UNITS

COMMANDS: Final = (
    Command("mining", "/api/v1/mining", via=Via.HTTP),
    Command("telemetry", "/api/v1/telemetry?level=miner,hashboard,psu", via=Via.HTTP, required=False),
    Command("cooling", "/api/v1/cooling", via=Via.HTTP, every=2, required=False),
    Command("pools", "/api/v1/pools", via=Via.HTTP, every=2, required=False),
    Command("errors", "/api/v1/errors", via=Via.HTTP, every=3, required=False),
    Command("hardware", "/api/v1/hardware", via=Via.HTTP, every=60, required=False),
    Command("system", "/api/v1/system", via=Via.HTTP, every=60, required=False, identity=True),
    Command("network", "/api/v1/network", via=Via.HTTP, every=60, required=False, identity=True),
)

MINING: Final = frozenset({"mining", "degradedmining"})
NOT_MINING: Final = frozenset(
    {"stopped", "curtailed", "nopools", "error", "poweringoff", "poweringon", "starting", "uninitialized"}
)


def matches(fingerprint: Fingerprint) -> bool:
    """Recognize a Proto rig by its landing page or its system page."""
    root = fingerprint.pages.get("/")
    if root is not None and ("proto os" in root.body.lower() or "protoos" in root.body.lower()):
        return True
    page = fingerprint.pages.get("/api/v1/system")
    return page is not None and isinstance(page.json, dict) and "system-info" in page.json


def decode(replies: Replies) -> Reading:
    """Return the reading; rates are in GH/s (mining) or carry their unit (telemetry), power in W; never raises."""
    defects: list[Defect] = []
    mining = replies.fields("mining", defects).child("mining-status")
    telemetry = replies.fields("telemetry", defects)
    system = replies.fields("system", defects).child("system-info")
    network = replies.fields("network", defects).child("network-info")
    hardware = replies.fields("hardware", defects).child("hardware-info")
    rates = _hashrate(mining, telemetry)
    power, source = _power(mining, telemetry)
    pools = _pools(replies, defects)
    uptime = mining.number("mining_uptime_s")
    return Reading(
        driver="proto",
        make="Proto",
        model=_model(system),
        firmware="stock",
        firmware_version=system.child("os").text("version"),
        mac=mac_address(network.text("mac")),
        serial=system.text("cb_sn") or hardware.child("cb-info").text("serial_number"),
        hostname=network.text("hostname") or system.child("os").text("hostname"),
        algorithm="sha256",
        uptime=system.number("uptime_seconds") if uptime is None else uptime,
        hashing=_hashing(mining, rates),
        hashrate=rates,
        hashrate_expected=mining.number("ideal_hashrate_ghs", scale=GH) or None,
        power=power,
        power_source=source,
        boards=tuple(_boards(telemetry, hardware)),
        fans=tuple(_fans(replies, defects)),
        pools=tuple(pools),
        shares=Shares(accepted=_total([p.accepted for p in pools]), rejected=_total([p.rejected for p in pools])),
        hardware_errors=mining.integer("hw_errors"),
        faults=_faults(replies, defects),
        defects=tuple(defects),
    )


def _model(system: Fields) -> str | None:
    model = system.text("model") or system.text("product_name")
    return model.removeprefix("Proto").strip() or None if model else None


def _metric(row: Fields, key: str) -> float | None:
    """Return a telemetry hashrate {"unit": "TH/s", "value": n} in H/s."""
    metric = row.child(key)
    if not metric:
        return None
    factor = HASH_UNITS.get((metric.text("unit") or "").upper())
    if factor is None:
        metric.add_defect("unit", metric.raw.get("unit"), "unknown hashrate unit")
        return None
    return metric.number("value", scale=factor)


def _hashrate(mining: Fields, telemetry: Fields) -> dict[str, float]:
    rates = {}
    momentary = mining.number("hashrate_ghs", scale=GH)
    if momentary is None:
        momentary = _metric(telemetry.child("miner"), "hashrate")
    if momentary is not None:
        rates["realtime"] = momentary
    average = mining.number("average_hashrate_ghs", scale=GH)  # since mining started
    if average is not None:
        rates["avg"] = average
    return rates


def _hashing(mining: Fields, rates: dict[str, float]) -> bool | None:
    state = (mining.text("status", "state") or "").lower().replace("_", "")
    momentary = rates.get("realtime")
    if state in NOT_MINING or momentary == 0:
        return False
    if momentary:
        return True
    return True if state in MINING else None


def _power(mining: Fields, telemetry: Fields) -> tuple[float | None, PowerSource | None]:
    """Return the sum of the PSUs' measured inputs in W, otherwise the miner's own value."""
    inputs = [psu.child("power").number("input") for psu in telemetry.items("psus", limit=16)]
    metered = _total(inputs)
    if metered:
        return metered, "measured"
    power = mining.number("power_usage_watts")
    return (power, "reported") if power else (None, None)


def _total(parts: list[Any]) -> Any:
    """Return the sum of `parts`, or None if there are none or one is unknown."""
    return sum(parts) if parts and None not in parts else None


def _boards(telemetry: Fields, hardware: Fields) -> list[Hashboard]:
    """Return the boards, without temperatures: telemetry has an average and the air at both ends, no hottest sensor."""
    chips = {}
    for row in hardware.items("hashboards-info", limit=16):
        serial = row.text("hb_sn")
        if serial:
            chips[serial] = row.integer("mining_asic_count", high=10_000)
    boards = []
    for at, row in enumerate(telemetry.items("hashboards", limit=16)):
        index = row.integer("index", high=255)
        boards.append(
            Hashboard(
                index=at if index is None else index,
                hashrate=_metric(row, "hashrate"),
                chips=chips.get(row.text("serial_number") or ""),
                voltage=row.child("voltage").number("value"),
            )
        )
    return boards


def _fans(replies: Replies, defects: list[Defect]) -> list[Fan]:
    fans = []
    for at, row in enumerate(replies.fields("cooling", defects).child("cooling-status").items("fans", limit=16)):
        slot, number = row.integer("slot", low=1, high=255), row.integer("id", high=255)
        rpm = row.integer("rpm", high=60_000)
        if rpm is not None:  # slots start at 1, the ids of early firmwares at 0
            fans.append(Fan(index=slot - 1 if slot is not None else at if number is None else number, rpm=rpm))
    return fans


def _pools(replies: Replies, defects: list[Defect]) -> list[PoolSlot]:
    rows = replies.fields("pools", defects).items("pools", limit=16)
    states = [(row.text("status", "connection_status") or "").lower() for row in rows]
    one_active = states.count("active") <= 1  # the vendor's simulator reports every pool as Active
    slots = []
    for at, (row, state) in enumerate(zip(rows, states, strict=True)):
        number = row.integer("id", high=255)
        known = state in ("active", "idle", "dead")
        slots.append(
            PoolSlot(
                index=at if number is None else number,
                url=row.text("url"),
                user=row.text("user"),
                alive=state != "dead" if known else None,
                active=state == "active" if known and one_active else None,
                accepted=row.integer("accepted"),
                rejected=row.integer("rejected"),
                difficulty_accepted=row.number("difficulty_accepted_shares"),
            )
        )
    return slots


def _faults(replies: Replies, defects: list[Defect]) -> tuple[Fault, ...] | None:
    errors = replies.get("errors")
    if not isinstance(errors, list):
        return None
    faults = []
    for row in Fields({"errors": errors}, "", defects).items("errors"):
        code = row.text("error_code", "code")
        if code:
            slot, source = row.integer("slot", high=255), row.text("source")
            component = f"{source} {slot}" if source and slot is not None else source
            faults.append(Fault(code=code, component=component, message=row.text("message")))
    return tuple(faults)


DRIVER: Final = Driver(
    name="proto",
    title="Proto (Block)",
    commands=COMMANDS,
    matches=matches,
    decode=decode,
    window_order=("realtime", "avg"),
    login=Login(LoginScheme.BEARER, "/api/v1/auth/login", {"password": "{password}"}, token="access_token"),  # noqa: S106 — a path in an answer, not a secret
    tested_with=("Rig, ProtoOS 1.8.0 (simulator)",),
)
"""The canonical hashrate is the momentary one: the average runs since mining started and hides a stop."""
