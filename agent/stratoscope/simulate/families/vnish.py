"""Simulates VNish on an Antminer: CGMiner's API without the `id` key, and a JSON web API.

Based on: S21 Pro, VNish 1.2.7 of December 2025. `version` is refused with Code 0. Pool URLs have no scheme. The
settings page requires the bearer token from /api/v1/unlock; the information pages are open.
"""

from stratoscope.simulate.families import antminer, envelope
from stratoscope.simulate.families.envelope import Answer, Row
from stratoscope.simulate.families.family import NOT_FOUND, SimulatedFamily, SimulatedPage, SimulatedRequest
from stratoscope.simulate.rig import Rig
from stratoscope.units import GH, MILLIVOLT, TH

_DESCRIPTION = "cgminer 4.11.1"
_VERSION = "1.2.7"
_BUILT = "2025-12-22 19:12:30"


def _type(rig: Rig) -> str:
    return f"Antminer {rig.spec.model} (Vnish {_VERSION})"


def _state(rig: Rig) -> str:
    physics = rig.physics
    if physics.stopped:
        return "failure"
    return "mining" if physics.uptime > 90 else "initializing"


def _reply(rig: Rig, code: int, msg: str, section: str, rows: list[Row]) -> Answer:
    return {"STATUS": [envelope.status_row(rig, code, msg, _DESCRIPTION)], section: rows}


def refuse(rig: Rig, verb: str, description: str) -> Answer:
    """Compose VNish's refusal: Code 0 for an unknown command."""
    if envelope.is_privileged(verb):
        return envelope.refusal(rig, verb, description)
    return {"STATUS": [envelope.status_row(rig, 0, "Invalid command", description, "E")]}


def summary(rig: Rig, _: str) -> Answer:
    """Compose `summary`."""
    physics = rig.physics
    row = {
        "Elapsed": int(physics.uptime),
        "GHS 5s": round(physics.windows["5s"] / GH, 2),
        "GHS av": round(physics.average / GH, 2),
        "GHS 30m": round(physics.windows["30m"] / GH, 2),
        **envelope.summary_counters(rig),
        "Fee Percent": 2.8,
    }
    return _reply(rig, 11, "Summary", "SUMMARY", [row])


def pools(rig: Rig, _: str) -> Answer:
    """Compose `pools`, with URLs without a scheme."""
    rows = envelope.pool_rows(rig, envelope.share_ago)
    for row in rows:
        row["URL"] = row["URL"].partition("://")[2]
        row["Type"] = 0
    return _reply(rig, 7, f"{len(rows)} Pool(s)", "POOLS", rows)


def devdetails(rig: Rig, _: str) -> Answer:
    """Compose `devdetails`."""
    code = rig.spec.model.replace(" ", "").lower()
    row = {
        "DEVDETAILS": 0,
        "Name": f"BTM_{code.upper()}",
        "ID": 0,
        "Driver": f"bitmain_{code}_drv",
        "Kernel": "",
        "Model": "",
        "Device Path": "",
    }
    return _reply(rig, 69, "Device Details", "DEVDETAILS", [row])


def stats(rig: Rig, _: str) -> Answer:
    """Compose `stats`: power per chain, hashrates as numbers except the 5 s window, which is a string."""
    physics, spec = rig.physics, rig.spec
    row: Row = {
        "Elapsed": int(physics.uptime),
        "GHS 5s": f"{physics.windows['5s'] / GH:.2f}",
        "GHS av": round(physics.average / GH, 2),
    }
    for number, board in enumerate(physics.boards, 1):
        hot, chip = round(board.temperature), round(board.chip)
        row.update(
            {
                f"temp{number}": hot,
                f"temp2_{number}": chip,
                f"temp_chip{number}": f"{chip}-{chip - 10}-{chip}-{chip}",
                f"temp_pcb{number}": f"{hot}-{hot - 10}-{hot}-{hot}",
                f"chain_consumption{number}": _watts(rig, number - 1),
                f"chain_hw{number}": board.errors,
                f"chain_rateideal{number}": round(board.full / GH, 3),
                f"chain_rate{number}": round(board.hashrate / GH, 2),
                f"freq_avg{number}": spec.frequency,
                f"chain_vol{number}": round(spec.voltage / MILLIVOLT),
                f"chain_state{number}": _chain_state(rig, number - 1),
                f"chain_fault{number}": "" if board.chips else "chips not found",
                f"chain_acn{number}": board.chips,
            }
        )
    row.update({"fan_num": spec.fans, "fan_mode": 0, "fan_pwm": round(100 * physics.fan)})
    row.update({f"fan{number}": antminer.fan_rpm(rig, number) for number in range(1, spec.fans + 1)})
    row.update(
        {
            "state": _state(rig),
            "total_rate": round(physics.windows["5s"] / GH, 2),
            "total_rateideal": round(spec.hashrate / GH, 2),
            "total_acn": sum(board.chips for board in physics.boards),
        }
    )
    head = {"Type": _type(rig), "Miner": "0.0.0", "Cgminer": _VERSION, "CompileTime": _BUILT}
    return _reply(rig, 70, "CGMiner stats", "STATS", [head, row])


def _watts(rig: Rig, index: int) -> int:
    physics = rig.physics
    return round(physics.power * physics.boards[index].hashrate / physics.hashrate) if physics.hashrate else 0


def _chain_state(rig: Rig, index: int) -> str:
    if not rig.physics.boards[index].chips:
        return "failure"
    return "stopped" if rig.physics.stopped else "mining"


