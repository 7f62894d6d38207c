"""Simulates a Proto rig: the REST API of the Mining Development Kit under /api/v1.

Based on: the vendor's simulator of ProtoOS 1.8.0. Every telemetry value has a unit. Reading is open; changes require a
bearer token. The vendor's simulator marks every pool Active; this one marks only the pool in use.
"""

from datetime import UTC, datetime
from urllib.parse import parse_qs

import orjson

from stratoscope.simulate.families import antminer
from stratoscope.simulate.families.envelope import Row
from stratoscope.simulate.families.family import NOT_FOUND, SimulatedFamily, SimulatedPage, SimulatedRequest
from stratoscope.simulate.physics import Physics
from stratoscope.simulate.rig import Rig
from stratoscope.units import GH, TH

_VERSION = "1.8.0"
_PSUS = 2
_PSU_EFFICIENCY = 0.93  # output power as a fraction of wall power
_REPORTED_POWER_RATIO = 0.978  # power reported by the miner as a fraction of wall power
_MAINS_VOLTS = 230.0


def _unit(unit: str, value: float) -> Row:
    return {"unit": unit, "value": value}


def _efficiency(watts: float, hashrate: float) -> float:
    return watts / (hashrate / TH) if hashrate else 0.0


def _state(physics: Physics) -> str:
    if physics.stopped:
        return "Error"
    return "Mining" if all(board.chips for board in physics.boards) else "DegradedMining"


def mining(rig: Rig) -> Row:
    """Compose /api/v1/mining: hashrates in GH/s; the average covers the time since mining started."""
    physics, spec = rig.physics, rig.spec
    watts = physics.power * _REPORTED_POWER_RATIO
    boards = [board for board in physics.boards if board.chips]
    efficiency = _efficiency(watts, physics.hashrate)
    return {
        "mining-status": {
            "status": _state(physics),
            "mining_uptime_s": int(physics.uptime),
            "reboot_uptime_s": int(physics.uptime),
            "hashrate_ghs": physics.hashrate / GH,
            "average_hashrate_ghs": physics.average / GH,
            "ideal_hashrate_ghs": round(spec.hashrate / GH),
            "hashboards_installed": spec.boards,
            "hashboards_mining": len(boards),
            "hw_errors": sum(board.errors for board in physics.boards),
            "average_asic_temp_c": sum(board.chip for board in physics.boards) / spec.boards,
            "average_hb_temp_c": sum(board.temperature for board in physics.boards) / spec.boards,
            "power_usage_watts": watts,
            "power_target_watts": round(spec.watts),
            "power_efficiency_jth": efficiency,
            "average_hb_efficiency_jth": efficiency,
        }
    }


def telemetry(rig: Rig, query: str) -> Row:
    """Compose /api/v1/telemetry with the levels in `query` (`level=miner,hashboard,psu`; default: all)."""
    requested = parse_qs(query).get("level")
    levels = set(",".join(requested).split(",")) if requested else {"miner", "hashboard", "psu"}
    answer: Row = {"timestamp": f"{datetime.fromtimestamp(rig.when, UTC):%Y-%m-%dT%H:%M:%SZ}"}
    if "miner" in levels:
        answer["miner"] = _miner(rig)
    if "hashboard" in levels:
        answer["hashboards"] = [_hashboard(rig, index) for index in range(rig.spec.boards)]
    if "psu" in levels:
        answer["psus"] = [_psu(rig, index) for index in range(_PSUS)]
    return answer


def _miner(rig: Rig) -> Row:
    physics = rig.physics
    watts = physics.power * _REPORTED_POWER_RATIO
    return {
        "hashrate": _unit("TH/s", physics.hashrate / TH),
        "power": _unit("W", watts),
        "efficiency": _unit("J/TH", _efficiency(watts, physics.hashrate)),
        "temperature": _unit("°C", sum(board.temperature for board in physics.boards) / rig.spec.boards),
    }


def _hashboard(rig: Rig, index: int) -> Row:
    physics, spec = rig.physics, rig.spec
    board = physics.boards[index]
    watts = physics.power * _REPORTED_POWER_RATIO * board.hashrate / physics.hashrate if physics.hashrate else 0.0
    volts = spec.voltage if board.chips else 0.0
    return {
        "index": index,
        "serial_number": _board_serial(rig, index),
        "hashrate": _unit("TH/s", board.hashrate / TH),
        "power": _unit("W", watts),
        "voltage": _unit("V", volts),
        "current": _unit("A", watts / spec.voltage),
        "efficiency": _unit("J/TH", _efficiency(watts, board.hashrate)),
        "temperature": {
            "unit": "°C",
            "inlet": physics.ambient + 12.0,
            "average": board.temperature,
            "outlet": board.temperature + 7.0,
        },
    }


def _psu(rig: Rig, index: int) -> Row:
    watts = rig.physics.power / _PSUS
    volts, ambient = rig.spec.voltage, rig.physics.ambient
    return {
        "index": index,
        "serial_number": f"PSU-{rig.serial}-{index}",
        "power": {"unit": "W", "input": watts, "output": watts * _PSU_EFFICIENCY},
        "voltage": {"unit": "V", "input": _MAINS_VOLTS, "output": volts},
        "current": {"unit": "A", "input": watts / _MAINS_VOLTS, "output": watts * _PSU_EFFICIENCY / volts},
        "temperature": {"unit": "°C", "ambient": ambient + 5.0, "average": ambient + 12.0, "hotspot": ambient + 20.0},
    }


def _board_serial(rig: Rig, index: int) -> str:
    return f"HB-{rig.serial}-{index}"


