"""Reads rigs without a driver of their own through the optional pyasic-rs library.

`matches` is always False: a rig gets this driver by `driver: asic-rs` in the config, or with `asic_rs: true` if it
answers but no other driver matches. `stratoscope.wire.asic_rs.fetch` stores the library's record under the key
"miner". The library (0.8.6) states neither the hashrate window nor the source of a power value, and has no error
counters. Its is_mining is True if it does not know, so `hashing` depends on the hashrate alone.
"""

from typing import Final

from stratoscope.drivers.driver import Command, Driver, Fingerprint, Replies, Via
from stratoscope.fields import Fields, mac_address
from stratoscope.reading import Algorithm, Defect, Fan, Hashboard, PoolSlot, Reading, Shares
from stratoscope.units import HASH_UNITS, MHZ

ALGORITHMS: Final[dict[str, Algorithm]] = {
    "sha256": "sha256",
    "scrypt": "scrypt",
    "x11": "x11",
    "blake2s256": "blake2s",
    "kheavyhash": "kheavyhash",
    "eaglesong": "eaglesong",
    "equihash": "equihash",
}


def matches(_fp: Fingerprint) -> bool:
    """Return False: the library is used only if the operator configures it."""
    return False


def decode(replies: Replies) -> Reading:
    """Decode the library's record: rates with their unit, MHz, V, W, °C; never raises."""
    defects: list[Defect] = []
    miner = replies.fields("miner", defects)
    about = miner.child("device_info")
    rate = _rate(miner, "hashrate")
    power = miner.number("wattage") or None
    pools = _pools(miner)
    firmware = (about.text("firmware") or "").lower()
    return Reading(
        driver="asic-rs",
        make=about.text("make"),
        model=about.text("model"),
        firmware=("stock" if firmware.endswith("stock") else firmware) or None,
        firmware_version=miner.text("firmware_version"),
        mac=mac_address(miner.text("mac")),
        serial=miner.text("serial_number"),
        hostname=miner.text("hostname"),
        algorithm=_algorithm(about.text("algo")),
        uptime=miner.number("uptime"),
        hashing=None if rate is None else rate > 0,
        hashrate={} if rate is None else {"realtime": rate},
        hashrate_expected=_rate(miner, "expected_hashrate") or None,
        power=power,
        power_source=None if power is None else "reported",
        boards=tuple(_boards(miner)),
        fans=tuple(_fans(miner)),
        pools=tuple(pools),
        shares=Shares(accepted=_total([p.accepted for p in pools]), rejected=_total([p.rejected for p in pools])),
        defects=tuple(defects),
    )


def _algorithm(name: str | None) -> Algorithm | None:
    return None if name is None or name == "Unknown" else ALGORITHMS.get(name.lower(), "other")


def _rate(row: Fields, key: str) -> float | None:
    rate = row.child(key)
    if not rate:
        return None
    factor = HASH_UNITS.get((rate.text("unit") or "").upper())
    if factor is None:
        rate.add_defect("unit", rate.raw.get("unit"), "unknown hashrate unit")
        return None
    return rate.number("value", scale=factor)


def _total(counts: list[int | None]) -> int | None:
    known = [count for count in counts if count is not None]
    return sum(known) if known and len(known) == len(counts) else None


def _boards(miner: Fields) -> list[Hashboard]:
    boards = []
    for at, row in enumerate(miner.items("hashboards", limit=16)):
        index = row.integer("position", high=255)
        ends = [row.number(f"{end}_chip_temperature", low=-60, high=250) for end in ("inlet", "outlet")]
        known = [celsius for celsius in ends if celsius is not None]
        board = Hashboard(
            index=at if index is None else index,
            hashrate=_rate(row, "hashrate"),
            temperature_board=row.number("board_temperature", low=-60, high=250),
            temperature_chip=max(known) if known else None,
            chips=row.integer("working_chips", high=10_000),
            frequency=row.number("frequency", scale=MHZ),
            voltage=row.number("voltage"),
        )
        if board != Hashboard(index=board.index):  # the library lists every slot of the model, even without values
            boards.append(board)
    return boards


def _fans(miner: Fields) -> list[Fan]:
    fans = []
    for at, row in enumerate(miner.items("fans", limit=16)):
        index, rpm = row.integer("position", high=255), row.number("rpm", high=60_000)
        if rpm is not None:
            fans.append(Fan(index=at if index is None else index, rpm=round(rpm)))
    return fans


def _pools(miner: Fields) -> list[PoolSlot]:
    rows = [row for group in miner.items("pools", limit=16) for row in group.items("pools", limit=16)]
    slots = []
    for at, row in enumerate(rows):
        index = row.integer("position", high=255)
        slots.append(
            PoolSlot(
                index=at if index is None else index,
                url=row.text("url"),
                user=row.text("user"),
                alive=row.flag("alive"),
                active=row.flag("active"),
                accepted=row.integer("accepted_shares"),
                rejected=row.integer("rejected_shares"),
            )
        )
    return slots


DRIVER: Final = Driver(
    name="asic-rs",
    title="Any rig that pyasic-rs supports (optional extra)",
    commands=(Command("miner", "get_data", Via.ASIC_RS),),
    matches=matches,
    decode=decode,
    window_order=("realtime",),
    min_interval=10.0,
    tested_with=("pyasic-rs 0.8.6",),
)
"""The window of its only hashrate depends on the firmware."""
