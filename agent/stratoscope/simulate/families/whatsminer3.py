"""Simulates a WhatsMiner with API v3 on port 4433: a length, then JSON {"cmd","param"}; values in TH/s and watts.

Based on: firmware 20251209.16.Rel2, API 3.0.2. Port 4028 reports only version and model. Commands other than `get.*`
require a token and are refused with code -4.
"""

from typing import Any

from stratoscope.simulate.families import whatsminer
from stratoscope.simulate.families.envelope import Answer, Row
from stratoscope.simulate.families.family import SimulatedFamily
from stratoscope.simulate.rig import Rig
from stratoscope.units import TH

_FIRMWARE = "20251209.16.Rel2"
_DESCRIPTION = "whatsminer v3.0.2"


def _answer(rig: Rig, command: str, msg: Any, code: int = 0) -> Answer:
    return {"code": code, "when": rig.when, "msg": msg, "desc": command}


def _summary(rig: Rig) -> Row:
    physics = rig.physics
    chips = [board.chip for board in physics.boards if board.chips] or [0.0]
    watts = round(physics.power, 1)
    return {
        "elapsed": int(physics.uptime),
        "bootup-time": int(physics.uptime) + 40,
        "freq-avg": round(rig.spec.frequency),
        "target-freq": round(rig.spec.frequency),
        "factory-hash": round(rig.spec.hashrate / TH, 3),
        "hash-average": round(physics.average / TH, 3),
        "hash-1min": round(physics.windows["1m"] / TH, 3),
        "hash-15min": round(physics.windows["15m"] / TH, 3),
        "hash-realtime": round(physics.hashrate / TH, 3),
        "power-rate": round(watts / (physics.hashrate / TH), 2) if physics.hashrate else 0.0,
        "power-5min": watts,
        "power-realtime": watts,
        "power-limit": round(rig.spec.watts * 1.05),
        "environment-temperature": round(physics.ambient, 1),
        "board-temperature": [round(board.temperature, 1) for board in physics.boards],
        "chip-temp-min": round(min(chips) - 12, 1),
        "chip-temp-avg": round(sum(chips) / len(chips) - 6, 1),
        "chip-temp-max": round(max(chips), 1),
        "fan-speed-in": whatsminer.fan_rpm(rig),
        "fan-speed-out": whatsminer.fan_rpm(rig, whatsminer.OUTLET_FAN_RATIO),
        "up-freq-finish": 1,
        "Debug": "",
    }


def _edevs(rig: Rig) -> list[Row]:
    physics = rig.physics
    return [
        {
            "id": index,
            "slot": index,
            "status": "alive" if board.chips else "dead",
            "hash-average": round(physics.average * board.hashrate / (physics.hashrate or 1.0) / TH, 3),
            "hash-realtime": round(board.hashrate / TH, 3),
            "factory-hash": round(board.full / TH, 3),
            "freq": rig.spec.frequency,
            "effective-chips": board.chips,
            "chip-temp-min": round(board.chip - 12, 1),
            "chip-temp-avg": round(board.chip - 6, 1),
            "chip-temp-max": round(board.chip, 1),
        }
        for index, board in enumerate(physics.boards)
    ]


def _pools(rig: Rig) -> list[Row]:
    return [
        {
            "id": index,
            "pool-priority": index,
            "url": url,
            "account": user,
            "status": "alive" if alive else "dead",
            "stratum-active": active and alive,
            "reject-rate": 0.0,
            "last-share-time": int(rig.physics.uptime - slot.last_share) if slot.last_share is not None else 0,
        }
        for index, url, user, slot, alive, active in rig.slots
    ]


def _device(rig: Rig) -> Row:
    """Compose get.device.info; `error-code` is present only while there are errors."""
    physics, spec = rig.physics, rig.spec
    miner: Row = {
        "working": str(physics.powered and not physics.stopped).lower(),
        "type": spec.model,
        "hash-board": "K30",
        "miner-sn": rig.serial,
        "board-num": str(spec.boards),
        "hash-percent": "0",
        "fast-boot": "disable",
        "pool-strategy": "FAILOVER",
    }
    miner.update({f"pcbsn{index}": f"{rig.serial}B{index}" for index in range(spec.boards)})
    msg: Row = {
        "network": {
            "ip": "",
            "proto": "dhcp",
            "netmask": "255.255.255.0",
            "gateway": "",
            "dns": "",
            "mac": rig.mac.upper(),
            "hostname": rig.hostname,
        },
        "miner": miner,
        "system": {
            "api": "3.0.2",
            "platform": "H616",
            "fwversion": _FIRMWARE,
            "control-board-version": "CB6V10",
            "apiswitch": "1",
            "ledstatus": "auto",
        },
        "power": {
            "type": "P221B",
            "mode": "1",
            "hwversion": "RT0159",
            "swversion": "230224.220429",
            "model": "P221B",
            "sn": f"{rig.serial}P",
            "vendor": "1",
            "fanspeed": 6344,
            "vin": 230.0,
            "pin": round(physics.power),
        },
        "salt": rig.token[:8],
    }
    if physics.lost >= 0:
        msg["error-code"] = [
            {str(530 + physics.lost): "2026-05-23 09:19:10", "reason": f"Slot {physics.lost} not found."}
        ]
    return msg


_STATUS_SECTIONS = {"summary": _summary, "edevs": _edevs, "pools": _pools}


def answer_v3(rig: Rig, command: str, param: Any) -> Answer:
    """Handle one v3 command; get.miner.status accepts sections joined by "+"."""
    if command == "get.device.info":
        return _answer(rig, command, _device(rig))
    if command == "get.miner.status":
        sections = str(param).split("+") if param else list(_STATUS_SECTIONS)
        if all(section in _STATUS_SECTIONS for section in sections):
            return _answer(rig, command, {section: _STATUS_SECTIONS[section](rig) for section in sections})
        return _answer(rig, command, "invalid param", -1)
    if command.startswith("get."):
        return _answer(rig, command, "invalid command", -2)
    return _answer(rig, command, "permission denied", -4)


def get_version(rig: Rig, _: str) -> Answer:
    """Compose `get_version` for port 4028."""
    return {
        "STATUS": "S",
        "When": rig.when,
        "Code": 131,
        "Description": _DESCRIPTION,
        "Msg": {"api_ver": "3.0.2", "fw_ver": _FIRMWARE, "platform": "H616"},
    }


FAMILY = SimulatedFamily(
    name="whatsminer3",
    ports={4433: "whatsminer3", 4028: "cgminer"},
    description=_DESCRIPTION,
    verbs={"get_version": get_version, "devdetails": whatsminer.devdetails},
    is_unjoinable=lambda verb: verb.startswith("get_"),
    refuse=whatsminer.refuse,
    answer_v3=answer_v3,
)
