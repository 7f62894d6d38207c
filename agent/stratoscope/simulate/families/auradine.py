"""Simulates Auradine's FluxOS: CGMiner's API on port 4028 and, with a bearer token, over HTTP on port 8080.

Based on: Teraflux AT1500, FluxOS 2023-12.27. Quantities are strings with a unit ("58.94W"). Boards are numbered from 1.
"""

from typing import Any

import orjson

from stratoscope.simulate.families import envelope
from stratoscope.simulate.families.envelope import Answer, CommandHandler, Row
from stratoscope.simulate.families.family import NOT_FOUND, SimulatedFamily, SimulatedPage, SimulatedRequest
from stratoscope.simulate.physics import Slot
from stratoscope.simulate.rig import Rig
from stratoscope.units import MH, TH

_VERSION = "2023-12.27"
_DESCRIPTION = f"FluxOS-{_VERSION}-9bf070ee4408866329c93a70f2dfdc6248938aaa"


def _reply(rig: Rig, code: int, msg: str, section: str, rows: list[Row]) -> Answer:
    return envelope.reply(rig, code, msg, _DESCRIPTION, section, rows)


def version(rig: Rig, _: str) -> Answer:
    """Compose `version`."""
    return _reply(rig, 22, "GCMiner versions", "VERSION", [{"GCMiner": "0.5", "API": "1.0"}])


def summary(rig: Rig, _: str) -> Answer:
    """Compose `summary`."""
    physics = rig.physics
    counters = envelope.summary_counters(rig)
    reported_keys = (
        "Accepted",
        "Rejected",
        "Hardware Errors",
        "Utility",
        "Total MH",
        "Difficulty Accepted",
        "Difficulty Rejected",
        "Last getwork",
    )
    row: Row = {"Elapsed": int(physics.uptime), "MHS av": physics.average / MH}
    row.update({f"MHS {window}": physics.windows[window] / MH for window in ("5s", "1m", "5m", "15m")})
    row.update({key: counters[key] for key in reported_keys})
    return _reply(rig, 11, "Summary", "SUMMARY", [row])


def pools(rig: Rig, _: str) -> Answer:
    """Compose `pools`, which has share counters but no difficulty."""
    rows: list[Row] = [_pool(*slot) for slot in rig.slots]
    return _reply(rig, 7, f"{len(rows)} Pool(s)", "POOLS", rows)


def _pool(index: int, url: str, user: str, slot: Slot, alive: bool, active: bool) -> Row:
    return {
        "POOL": index,
        "URL": url,
        "Status": "Alive" if alive else "Dead",
        "Priority": index,
        "Quota": 1,
        "Accepted": slot.accepted,
        "Rejected": slot.rejected,
        "User": user,
        "Stratum Active": active and alive,
    }


def devs(rig: Rig, _: str) -> Answer:
    """Compose `devs`."""
    rows: list[Row] = [
        {
            "DEV": index + 1,
            "ID": index + 1,
            "Name": "ASICBoard",
            "Enabled": True,
            "Status": "Alive" if board.chips else "Dead",
            "Temperature": round(board.temperature, 2),
            "MHS 5s": round(board.hashrate / MH, 2),
        }
        for index, board in enumerate(rig.physics.boards)
    ]
    return _reply(rig, 9, f"{len(rows)} Dev(s)", "DEVS", rows)


def devdetails(rig: Rig, _: str) -> Answer:
    """Compose `devdetails`."""
    rows: list[Row] = [
        {"DEVDETAILS": index, "Name": "ASICBoard", "ID": index + 1, "Driver": "FluxOS", "Model": rig.spec.model}
        for index in range(rig.spec.boards)
    ]
    return _reply(rig, 69, "Device Details", "DEVDETAILS", rows)


def fan(rig: Rig, _: str) -> Answer:
    """Compose `fan`."""
    rpm = rig.physics.fan * rig.spec.rpm
    rows: list[Row] = [
        {"ID": index + 1, "Speed": int(rpm * (1 - 0.008 * index) / 60) * 60, "Target": int(rpm), "Max": rig.spec.rpm}
        for index in range(rig.spec.fans)
    ]
    return _reply(rig, 510, f"Total fans: {len(rows)}", "Fan", rows)


def psu(rig: Rig, _: str) -> Answer:
    """Compose `psu`, with measured wall power."""
    watts, volts = rig.physics.power, rig.spec.voltage
    row = {
        "PowerIn": f"{watts:.2f}W",
        "PowerOut": f"{watts * 0.94:.2f}W",
        "PoutMax": "3452.00W",
        "Vin": "245.00V",
        "Iin": f"{watts / 245:.2f}A",
        "Vout": f"{volts:.2f}V",
        "VoutSet": f"{volts:.2f}V",
        "Iout": f"{watts * 0.94 / volts:.2f}A",
        "FanSpeed1": "4052.00 RPM",
        "FanSpeed2": "4144.00 RPM",
    }
    return _reply(rig, 570, "PSU status", "PSU", [row])


def _board_rows(key: str, values: list[float], field: str, board_values: list[float]) -> list[Row]:
    """Return one row per board, the value repeated per sensor: `values` under `key`, `board_values` under BoardTemp."""
    rows: list[Row] = []
    for index, value in enumerate(values):
        row: Row = {"ID": index + 1, "Name": f"Hash Board {index + 1}", key: _sensors(field, value)}
        if board_values:
            row["BoardTemp"] = _sensors(field, board_values[index])
        rows.append(row)
    return rows


