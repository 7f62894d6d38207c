"""Simulates Braiins OS with its public REST API under /api/v1, which requires a login.

Based on: S21 Pro, BOS 26.04. POST /api/v1/auth/login returns a token, which clients send in the Authorization header
without a scheme. Only the version page needs no login. Port 4028 (`braiins_cgminer`) is open too. Paths may end in a
slash.
"""

from typing import Any

import orjson

from stratoscope.simulate.families import antminer, braiins_cgminer
from stratoscope.simulate.families.envelope import Row
from stratoscope.simulate.families.family import NOT_FOUND, SimulatedFamily, SimulatedPage, SimulatedRequest
from stratoscope.simulate.rig import Rig
from stratoscope.units import GH, MHZ, TH

_VERSION = "2026-04-14-0-912d084c-26.04-plus"
_WINDOWS = {
    "last_5s": "5s",
    "last_1m": "1m",
    "last_5m": "5m",
    "last_15m": "15m",
    "last_30m": "30m",
    "last_1h": "1h",
    "last_24h": "24h",
}


def _gigahash(hashrate: float) -> Row:
    return {"gigahash_per_second": hashrate / GH}


def _rates(rig: Rig, fraction: float) -> Row:
    physics = rig.physics
    rates = {key: _gigahash(physics.windows[window] * fraction) for key, window in _WINDOWS.items()}
    rates["since_restart"] = _gigahash(physics.average * fraction)
    return rates


def _shares(rig: Rig) -> Row:
    physics = rig.physics
    newest = max((rig.last_share(slot) for slot in physics.slots), default=0)
    return {
        "accepted_shares": physics.total("accepted"),
        "rejected_shares": physics.total("rejected"),
        "stale_shares": physics.total("stale"),
        "best_share": int(physics.difficulty * 7001),
        "last_difficulty": int(physics.difficulty),
        "generated_work": int(physics.uptime * 253_000),
        "last_share_time": {"seconds": newest, "nanos": 0},
    }


def _stats(rig: Rig) -> Row:
    physics = rig.physics
    watts = round(physics.power)
    efficiency = watts / (physics.hashrate / TH) if physics.hashrate else 0.0
    return {
        "miner_stats": {
            "best_share": int(physics.difficulty * 7001),
            "found_blocks": 0,
            "error_hashrate": {"megahash_per_second": 0.0},
            "nominal_hashrate": _gigahash(sum(board.full for board in physics.boards)),
            "real_hashrate": _rates(rig, 1.0),
        },
        "pool_stats": _shares(rig),
        "power_stats": {"approximated_consumption": {"watt": watts}, "efficiency": {"joule_per_terahash": efficiency}},
    }


def _details(rig: Rig) -> Row:
    name = f"Antminer {rig.spec.model}"
    uptime = int(rig.physics.uptime)
    return {
        "uid": rig.token[:16],
        "miner_identity": {"brand": 1, "model": 0, "name": name, "miner_model": name},
        "platform": 4,
        "bos_mode": 4,
        "bos_version": {"current": _VERSION, "major": _VERSION, "bos_plus": True},
        "hostname": rig.hostname,
        "mac_address": rig.mac,
        "system_uptime": uptime + 60,
        "system_uptime_s": uptime + 60,
        "bosminer_uptime_s": uptime,
        "sticker_hashrate": _gigahash(rig.spec.hashrate),
        "serial_number": rig.serial,
        "status": 2 if rig.physics.hashrate else 3,
        "kernel_version": "4.9.113",
        "control_board_soc_family": 3,
        "psu_info": {
            "model_name": "APW171215a",
            "serial_number": f"{rig.serial}P",
            "fw_version": 6920,
            "min_voltage": {"volt": 12.0},
            "max_voltage": {"volt": 15.0},
        },
    }


def _hashboards(rig: Rig) -> Row:
    physics, spec = rig.physics, rig.spec
    rows = []
    for index, board in enumerate(physics.boards):
        fraction = board.hashrate / physics.hashrate if physics.hashrate else 0.0
        rows.append(
            {
                "id": str(index + 1),
                "enabled": board.chips > 0,
                "chips_count": board.chips,
                "chip_type": "BM1370",
                "current_frequency": {"hertz": spec.frequency * MHZ},
                "current_voltage": {"volt": spec.voltage},
                "board_temp": {"degree_c": round(board.temperature, 3)},
                "serial_number": f"{rig.serial}B{index}",
                "highest_chip_temp": {"id": 1, "location": 1, "temperature": {"degree_c": round(board.chip, 3)}},
                "lowest_inlet_temp": {"degree_c": round(board.temperature - 15, 3)},
                "board_name": "A3HB70601",
                "stats": {
                    "nominal_hashrate": _gigahash(board.full),
                    "real_hashrate": _rates(rig, fraction),
                    "error_hashrate": {"megahash_per_second": 0.0},
                    "found_blocks": 0,
                },
            }
        )
    return {"hashboards": rows}


