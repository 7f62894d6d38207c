"""Simulates LuxOS: CGMiner's API with additional commands and hashrate windows.

Based on: S19k Pro, LUXminer 2025.4.8. Joined commands are supported. `voltageget` and `frequencyget` require a board
number. DEVS rows are not sorted by ID.
"""

from stratoscope.simulate.families import antminer, envelope
from stratoscope.simulate.families.envelope import Answer, Row
from stratoscope.simulate.families.family import SimulatedFamily
from stratoscope.simulate.physics import Board
from stratoscope.simulate.rig import Rig
from stratoscope.units import GH, MH, TH

_VERSION = "2025.4.8.220305"
_DESCRIPTION = f"LUXminer {_VERSION}-57b389c7"
_COMPILED = "Tue Apr  8 22:05:35 UTC 2025"


def _reply(rig: Rig, code: int, msg: str, section: str, rows: list[Row]) -> Answer:
    return envelope.reply(rig, code, msg, _DESCRIPTION, section, rows)


def _type(rig: Rig) -> str:
    return f"Antminer {rig.spec.model}"


def version(rig: Rig, _: str) -> Answer:
    """Compose `version`."""
    row = {
        "API": "3.7",
        "CompileTime": _COMPILED,
        "LUXminer": f"{_VERSION}-57b389c7",
        "Miner": _VERSION,
        "Type": _type(rig),
    }
    return _reply(rig, 22, "LUXminer versions", "VERSION", [row])


def summary(rig: Rig, _: str) -> Answer:
    """Compose `summary`."""
    physics = rig.physics
    row: Row = {"Elapsed": int(physics.uptime), "GHS av": round(physics.average / GH, 2)}
    for window in ("5s", "1m", "5m", "15m", "30m", "24h"):
        row[f"GHS {window}"] = round(physics.windows[window] / GH, 2)
    row.update(envelope.summary_counters(rig))
    return _reply(rig, 11, "Summary", "SUMMARY", [row])


def pools(rig: Rig, _: str) -> Answer:
    """Compose `pools`."""
    rows = envelope.pool_rows(rig, envelope.share_ago)
    for row in rows:
        row.update(
            {
                "GROUP": 0,
                "AsicBoost": True,
                "Has Vmask": True,
                "Current Block Height": 0,
                "Stratum Difficulty": int(rig.physics.difficulty),
            }
        )
    return _reply(rig, 7, f"{len(rows)} Pool(s)", "POOLS", rows)


def _dev(rig: Rig, index: int, board: Board) -> Row:
    physics = rig.physics
    fraction = board.hashrate / physics.hashrate if physics.hashrate else 0.0
    row: Row = {
        "ASC": index,
        "ID": index,
        "Name": "",
        "Board": "BHB56903",
        "Connector": f"J{6 + index}",
        "Enabled": "Y",
        "Status": "Alive" if board.chips else "Dead",
        "Temperature": round(board.temperature, 1),
        "MHS av": physics.average * fraction / MH,
        "Nominal MHS": board.full / MH,
        "Accepted": int(physics.total("accepted") * fraction),
        "Rejected": 0,
        "Hardware Errors": board.errors,
        "Utility": 0,
        "Last Share Pool": physics.slot,
        "Last Share Time": rig.when,
        "IsRamping": physics.uptime < 60,
        "IsUserShutdown": False,
        "SerialNumber": f"{rig.serial}B{index}",
        "Device Elapsed": int(physics.uptime),
        "Profile": f"{rig.spec.frequency:.0f}MHz",
    }
    for window in ("5s", "1m", "5m", "15m", "30m"):
        row[f"MHS {window}"] = physics.windows[window] * fraction / MH
    row["MHS 60m"] = physics.windows["1h"] * fraction / MH
    return row


def devs(rig: Rig, _: str) -> Answer:
    """Compose `devs`, with the last board first."""
    rows = [_dev(rig, index, board) for index, board in enumerate(rig.physics.boards)]
    return _reply(rig, 9, f"{len(rows)} ASC(s)", "DEVS", rows[-1:] + rows[:-1])


