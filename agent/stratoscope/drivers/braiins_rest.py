"""Reads rigs on Braiins OS 25 and later over the public REST API (/api/v1), which requires a login.

Every quantity names its unit ({"gigahash_per_second": …}, {"degree_c": …}). Windows range from 5 s to 24 h; the
canonical one is 5 minutes. Watts are Braiins' estimate (approximated_consumption). /miner/errors is not queried: it
keeps messages for weeks (26.04) without stating which are current. Field meanings: Braiins' public API 1.x.
"""

from typing import Final

from stratoscope.drivers import bitmain_stats as bitmain
from stratoscope.drivers.cgminer_sections import board_rate, hardware_address, is_hashing, page_contains, raw_rows
from stratoscope.drivers.driver import Command, Driver, Fingerprint, Login, LoginScheme, Replies, Via, WebPage
from stratoscope.drivers.models import RigModel
from stratoscope.fields import Fields
from stratoscope.reading import Defect, Fan, Hashboard, PoolSlot, Reading, Shares
from stratoscope.units import GH, KH, MH, PH, TH, H

COMMANDS: Final = (
    Command("stats", "/api/v1/miner/stats", Via.HTTP),
    Command("details", "/api/v1/miner/details", Via.HTTP, identity=True),  # on every tick: it holds the uptime
    Command("hashboards", "/api/v1/miner/hw/hashboards", Via.HTTP, required=False),
    Command("cooling", "/api/v1/cooling/state", Via.HTTP, every=2, required=False),
    Command("pools", "/api/v1/pools/", Via.HTTP, every=2, required=False),
)
PAGES: Final = ("/api/v1/miner/details", "/api/v1/version/", "/api/v1/version")
"""Pages that show this API during identification."""

WINDOWS: Final = {
    "last_5s": "5s",
    "last_1m": "1m",
    "last_5m": "5m",
    "last_15m": "15m",
    "last_30m": "30m",
    "last_1h": "1h",
    "last_24h": "24h",
    "since_restart": "avg",
}
RATE_UNITS: Final = {
    "gigahash_per_second": GH,
    "terahash_per_second": TH,
    "megahash_per_second": MH,
    "kilohash_per_second": KH,
    "petahash_per_second": PH,
    "hash_per_second": H,
}
IDLE: Final = frozenset({"1", "3", "4", "MINER_STATUS_NOT_STARTED", "MINER_STATUS_PAUSED", "MINER_STATUS_SUSPENDED"})
"""MinerStatus values for not started, paused and suspended, by number or name."""


def matches(fingerprint: Fingerprint) -> bool:
    """Recognize the REST API by its pages.

    A rig that shows its version but requires a login for the rest matches if credentials are configured, or if port
    4028 has no summary: otherwise the CGMiner driver reads the rig without credentials.
    """
    if (details := fingerprint.pages.get(PAGES[0])) is not None and _is_rest_api(details):
        return True
    pages = [page for path in PAGES if (page := fingerprint.pages.get(path)) is not None]
    locked = any(page.status in (401, 403) for page in pages)
    there = any(map(_is_rest_api, pages)) or (locked and page_contains(fingerprint, "braiins"))
    return there and (fingerprint.login or not raw_rows(fingerprint.replies.get("summary"), "SUMMARY"))


def _is_rest_api(page: WebPage) -> bool:
    if page.status != 200 or not isinstance(page.json, dict):
        return False
    return "bos_version" in page.json or {"major", "minor", "patch"} <= page.json.keys()


def rate(row: Fields, key: str) -> float | None:
    """Return the hashrate object under `key` in H/s."""
    value = row.child(key)
    for name, factor in RATE_UNITS.items():
        if name in value:
            return value.number(name, scale=factor)
    return None


def windows(row: Fields) -> dict[str, float]:
    """Return the windows of a real_hashrate object in H/s; 15 s and 30 s have no equivalent in a reading."""
    found = ((name, rate(row, key)) for key, name in WINDOWS.items() if key in row)
    return {name: value for name, value in found if value is not None}


