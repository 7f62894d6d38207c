"""Simulates a WhatsMiner with API v2 on CGMiner's port: `cmd` or `command`, flat responses to `get_*`.

Based on: firmware 20230803.11.REL, API 2.0.5. `get_*` and `status` cannot be joined. Write commands, which require a
token, are refused.
"""

from stratoscope.simulate.families import envelope
from stratoscope.simulate.families.envelope import Answer, Row
from stratoscope.simulate.families.family import SimulatedFamily
from stratoscope.simulate.rig import Rig
from stratoscope.units import GH, MH, TH

_DESCRIPTION = "cgminer 4.9.2"
_FIRMWARE = "20230803.11.REL"
OUTLET_FAN_RATIO = 0.98


def _flat(rig: Rig, msg: object, code: int = 131, letter: str = "S") -> Answer:
    return {"STATUS": letter, "When": rig.when, "Code": code, "Msg": msg, "Description": ""}


def refuse(rig: Rig, verb: str, _description: str) -> Answer:
    """Compose a refusal in btminer's flat format."""
    if envelope.is_privileged(verb):
        return _flat(rig, f"Access denied: '{verb}' command", 45, "E")
    return _flat(rig, "invalid cmd", 14, "E")


def fan_rpm(rig: Rig, ratio: float = 1.0) -> int:
    """Return the rpm of the inlet fan times `ratio`, which is OUTLET_FAN_RATIO for the outlet fan."""
    return int(rig.physics.fan * rig.spec.rpm * ratio / 30) * 30


def summary(rig: Rig, _: str) -> Answer:
    """Compose `summary`: hashrates in MH/s, except `Factory GHS`."""
    physics = rig.physics
    chips = [board.chip for board in physics.boards if board.chips]
    counters = envelope.summary_counters(rig)
    reported_keys = ("Accepted", "Rejected", "Total MH", "Pool Rejected%", "Pool Stale%", "Last getwork")
    row: Row = {"Elapsed": int(physics.uptime), "MHS av": round(physics.average / MH, 2)}
    row.update({f"MHS {window}": round(physics.windows[window] / MH, 2) for window in ("5s", "1m", "5m", "15m")})
    row.update({"HS RT": round(physics.hashrate / MH, 2), **{key: counters[key] for key in reported_keys}})
    row.update(
        {
            "Temperature": round(max(board.temperature for board in physics.boards), 1),
            "freq_avg": round(rig.spec.frequency),
            "Fan Speed In": fan_rpm(rig),
            "Fan Speed Out": fan_rpm(rig, OUTLET_FAN_RATIO),
            "Power": round(physics.power),
            "Power Rate": round(physics.power / (physics.hashrate / TH), 2) if physics.hashrate else 0.0,
            "Uptime": int(physics.uptime) + 40,
            "Hash Stable": physics.uptime > 600,
            "Hash Stable Cost Seconds": 600,
            "Target Freq": round(rig.spec.frequency),
            "Env Temp": round(physics.ambient, 1),
            "Power Mode": "Normal",
            "Factory GHS": round(rig.spec.hashrate / GH),
            "Power Limit": round(rig.spec.watts * 1.03),
            "Chip Temp Min": round(min(chips) - 12, 2) if chips else 0.0,
            "Chip Temp Max": round(max(chips), 2) if chips else 0.0,
            "Chip Temp Avg": round(sum(chips) / len(chips) - 6, 2) if chips else 0.0,
            "Error Code Count": 1 if physics.lost >= 0 else 0,
            "Liquid Cooling": False,
            "Btminer Fast Boot": "disable",
            "MAC": rig.mac.upper(),
        }
    )
    return envelope.reply(rig, 11, "Summary", _DESCRIPTION, "SUMMARY", [row])


