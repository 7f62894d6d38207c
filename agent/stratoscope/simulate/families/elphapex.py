"""Simulates Elphapex's stock firmware on scrypt rigs: CGI pages with a digest login, chips in milli-degrees Celsius.

Based on: DG-Home1 V1.0.5, DG1+ V1.0.2. The response always lists four chains; a single board is in the last one. Chip
temperatures and fan speeds are strings, "" for missing sensors. The 30-minute hashrate stays 0. The simulator
reproduces the wrong values of the firmware: `hw` is the number of chips, `hw_all` the average hashrate, `diffa` the
difficulty of the last share, `temp_pcb` the same constants on every chain. The firmware does not report wall power.
"""

from stratoscope.simulate.families import antminer, envelope
from stratoscope.simulate.families.envelope import Row
from stratoscope.simulate.families.family import NOT_FOUND, SimulatedFamily, SimulatedPage, SimulatedRequest
from stratoscope.simulate.physics import Board
from stratoscope.simulate.rig import Rig
from stratoscope.units import MH, MILLI

REALM = "Daoge Miner"
_CHAINS = 4
_PCB = [47, 46, 67, 66]
_ASIC = " ".join(["oooooooo"] * 5)  # the same on every chain, with or without a board
_FREQUENCY = 62_000  # unit unknown
_PSU_EFFICIENCY = 0.93  # output power as a fraction of wall power


def _head(rig: Rig, msg: str) -> Row:
    spec = rig.spec
    status = {"Msg": msg, "STATUS": "S", "api_version": "1.0.0", "timestamp": rig.when, "when": int(rig.physics.uptime)}
    about = {
        "CompileTime": "",
        "dev_sn": rig.serial,
        "hw_version": f"{spec.model}_HW_V1.0",
        "miner_version": spec.code,
        "type": spec.model,
    }
    return {"STATUS": status, "INFO": about}


def _rates(rig: Rig) -> Row:
    physics = rig.physics
    return {
        "elapsed": int(physics.uptime),
        "rate_5s": round(physics.windows["5s"] / MH, 2),
        "rate_15m": round(physics.windows["15m"] / MH, 2),
        "rate_30m": 0,
        "rate_avg": round(physics.average / MH, 2),
        "rate_ideal": round(rig.spec.hashrate / MH, 2),
        "rate_unit": "MH/s",
    }


def summary(rig: Rig) -> Row:
    """Compose summary.cgi."""
    physics = rig.physics
    statuses = {"rate": "s" if physics.hashrate else "", "network": "s", "fans": "s", "temp": "s"}
    rows = [{"type": name, "status": letter, "code": 0, "msg": ""} for name, letter in statuses.items()]
    row = {
        **_rates(rig),
        "bestshare": int(physics.difficulty * 7001),
        "hw_all": round(physics.average / MH, 2),
        "status": rows,
    }
    return {**_head(rig, "summary"), "SUMMARY": [row]}


def stats(rig: Rig) -> Row:
    """Compose stats.cgi: four chains; boards occupy the last ones."""
    spec = rig.spec
    empty = _CHAINS - spec.boards
    chains = [_empty(index) for index in range(empty)]
    chains.extend(_chain(rig, empty + at, board) for at, board in enumerate(rig.physics.boards))
    fans = [str(antminer.fan_rpm(rig, number, 30)) for number in range(1, spec.fans + 1)]
    row = {**_rates(rig), "chain_num": _CHAINS, "chain": chains, "fan": fans, "fan_num": spec.fans, "hwp_total": 0.12}
    return {**_head(rig, "stats"), "STATS": [row]}


def _empty(index: int) -> Row:
    return {
        "index": index,
        "asic": _ASIC,
        "asic_num": 0,
        "failrate": 0,
        "freq_avg": 0,
        "hashrate": 0,
        "hw": 0,
        "rate_15m": 0,
        "rate_ideal": 0,
        "rate_real": 0,
        "sn": "",
        "temp_chip": [""] * 4,
        "temp_pcb": _PCB,
        "temp_pic": _PCB,
    }


