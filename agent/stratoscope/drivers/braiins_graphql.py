"""Reads rigs on Braiins OS+ 21.09 to 24 over the GraphQL API of the web interface.

Queries are GET requests. Live values are a separate query: while mining is stopped the API answers it with an error,
and identity must not fail with it. The canonical window is 5 minutes, then 1 minute and 5 s (21.09 has only the
last). Watts are Braiins' estimate (approxConsumptionW). The MAC is only in the network page of LuCI.
"""

import json
from typing import Any, Final
from urllib.parse import quote

from stratoscope.drivers import bitmain_stats as bitmain
from stratoscope.drivers.braiins_rest import fans_of
from stratoscope.drivers.cgminer_sections import (
    board_rate,
    hardware_address,
    is_hashing,
    page_contains,
    raw_rows,
    signature,
    sum_of,
)
from stratoscope.drivers.driver import Command, Driver, Fingerprint, Login, LoginScheme, Replies, Via
from stratoscope.fields import Fields
from stratoscope.reading import Defect, Hashboard, PoolSlot, Reading
from stratoscope.units import MH, MHZ


def _graphql(query: str) -> str:
    return "/graphql?query=" + quote("{" + query + "}", safe="{}")


IDENTITY: Final = _graphql("bos{hostname info{version{full}}} bosminer{info{modelName}}")
COMMANDS: Final = (
    Command("identity", IDENTITY, Via.HTTP, every=60, identity=True),
    Command("uptime", _graphql("bos{uptime{durationS}}"), Via.HTTP, required=False),
    Command(
        "live",
        _graphql(
            "bosminer{info{fans{name rpm speed} summary{power{approxConsumptionW limitW}} "
            "workSolver{nominalMhs realHashrate{mhs5S mhs1M mhs5M mhs15M mhs24H mhsAv} "
            "childSolvers{name realHashrate{mhs5S mhs1M mhs5M} hwDetails{chips frequencyMhz voltageV} "
            "temperatures{name degreesC}}}}}"
        ),
        Via.HTTP,
    ),
    Command(
        "pools",
        _graphql(
            "bosminer{info{poolGroups{name pools{url user status active shares{acceptedSolutions rejectedSolutions}}}}}"
        ),
        Via.HTTP,
        every=2,
        required=False,
    ),
    Command(
        "network", "/cgi-bin/luci/admin/network/iface_status/lan", Via.HTTP, every=60, required=False, identity=True
    ),
)
WINDOWS: Final = {
    "mhs5S": "5s",
    "mhs1M": "1m",
    "mhs5M": "5m",
    "mhs15M": "15m",
    "mhs24H": "24h",
    "mhsAv": "avg",
}


def matches(fingerprint: Fingerprint) -> bool:
    """Recognize the API by a GraphQL answer, or by a Braiins landing page if port 4028 reports no summary."""
    for path, page in fingerprint.pages.items():
        if path.startswith("/graphql") and page.status == 200 and isinstance(page.json, dict):
            answer: Any = page.json.get("data")
            if isinstance(answer, dict) and ("bosminer" in answer or "bos" in answer):
                return True
    words = signature(fingerprint)
    if not ("boser" in words or "braiins" in words or page_contains(fingerprint, "braiins")):
        return False
    return page_contains(fingerprint, "braiins") and not raw_rows(fingerprint.replies.get("summary"), "SUMMARY")


