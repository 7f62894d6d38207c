"""Simulates BOSer, the CGMiner API of Braiins OS on port 4028, with extra commands for temperatures, fans and tuner.

Based on: BOSer of BOS 22.08 and 26.04. Reading needs no login. No command reports the MAC or serial number.
"""

from stratoscope.simulate.families import antminer, envelope
from stratoscope.simulate.families.envelope import Answer, CommandHandler, Row
from stratoscope.simulate.rig import Rig
from stratoscope.units import MH, MHZ

DESCRIPTION = "BOSer boser-openwrt 0.1.0-912d084c"
_WINDOWS = ("5s", "1m", "5m", "15m", "24h")


def _reply(rig: Rig, code: int, msg: str, section: str, rows: list[Row]) -> Answer:
    return envelope.reply(rig, code, msg, DESCRIPTION, section, rows)


def version(rig: Rig, _: str) -> Answer:
    """Compose `version`."""
    row = {"API": "3.7", "BOSer": DESCRIPTION.removeprefix("BOSer ")}
    return _reply(rig, 22, "BOSer versions", "VERSION", [row])


def summary(rig: Rig, _: str) -> Answer:
    """Compose `summary`."""
    physics = rig.physics
    row: Row = {"Elapsed": int(physics.uptime), "MHS av": physics.average / MH}
    row.update({f"MHS {window}": physics.windows[window] / MH for window in _WINDOWS})
    row.update(envelope.summary_counters(rig))
    return _reply(rig, 11, "Summary", "SUMMARY", [row])


def pools(rig: Rig, _: str) -> Answer:
    """Compose `pools`."""
    rows = envelope.pool_rows(rig, envelope.share_epoch)
    for row in rows:
        del row["Diff"]
        row.update({"AsicBoost": True, "Stratum Difficulty": rig.physics.difficulty})
    return _reply(rig, 7, f"{len(rows)} Pool(s)", "POOLS", rows)


def devs(rig: Rig, _: str) -> Answer:
    """Compose `devs`; board IDs are the connector numbers, from 1."""
    physics = rig.physics
    rows: list[Row] = []
    for index, board in enumerate(physics.boards):
        fraction = board.hashrate / physics.hashrate if physics.hashrate else 0.0
        row: Row = {
            "ASC": index,
            "ID": index + 1,
            "Name": "",
            "Enabled": "Y",
            "Status": "Alive" if board.chips else "Dead",
            "Temperature": round(board.temperature, 1),
            "Nominal MHS": board.full / MH,
            "MHS av": physics.average * fraction / MH,
            "Accepted": int(physics.total("accepted") * fraction),
            "Rejected": 0,
            "Hardware Errors": board.errors,
            "Last Share Pool": physics.slot,
            "Device Elapsed": int(physics.uptime),
        }
        row.update({f"MHS {window}": physics.windows[window] * fraction / MH for window in _WINDOWS})
        rows.append(row)
    return _reply(rig, 9, f"{len(rows)} ASC(s)", "DEVS", rows)


def devdetails(rig: Rig, _: str) -> Answer:
    """Compose `devdetails`: chips, frequency (Hz) and voltage (V)."""
    rows: list[Row] = [
        {
            "DEVDETAILS": index,
            "ID": index + 1,
            "Name": "",
            "Driver": "",
            "Kernel": "",
            "Device Path": "",
            "Model": f"Antminer {rig.spec.model}",
            "Chips": board.chips,
            "Cores": 0,
            "Frequency": round(rig.spec.frequency * MHZ),
            "Voltage": rig.spec.voltage,
        }
        for index, board in enumerate(rig.physics.boards)
    ]
    return _reply(rig, 69, "Device Details", "DEVDETAILS", rows)


def temps(rig: Rig, _: str) -> Answer:
    """Compose `temps`."""
    rows: list[Row] = [
        {"TEMP": index, "ID": index + 1, "Board": round(board.temperature, 3), "Chip": round(board.chip, 3)}
        for index, board in enumerate(rig.physics.boards)
    ]
    return _reply(rig, 201, f"{len(rows)} Temp(s)", "TEMPS", rows)


def fans(rig: Rig, _: str) -> Answer:
    """Compose `fans`."""
    rows: list[Row] = [
        {"FAN": index, "ID": index, "RPM": antminer.fan_rpm(rig, index + 1), "Speed": round(100 * rig.physics.fan)}
        for index in range(rig.spec.fans)
    ]
    return _reply(rig, 202, f"{len(rows)} Fan(s)", "FANS", rows)


def tunerstatus(rig: Rig, _: str) -> Answer:
    """Compose `tunerstatus`, which contains the estimated power."""
    watts = round(rig.physics.power)
    row = {
        "ApproximateMinerPowerConsumption": watts,
        "ApproximateChainPowerConsumption": round(watts * 0.97),
        "PowerLimit": round(rig.spec.watts),
        "DynamicPowerScaling": "Disabled",
        "TunerRunning": True,
        "TunerChainStatus": [],
    }
    return _reply(rig, 208, "Tuner Status", "TUNERSTATUS", [row])


VERBS: dict[str, CommandHandler] = {
    "version": version,
    "summary": summary,
    "pools": pools,
    "devs": devs,
    "devdetails": devdetails,
    "temps": temps,
    "fans": fans,
    "tunerstatus": tunerstatus,
}