def _chain(rig: Rig, index: int, board: Board) -> Row:
    """Return a chain with a board; a dead board still reports the serial number from its EEPROM."""
    physics, spec = rig.physics, rig.spec
    row = _empty(index) | {
        "sn": f"{rig.serial}B{index}",
        "eeprom_loaded": True,
        "rate_ideal": round(spec.hashrate / spec.boards / MH, 2),
    }
    if not board.chips:
        return row
    fraction = board.hashrate / physics.hashrate if physics.hashrate else 0.0
    real = round(board.hashrate / MH, 2)
    hottest = round(board.chip / MILLI)
    return row | {
        "asic_num": board.chips,
        "hw": board.chips,
        "freq_avg": _FREQUENCY,
        "hashrate": real,
        "rate_real": real,
        "rate_15m": round(physics.windows["15m"] * fraction / MH, 2),
        "temp_chip": [str(hottest - lower) for lower in (0, 1250, 2375, 1812)],
    }


def pools(rig: Rig) -> Row:
    """Compose pools.cgi."""
    physics = rig.physics
    difficulty = physics.difficulty
    rows = [
        {
            "index": index,
            "url": url,
            "user": user,
            "status": "Alive" if alive else "Unreachable",
            "priority": index,
            "accepted": slot.accepted,
            "rejected": slot.rejected,
            "stale": slot.stale,
            "getworks": int(physics.uptime / 30) if active else 0,
            "diff": envelope.format_difficulty(difficulty) if active else "",
            "diff1": 0,
            "diffa": difficulty if slot.accepted else 0,
            "diffr": 0,
            "diffs": 0,
            "lsdiff": difficulty if slot.accepted else 0,
            "lstime": envelope.share_ago(rig, slot) if slot.accepted else "",
        }
        for index, url, user, slot, alive, active in rig.slots
    ]
    rejected = physics.total("rejected")
    work = physics.total("accepted") + rejected
    totals = {
        "Device Rejected%": round(100 * rejected / max(1, work), 4),
        "Device Total Rejected": rejected,
        "Device Total Work": work,
    }
    return {**_head(rig, "pools"), **totals, "POOLS": rows}


def system_info(rig: Rig) -> Row:
    """Compose get_system_info.cgi."""
    spec = rig.spec
    return {
        "Algorithm": "Scrypt",
        "minertype": spec.model,
        "macaddr": rig.mac,
        "hostname": rig.hostname,
        "firmware_type": "Release",
        "system_filesystem_version": spec.code,
        "system_kernel_version": "4.4.194",
        "system_mode": "GNU/Linux",
        "nettype": "DHCP",
        "netdevice": "eth0",
        "netmask": "255.255.255.0",
        "ipaddress": "",
        "gateway": "",
        "dnsservers": "",
    }


def power(rig: Rig) -> Row:
    """Compose get_power.cgi: PSU output power in watts, PSU temperature in 0.1 °C."""
    return {
        "power_output": str(round(rig.physics.power * _PSU_EFFICIENCY)),
        "power_sn": f"{rig.serial}P",
        "power_temp": str(round(rig.physics.ambient * 10) + 20),
    }


_PAGES = {
    "/cgi-bin/summary.cgi": summary,
    "/cgi-bin/stats.cgi": stats,
    "/cgi-bin/pools.cgi": pools,
    "/cgi-bin/get_system_info.cgi": system_info,
    "/cgi-bin/get_power.cgi": power,
}


def serve(rig: Rig, request: SimulatedRequest) -> SimulatedPage:
    """Handle CGI requests. The HTTP server has already checked the digest login."""
    if request.method != "GET" or "/set_" in request.path or request.path.endswith("reboot.cgi"):
        return SimulatedPage("403 Forbidden", 403, privileged=True)
    if request.path == "/":
        return SimulatedPage("<html><title>Miner</title></html>")
    page = _PAGES.get(request.path)
    return SimulatedPage(page(rig)) if page else NOT_FOUND


FAMILY = SimulatedFamily(
    name="elphapex", ports={80: "http"}, description="Elphapex", serve=serve, realm=REALM, needs_login=True
)
