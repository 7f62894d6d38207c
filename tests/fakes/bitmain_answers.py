"""Builds made-up answers of Bitmain-like firmware in the vendors' layouts."""

from typing import Any

NOW = 1_750_000_000


def status(code: int, text: str, description: str, when: int = NOW) -> list[dict[str, Any]]:
    return [{"STATUS": "S", "When": when, "Code": code, "Msg": text, "Description": description}]


def pool(number: int, **over: Any) -> dict[str, Any]:
    row = {
        "POOL": number,
        "URL": f"stratum+tcp://pool{number}.example:3333",
        "Status": "Alive",
        "Priority": number,
        "User": f"account.rig{number}",
        "Accepted": 120 + number,
        "Rejected": 3,
        "Stale": 1,
        "Discarded": 9,
        "Last Share Time": "0:00:07",
        "Difficulty Accepted": 7864320.0,
        "Difficulty Rejected": 196608.0,
        "Stratum Active": number == 0,
        "Has Stratum": True,
        "Diff": "65.5K",
    }
    return row | over


def pools(*rows: dict[str, Any], description: str = "cgminer 1.0.0") -> dict[str, Any]:
    return {"STATUS": status(7, "Pool(s)", description), "POOLS": list(rows or (pool(0), pool(1), pool(2))), "id": 1}


def summary(description: str = "cgminer 1.0.0", **fields: Any) -> dict[str, Any]:
    row = {"Elapsed": 7200, "Accepted": 363, "Rejected": 9, "Stale": 3, "Hardware Errors": 41, "Utility": 3.02}
    return {"STATUS": status(11, "Summary", description), "SUMMARY": [row | fields], "id": 1}


def version(kind: str, description: str = "cgminer 1.0.0", **fields: Any) -> dict[str, Any]:
    row = {"API": "3.1", "Miner": "49.0.1.3", "CompileTime": "Mon Jan  8 10:00:00 CST 2024", "Type": kind} | fields
    return {"STATUS": status(22, "CGMiner versions", description), "VERSION": [row], "id": 1}


def stats(
    kind: str, live: dict[str, Any], description: str = "cgminer 1.0.0", named: dict[str, Any] | None = None
) -> dict[str, Any]:
    first = {"BMMiner": "1.0.0", "Miner": "49.0.1.3", "CompileTime": "Mon Jan  8 10:00:00 CST 2024", "Type": kind}
    base = {"STATS": 0, "ID": "BTM_SOC0", "Elapsed": 7201, "Calls": 0, "Wait": 0, "Max": 0, "Min": 99999999}
    rows = [first if named is None else named, base | live]
    return {"STATUS": status(70, "CGMiner stats", description), "STATS": rows, "id": 1}


def s19j_pro_live() -> dict[str, Any]:
    """Firmware from 2020 with three boards of 126 chips; board 2 is cooler, fan 2 is stopped."""
    live: dict[str, Any] = {
        "GHS 5s": 103900.5,
        "GHS av": 103500.25,
        "rate_30m": 103700.75,
        "rate_unit": "GH",
        "Mode": 2,
        "miner_count": 3,
        "frequency": 545,
        "fan_num": 4,
        "fan1": 5640,
        "fan2": 0,
        "fan3": 4410,
        "fan4": 4380,
        "temp_num": 3,
        "temp_max": 0,
        "no_matching_work": 40,
        "total_rateideal": 104000.0,
        "total_acn": 378,
        "temp1": 61,
        "temp2": 52,
        "temp3": 60,
        "temp2_1": 71,
        "temp2_2": 63,
        "temp2_3": 70,
    }
    for n, rate in ((1, "34700.25"), (2, "34500.00"), (3, "34700.25"), (4, "")):
        there = n < 4
        live[f"chain_acn{n}"] = 126 if there else 0
        live[f"chain_acs{n}"] = " ooo ooo" if there else ""
        live[f"chain_hw{n}"] = 10 + n if there else 0
        live[f"chain_rate{n}"] = rate
        live[f"freq{n}"] = 545 if there else 0
        live[f"temp_pcb{n}"] = "58-41-60-62" if n == 1 else "52-40-50-51" if there else "0-0-0-0"
        live[f"temp_chip{n}"] = "70-55-68-72" if n == 1 else "63-50-60-61" if there else "0-0-0-0"
        live[f"temp_pic{n}"] = "40-30-41-42" if there else "0-0-0-0"
    return live


