"""Simulates a Hammer D10: a rebranded Bitmain firmware of 2018, with hashrates in MH/s as strings.

Based on: D10, ccminer 2.3.3 of May 2023. Joined commands are supported. Share counters are strings too ("156.0000").
`temp_max` is the hottest sensor of all boards; there are no chip temperatures. Web pages require a digest login.
"""

from stratoscope.simulate.families import antminer, envelope
from stratoscope.simulate.families.envelope import Answer, Row
from stratoscope.simulate.families.family import NOT_FOUND, SimulatedFamily, SimulatedPage, SimulatedRequest
from stratoscope.simulate.rig import Rig
from stratoscope.units import MH

REALM = "blackMiner Configuration"
_DESCRIPTION = "ccminer 2.3.3"
_COMPILED = "2023-05-28 17-20-35 CST"
_MINER = "2.0.2.2"
_CHAINS = 4  # slots in the response; a D10 has three boards


def _head(rig: Rig) -> Row:
    return {"CGMiner": "2.3.3", "Miner": _MINER, "CompileTime": _COMPILED, "Type": f"Hammer {rig.spec.model}"}


def _text(value: float) -> str:
    return f"{value:.4f}"


def _rates(rig: Rig) -> Row:
    return {"MHS 5s": _text(rig.physics.windows["5s"] / MH), "MHS av": _text(rig.physics.average / MH)}


def version(rig: Rig, _: str) -> Answer:
    """Compose `version`."""
    return envelope.reply(rig, 22, "CGMiner versions", _DESCRIPTION, "VERSION", [{**_head(rig), "API": "3.1"}])


def summary(rig: Rig, _: str) -> Answer:
    """Compose `summary`: hashrates and share counters are strings, other counters are numbers."""
    physics = rig.physics
    row = {"Elapsed": int(physics.uptime), **_rates(rig), **envelope.summary_counters(rig)}
    row.update({"Accepted": _text(physics.total("accepted")), "Rejected": _text(physics.total("rejected"))})
    return envelope.reply(rig, 11, "Summary", _DESCRIPTION, "SUMMARY", [row])


def pools(rig: Rig, _: str) -> Answer:
    """Compose `pools`."""
    rows = envelope.pool_rows(rig, envelope.share_ago)
    return envelope.reply(rig, 7, f"{len(rows)} Pool(s)", _DESCRIPTION, "POOLS", rows)


def stats(rig: Rig, _: str) -> Answer:
    """Compose `stats`: an identity row, then one row with numbered keys for each board."""
    physics, spec = rig.physics, rig.spec
    fitted = sum(1 for board in physics.boards if board.chips)
    row: Row = {
        "STATS": 0,
        "ID": "A30",
        "Elapsed": int(physics.uptime),
        "Calls": 0,
        "Wait": 0.0,
        "Max": 0.0,
        "Min": 99999999.0,
        **_rates(rig),
        "miner_count": fitted,
        "frequency": f"{spec.frequency:.0f}",
        "fan_num": spec.fans,
    }
    for number in range(1, spec.fans + 1):
        row[f"fan{number}"] = antminer.fan_rpm(rig, number, 30)
    row["temp_num"] = 4 * fitted  # sensors, not boards
    for number in range(1, _CHAINS + 1):
        row.update(_board_keys(rig, number))
    row.update(
        {
            "temp_max": round(physics.hottest),
            "Device Hardware%": 0.0,
            "no_matching_work": sum(board.errors for board in physics.boards),
        }
    )
    return envelope.reply(rig, 70, "CGMiner stats", _DESCRIPTION, "STATS", [_head(rig), row])


def _board_keys(rig: Rig, number: int) -> Row:
    """Return the keys of chain `number`; a missing or dead board has 0 chips and an empty hashrate."""
    boards = rig.physics.boards
    board = boards[number - 1] if number <= len(boards) else None
    if board is None or not board.chips:
        return {
            f"temp{number}": 0,
            f"chain_acn{number}": 0,
            f"chain_acs{number}": "",
            f"chain_hw{number}": 0,
            f"chain_rate{number}": "",
        }
    chips = rig.cache.get("acs") or rig.cache.setdefault("acs", _chip_map(board.chips))
    return {
        f"temp{number}": round(board.temperature),
        f"chain_acn{number}": board.chips,
        f"chain_acs{number}": chips,
        f"chain_hw{number}": board.errors,
        f"chain_rate{number}": _text(board.hashrate / MH),
    }


def _chip_map(chips: int) -> str:
    return "".join(" " + "o" * min(8, chips - at) for at in range(0, chips, 8))


def _system(rig: Rig) -> Row:
    return {
        "minertype": f"Hammer {rig.spec.model}",
        "nettype": "DHCP",
        "netdevice": "eth0",
        "macaddr": rig.mac,
        "hostname": rig.hostname,
        "ipaddress": "",
        "netmask": "",
        "gateway": "",
        "dnsservers": "",
        "curtime": "",
        "uptime": str(int(rig.physics.uptime / 60)),
        "loadaverage": "1.10, 1.05, 1.07",
        "mem_total": "251180",
        "mem_used": "64000",
        "mem_free": "187180",
        "mem_buffers": "0",
        "mem_cached": "0",
        "system_mode": "GNU/Linux",
        "bb_hwv": _MINER,
        "system_kernel_version": "Linux 3.8.13",
        "system_filesystem_version": "2022-11-11 13-46-30 CST",
        "cgminer_version": "2.3.3",
    }


def serve(rig: Rig, request: SimulatedRequest) -> SimulatedPage:
    """Handle web API requests. The HTTP server has already checked the digest login."""
    if request.method != "GET" or "/set_" in request.path or request.path.endswith("reboot.cgi"):
        return SimulatedPage("403 Forbidden", 403, privileged=True)
    if request.path == "/":
        return SimulatedPage("<html><title>Hammer</title></html>")
    return SimulatedPage(_system(rig)) if request.path == "/cgi-bin/get_system_info.cgi" else NOT_FOUND


FAMILY = SimulatedFamily(
    name="hammer",
    ports={4028: "cgminer", 80: "http"},
    description=_DESCRIPTION,
    verbs={"version": version, "summary": summary, "stats": stats, "pools": pools},
    serve=serve,
    realm=REALM,
)