def decode(replies: Replies) -> Reading:
    """Return the reading of a rig on Braiins OS+; never raises."""
    defects: list[Defect] = []
    identity = replies.fields("identity", defects).child("data")
    bos = identity.child("bos")
    live = replies.fields("live", defects).child("data").child("bosminer").child("info")
    solver = live.child("workSolver")
    known = bitmain.parse_product_name(identity.child("bosminer").child("info").text("modelName"))
    rates = _windows(solver.child("realHashrate"))
    pools = _pools(replies, defects)
    power = live.child("summary").child("power").number("approxConsumptionW")
    return Reading(
        driver=DRIVER.name,
        make=known.make,
        model=known.model,
        firmware="braiins",
        firmware_version=bos.child("info").child("version").text("full"),
        mac=_mac(replies, defects),
        hostname=bos.text("hostname"),
        algorithm="sha256" if identity or live else None,  # Braiins OS supports no other
        uptime=replies.fields("uptime", defects).child("data").child("bos").child("uptime").number("durationS"),
        hashing=is_hashing(rates),
        hashrate=rates,
        hashrate_expected=solver.number("nominalMhs", scale=MH) or None,
        power=power,
        power_source=None if power is None else "reported",
        boards=_boards(solver),
        fans=fans_of(live.items("fans"), "name", known.sheet),
        pools=pools,
        shares=sum_of(pools),
        defects=tuple(defects),
    )


def _windows(row: Fields) -> dict[str, float]:
    found = ((name, row.number(key, scale=MH)) for key, name in WINDOWS.items() if key in row)
    return {name: value for name, value in found if value is not None}


def _boards(solver: Fields) -> tuple[Hashboard, ...]:
    rows = [(n, row) for row in solver.items("childSolvers") if (n := row.integer("name", high=63)) is not None]
    offset = bitmain.first_slot([number for number, _ in rows])
    boards: dict[int, Hashboard] = {}
    for number, row in rows:
        hardware = row.child("hwDetails")
        temperatures = {
            sensor.text("name"): sensor.number("degreesC", low=bitmain.MIN_CELSIUS, high=bitmain.MAX_CELSIUS)
            for sensor in row.items("temperatures")
        }
        boards.setdefault(
            number - offset,
            Hashboard(
                index=number - offset,
                hashrate=board_rate(_windows(row.child("realHashrate"))),
                temperature_board=temperatures.get("Board"),
                temperature_chip=temperatures.get("Chip"),
                chips=hardware.integer("chips"),
                frequency=hardware.number("frequencyMhz", scale=MHZ),
                voltage=hardware.number("voltageV"),
            ),
        )
    return tuple(boards[index] for index in sorted(boards))


def _pools(replies: Replies, defects: list[Defect]) -> tuple[PoolSlot, ...]:
    """Return the pools of all groups, numbered consecutively."""
    slots: list[PoolSlot] = []
    for group in replies.fields("pools", defects).child("data").child("bosminer").child("info").items("poolGroups"):
        for row in group.items("pools"):
            shares, status = row.child("shares"), row.text("status")
            slots.append(
                PoolSlot(
                    index=len(slots),
                    url=row.text("url"),
                    user=row.text("user"),
                    alive={"ALIVE": True, "DEAD": False, "DISABLED": False}.get(status or ""),
                    active=row.flag("active"),
                    accepted=shares.integer("acceptedSolutions"),
                    rejected=shares.integer("rejectedSolutions"),
                )
            )
    return tuple(slots)


def _mac(replies: Replies, defects: list[Defect]) -> str | None:
    """Return the MAC from LuCI's interface list; None for a login page."""
    answer = replies.get("network")
    if isinstance(answer, str):
        try:
            answer = json.loads(answer[:65536])
        except (ValueError, RecursionError):
            return None
    row = next(iter(answer), None) if isinstance(answer, list) else answer
    return hardware_address(Fields(row, "/network", defects), "macaddr")


DRIVER: Final = Driver(
    name="braiins-graphql",
    title="Braiins OS+ 21 to 24, GraphQL",
    commands=COMMANDS,
    matches=matches,
    decode=decode,
    window_order=("5m", "1m", "15m", "5s", "avg"),
    login=Login(
        LoginScheme.COOKIE,
        path="/cgi-bin/luci",
        body={"luci_username": "{user}", "luci_password": "{password}"},
        form=True,
    ),
    tested_with=("S9, 22.08-plus",),
)
