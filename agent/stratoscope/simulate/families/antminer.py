"""Simulates Bitmain's stock firmware since 2020: S19, S21 and the scrypt models (L7, in MH/s).

Based on: S19 Pro, cgminer 1.0.0 of December 2022. Joined commands are refused. Every page requires a digest login.
A request with `"new_api":true` at its top level returns the format of the web API on port 4028.
"""

from typing import Any

from stratoscope.simulate.families import envelope
from stratoscope.simulate.families.envelope import Answer, Row
from stratoscope.simulate.families.family import NOT_FOUND, SimulatedFamily, SimulatedPage, SimulatedRequest
from stratoscope.simulate.rig import Rig
from stratoscope.units import GH, MH

_DESCRIPTION = "cgminer 1.0.0"
_COMPILED = "Tue Dec  6 16:12:30 CST 2022"
_MINER = "49.0.1.3"
REALM = "antMiner Configuration"


def hashrate_unit(rig: Rig) -> tuple[float, str]:
    """Return the hashrate unit that the rig reports, in H/s, and its short name: GH, or MH for scrypt."""
    return (MH, "MH") if rig.spec.algorithm == "scrypt" else (GH, "GH")


def version(rig: Rig, _: str) -> Answer:
    """Compose `version`."""
    row = {"BMMiner": "1.0.0", "API": "3.1", "Miner": _MINER, "CompileTime": _COMPILED, "Type": _type(rig)}
    return envelope.reply(rig, 22, "CGMiner versions", _DESCRIPTION, "VERSION", [row])


def summary(rig: Rig, _: str) -> Answer:
    """Compose `summary`."""
    physics = rig.physics
    scale = hashrate_unit(rig)[0]
    rates = {
        "Elapsed": int(physics.uptime),
        "GHS 5s": round(physics.windows["5s"] / scale, 2),
        "GHS av": round(physics.average / scale, 2),
        "GHS 30m": round(physics.windows["30m"] / scale, 2),
    }
    row = {**rates, **envelope.summary_counters(rig)}
    return envelope.reply(rig, 11, "Summary", _DESCRIPTION, "SUMMARY", [row])


def pools(rig: Rig, _: str) -> Answer:
    """Compose `pools`."""
    rows = envelope.pool_rows(rig, envelope.share_ago)
    return envelope.reply(rig, 7, f"{len(rows)} Pool(s)", _DESCRIPTION, "POOLS", rows)


def devs(rig: Rig, _: str) -> Answer:
    """Compose `devs`: one device; this firmware always reports its hashrate as 0."""
    physics = rig.physics
    row = {
        "ASC": 0,
        "Name": "BTM_SOC",
        "ID": 0,
        "Enabled": "Y",
        "Status": "Alive",
        "Tenperature": 0.0,
        "MHS av": 0.0,
        "MHS 5s": 0.0,
        "Accepted": physics.total("accepted"),
        "Rejected": physics.total("rejected"),
        "Hardware Errors": 0,
        "Utility": 0.0,
        "Last Share Pool": physics.slot,
        "Last Share Time": rig.when,
        "Total MH": 0.0,
        "Device Elapsed": int(physics.uptime),
    }
    return envelope.reply(rig, 9, "1 ASC(s)", _DESCRIPTION, "DEVS", [row])


def stats(rig: Rig, _: str) -> Answer:
    """Compose `stats`: an identity row, then one row with numbered keys for each board."""
    head = {"BMMiner": "1.0.0", "Miner": _MINER, "CompileTime": _COMPILED, "Type": _type(rig)}
    return envelope.reply(rig, 70, "CGMiner stats", _DESCRIPTION, "STATS", [head, _stats_row(rig)])


def _type(rig: Rig) -> str:
    return f"{rig.spec.make} {rig.spec.model}"


def _chip_map(chips: int) -> str:
    return "".join(" " + "o" * min(3, chips - at) for at in range(0, chips, 3))