def devs(rig: Rig, _: str) -> Answer:
    """Compose `devs` and `edevs`."""
    physics, spec = rig.physics, rig.spec
    accepted = physics.total("accepted")
    rows = []
    for index, board in enumerate(physics.boards):
        fraction = board.hashrate / physics.hashrate if physics.hashrate else 0.0
        rows.append(
            {
                "ASC": index,
                "ID": index,
                "Slot": index,
                "Name": "SM",
                "Enabled": "Y",
                "Status": "Alive" if board.chips else "Dead",
                "Temperature": round(board.temperature, 1),
                "Chip Frequency": round(spec.frequency),
                "Frequency": spec.frequency,
                **{
                    f"MHS {window}": round(physics.windows[window] * fraction / MH, 2)
                    for window in ("5s", "1m", "5m", "15m")
                },
                "MHS av": round(physics.average * fraction / MH, 2),
                "HS RT": round(board.hashrate / MH, 2),
                "Accepted": int(accepted * fraction),
                "Rejected": 0,
                "Effective Chips": board.chips,
                "Factory GHS": round(spec.hashrate / spec.boards / GH),
                "Fan Speed In": fan_rpm(rig),
                "Fan Speed Out": fan_rpm(rig, OUTLET_FAN_RATIO),
                "Chip Temp Min": round(board.chip - 12, 2),
                "Chip Temp Max": round(board.chip, 2),
                "Chip Temp Avg": round(board.chip - 6, 2),
                "PCB SN": f"{rig.serial}B{index}",
                "Device Elapsed": int(physics.uptime),
            }
        )
    return envelope.reply(rig, 9, f"{len(rows)} ASC(s)", _DESCRIPTION, "DEVS", rows)


def pools(rig: Rig, _: str) -> Answer:
    """Compose `pools`, numbered from 1."""
    rows = envelope.pool_rows(rig, envelope.share_epoch)
    for row in rows:
        row["POOL"] += 1
        del row["Diff"]
    return envelope.reply(rig, 7, f"{len(rows)} Pool(s)", _DESCRIPTION, "POOLS", rows)


def devdetails(rig: Rig, _: str) -> Answer:
    """Compose `devdetails`, the only command that reports the model."""
    rows: list[Row] = [
        {"DEVDETAILS": index, "Name": "SM", "ID": index, "Driver": "bitmicro", "Kernel": "", "Model": rig.spec.model}
        for index in range(rig.spec.boards)
    ]
    return envelope.reply(rig, 69, "Device Details", _DESCRIPTION, "DEVDETAILS", rows)


def get_version(rig: Rig, _: str) -> Answer:
    """Compose `get_version`."""
    return _flat(rig, {"api_ver": "2.0.5", "fw_ver": _FIRMWARE, "platform": "H616", "chip": "K80"})


def get_psu(rig: Rig, _: str) -> Answer:
    """Compose `get_psu`: current in mA, voltage in 0.01 V, power in W, all as strings."""
    watts = rig.physics.power
    return _flat(
        rig,
        {
            "name": "P222B",
            "hw_version": "V01.00",
            "sw_version": "230208.220429",
            "model": "P222B",
            "iin": str(round(watts / 230 * 1000)),
            "vin": "23000",
            "pin": str(round(watts)),
            "fan_speed": "6000",
            "serial_no": f"{rig.serial}P",
            "vendor": "7",
            "temp0": "41.0",
        },
    )


def get_error_code(rig: Rig, _: str) -> Answer:
    """Compose `get_error_code`: code 530 + n means that hashboard n is missing ("slot n not found")."""
    codes: list[Row] = []
    if rig.physics.lost >= 0:
        codes.append({str(530 + rig.physics.lost): "2024-06-15 10:30:00"})
    return _flat(rig, {"error_code": codes})


def get_miner_info(rig: Rig, _: str) -> Answer:
    """Compose `get_miner_info`."""
    return _flat(
        rig,
        {
            "ip": "",
            "proto": "dhcp",
            "netmask": "255.255.255.0",
            "gateway": "",
            "dns": "",
            "hostname": rig.hostname,
            "mac": rig.mac.upper(),
            "ledstat": "auto",
            "minersn": rig.serial,
            "powersn": f"{rig.serial}P",
        },
    )


def status(rig: Rig, _: str) -> Answer:
    """Compose `status`."""
    off = rig.physics.stopped
    return _flat(
        rig,
        {
            "btmineroff": str(off).lower(),
            "mineroff": str(off).lower(),
            "mineroff_reason": "",
            "mineroff_time": "",
            "FirmwareVersion": _FIRMWARE,
            "power_mode": "normal",
            "power_limit_set": str(round(rig.spec.watts * 1.03)),
            "hash_percent": "0",
        },
    )


FAMILY = SimulatedFamily(
    name="whatsminer",
    ports={4028: "cgminer"},
    description=_DESCRIPTION,
    verbs={
        "summary": summary,
        "devs": devs,
        "edevs": devs,
        "pools": pools,
        "devdetails": devdetails,
        "get_version": get_version,
        "get_psu": get_psu,
        "get_error_code": get_error_code,
        "get_miner_info": get_miner_info,
        "status": status,
    },
    is_unjoinable=lambda verb: verb.startswith("get_") or verb == "status",
    refuse=refuse,
)
