"""Builds made-up answers of Braiins OS for REST, GraphQL and port 4028."""

from typing import Any

from fakes import bitmain_answers as rig


def gh(value: float) -> dict[str, float]:
    return {"gigahash_per_second": value}


def rest() -> dict[str, Any]:
    def board(number: int, rate: float) -> dict[str, Any]:
        return {
            "id": str(number),
            "enabled": True,
            "chips_count": 108,
            "board_temp": {"degree_c": 50.5 + number},
            "highest_chip_temp": {"temperature": {"degree_c": 70.25 + number}},
            "current_frequency": {"hertz": 5e8},
            "current_voltage": {"volt": 13.5},
            "stats": {"real_hashrate": {"last_5s": gh(1), "last_5m": gh(rate), "last_15s": gh(2)}},
        }

    answers: dict[str, Any] = {
        "stats": {
            "miner_stats": {
                "nominal_hashrate": gh(205000),
                "real_hashrate": {
                    "last_5s": gh(200500),
                    "last_15s": gh(1),
                    "last_1m": {"terahash_per_second": 201.0},
                    "last_5m": gh(201500),
                    "last_24h": gh(199000),
                    "since_restart": gh(200000),
                },
            },
            "pool_stats": {"accepted_shares": 900, "rejected_shares": 2, "stale_shares": 1},
            "power_stats": {"approximated_consumption": {"watt": 3490}},
        },
        "details": {
            "bos_version": {"current": "2025-07-01-0-aaaa-25.07-plus"},
            "bosminer_uptime_s": 600,
            "status": 2,
            "hostname": "bos-1",
            "mac_address": "02:00:00:aa:bb:cc",
            "serial_number": "SER",
            "miner_identity": {"name": "Antminer S21", "brand": 1},
            "system_uptime_s": 900,
        },
        "hashboards": {"hashboards": [board(2, 67000), board(1, 66000), board(3, 68000)]},
        "cooling": {"fans": [{"position": n, "rpm": 0 if n == 2 else 5000 + n} for n in range(4)]},
        "pools": [
            {
                "name": "a",
                "pools": [
                    {
                        "url": "stratum+tcp://a:1",
                        "user": "u.1",
                        "alive": True,
                        "active": True,
                        "stats": {"accepted_shares": 900, "rejected_shares": 2, "stale_shares": 1},
                    }
                ],
            },
            {"name": "b", "pools": [{"url": "stratum+tcp://b:2", "user": "u.2", "alive": False, "active": False}]},
        ],
    }
    return answers


def graphql() -> dict[str, Any]:
    def board(name: str) -> dict[str, Any]:
        return {
            "name": name,
            "realHashrate": {"mhs5S": 4.5e6, "mhs1M": None},
            "nominalMhs": 4.6e6,
            "hwDetails": {"chips": 63, "frequencyMhz": 650.5, "voltageV": 8.9},
            "temperatures": [{"name": "Board", "degreesC": 66.5}, {"name": "Chip", "degreesC": 81}],
        }

    live = {
        "fans": [{"name": str(n), "rpm": rpm, "speed": 90} for n, rpm in enumerate((4080, 0, 0, 0))],
        "summary": {"power": {"approxConsumptionW": 1280, "limitW": 1300}},
        "workSolver": {
            "nominalMhs": 13.8e6,
            "realHashrate": {"mhs5S": 13.5e6, "mhs15M": 13.6e6, "mhsAv": 13.4e6},
            "childSolvers": [board("6"), board("8")],
        },
    }
    pool = {
        "url": "stratum+tcp://a:1",
        "user": "u.1",
        "status": "ALIVE",
        "active": True,
        "shares": {"acceptedSolutions": 31, "rejectedSolutions": 1},
    }
    other = pool | {"status": "DEAD", "active": False, "shares": {"acceptedSolutions": 9, "rejectedSolutions": 0}}
    answers: dict[str, Any] = {
        "identity": {
            "data": {
                "bos": {"hostname": "miner-1", "info": {"version": {"full": "2022-09-13-aa-22.08-plus"}}},
                "bosminer": {"info": {"modelName": "Antminer S9"}},
            }
        },
        "uptime": {"data": {"bos": {"uptime": {"durationS": 1189}}}},
        "live": {"data": {"bosminer": {"info": live}}},
        "pools": {"data": {"bosminer": {"info": {"poolGroups": [{"pools": [pool]}, {"pools": [other]}]}}}},
        "network": [{"macaddr": "02:00:00:00:00:09"}],
    }
    return answers


def bosminer() -> dict[str, Any]:
    what = "BOSminer+ 0.2.0-ea64aec8e"

    def section(name: str, *rows: dict[str, Any]) -> dict[str, Any]:
        return {"STATUS": rig.status(0, name, what), name: list(rows), "id": 1}

    return {
        "summary": rig.summary(
            what,
            **{
                "MHS 5s": 13.5e6,
                "MHS 1m": 13.51e6,
                "MHS 5m": 13.52e6,
                "MHS 15m": 13.53e6,
                "MHS 24h": 13.54e6,
                "MHS av": 13.55e6,
            },
        ),
        "devs": section(
            "DEVS",
            *(
                {"ASC": n - 6, "ID": n, "MHS 5m": 4.5e6, "MHS av": 4.4e6, "Nominal MHS": 4.6e6, "Hardware Errors": n}
                for n in (6, 7)
            ),
        ),
        "temps": section(
            "TEMPS", {"Board": 65.0, "Chip": 80.0, "ID": 6, "TEMP": 0}, {"Board": 66.0, "Chip": 0.0, "ID": 7, "TEMP": 1}
        ),
        "fans": section(
            "FANS", *({"FAN": n, "ID": n, "RPM": rpm, "Speed": 78} for n, rpm in enumerate((4320, 0, 0, 0)))
        ),
        "tunerstatus": section(
            "TUNERSTATUS",
            {"ApproximateChainPowerConsumption": 1344, "ApproximateMinerPowerConsumption": 1419, "PowerLimit": 1420},
        ),
        "devdetails": section(
            "DEVDETAILS",
            {"Chips": 63, "Frequency": 650000000, "ID": 6, "Voltage": 8.8, "Model": "Antminer S9"},
            {"Chips": 63, "Frequency": 650, "ID": 7, "Voltage": 0.0, "Model": ""},
        ),
        "version": section("VERSION", {"API": "3.7", "BOSminer+": "0.2.0-ea64aec8e"}),
        "pools": rig.pools(rig.pool(0, **{"Last Share Time": rig.NOW - 12})),
    }