def stats(rig: Rig, _: str) -> Answer:
    """Compose `stats` with Antminer's numbered keys; `chain_rate` is the average hashrate."""
    physics, spec = rig.physics, rig.spec
    row: Row = {
        "STATS": 0,
        "ID": "BTM_SOC0",
        "Elapsed": int(physics.uptime),
        "Calls": 0,
        "Wait": 0,
        "Max": 0,
        "Min": 99999999,
        "GHS 5s": round(physics.windows["5s"] / GH, 2),
        "GHS av": round(physics.average / GH, 2),
        "Mode": 2,
        "rate_30m": round(physics.windows["30m"] / GH, 2),
        "rate_unit": "GH",
        "frequency": round(spec.frequency),
        "miner_count": len(physics.boards),
        "miner_version": _VERSION,
        "miner_id": rig.mac.replace(":", ""),
        "fan_num": spec.fans,
        "temp_num": len(physics.boards),
        "temp_max": round(physics.hottest, 1),
        "no_matching_work": sum(board.errors for board in physics.boards),
        "total_acn": 4,
        "total_freqavg": spec.frequency,
        "total_rateideal": round(spec.hashrate / GH, 1),
        "total rate": round(physics.average / GH / 3, 2),
    }
    row.update({f"fan{number}": antminer.fan_rpm(rig, number) for number in range(1, spec.fans + 1)})
    for number in range(1, 5):
        board = physics.boards[number - 1] if number <= len(physics.boards) else None
        fitted = board is not None and board.chips > 0
        hot = f"{board.temperature:.0f}" if board and fitted else "0"
        row.update(
            {
                f"chain_acn{number}": board.chips if board else 0,
                f"chain_hw{number}": board.errors if board else 0,
                f"chain_rate{number}": f"{board.hashrate / GH:.2f}" if board and fitted else "0",
                f"freq{number}": spec.frequency if fitted else 0.0,
                f"temp_pcb{number}": f"{hot}-{hot}-{hot}-{hot}",
                f"temp_chip{number}": f"{hot}-{hot}-{hot}-{hot}",
                f"temp_pic{number}": f"{hot}-{hot}-{hot}-{hot}",
            }
        )
        if board and fitted:
            row.update({f"temp{number}": round(board.temperature, 1), f"temp2_{number}": round(board.temperature, 1)})
    head = {"CompileTime": _COMPILED, "Miner": _VERSION, "Type": _type(rig)}
    return _reply(rig, 70, "LUXminer stats", "STATS", [head, row])


def fans(rig: Rig, _: str) -> Answer:
    """Compose `fans`."""
    duty = round(100 * rig.physics.fan)
    rows: list[Row] = [
        {"FAN": f"FAN{index + 1}", "ID": index, "RPM": antminer.fan_rpm(rig, index + 1), "Speed": duty}
        for index in range(rig.spec.fans)
    ]
    answer = _reply(rig, 202, f"{len(rows)} Fan(s)", "FANS", rows)
    answer["FANCTRL"] = [{"MinFans": 3, "PowerOffSpeed": 20}]
    return answer


def temps(rig: Rig, _: str) -> Answer:
    """Compose `temps`: four sensors on each board."""
    rows: list[Row] = []
    for index, board in enumerate(rig.physics.boards):
        hot = round(board.temperature, 1)
        rows.append(
            {
                "TEMP": index,
                "ID": index,
                "BottomLeft": hot,
                "BottomRight": hot - 13,
                "TopLeft": hot,
                "TopRight": hot - 13,
            }
        )
    return _reply(rig, 201, f"{len(rows)} Temp(s)", "TEMPS", rows)


def power(rig: Rig, _: str) -> Answer:
    """Compose `power`: an estimate, because `PSU` is false."""
    return _reply(rig, 311, "Power usage", "POWER", [{"PSU": False, "Watts": round(rig.physics.power)}])


def config(rig: Rig, _: str) -> Answer:
    """Compose `config`, which contains the rig's identity."""
    row = {
        "ASC Count": rig.spec.boards,
        "PGA Count": 0,
        "Pool Count": len(rig.pools),
        "Strategy": "Failover",
        "Log Interval": 0,
        "OS": "LuxOS",
        "Hotplug": "None",
        "ControlBoardType": "cvitek",
        "Cooling": "Air",
        "CurtailMode": "None",
        "DHCP": True,
        "Hostname": rig.hostname,
        "IPAddr": "",
        "MACAddr": rig.mac,
        "Model": _type(rig),
        "NameplateTHS": round(rig.spec.hashrate / TH, 1),
        "Profile": f"{rig.spec.frequency:.0f}MHz",
        "IsPowerSupplyOn": True,
        "IsTuning": False,
        "SerialNumber": rig.serial,
        "SystemStatus": "Overheating" if rig.physics.stopped else "Normal",
    }
    return _reply(rig, 33, "LUXminer config", "CONFIG", [row])


def events(rig: Rig, _: str) -> Answer:
    """Compose `events`: the current problems."""
    rows: list[Row] = []
    if rig.physics.stopped:
        rows.append(
            {
                "Code": "TEMP_OVERHEATING",
                "CreatedAt": "2026-04-08T03:38:27+00:00",
                "Target": "MINER",
                "Description": "Miner shutdown due to overheating.",
            }
        )
    return _reply(rig, 357, "Miner Events", "EVENTS", rows)


def voltageget(rig: Rig, param: str) -> Answer | None:
    """Compose `voltageget` for one board."""
    if not param.isdecimal() or int(param) >= rig.spec.boards:
        return None
    return _reply(rig, 307, "Get Voltage", "VOLTAGE", [{"Board": int(param), "Voltage": rig.spec.voltage}])


def frequencyget(rig: Rig, param: str) -> Answer | None:
    """Compose `frequencyget` for one board."""
    if not param.isdecimal() or int(param) >= rig.spec.boards:
        return None
    return _reply(rig, 304, "Get Frequency", "FREQS", [{"Board": int(param), "Frequency": rig.spec.frequency}])


FAMILY = SimulatedFamily(
    name="luxos",
    ports={4028: "cgminer"},
    description=_DESCRIPTION,
    verbs={
        "version": version,
        "summary": summary,
        "stats": stats,
        "pools": pools,
        "devs": devs,
        "fans": fans,
        "temps": temps,
        "power": power,
        "config": config,
        "events": events,
        "voltageget": voltageget,
        "frequencyget": frequencyget,
    },
)