def cooling(rig: Rig) -> Row:
    """Compose /api/v1/cooling; fan slots are numbered from 1."""
    percent = round(100 * rig.physics.fan)
    fans = [
        {"slot": slot, "rpm": antminer.fan_rpm(rig, slot, 1), "speed_percentage": percent}
        for slot in range(1, rig.spec.fans + 1)
    ]
    return {
        "cooling-status": {"fan_mode": "Auto", "fans": fans, "speed_percentage": percent, "target_temperature_c": 50}
    }


def pools(rig: Rig) -> Row:
    """Compose /api/v1/pools."""
    rows = []
    for index, url, user, slot, alive, active in rig.slots:
        state = "Dead" if not alive else "Active" if active else "Idle"
        rows.append(
            {
                "id": index,
                "name": f"Pool {index + 1}",
                "priority": index,
                "url": url,
                "user": user,
                "enabled": True,
                "status": state,
                "connection_status": state,
                "accepted": slot.accepted,
                "rejected": slot.rejected,
                "difficulty": f"{rig.physics.difficulty:.0f}",
            }
        )
    return {"pools": rows}


def errors(rig: Rig) -> list[Row]:
    """Compose /api/v1/errors: lost hashboards, and the others while the rig is overheated. Slots count from 1."""
    rows: list[Row] = []
    for slot, board in enumerate(rig.physics.boards, 1):
        if not board.chips:
            rows.append(_board_error("HashboardPowerLost", slot, f"Hashboard {slot} has lost power"))
        elif rig.physics.stopped:
            rows.append(_board_error("HashboardOverheat", slot, f"Hashboard {slot} is overheating"))
    return rows


def _board_error(code: str, slot: int, message: str) -> Row:
    return {"error_code": code, "source": "hashboard", "slot": slot, "message": message}


def hardware(rig: Rig) -> Row:
    """Compose /api/v1/hardware: the installed hardware, working or not."""
    spec = rig.spec
    boards = [
        {
            "slot": index + 1,
            "port": index,
            "hb_sn": _board_serial(rig, index),
            "board": "B4",
            "chip_id": spec.code,
            "mining_asic": "BZM",
            "mining_asic_count": spec.chips,
        }
        for index in range(spec.boards)
    ]
    fans = [
        {"slot": slot, "name": f"Fan {slot}", "min_rpm": 1000, "max_rpm": spec.rpm} for slot in range(1, spec.fans + 1)
    ]
    psus = [
        {
            "slot": index + 1,
            "psu_sn": f"PSU-{rig.serial}-{index}",
            "manufacturer": "Proto",
            "model": "PSU-3600W",
            "hw_revision": "v1.0",
            "firmware": {"app_version": "1.2.0", "bootloader_version": "1.0.0"},
        }
        for index in range(_PSUS)
    ]
    control = {"board_id": "CB-001", "machine_name": spec.model, "serial_number": rig.serial}
    return {"hardware-info": {"cb-info": control, "hashboards-info": boards, "fans-info": fans, "psus-info": psus}}


def system(rig: Rig) -> Row:
    """Compose /api/v1/system."""
    parts = {
        "hashboard_firmware": "hashboard-fw",
        "mining_driver_sw": "mcdd",
        "pool_interface_sw": "stratum-client",
        "web_dashboard": "miner-web",
        "web_server": "miner-api-server",
    }
    about: Row = {part: {"name": name, "version": _VERSION} for part, name in parts.items()}
    about.update(
        {
            "manufacturer": "Proto",
            "model": rig.spec.model,
            "product_name": f"Proto {rig.spec.model}",
            "board": "C3",
            "soc": "STM32MP157F",
            "cb_sn": rig.serial,
            "uptime_seconds": int(rig.physics.uptime),
            "os": {"name": "ProtoOS", "version": _VERSION, "variant": "release", "hostname": rig.hostname},
            "sw_update_status": {"current_version": _VERSION, "status": "current"},
        }
    )
    return {"system-info": about}


def network(rig: Rig) -> Row:
    """Compose /api/v1/network."""
    return {
        "network-info": {
            "mac": rig.mac.upper(),
            "hostname": rig.hostname,
            "dhcp": True,
            "ip_address": "",
            "netmask": "255.255.255.0",
            "gateway": "",
        }
    }


_PAGES = {
    "mining": mining,
    "cooling": cooling,
    "pools": pools,
    "errors": errors,
    "hardware": hardware,
    "system": system,
    "network": network,
}


def _login(rig: Rig, body: bytes) -> SimulatedPage:
    try:
        credentials = orjson.loads(body)
    except orjson.JSONDecodeError:
        credentials = None
    if not isinstance(credentials, dict) or credentials.get("password") != rig.password:
        return SimulatedPage({"error": {"code": "UNAUTHORIZED", "message": "Invalid password"}}, 401, login=True)
    return SimulatedPage({"access_token": rig.token, "refresh_token": rig.token}, login=True)


def serve(rig: Rig, request: SimulatedRequest) -> SimulatedPage:
    """Handle API requests; every request except GET and the login would change the rig."""
    if request.path == "/api/v1/auth/login" and request.method == "POST":
        return _login(rig, request.body)
    if request.method != "GET":
        return SimulatedPage(
            {"error": {"code": "UNAUTHORIZED", "message": "Authentication required"}}, 401, privileged=True
        )
    if request.path == "/":
        return SimulatedPage("<html><head><title>Proto OS</title></head></html>")
    if request.path == "/api/v1/telemetry":
        return SimulatedPage(telemetry(rig, request.query))
    page = _PAGES.get(request.path.removeprefix("/api/v1/")) if request.path.startswith("/api/v1/") else None
    return SimulatedPage(page(rig)) if page else NOT_FOUND


FAMILY = SimulatedFamily(name="proto", ports={80: "http"}, description="ProtoOS", serve=serve)
