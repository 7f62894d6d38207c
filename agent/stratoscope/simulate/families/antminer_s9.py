"""Simulates BMMiner on an Antminer S9: boards in slots 6 to 8, numbers as strings, invalid JSON in `stats`.

Based on: S9, bmminer 2.0.0 of November 2017. Joined commands are supported. The rows of STATS lack the comma: `}{`.
"""

from stratoscope.simulate.families import antminer, envelope
from stratoscope.simulate.families.envelope import Answer, Row
from stratoscope.simulate.families.family import NOT_FOUND, SimulatedFamily, SimulatedPage, SimulatedRequest
from stratoscope.simulate.rig import Rig
from stratoscope.units import GH

_DESCRIPTION = "bmminer 1.0.0"
_COMPILED = "Fri Nov 17 17:37:49 CST 2017"
_MINER = "16.8.1.3"
_FIRST_CHAIN = 6  # slot of the first board
_CHAINS = 16  # slots in the response
_FANS = 8  # fan sockets in the response; 3 and 6 are in use


def _head(rig: Rig) -> Row:
    return {"BMMiner": "2.0.0", "Miner": _MINER, "CompileTime": _COMPILED, "Type": f"Antminer {rig.spec.model}"}


def version(rig: Rig, _: str) -> Answer:
    """Compose `version`."""
    return envelope.reply(rig, 22, "BMMiner versions", _DESCRIPTION, "VERSION", [{**_head(rig), "API": "3.1"}])


def summary(rig: Rig, _: str) -> Answer:
    """Compose `summary`: the 5 s window is a string."""
    physics = rig.physics
    row = {
        "Elapsed": int(physics.uptime),
        "GHS 5s": f"{physics.windows['5s'] / GH:.2f}",
        "GHS av": round(physics.average / GH, 2),
        **envelope.summary_counters(rig),
    }
    return envelope.reply(rig, 11, "Summary", _DESCRIPTION, "SUMMARY", [row])


def pools(rig: Rig, _: str) -> Answer:
    """Compose `pools`."""
    rows = envelope.pool_rows(rig, envelope.share_ago)
    return envelope.reply(rig, 7, f"{len(rows)} Pool(s)", _DESCRIPTION, "POOLS", rows)


def stats(rig: Rig, _: str) -> Answer:
    """Compose `stats` with sixteen chain slots, three of them with a board."""
    physics, spec = rig.physics, rig.spec
    row: Row = {
        "STATS": 0,
        "ID": "BC50",
        "Elapsed": int(physics.uptime),
        "Calls": 0,
        "Wait": 0.0,
        "Max": 0.0,
        "Min": 99999999.0,
        "GHS 5s": f"{physics.windows['5s'] / GH:.2f}",
        "GHS av": round(physics.average / GH, 2),
        "miner_count": sum(1 for board in physics.boards if board.chips),
        "frequency": f"{spec.frequency:.0f}",
        "fan_num": spec.fans,
    }
    for number in range(1, _FANS + 1):
        row[f"fan{number}"] = antminer.fan_rpm(rig, number) if number in (3, 6) else 0
    row["temp_num"] = row["miner_count"]
    for chain in range(1, _CHAINS + 1):
        row.update(_chain(rig, chain))
    row.update(
        {
            "total_rateideal": round(spec.hashrate / GH, 2),
            "total_freqavg": spec.frequency,
            "total_acn": sum(board.chips for board in physics.boards),
            "total_rate": round(physics.windows["5s"] / GH, 2),
            "temp_max": round(max(board.temperature for board in physics.boards)),
            "Device Hardware%": 0.0,
            "no_matching_work": sum(board.errors for board in physics.boards),
            "miner_version": _MINER,
            "miner_id": rig.serial[3:19].lower(),
        }
    )
    return envelope.reply(rig, 70, "BMMiner stats", _DESCRIPTION, "STATS", [_head(rig), row])


def _chain(rig: Rig, chain: int) -> Row:
    boards = rig.physics.boards
    at = chain - _FIRST_CHAIN
    board = boards[at] if 0 <= at < len(boards) else None
    if board is None or not board.chips:
        return {
            f"temp{chain}": 0,
            f"temp2_{chain}": 0,
            f"freq_avg{chain}": 0.0,
            f"chain_rateideal{chain}": 0.0,
            f"chain_acn{chain}": 0,
            f"chain_acs{chain}": "",
            f"chain_hw{chain}": 0,
            f"chain_rate{chain}": "",
        }
    return {
        f"temp{chain}": round(board.temperature),
        f"temp2_{chain}": round(board.chip),
        f"freq_avg{chain}": rig.spec.frequency,
        f"chain_rateideal{chain}": round(rig.spec.hashrate / rig.spec.boards / GH, 2),
        f"chain_acn{chain}": board.chips,
        f"chain_acs{chain}": " oooooooo oooooooo oooooooo oooooooo oooooooo oooooooo oooooooo ooooooo",
        f"chain_hw{chain}": board.errors,
        f"chain_rate{chain}": f"{board.hashrate / GH:.2f}",
    }


def remove_comma(answer: bytes) -> bytes:
    """Return `answer` without the comma between the two rows of STATS, as this firmware sends it."""
    return answer.replace(b"},{", b"}{", 1) if b'"STATS":[' in answer else answer


def serve(rig: Rig, request: SimulatedRequest) -> SimulatedPage:
    """Handle web API requests: this firmware has only the system page."""
    if request.method != "GET" or "/set_" in request.path or request.path.endswith("reboot.cgi"):
        return SimulatedPage("403 Forbidden", 403, privileged=True)
    if request.path == "/":
        return SimulatedPage("<html><title>Ant Miner</title></html>")
    if request.path != "/cgi-bin/get_system_info.cgi":
        return NOT_FOUND
    return SimulatedPage(
        {
            "minertype": f"Antminer {rig.spec.model}",
            "nettype": "DHCP",
            "netdevice": "eth0",
            "macaddr": rig.mac,
            "hostname": rig.hostname,
            "ipaddress": "",
            "netmask": "",
            "gateway": "",
            "dnsservers": "",
            "curtime": "",
            "uptime": "",
            "loadaverage": "1.10, 1.05, 1.07",
            "ant_hwv": _MINER,
            "system_kernel_version": "Linux 3.14.0",
            "system_filesystem_version": _COMPILED,
            "bmminer_version": "2.0.0",
        }
    )


FAMILY = SimulatedFamily(
    name="antminer-s9",
    ports={4028: "cgminer", 80: "http"},
    description=_DESCRIPTION,
    verbs={"version": version, "summary": summary, "stats": stats, "pools": pools},
    rewrite_bytes=remove_comma,
    serve=serve,
    realm=antminer.REALM,
)