def _cooling(rig: Rig) -> Row:
    ratio = round(rig.physics.fan, 2)
    fans = [
        {"position": index, "rpm": antminer.fan_rpm(rig, index + 1), "target_speed_ratio": ratio}
        for index in range(rig.spec.fans)
    ]
    hottest = {"id": None, "location": 1, "temperature": {"degree_c": round(rig.physics.hottest, 3)}}
    return {"fans": fans, "highest_temperature": hottest}


def _pools(rig: Rig) -> list[Row]:
    difficulty = int(rig.physics.difficulty)
    rows = [
        {
            "uid": f"pool{index}",
            "url": url,
            "user": user,
            "enabled": True,
            "alive": alive,
            "active": active,
            "stats": {
                "accepted_shares": slot.accepted,
                "rejected_shares": slot.rejected,
                "stale_shares": slot.stale,
                "last_difficulty": difficulty,
                "best_share": difficulty * 7001,
                "generated_work": int(rig.physics.uptime * 253_000) if active else 0,
                "last_share_time": {"seconds": rig.last_share(slot), "nanos": 0} if slot.accepted else None,
            },
        }
        for index, url, user, slot, alive, active in rig.slots
    ]
    return [{"uid": "0", "name": "Default", "pools": rows, "strategy": {"quota": {"value": 1}}}]


def _errors(rig: Rig) -> Row:
    rows: list[Row] = []
    lost = rig.physics.lost
    if lost >= 0:
        rows.append(
            {
                "timestamp": "2026-03-20T21:27:28.454727Z",
                "message": f"Hashboard {lost + 1}: no chips detected",
                "error_codes": [],
                "components": [{"name": "hashboard", "index": lost + 1}],
            }
        )
    return {"errors": rows}


def _network(rig: Rig) -> Row:
    return {
        "name": "eth0",
        "mac_address": rig.mac,
        "hostname": rig.hostname,
        "protocol": 1,
        "dns_servers": [],
        "networks": [],
        "default_gateway": "",
    }


def _tuner(rig: Rig) -> Row:
    target = {"watt": round(rig.spec.watts)}
    state = {"powertargetmodestate": {"current_target": target, "profile": {"target": target, "created": None}}}
    return {"overall_tuner_state": 5, "mode_state": state}


def _configuration(rig: Rig) -> Row:
    return {
        "pool_groups": [],
        "tuner": {
            "enabled": True,
            "tuner_mode": 1,
            "hashrate_target": None,
            "power_target": {"watt": round(rig.spec.watts)},
        },
    }


_PAGES: dict[str, Any] = {
    "/api/v1/miner/stats": _stats,
    "/api/v1/miner/details": _details,
    "/api/v1/miner/hw/hashboards": _hashboards,
    "/api/v1/miner/errors": _errors,
    "/api/v1/cooling/state": _cooling,
    "/api/v1/pools": _pools,
    "/api/v1/network": _network,
    "/api/v1/performance/tuner-state": _tuner,
    "/api/v1/configuration/miner": _configuration,
    "/api/v1/actions/locate": lambda _: False,
}


def login(rig: Rig, body: bytes) -> SimulatedPage:
    """Return the rig's token if the credentials in `body` are correct."""
    try:
        credentials = orjson.loads(body)
    except orjson.JSONDecodeError:
        credentials = None
    if isinstance(credentials, dict) and (credentials.get("username"), credentials.get("password")) == (
        rig.user,
        rig.password,
    ):
        return SimulatedPage({"token": rig.token, "timeout_s": 3600}, login=True)
    return SimulatedPage({"message": "invalid credentials"}, 401, login=True)


def serve(rig: Rig, request: SimulatedRequest) -> SimulatedPage:
    """Handle REST API requests."""
    path = request.path.rstrip("/")
    if path == "/api/v1/auth/login" and request.method == "POST":
        return login(rig, request.body)
    if request.method != "GET":
        return SimulatedPage({"message": "forbidden"}, 403, privileged=True)
    if not path:
        return SimulatedPage("<html><title>Braiins OS</title></html>")
    if path == "/api/v1/version":
        return SimulatedPage({"major": 1, "minor": 3, "patch": 0})
    if request.headers.get("authorization", "").removeprefix("Bearer ") != rig.token:
        return SimulatedPage({"message": "unauthenticated"}, 401)
    page = _PAGES.get(path)
    return SimulatedPage(page(rig)) if page else NOT_FOUND


FAMILY = SimulatedFamily(
    name="braiins",
    ports={80: "http", 4028: "cgminer"},
    description=braiins_cgminer.DESCRIPTION,
    verbs=braiins_cgminer.VERBS,
    serve=serve,
    needs_login=True,
)