def _sensors(field: str, value: float) -> list[Row]:
    return [{"ID": sensor, field: round(value, 4)} for sensor in range(4)]


def temperature(rig: Rig, _: str) -> Answer:
    """Compose `temperature`; the first row is the control board, which has no chips."""
    boards = rig.physics.boards
    control: Row = {
        "ID": 0,
        "Name": "Control Board",
        "BoardTemp": [{"ID": 0, "Temperature": 24.9375}],
        "ChipTemp": None,
    }
    rows = _board_rows(
        "ChipTemp", [board.chip for board in boards], "Temperature", [board.temperature for board in boards]
    )
    return _reply(rig, 590, "System temperature", "Temperature", [control, *rows])


def frequency(rig: Rig, _: str) -> Answer:
    """Compose `frequency`."""
    rows = _board_rows("ChipFrequency", [rig.spec.frequency] * rig.spec.boards, "Frequency", [])
    return _reply(rig, 640, "System frequency", "Frequency", rows)


def voltage(rig: Rig, _: str) -> Answer:
    """Compose `voltage` per chip; 48 chips are connected in series."""
    rows = _board_rows("ChipVoltage", [rig.spec.voltage / 48] * rig.spec.boards, "Voltage", [])
    return _reply(rig, 630, "System voltage", "Voltage", rows)


def mode(rig: Rig, _: str) -> Answer:
    """Compose `mode`, which contains the tuning target."""
    row = {"Mode": "custom", "Sleep": "off", "Ths": round(rig.spec.hashrate / TH), "Power": round(rig.spec.watts)}
    return _reply(rig, 540, "Operating mode: 'custom', sleep: 'false'", "Mode", [row])


def asccount(rig: Rig, _: str) -> Answer:
    """Compose `asccount`."""
    boards = rig.physics.boards
    row = {"BoardCount": sum(1 for board in boards if board.chips), "AsicCount": sum(board.chips for board in boards)}
    return _reply(rig, 104, "ASC count", "ASCCount", [row])


def led(rig: Rig, _: str) -> Answer:
    """Compose `led`; code 3 means a fault."""
    healthy = rig.physics.lost < 0
    row = {"Code": 2 if healthy else 3, "LED1": 1, "LED2": 1, "Msg": "Normal" if healthy else "Hash board missing"}
    return _reply(rig, 530, "Total LEDs 2", "LED", [row])


def ipreport(rig: Rig, _: str) -> Answer:
    """Compose `ipreport`, which contains the rig's identity."""
    row = {
        "command": "ipreport",
        "ip": "",
        "mac": rig.mac,
        "model": rig.spec.model,
        "InternalType": "T0",
        "version": _VERSION,
        "hostname": rig.hostname,
        "SerialNo": rig.serial,
        "ChassisSerialNo": rig.serial[-6:],
        "CBSerialNo": rig.serial,
        "HBSerialNo": [f"{rig.serial}B{at}" for at in range(rig.spec.boards)],
    }
    return _reply(rig, 620, "IP Report", "IPReport", [row])


_VERBS: dict[str, CommandHandler] = {
    "version": version,
    "summary": summary,
    "pools": pools,
    "devs": devs,
    "devdetails": devdetails,
    "fan": fan,
    "psu": psu,
    "temperature": temperature,
    "frequency": frequency,
    "voltage": voltage,
    "mode": mode,
    "asccount": asccount,
    "led": led,
    "ipreport": ipreport,
}


def serve(rig: Rig, request: SimulatedRequest) -> SimulatedPage:
    """Handle port 8080: POST /token for the login, then one page per read command."""
    if request.path == "/token" and request.method == "POST":
        return _token(rig, request.body)
    if request.method != "GET":
        return SimulatedPage(
            {"STATUS": [envelope.status_row(rig, 45, "Access denied", _DESCRIPTION, "E")]}, 403, privileged=True
        )
    if request.path == "/":
        return SimulatedPage("<html><title>Auradine</title></html>")
    token = request.headers.get("authorization", "") or request.headers.get("token", "")
    if token.removeprefix("Bearer ") != rig.token:
        return SimulatedPage({"STATUS": [envelope.status_row(rig, 401, "Unauthorized", _DESCRIPTION, "E")]}, 401)
    verb = _VERBS.get(request.path[1:])
    return SimulatedPage(verb(rig, "")) if verb else NOT_FOUND


def _token(rig: Rig, body: bytes) -> SimulatedPage:
    try:
        credentials: Any = orjson.loads(body)
    except orjson.JSONDecodeError:
        credentials = None
    if isinstance(credentials, dict) and (credentials.get("user"), credentials.get("password")) == (
        rig.user,
        rig.password,
    ):
        return SimulatedPage(_reply(rig, 0, "Token", "Token", [{"Token": rig.token}]), login=True)
    return SimulatedPage(
        {"STATUS": [envelope.status_row(rig, 401, "Unauthorized", _DESCRIPTION, "E")]}, 401, login=True
    )


FAMILY = SimulatedFamily(
    name="auradine",
    ports={4028: "cgminer", 8080: "http"},
    description=_DESCRIPTION,
    verbs=_VERBS,
    serve=serve,
    needs_login=True,
)