def _stats_row(rig: Rig) -> Row:
    physics, spec = rig.physics, rig.spec
    scale, letter = hashrate_unit(rig)
    row: Row = {
        "STATS": 0,
        "ID": "BTM_SOC0",
        "Elapsed": int(physics.uptime),
        "Calls": 0,
        "Wait": 0,
        "Max": 0,
        "Min": 99999999,
        "GHS 5s": round(physics.windows["5s"] / scale, 2),
        "GHS av": round(physics.average / scale, 2),
        "rate_30m": round(physics.windows["30m"] / scale, 2),
        "Mode": 2,
        "miner_count": sum(1 for board in physics.boards if board.chips),
        "frequency": round(spec.frequency),
        "fan_num": spec.fans,
    }
    for number in range(1, spec.fans + 1):
        row[f"fan{number}"] = fan_rpm(rig, number)
    row["temp_num"] = row["miner_count"]
    for number in range(1, max(4, spec.boards) + 1):
        row.update(_board_keys(rig, number))
    row.update(
        {
            "total_rateideal": round(spec.hashrate / scale, 2),
            "rate_unit": letter,
            "total_freqavg": round(spec.frequency),
            "total_acn": sum(board.chips for board in physics.boards),
            "total rate": round(physics.average / scale, 2),
            "temp_max": 0,
            "no_matching_work": sum(board.errors for board in physics.boards),
            "miner_version": _MINER,
            "miner_id": rig.serial[3:19].lower(),
        }
    )
    return row


def _board_keys(rig: Rig, number: int) -> Row:
    """Return the keys of chain `number`; a missing or dead board has zeros and empty strings."""
    boards = rig.physics.boards
    board = boards[number - 1] if number <= len(boards) else None
    if board is None or not board.chips:
        return {
            f"chain_acn{number}": 0,
            f"chain_acs{number}": "",
            f"chain_hw{number}": 0,
            f"chain_rate{number}": "",
            f"freq{number}": 0,
            f"temp_pcb{number}": "0-0-0-0",
            f"temp_chip{number}": "0-0-0-0",
            f"temp_pic{number}": "0-0-0-0",
        }
    hot, chip = round(board.temperature), round(board.chip)
    maps = rig.cache.get("acs") or rig.cache.setdefault("acs", _chip_map(board.chips))
    return {
        f"chain_acn{number}": board.chips,
        f"chain_acs{number}": maps,
        f"chain_hw{number}": board.errors,
        f"chain_rate{number}": f"{board.hashrate / hashrate_unit(rig)[0]:.2f}",
        f"freq{number}": round(rig.spec.frequency),
        f"temp{number}": hot,
        f"temp2_{number}": chip,
        f"temp_pcb{number}": f"{hot}-{hot - 19}-{hot - 8}-{hot - 7}",
        f"temp_chip{number}": f"{chip}-{chip - 19}-{chip - 8}-{chip - 7}",
        f"temp_pic{number}": f"{hot - 10}-{hot - 29}-{hot - 18}-{hot - 17}",
    }


def fan_rpm(rig: Rig, number: int, step: int = 60) -> int:
    """Return the rpm of fan `number`, in multiples of `step`; fans differ by up to 4 %."""
    return int(rig.physics.fan * rig.spec.rpm * (1.0 - 0.01 * ((number * 7 + rig.index) % 5)) / step) * step


def web_stats(rig: Rig, _: str = "") -> Row:
    """Compose stats.cgi, also the response to `stats` with `"new_api":true`."""
    physics, spec = rig.physics, rig.spec
    scale, letter = hashrate_unit(rig)
    chain = [
        {
            "index": index,
            "freq_avg": round(spec.frequency),
            "rate_ideal": round(spec.hashrate / spec.boards / scale, 1),
            "rate_real": round(board.hashrate / scale, 2),
            "asic_num": board.chips,
            "asic": _chip_map(board.chips),
            "temp_pic": [round(board.temperature) - 10] * 4,
            "temp_pcb": [round(board.temperature)] * 4,
            "temp_chip": [round(board.chip)] * 4,
            "hw": board.errors,
            "eeprom_loaded": True,
            "sn": f"{rig.serial}B{index}",
            "hwp": 0.0,
        }
        for index, board in enumerate(physics.boards)
    ]
    row = {
        "elapsed": int(physics.uptime),
        "rate_5s": round(physics.windows["5s"] / scale, 2),
        "rate_30m": round(physics.windows["30m"] / scale, 2),
        "rate_avg": round(physics.average / scale, 2),
        "rate_ideal": round(spec.hashrate / scale, 1),
        "rate_unit": f"{letter}/s",
        "chain_num": spec.boards,
        "fan_num": spec.fans,
        "fan": [fan_rpm(rig, number) for number in range(1, spec.fans + 1)],
        "hwp_total": 0.0,
        "miner-mode": 0,
        "freq-level": 100,
        "chain": chain,
    }
    return {**_web_head(rig, "stats"), "STATS": [row]}