def decode(replies: Replies) -> Reading:
    """Return the reading of a rig on Braiins OS; never raises."""
    defects: list[Defect] = []
    details = replies.fields("details", defects)
    stats = replies.fields("stats", defects)
    miner = stats.child("miner_stats")
    identity = details.child("miner_identity")
    known = bitmain.parse_product_name(identity.text("name", "miner_model"))
    rates = windows(miner.child("real_hashrate"))
    status = details.text("status")
    power = stats.child("power_stats").child("approximated_consumption").number("watt")
    return Reading(
        driver=DRIVER.name,
        make=known.make,
        model=known.model,
        firmware="braiins",
        firmware_version=details.child("bos_version").text("current"),
        mac=hardware_address(details, "mac_address"),
        serial=details.text("serial_number"),
        hostname=details.text("hostname"),
        algorithm="sha256" if details or stats else None,  # Braiins OS supports no other
        uptime=details.number("bosminer_uptime_s", "system_uptime_s", "system_uptime"),
        hashing=False if status in IDLE else is_hashing(rates),
        hashrate=rates,
        hashrate_expected=rate(miner, "nominal_hashrate") or None,
        power=power,
        power_source=None if power is None else "reported",
        boards=_boards(replies.fields("hashboards", defects)),
        fans=fans_of(replies.fields("cooling", defects).items("fans"), "position", known.sheet),
        pools=_pools(replies, defects),
        shares=_shares(stats.child("pool_stats")),
        defects=tuple(defects),
    )


def _boards(answer: Fields) -> tuple[Hashboard, ...]:
    rows = [(number, row) for row in answer.items("hashboards") if (number := row.integer("id", high=63)) is not None]
    offset = bitmain.first_slot([number for number, _ in rows])
    boards: dict[int, Hashboard] = {}
    for number, row in rows:
        boards.setdefault(
            number - offset,
            Hashboard(
                index=number - offset,
                hashrate=board_rate(windows(row.child("stats").child("real_hashrate"))),
                temperature_board=_celsius(row.child("board_temp")),
                temperature_chip=_celsius(row.child("highest_chip_temp").child("temperature")),
                chips=row.integer("chips_count"),
                frequency=row.child("current_frequency").number("hertz"),
                voltage=row.child("current_voltage").number("volt"),
            ),
        )
    return tuple(boards[index] for index in sorted(boards))


def _celsius(row: Fields) -> float | None:
    return row.number("degree_c", low=bitmain.MIN_CELSIUS, high=bitmain.MAX_CELSIUS)


def fans_of(rows: list[Fields], key: str, sheet: RigModel | None) -> tuple[Fan, ...]:
    """Return the fitted fans; Braiins OS lists every connector of the control board, also empty ones at 0 rpm.

    0 rpm is a stopped fan if the data sheet has that many fans, otherwise an empty connector: an S9 lists four and has
    two.
    """
    fitted = sheet.fans if sheet and sheet.fans is not None else 0
    speeds: dict[int, int] = {}
    for at, row in enumerate(rows):
        number = row.integer(key, high=63)
        index, rpm = at if number is None else number, row.integer("rpm", high=100_000)
        if rpm is not None and (rpm or index < fitted):
            speeds.setdefault(index, rpm)
    return tuple(Fan(index=index, rpm=speeds[index]) for index in sorted(speeds))


def _pools(replies: Replies, defects: list[Defect]) -> tuple[PoolSlot, ...]:
    """Return the pools of all groups, numbered consecutively; the answer is a bare list of groups."""
    slots: list[PoolSlot] = []
    for group in Fields({"pools": replies.get("pools")}, "", defects).items("pools"):
        for row in group.items("pools"):
            stats = row.child("stats")
            slots.append(
                PoolSlot(
                    index=len(slots),
                    url=row.text("url"),
                    user=row.text("user"),
                    alive=row.flag("alive"),
                    active=row.flag("active"),
                    accepted=stats.integer("accepted_shares"),
                    rejected=stats.integer("rejected_shares"),
                    stale=stats.integer("stale_shares"),
                )
            )
    return tuple(slots)


def _shares(row: Fields) -> Shares:
    return Shares(
        accepted=row.integer("accepted_shares"),
        rejected=row.integer("rejected_shares"),
        stale=row.integer("stale_shares"),
    )


DRIVER: Final = Driver(
    name="braiins-rest",
    title="Braiins OS 25 and later, REST",
    commands=COMMANDS,
    matches=matches,
    decode=decode,
    window_order=("5m", "15m", "1m", "30m", "5s", "avg"),
    login=Login(
        LoginScheme.BEARER,
        path="/api/v1/auth/login",
        body={"username": "{user}", "password": "{password}"},
        token="token",  # noqa: S106 — the name of the field, not a secret
        prefix="",  # the bare token
    ),
    tested_with=("S21 Pro, 26.04-plus",),
)