def s9_live() -> dict[str, Any]:
    """bmminer 2.0.0 on an S9: boards on connectors 6, 7 and 8 of 16, fans on connectors 3 and 6 of 8, rates as text."""
    live: dict[str, Any] = {
        "GHS 5s": "13610.55",
        "GHS av": 13588.1,
        "miner_count": 3,
        "frequency": "637",
        "fan_num": 2,
        "temp_num": 3,
        "total_rateideal": 13604.4,
        "total_acn": 189,
        "temp_max": 79,
        "Device Hardware%": 0.0,
        "no_matching_work": 17,
        "miner_version": "16.8.1.3",
        "miner_id": "80108d8c2b10481c",
    }
    live |= {f"fan{n}": {3: 4560, 6: 5880}.get(n, 0) for n in range(1, 9)}
    for n in range(1, 17):
        there = n in (6, 7, 8)
        live |= {
            f"temp{n}": 50 + n if there else 0,
            f"temp2_{n}": 60 + n if there else 0,
            f"temp3_{n}": 0,
            f"freq_avg{n}": 637.5 if there else 0.0,
            f"chain_rateideal{n}": 4534.8 if there else 0.0,
            f"chain_acn{n}": 63 if there else 0,
            f"chain_acs{n}": " oooooooo" if there else "",
            f"chain_hw{n}": n if there else 0,
            f"chain_rate{n}": f"45{n}0.5" if there else "",
        }
    return live


def l7_live() -> dict[str, Any]:
    """An L7: four boards of 120 chips, MH/s under keys with GHS."""
    live: dict[str, Any] = {
        "GHS 5s": 9501.5,
        "GHS av": 9488.0,
        "rate_30m": 9490.0,
        "rate_unit": "MH",
        "fan_num": 4,
        "fan1": 5000,
        "fan2": 5010,
        "fan3": 5020,
        "fan4": 5030,
        "total_rateideal": 9500.0,
        "no_matching_work": 7,
        "frequency": 535,
    }
    for n in range(1, 5):
        live |= {
            f"chain_acn{n}": 120,
            f"chain_rate{n}": "2375.25",
            f"chain_hw{n}": 1,
            f"freq{n}": 535,
            f"temp{n}": 55,
            f"temp2_{n}": 66,
            f"temp_pcb{n}": "50-51-55-54",
            f"temp_chip{n}": "60-61-66-65",
        }
    return live


def vnish_live(state: str = "mining") -> dict[str, Any]:
    """VNish 1.2 on an S19: volts, watts and a state for each of three boards."""
    live: dict[str, Any] = {
        "GHS 5s": "96500.5",
        "GHS av": 96010.0,
        "fan_num": 4,
        "fan_mode": 0,
        "fan_pwm": 70,
        "fan1": 4200,
        "fan2": 4260,
        "fan3": 4320,
        "fan4": 4380,
        "state": state,
        "total_rate": 96500.5,
        "total_rateideal": 98000.0,
        "total_acn": 228,
    }
    for n in (1, 2, 3):
        live |= {
            f"temp{n}": 55 + n,
            f"temp2_{n}": 70 + n,
            f"temp3_{n}": 70 + n,
            f"temp_chip{n}": f"6{n}-60-7{n}-70",
            f"temp_pcb{n}": f"5{n}-50-5{5 + n}-51",
            f"chain_consumption{n}": 1000 + n,
            f"chain_hw{n}": n,
            f"chain_rate{n}": 32000.0 + n,
            f"freq_avg{n}": 650.5,
            f"chain_vol{n}": 13700,
            f"chain_acn{n}": 76,
            f"chain_state{n}": "mining",
            f"chain_fault{n}": "",
        }
    return live
