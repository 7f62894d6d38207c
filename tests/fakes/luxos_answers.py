"""Builds made-up answers of LuxOS."""

from typing import Any

from fakes import bitmain_answers as rig

LUX = "LUXminer 2024.9.1.100000-abcdef01"


def section(name: str, *rows: dict[str, Any]) -> dict[str, Any]:
    return {"STATUS": rig.status(0, name, LUX), name: list(rows), "id": 1}


def dev(slot: int, **over: Any) -> dict[str, Any]:
    rates = {"MHS 5s": 33e6 + slot, "MHS 1m": 33.1e6, "MHS 5m": 33.2e6 + slot, "MHS av": 30e6, "Nominal MHS": 33.5e6}
    return {"ASC": slot, "ID": slot, "Hardware Errors": 5 + slot, "Temperature": 60.0} | rates | over


def replies() -> dict[str, Any]:
    live = {
        "GHS 5s": 99000.0,
        "GHS av": 98000.0,
        "rate_unit": "GH",
        "total_rateideal": 100500.0,
        "frequency": 500,
        "total_acn": 4,
        "total rate": 18000.0,
    }
    for n in (1, 2, 3, 4):
        live |= {
            f"chain_acn{n}": 110 if n < 4 else 0,
            f"chain_rate{n}": "30000.0" if n < 4 else "0",
            f"freq{n}": 500.0 if n < 4 else 0.0,
            f"temp{n}": 61.0,
            f"temp_chip{n}": "61-50-50-61",
        }
    kind = "Antminer S19 XP"
    rates = {
        "GHS 5s": 99000.0,
        "GHS 1m": 99100.0,
        "GHS 5m": 99200.0,
        "GHS 15m": 99300.0,
        "GHS 30m": 99400.0,
        "GHS 24h": 99500.0,
        "GHS av": 98000.0,
    }
    config = {
        "Hostname": "lux-1",
        "MACAddr": "02:aa:bb:cc:dd:ee",
        "SerialNumber": "SN1",
        "ImmersionMode": False,
        "Model": kind,
    }
    return {
        "summary": rig.summary(LUX, **rates),
        "stats": rig.stats(kind, live, LUX),
        "devs": section("DEVS", dev(2), dev(0), dev(1)),  # in the order in which they started
        "temps": section(
            "TEMPS",
            {"ID": 0, "TEMP": 0, "TopLeft": 61.0, "BottomRight": 50.0},
            {"ID": 1, "TEMP": 1, "TopLeft": 62.5, "BottomRight": 0.0},
            {"ID": 2, "TEMP": 2, "Board": 63.0, "Chip": 80.5},
        ),
        "fans": section("FANS", *({"FAN": f"FAN{4 - n}", "ID": n, "RPM": 3000 + n, "Speed": 50} for n in range(4))),
        "power": section("POWER", {"PSU": False, "Watts": 2150}),
        "pools": rig.pools(
            rig.pool(0, **{"Last Share Time": "00:00:04"}),
            rig.pool(1, Accepted=0, Rejected=0, Status="Dead", **{"Last Share Time": "01:59:59"}),
        ),
        "version": section(
            "VERSION", {"API": "3.7", "LUXminer": "2024.9.1.100000-abcdef01", "Miner": "2024.9.1.100000", "Type": kind}
        ),
        "config": section("CONFIG", config),
        "voltage_0": section("VOLTAGE", {"Board": 0, "Voltage": 13.1}),
        "voltage_2": section("VOLTAGE", {"Board": 2, "Voltage": 13.3}),
    }
