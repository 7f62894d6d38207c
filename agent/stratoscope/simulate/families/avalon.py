"""Simulates a Canaan Avalon: cgminer whose `stats` is one string of name[value] pairs.

Based on: Avalon 1246, cgminer 4.11.1 of July 2021. The socket stays open after the NUL. The rig has no real-time
clock, so times count from its start.
"""

from functools import cache

from stratoscope.simulate.families import envelope
from stratoscope.simulate.families.envelope import Answer, Row
from stratoscope.simulate.families.family import SimulatedFamily
from stratoscope.simulate.rig import Rig
from stratoscope.units import GH, MH, TH

_DESCRIPTION = "cgminer 4.11.1"
_BUILD = "21072802_4ec6bb0_211fc46"


def _reply(rig: Rig, code: int, msg: str, section: str, rows: list[Row]) -> Answer:
    answer = envelope.reply(rig, code, msg, _DESCRIPTION, section, rows)
    answer["STATUS"][0]["When"] = int(rig.physics.uptime) + 17
    return answer


def version(rig: Rig, _: str) -> Answer:
    """Compose `version`, which contains product, MAC and DNA (the serial number)."""
    row = {
        "CGMiner": "4.11.1",
        "API": "3.7",
        "PROD": f"AvalonMiner {rig.spec.model}",
        "MODEL": rig.spec.code,
        "HWTYPE": "MM3v2_X3",
        "SWTYPE": "MM317",
        "LVERSION": _BUILD,
        "BVERSION": "4ec6bb0",
        "CGVERSION": "211fc46",
        "DNA": _dna(rig),
        "MAC": rig.mac.replace(":", ""),
        "UPAPI": "2",
    }
    return _reply(rig, 22, "CGMiner versions", "VERSION", [row])


def _dna(rig: Rig) -> str:
    return f"0201{rig.index:04x}{rig.token[:8]}"


def summary(rig: Rig, _: str) -> Answer:
    """Compose `summary` in MH/s."""
    physics = rig.physics
    row: Row = {"Elapsed": int(physics.uptime), "MHS av": round(physics.average / MH, 2)}
    row.update({f"MHS {window}": round(physics.windows[window] / MH, 2) for window in ("5s", "1m", "5m", "15m")})
    row.update(envelope.summary_counters(rig))
    return _reply(rig, 11, "Summary", "SUMMARY", [row])


def devs(rig: Rig, _: str) -> Answer:
    """Compose `devs`: the whole rig is one ASC."""
    physics = rig.physics
    row: Row = {
        "ASC": 0,
        "Name": "AVA10",
        "ID": 0,
        "Enabled": "Y",
        "Status": "Alive",
        "Temperature": round(physics.ambient + 6, 2),
        "MHS av": round(physics.average / MH, 2),
    }
    row.update({f"MHS {window}": round(physics.windows[window] / MH, 2) for window in ("5s", "1m", "5m", "15m")})
    row.update(
        {
            "Accepted": physics.total("accepted"),
            "Rejected": physics.total("rejected"),
            "Hardware Errors": sum(board.errors for board in physics.boards),
            "Utility": 8.0,
            "Last Share Pool": physics.slot,
            "Device Elapsed": int(physics.uptime),
        }
    )
    return _reply(rig, 9, "1 ASC(s)", "DEVS", [row])


def pools(rig: Rig, _: str) -> Answer:
    """Compose `pools`; share times are seconds since the rig's start."""
    rows = envelope.pool_rows(rig, lambda _, slot: int(slot.last_share or 0))
    return _reply(rig, 7, f"{len(rows)} Pool(s)", "POOLS", rows)


def stats(rig: Rig, _: str) -> Answer:
    """Compose `stats` and `estats`."""
    row = {
        "STATS": 0,
        "ID": "AVA100",
        "Elapsed": int(rig.physics.uptime),
        "Calls": 0,
        "Wait": 0.0,
        "Max": 0.0,
        "Min": 99999999.0,
        "MM Count": 1,
        "Smart Speed": 1,
        "Voltage Level Offset": 0,
        "Nonce Mask": 25,
        "MM ID0": _module(rig),
    }
    return _reply(rig, 70, "CGMiner stats", "STATS", [row])


