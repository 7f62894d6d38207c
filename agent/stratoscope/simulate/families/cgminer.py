"""Simulates unmodified cgminer 4.11.1 with USB stick miners.

Based on: cgminer 4.11.1. Hashrates in MH/s, one ASC per stick, times as UTC seconds. Joined commands are supported.
No command reports the model.
"""

from stratoscope.simulate.families import envelope
from stratoscope.simulate.families.envelope import Answer, Row
from stratoscope.simulate.families.family import SimulatedFamily
from stratoscope.simulate.rig import Rig
from stratoscope.units import MH

_DESCRIPTION = "cgminer 4.11.1"


def version(rig: Rig, _: str) -> Answer:
    """Compose `version`."""
    return envelope.reply(rig, 22, "CGMiner versions", _DESCRIPTION, "VERSION", [{"CGMiner": "4.11.1", "API": "3.7"}])


def summary(rig: Rig, _: str) -> Answer:
    """Compose `summary`."""
    physics = rig.physics
    row: Row = {"Elapsed": int(physics.uptime), "MHS av": round(physics.average / MH, 2)}
    row.update({f"MHS {window}": round(physics.windows[window] / MH, 2) for window in ("5s", "1m", "5m", "15m")})
    row.update(envelope.summary_counters(rig))
    return envelope.reply(rig, 11, "Summary", _DESCRIPTION, "SUMMARY", [row])


def devs(rig: Rig, _: str) -> Answer:
    """Compose `devs`; each board in the specification is one stick."""
    physics = rig.physics
    active_slot = physics.slots[physics.slot]
    rows: list[Row] = []
    for index, board in enumerate(physics.boards):
        fraction = board.hashrate / physics.hashrate if physics.hashrate else 0.0
        row: Row = {
            "ASC": index,
            "Name": rig.spec.code,
            "ID": index,
            "Enabled": "Y",
            "Status": "Alive" if board.chips else "Dead",
            "Temperature": 0.0,
            "MHS av": round(physics.average * fraction / MH, 2),
        }
        for window in ("5s", "1m", "5m", "15m"):
            row[f"MHS {window}"] = round(physics.windows[window] * fraction / MH, 2)
        row.update(
            {
                "Accepted": int(physics.total("accepted") * fraction),
                "Rejected": int(physics.total("rejected") * fraction),
                "Hardware Errors": board.errors,
                "Utility": 4.0,
                "Last Share Pool": physics.slot,
                "Last Share Time": rig.last_share(active_slot),
                "Total MH": round(physics.hashes * fraction / MH, 4),
                "Last Valid Work": rig.when,
                "Device Hardware%": 0.0,
                "Device Rejected%": 0.0,
                "Device Elapsed": int(physics.uptime),
            }
        )
        rows.append(row)
    return envelope.reply(rig, 9, f"{len(rows)} ASC(s)", _DESCRIPTION, "DEVS", rows)


def devdetails(rig: Rig, _: str) -> Answer:
    """Compose `devdetails`."""
    rows: list[Row] = [
        {
            "DEVDETAILS": index,
            "Name": rig.spec.code,
            "ID": index,
            "Driver": "gekko",
            "Kernel": "",
            "Model": "",
            "Device Path": f"1:{index + 2}",
        }
        for index in range(rig.spec.boards)
    ]
    return envelope.reply(rig, 69, "Device Details", _DESCRIPTION, "DEVDETAILS", rows)


def pools(rig: Rig, _: str) -> Answer:
    """Compose `pools`."""
    rows = envelope.pool_rows(rig, envelope.share_epoch)
    for row in rows:
        del row["Diff"]
        row.update(
            {
                "Bad Work": 0,
                "Has Vmask": True,
                "Stratum Difficulty": rig.physics.difficulty,
                "Current Block Height": envelope.block_height(rig, row),
                "Current Block Version": 536870912,
            }
        )
    return envelope.reply(rig, 7, f"{len(rows)} Pool(s)", _DESCRIPTION, "POOLS", rows)


def coin(rig: Rig, _: str) -> Answer:
    """Compose `coin`: the block that the work builds on, its hash in cgminer's byte order; empty without a block."""
    block = rig.works_on
    row = {
        "Hash Method": rig.spec.algorithm,
        "Current Block Time": 0.0 if block is None else float(block.at),
        "Current Block Hash": "" if block is None else block.hash[::-1].hex(),
        "LP": block is not None,
        "Network Difficulty": 0.0,
    }
    return envelope.reply(rig, 78, "CGMiner coin", _DESCRIPTION, "COIN", [row])


def stats(rig: Rig, _: str) -> Answer:
    """Compose `stats`: one row from the driver of each stick."""
    rows: list[Row] = [
        {
            "STATS": index,
            "ID": f"{rig.spec.code}{index}",
            "Elapsed": int(rig.physics.uptime),
            "Calls": 0,
            "Wait": 0.0,
            "Max": 0.0,
            "Min": 99999999.0,
            "Serial": f"{rig.serial}{index}",
            "Frequency": rig.spec.frequency,
            "Chip Count": board.chips,
        }
        for index, board in enumerate(rig.physics.boards)
    ]
    return envelope.reply(rig, 70, "CGMiner stats", _DESCRIPTION, "STATS", rows)


def config(rig: Rig, _: str) -> Answer:
    """Compose `config`."""
    row = {
        "ASC Count": rig.spec.boards,
        "PGA Count": 0,
        "Pool Count": len(rig.pools),
        "Strategy": "Failover",
        "Log Interval": 5,
        "Device Code": "GSF ",
        "OS": "Linux",
        "Hotplug": 5,
    }
    return envelope.reply(rig, 33, "CGMiner config", _DESCRIPTION, "CONFIG", [row])


FAMILY = SimulatedFamily(
    name="cgminer",
    ports={4028: "cgminer"},
    description=_DESCRIPTION,
    verbs={
        "version": version,
        "summary": summary,
        "devs": devs,
        "devdetails": devdetails,
        "pools": pools,
        "stats": stats,
        "config": config,
        "coin": coin,
    },
)