def _info(rig: Rig) -> Row:
    code = rig.spec.model.replace(" ", "").lower()
    network = {
        "mac": rig.mac,
        "dhcp": True,
        "ip": "",
        "netmask": "255.255.255.0",
        "gateway": "",
        "dns": [],
        "hostname": rig.hostname,
    }
    uptime = int(rig.physics.uptime)
    return {
        "miner": f"Antminer {rig.spec.model}",
        "model": code,
        "fw_name": "Vnish",
        "fw_version": _VERSION,
        "build_name": "vnish",
        "platform": "aml",
        "install_type": "nand",
        "build_time": _BUILT,
        "algorithm": "sha256d",
        "hr_measure": "GH/s",
        "serial": rig.serial,
        "system": {
            "os": "GNU/Linux",
            "miner_name": code,
            "file_system_version": "",
            "mem_total": 243704,
            "mem_free": 175240,
            "network_status": network,
            "uptime": f"{uptime // 3600}:{uptime // 60 % 60:02d}",
        },
    }


def _web_summary(rig: Rig) -> Row:
    physics, spec = rig.physics, rig.spec
    watts = round(physics.power)
    boards, chips = [b.temperature for b in physics.boards], [b.chip for b in physics.boards]
    miner = {
        "miner_status": {"miner_state": _state(rig), "miner_state_time": int(physics.uptime)},
        "miner_type": _type(rig),
        "hr_stock": round(spec.hashrate / GH, 1),
        "average_hashrate": round(physics.average / TH, 5),
        "instant_hashrate": round(physics.windows["5s"] / TH, 5),
        "hr_realtime": round(physics.windows["5s"] / GH, 2),
        "hr_nominal": round(spec.hashrate / GH, 2),
        "hr_average": round(physics.average / GH, 2),
        "pcb_temp": {"min": round(min(boards)), "max": round(max(boards))},
        "chip_temp": {"min": round(min(chips)), "max": round(max(chips))},
        "power_consumption": watts,
        "power_usage": watts,
        "power_efficiency": round(watts / (physics.hashrate / TH), 3) if physics.hashrate else 0.0,
        "hw_errors_percent": 0.0,
        "hw_errors": sum(board.errors for board in physics.boards),
        "devfee_percent": 2.8,
        "pools": [_web_pool(rig, index) for index in range(len(rig.pools))],
        "cooling": {
            "fan_num": spec.fans,
            "fans": [
                {"id": number - 1, "rpm": antminer.fan_rpm(rig, number), "status": "ok", "max_rpm": spec.rpm}
                for number in range(1, spec.fans + 1)
            ],
            "fan_duty": round(100 * physics.fan),
        },
        "chains": [_web_chain(rig, index) for index in range(spec.boards)],
        "found_blocks": 0,
        "best_share": int(physics.difficulty * 7001),
        "psu": {"psu_power_metering": True},
    }
    return {"miner": miner}


def _web_pool(rig: Rig, index: int) -> Row:
    _, url, user, slot, alive, active = rig.slots[index]
    difficulty = rig.physics.difficulty
    return {
        "id": index,
        "url": url.partition("://")[2],
        "pool_type": "UserPool",
        "user": user,
        "status": "active" if active else "working" if alive else "offline",
        "asic_boost": True,
        "diff": envelope.format_difficulty(difficulty) if active else "",
        "accepted": slot.accepted,
        "rejected": slot.rejected,
        "stale": slot.stale,
        "ls_diff": difficulty,
        "ls_time": envelope.share_ago(rig, slot),
        "diffa": slot.accepted * difficulty,
        "ping": 8,
    }


def _web_chain(rig: Rig, index: int) -> Row:
    board, spec = rig.physics.boards[index], rig.spec
    hot, chip = round(board.temperature), round(board.chip)
    return {
        "id": index + 1,
        "frequency": spec.frequency,
        "voltage": round(spec.voltage / MILLIVOLT),
        "power_consumption": _watts(rig, index),
        "hashrate_ideal": round(board.full / GH, 3),
        "hashrate_rt": round(board.hashrate / GH, 2),
        "hw_errors": board.errors,
        "pcb_temp": {"min": hot - 10, "max": hot},
        "chip_temp": {"min": chip - 10, "max": chip},
        "chip_statuses": {"red": 0, "orange": 0, "grey": board.chips},
        "status": {"state": _chain_state(rig, index)},
    }


def serve(rig: Rig, request: SimulatedRequest) -> SimulatedPage:
    """Handle web API requests under /api/v1."""
    if request.path == "/api/v1/unlock" and request.method == "POST":
        if f'"{rig.password}"'.encode() in request.body:
            return SimulatedPage({"token": rig.token}, login=True)
        return SimulatedPage({"err": "Incorrect password"}, 401, login=True)
    if request.method != "GET":
        return SimulatedPage({"err": "forbidden"}, 403, privileged=True)
    if request.path == "/":
        return SimulatedPage("<html><title>AnthillOS</title></html>")
    if request.path == "/api/v1/info":
        return SimulatedPage(_info(rig))
    if request.path == "/api/v1/summary":
        return SimulatedPage(_web_summary(rig))
    if request.path == "/api/v1/settings":
        if request.headers.get("authorization") != f"Bearer {rig.token}":
            return SimulatedPage({"err": "Authorization required"}, 401)
        pool_list = [{"url": url.partition("://")[2], "user": user, "pass": "x"} for url, user in rig.pools]
        return SimulatedPage({"miner": {"pools": pool_list, "overclock": {"preset": "disabled"}}})
    return NOT_FOUND


FAMILY = SimulatedFamily(
    name="vnish",
    ports={4028: "cgminer", 80: "http"},
    description=_DESCRIPTION,
    verbs={"summary": summary, "stats": stats, "pools": pools, "devdetails": devdetails},
    refuse=refuse,
    serve=serve,
)
