"""Reads WhatsMiner rigs over API v3 (TCP 4433, length-prefixed JSON): firmware from 20241011, which closes port 4028.

Reading requires no login. Units: hashrates TH/s, powers W, frequencies MHz, temperatures °C. `get.device.info` also
contains the fault list and whether the miner works, so it is queried every other tick.
"""

from collections.abc import Iterator
from typing import Final

from stratoscope.drivers import whatsminer_codes
from stratoscope.drivers.driver import Command, Driver, Fingerprint, Replies, Via
from stratoscope.drivers.mhs_sections import ALIVE, celsius, is_hashing, slot
from stratoscope.drivers.whatsminer_btminer import answers_as_btminer, fans, is_liquid_cooled
from stratoscope.fields import Fields, mac_address
from stratoscope.reading import Defect, Fault, Hashboard, PoolSlot, Reading
from stratoscope.units import MHZ, TH

INFO: Final = "get.device.info"
STATUS: Final = "get.miner.status"
MIN_CLOCK_S: Final = 1e9  # later times are seconds since 1970; earlier ones come from a clock that was never set

COMMANDS: Final = (
    Command(INFO, INFO, Via.WHATSMINER3, every=2, identity=True),
    Command("summary", STATUS, Via.WHATSMINER3, param="summary"),
    Command("edevs", STATUS, Via.WHATSMINER3, param="edevs", required=False),
    Command("pools", STATUS, Via.WHATSMINER3, param="pools", every=2, required=False),
)

WINDOW_ORDER: Final = ("15m", "1m", "realtime", "avg")
"""v3 has no 5-minute window; `hash-realtime` counts the chips' nonces, the average hides a stop."""

WINDOW_KEYS: Final = (
    ("realtime", "hash-realtime"),
    ("1m", "hash-1min"),
    ("15m", "hash-15min"),
    ("avg", "hash-average"),
)


def _msg(replies: Replies, key: str, defects: list[Defect]) -> Fields:
    reply = replies.fields(key, defects)
    msg = reply.raw.get("msg")  # text if the miner program is down
    return Fields(msg if isinstance(msg, dict) else None, f"/{key}/msg", defects)


def decode(replies: Replies) -> Reading:
    """Return the reading of a rig from its answers; never raises."""
    defects: list[Defect] = []
    info = _msg(replies, INFO, defects)
    miner, network, system = info.child("miner"), info.child("network"), info.child("system")
    summary = _msg(replies, "summary", defects).child("summary")
    hashrate = _hashrate(summary)
    model = miner.text("type")
    power = summary.number("power-realtime", "power-5min")
    return Reading(
        driver=DRIVER.name,
        make="WhatsMiner",
        model=model,
        firmware="stock",
        firmware_version=system.text("fwversion"),
        mac=_mac(network),
        serial=miner.text("miner-sn"),
        hostname=network.text("hostname"),
        algorithm="sha256",
        uptime=summary.number("elapsed"),
        hashing=_hashing(hashrate, miner),
        hashrate=hashrate,
        hashrate_expected=summary.number("factory-hash", scale=TH) or None,
        power=power,
        power_source=None if power is None else "reported",  # the summary does not state its source
        boards=tuple(_boards(_msg(replies, "edevs", defects).items("edevs"), summary)),
        fans=fans(summary, ("fan-speed-in", "fan-speed-out"), liquid=is_liquid_cooled(model)),
        pools=replies.decode_once("pools", _slots, defects),
        temperature_inlet=celsius(summary, "environment-temperature"),
        faults=_faults(info),
        defects=tuple(defects),
    )


def _hashrate(summary: Fields) -> dict[str, float]:
    found = ((name, summary.number(key, scale=TH)) for name, key in WINDOW_KEYS)
    return {name: value for name, value in found if value is not None}


def _hashing(hashrate: dict[str, float], miner: Fields) -> bool | None:
    working = miner.flag("working")
    return False if working is False else is_hashing(hashrate)


def _mac(network: Fields) -> str | None:
    text = network.text("mac")
    mac = mac_address(text)
    if text and mac is None:
        network.add_defect("mac", text, "not a MAC address")
    return mac


def _boards(devices: list[Fields], summary: Fields) -> Iterator[Hashboard]:
    sensors = _board_temperatures(summary)
    rows = [row for row in devices if row]
    if not rows:  # edevs refused: only the sensors remain
        yield from (
            Hashboard(index=at, temperature_board=value) for at, value in enumerate(sensors) if value is not None
        )
        return
    used: set[int] = set()
    for at, row in enumerate(rows):
        index = slot(row, at, used, "slot", "id")
        if index is None:
            continue
        sensor = at if len(sensors) == len(rows) else index  # one sensor per fitted board, or one per slot
        yield Hashboard(
            index=index,
            hashrate=row.number("hash-realtime", "hash-average", scale=TH),  # the average hides a dead board
            temperature_board=sensors[sensor] if sensor < len(sensors) else None,
            temperature_chip=celsius(row, "chip-temp-max"),
            chips=row.integer("effective-chips", high=65_535),
            frequency=row.number("freq", scale=MHZ),
        )


def _board_temperatures(summary: Fields) -> list[float | None]:
    value = summary.raw.get("board-temperature")
    if value is None:
        return []
    items = value if isinstance(value, list) else [value]
    row = Fields({str(at): item for at, item in enumerate(items[:64])}, f"{summary.path}/board-temperature")
    row.defects = summary.defects
    return [celsius(row, at) for at in row.raw]


def _slots(replies: Replies, defects: list[Defect]) -> tuple[PoolSlot, ...]:
    return tuple(_pools(replies, defects))


def _pools(replies: Replies, defects: list[Defect]) -> Iterator[PoolSlot]:
    when = replies.fields("pools", []).number("when")
    rows = _msg(replies, "pools", defects).items("pools")
    first = 0 if any(row.raw.get("id") == 0 for row in rows) else 1
    used: set[int] = set()
    for at, row in enumerate(rows):
        if not (row.raw.get("url") or row.raw.get("account")):
            continue
        index = slot(row, at, used, "id", first=first)
        if index is None:
            continue
        last = row.number("last-share-time")
        age = when - last if when and last and last > MIN_CLOCK_S else None
        yield PoolSlot(
            index=index,
            url=row.text("url"),
            user=row.text("account"),
            alive=ALIVE.get((row.text("status") or "").lower()),
            active=row.flag("stratum-active"),
            last_share_seconds_ago=age if age is not None and age >= 0 else None,
        )


def _faults(info: Fields) -> tuple[Fault, ...] | None:
    # 20251209.16.Rel2 omits the list from a complete answer if there is no fault
    if "error-code" not in info:
        return () if "system" in info and "miner" in info else None
    return whatsminer_codes.listed_faults(info, "error-code")


def matches(fingerprint: Fingerprint) -> bool:
    """Recognize API v3 by its answer; without one, a BTMiner rig with the v3 port open."""
    reply = fingerprint.replies.get(INFO)
    if reply is not None:
        return isinstance(reply, dict) and isinstance(reply.get("msg"), dict) and "desc" in reply
    return Via.WHATSMINER3.value in fingerprint.ports and answers_as_btminer(fingerprint.replies)


DRIVER: Final = Driver(
    name="whatsminer-v3",
    title="WhatsMiner (API v3)",
    commands=COMMANDS,
    matches=matches,
    decode=decode,
    window_order=WINDOW_ORDER,
    shares_progress=False,  # v3 reports no share counters
    tested_with=("M60S_VK40, 20251209.16.Rel2 (API 3.0.2)",),
)