def _list(values: list[float], form: str = "{:.0f}") -> str:
    return " ".join(form.format(value) for value in values)


def _module(rig: Rig) -> str:
    """Format the module as name[value] pairs.

    PS is: error, control board and hashboard voltage (0.01 V), current (A), output power (W), set voltage (0.01 V),
    wall power (W).
    """
    physics, spec = rig.physics, rig.spec
    boards = physics.boards
    chips = [board.chip if board.chips else 0.0 for board in boards]
    live = [chip for chip in chips if chip] or [0.0]
    errors = [board.errors for board in boards]
    wall = physics.power
    rpm = physics.fan * spec.rpm
    state = "In Idle" if not physics.hashrate else "In Work"
    pairs = [
        f"Ver[{spec.code}-{_BUILD}]",
        f"DNA[{_dna(rig)}]",
        "MEMFREE[1201472.0]",
        "NETFAIL[0 0 0 0 0 0 0 0]",
        f"SYSTEMSTATU[Work: {state}, Hash Board: {sum(1 for board in boards if board.chips)} ]",
        f"Elapsed[{int(physics.uptime)}]",
        "BOOTBY[0x08.00000000]",
        f"LW[{int(physics.uptime * 995)}]",
        f"MH[{_list([float(error) for error in errors])}]",
        f"HW[{sum(errors)}]",
        "DH[0.310%]",
        f"Temp[{physics.ambient + 6:.0f}]",
        f"TMax[{max(live):.0f}]",
        f"TAvg[{sum(live) / len(live) - 9:.0f}]",
        *(f"Fan{number}[{rpm * (1 - 0.01 * number):.0f}]" for number in range(1, spec.fans + 1)),
        f"FanR[{100 * physics.fan:.0f}%]",
        "Vo[329]",
        f"PS[0 1214 1316 {wall * 0.91 / 13.16:.0f} {wall * 0.91:.0f} 1320 {wall:.0f}]",
        f"GHSspd[{physics.hashrate / GH:.2f}]",
        "DHspd[0.310%]",
        f"GHSmm[{spec.hashrate / GH:.2f}]",
        f"GHSavg[{physics.average / GH:.2f}]",
        f"WU[{physics.average / TH * 13970:.2f}]",
        f"Freq[{spec.frequency:.2f}]",
        "Led[0]",
        f"MGHS[{_list([board.hashrate / GH for board in boards], '{:.2f}')}]",
        f"MTmax[{_list(chips)}]",
        f"MTavg[{_list([max(0.0, chip - 9) for chip in chips])}]",
        f"TA[{sum(board.chips for board in boards)}]",
        "Core[A3201]",
        "PING[12]",
        "POWS[0]",
        "HASHS[0 0 0]",
        "POOLS[0]",
        "SoftOFF[0]",
        "ECHU[0 0 0]",
        "ECMM[0]",
        *(f"PVT_T{index}[{_sensors(int(board.chip), board.chips)}]" for index, board in enumerate(boards)),
        "CRC[0 0 0]",
        f"MPO[{spec.watts:.0f}]",
        "MVL[87]",
        "WORKMODE[1]",
    ]
    return " ".join(pairs)


@cache
def _sensors(hot: int, chips: int) -> str:
    """Format each chip's temperature right-aligned in three columns (cached: few distinct whole °C)."""
    return " ".join(f"{max(0, hot - at % 17):3d}" for at in range(chips))


FAMILY = SimulatedFamily(
    name="avalon",
    ports={4028: "cgminer"},
    description=_DESCRIPTION,
    verbs={"version": version, "summary": summary, "devs": devs, "pools": pools, "stats": stats, "estats": stats},
    keeps_socket_open=True,
)
