"""Simulates a Bitdeer SealMiner: bdminer on port 4028 with numbered keys for each board, PHP pages on port 80.

Based on: SealMiner A2, firmware 2025091001, bdminer 4.11.1.
"""

from stratoscope.simulate.families import envelope
from stratoscope.simulate.families.envelope import Answer, Row
from stratoscope.simulate.families.family import NOT_FOUND, SimulatedFamily, SimulatedPage, SimulatedRequest
from stratoscope.simulate.rig import Rig
from stratoscope.units import MH

_DESCRIPTION = "bdminer 4.11.1"
_FIRMWARE = "2025091001"


def version(rig: Rig, _: str) -> Answer:
    """Compose `version`."""
    return envelope.reply(rig, 22, "BDMiner versions", _DESCRIPTION, "VERSION", [{"API": "3.7", "BDMiner": "4.11.1"}])


def summary(rig: Rig, _: str) -> Answer:
    """Compose `summary`."""
    physics = rig.physics
    row: Row = {"Elapsed": int(physics.uptime), "MHS av": round(physics.average / MH, 2)}
    row.update({f"MHS {window}": round(physics.windows[window] / MH, 2) for window in ("5s", "1m", "5m", "15m")})
    row.update(envelope.summary_counters(rig))
    return envelope.reply(rig, 11, "Summary", _DESCRIPTION, "SUMMARY", [row])


def pools(rig: Rig, _: str) -> Answer:
    """Compose `pools`."""
    rows = envelope.pool_rows(rig, envelope.share_epoch)
    for row in rows:
        del row["Diff"]
        row["Current Block Height"] = envelope.block_height(rig, row)
        row["Stratum Difficulty"] = row["Work Difficulty"] = rig.physics.difficulty
    return envelope.reply(rig, 7, f"{len(rows)} Pool(s)", _DESCRIPTION, "POOLS", rows)


def stats(rig: Rig, _: str) -> Answer:
    """Compose `stats`, with keys such as "0 Freq" and "0 MHS(Sample)" for each board."""
    physics, spec = rig.physics, rig.spec
    rpm = int(physics.fan * spec.rpm / 30) * 30
    row: Row = {
        "STATS": 0,
        "ID": "A20",
        "Elapsed": int(physics.uptime),
        "Calls": 0,
        "Wait": 0.0,
        "Max": 0.0,
        "Min": 99999999.0,
        "Model": spec.model,
        "ASIC": "Seal02-V1",
        "Firmware": _FIRMWARE,
        "Software Version": "4.11.1-08690-gd309fbe0",
        "MAC": rig.mac,
        "Ctrl Board": "taurus_air_v1.1",
        "Ctrl Board SN": rig.serial,
    }
    for index, board in enumerate(physics.boards):
        hot, warm = round(board.chip), round(board.temperature)
        row.update(
            {
                f"{index} Online": board.chips > 0,
                f"{index} SN": f"{rig.serial}B{index}",
                f"{index} Chip Count": board.chips,
                f"{index} Bad Chip Count": 0,
                f"{index} Freq": round(spec.frequency),
                f"{index} MHS(Ideal)": round(board.full / MH),
                f"{index} MHS(Sample)": round(board.hashrate / MH, 6),
                f"{index} Temp 0": warm,
                f"{index} Temp 1": warm - 3,
                f"{index} Temp 2": hot,
                f"{index} Temp 3": hot - 2,
                f"{index} Tune Status": "Fine Tuning Done",
            }
        )
    for index in range(spec.fans):
        row.update({f"{index} PWM": round(2.55 * 100 * physics.fan), f"{index} Speed": rpm})
    row.update(
        {f"MHS({window})": round(physics.windows[window] / MH, 6) for window in ("1m", "5m", "15m", "30m", "1h")}
    )
    row.update(
        {
            "MHS(Avg)": round(physics.average / MH, 6),
            "MHS(Sample)": round(physics.hashrate / MH, 6),
            "MHS(Ideal)": round(sum(board.full for board in physics.boards) / MH),
            "MHS(Rated)": round(spec.hashrate / MH, 6),
            "Board Count": spec.boards,
            "Chip Count": sum(board.chips for board in physics.boards),
            "Bad Chip Count": 0,
            "Fan Count": spec.fans,
            "Freq": round(spec.frequency),
            "Temp": round(physics.hottest),
            "Target Ctrl Temp": 70,
            "PM State": "Running",
            "PSU Input Power": round(physics.power),
            "PSU Input Voltage": 246.0,
            "PSU Output Power": round(physics.power * 0.922),
            "PSU Output Voltage": spec.voltage,
            "PSU Efficiency": 0.922,
            "PSU Error": "0x00000000",
            "PSU Model": "BTPSU04KSA-03.00",
            "Error Code": "",
            "Mining Mode": "Normal",
            "Power Limit": round(spec.watts),
            "Liquid Cooling": False,
            "Tune Status": "Fine Tuning Done",
            "Stratum Disconnect": False,
            "System Uptime": int(physics.uptime) + 260,
        }
    )
    return envelope.reply(rig, 70, "BDMiner stats", _DESCRIPTION, "STATS", [row])


def _system(rig: Rig) -> Row:
    return {
        "brand": "Sealminer",
        "miner_type": rig.spec.model,
        "firmware_version": _FIRMWARE,
        "crtl_sn": rig.serial,
        "ctrl_version": "taurus_air_v1.1",
        "psu_model": "boco_v2.0",
        "macaddr": rig.mac,
        "ipaddress": "",
        "DHCP": "true",
        "miningMode": "2",
        "low_power": 0,
        "normal": 2,
        "high_performance": 3,
        "led": "on",
        "ratedHashrate": 0,
        "tuning_done": 1,
    }


def _psu(rig: Rig) -> Row:
    watts = rig.physics.power
    return {
        "Online": 1,
        "StatusCode": "0x0000",
        "Power": round(watts),
        "Temp": round(rig.physics.ambient) + 2,
        "Voltage": rig.spec.voltage,
        "Current": round(watts * 0.922 / rig.spec.voltage),
    }


def serve(rig: Rig, request: SimulatedRequest) -> SimulatedPage:
    """Handle PHP requests; GET and a POST without a body only read."""
    if request.path == "/cgi-bin/login.php" and request.method == "POST":
        return SimulatedPage({"result": "ok"}, headers={"Set-Cookie": f"session_id={rig.token}; Path=/"}, login=True)
    if request.method != "GET" and (request.method != "POST" or request.body):
        return SimulatedPage("403 Forbidden", 403, privileged=True)
    if request.path == "/":
        return SimulatedPage('<html><link href="amazeui.min.css"><title>SealMiner</title></html>')
    if request.path == "/cgi-bin/get_system_info.php":
        return SimulatedPage(_system(rig))
    if request.path in ("/cgi-bin/miner-psu-status.php", "/cgi-bin/miner_psu_status.php"):
        return SimulatedPage(_psu(rig))
    return NOT_FOUND


FAMILY = SimulatedFamily(
    name="sealminer",
    ports={4028: "cgminer", 80: "http"},
    description=_DESCRIPTION,
    verbs={"version": version, "summary": summary, "stats": stats, "pools": pools},
    serve=serve,
)