def web_summary(rig: Rig, _: str = "") -> Row:
    """Compose summary.cgi, also the response to `summary` with `"new_api":true`."""
    physics = rig.physics
    scale, letter = hashrate_unit(rig)
    words = ("rate", "network", "fans", "temp")
    row = {
        "elapsed": int(physics.uptime),
        "rate_5s": round(physics.windows["5s"] / scale, 2),
        "rate_30m": round(physics.windows["30m"] / scale, 2),
        "rate_avg": round(physics.average / scale, 2),
        "rate_ideal": round(rig.spec.hashrate / scale, 1),
        "rate_unit": f"{letter}/s",
        "hw_all": sum(board.errors for board in physics.boards),
        "bestshare": int(physics.difficulty * 7001),
        "status": [{"type": word, "status": "s", "code": 0, "msg": ""} for word in words],
    }
    return {**_web_head(rig, "summary"), "SUMMARY": [row]}


def _web_head(rig: Rig, msg: str) -> Row:
    return {
        "STATUS": {"STATUS": "S", "when": rig.when, "Msg": msg, "api_version": "1.0.0"},
        "INFO": {"miner_version": _MINER, "CompileTime": _COMPILED, "type": _type(rig)},
    }


def system_info(rig: Rig, _: str = "") -> Row:
    """Compose get_system_info.cgi."""
    return {
        "minertype": _type(rig),
        "nettype": "DHCP",
        "netdevice": "eth0",
        "macaddr": rig.mac,
        "hostname": rig.hostname,
        "ipaddress": "",
        "netmask": "255.255.255.0",
        "gateway": "",
        "dnsservers": "",
        "system_mode": "GNU/Linux",
        "system_kernel_version": "Linux 4.9.113 #1 SMP PREEMPT",
        "system_filesystem_version": _COMPILED,
        "firmware_type": "Release",
        "serinum": rig.serial,
        "Algorithm": rig.spec.algorithm,
    }


_PAGES = {
    "/cgi-bin/get_system_info.cgi": system_info,
    "/cgi-bin/stats.cgi": web_stats,
    "/cgi-bin/summary.cgi": web_summary,
}
NEW_API: dict[str, Any] = {"stats": web_stats, "summary": web_summary}


def serve(rig: Rig, request: SimulatedRequest) -> SimulatedPage:
    """Handle web API requests. The HTTP server has already checked the digest login."""
    if request.method != "GET" or "/set_" in request.path or request.path.endswith("reboot.cgi"):
        return SimulatedPage("403 Forbidden", 403, privileged=True)
    if request.path == "/":
        return SimulatedPage("<html><title>Ant Miner</title></html>")
    page = _PAGES.get(request.path)
    return SimulatedPage(page(rig)) if page else NOT_FOUND


_VERBS = {"version": version, "summary": summary, "stats": stats, "pools": pools, "devs": devs}
FAMILY = SimulatedFamily(
    name="antminer",
    ports={4028: "cgminer", 80: "http"},
    description=_DESCRIPTION,
    verbs=_VERBS,
    is_unjoinable=lambda _: True,
    new_api=NEW_API,
    serve=serve,
    realm=REALM,
)
SCRYPT_FAMILY = SimulatedFamily(
    name="antminer-scrypt",
    ports={4028: "cgminer", 80: "http"},
    description=_DESCRIPTION,
    verbs=_VERBS,
    is_unjoinable=lambda _: True,
    new_api=NEW_API,
    serve=serve,
    realm=REALM,
)
