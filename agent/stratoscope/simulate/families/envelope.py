"""Builds responses in the format of CGMiner's API: STATUS rows, joined commands, refusals, pipe-separated text."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from stratoscope.simulate.rig import Rig

Row = dict[str, Any]
Answer = dict[str, Any]
CommandHandler = Callable[[Rig, str], Answer | None]
"""Composes the response to one command from the rig and the command's parameter; None: the parameter is invalid."""

_READ = (
    "summary pools devs edevs devdetails stats estats litestats lcd version config coin usbstats notify asccount asc "
    "pgacount pga procs procdetails check privileged"
)
READ_VERBS: Final = frozenset(_READ.split())
"""Commands that CGMiner allows without privileges; a firmware may support fewer."""

_WRITE = (
    "addpool switchpool enablepool disablepool removepool poolpriority poolquota failover-only save quit restart zero "
    "setconfig hotplug debug ascset ascenable ascdisable ascidentify pgaset pgaenable pgadisable pgaidentify lockstats "
    "logon logoff reboot rebootdevice resetminer curtail updaterun atmset fanset frequencyset voltageset profileset "
    "ledset immersionswitch powertargetset tempctrlset tempsensorset netset limitset groupquota configset uninstall "
    "power_on power_off pre_power_on restart_btminer factory_reset download_logs update_firmware update_pools "
    "update_pwd adjust_power_limit adjust_upfreq_speed enable_btminer_fast_boot disable_btminer_fast_boot"
)
WRITE_VERBS: Final = frozenset(_WRITE.split())


def is_privileged(verb: str) -> bool:
    """Return whether `verb` could change a rig."""
    return verb in WRITE_VERBS or verb.startswith(("set_", "set."))


def status_row(rig: Rig, code: int, msg: str, description: str, letter: str = "S") -> Row:
    """Return one STATUS row."""
    return {"STATUS": letter, "When": rig.when, "Code": code, "Msg": msg, "Description": description}


def reply(rig: Rig, code: int, msg: str, description: str, section: str, rows: Sequence[Row]) -> Answer:
    """Return a complete response: {"STATUS":[..],"SECTION":[rows],"id":1}."""
    return {"STATUS": [status_row(rig, code, msg, description)], section: rows, "id": 1}


def refusal(rig: Rig, verb: str, description: str) -> Answer:
    """Return CGMiner's response to a command that is not allowed (Code 45) or unknown (Code 14)."""
    if is_privileged(verb):
        return {"STATUS": [status_row(rig, 45, f"Access denied: '{verb}' command", description, "E")], "id": 1}
    return {"STATUS": [status_row(rig, 14, "Invalid command", description, "E")], "id": 1}


def invalid_json_reply(rig: Rig, description: str) -> Answer:
    """Return CGMiner's response to a request that is not valid JSON (Code 23)."""
    return {"STATUS": [status_row(rig, 23, "Invalid JSON", description, "E")], "id": 1}


def join_answers(parts: Sequence[str], answers: Sequence[Answer]) -> Answer:
    """Return the response to a joined command: {"a":[{..}],"b":[{..}],"id":1}."""
    combined: Answer = {part: [answer] for part, answer in zip(parts, answers, strict=True)}
    combined["id"] = 1
    return combined


def format_age(seconds: float) -> str:
    """Format an age as Antminer firmware does: "0:00:07"."""
    total = int(seconds)
    return f"{total // 3600}:{total % 3600 // 60:02d}:{total % 60:02d}"


def format_difficulty(difficulty: float) -> str:
    """Format a difficulty in the short form that firmware shows: 262144 → "262K"."""
    for factor, letter in ((1_000_000, "M"), (1_000, "K")):
        if difficulty >= factor:
            return f"{int(difficulty / factor)}{letter}"
    return f"{difficulty:g}"


def summary_counters(rig: Rig) -> Row:
    """Return the share counters of a SUMMARY row, which have the same keys in most CGMiner forks."""
    physics = rig.physics
    accepted, rejected, stale = physics.total("accepted"), physics.total("rejected"), physics.total("stale")
    submitted = max(1, accepted + rejected)
    minutes = max(physics.uptime, 1.0) / 60
    return {
        "Found Blocks": 0,
        "Getworks": int(physics.uptime / 30) + 1,
        "Accepted": accepted,
        "Rejected": rejected,
        "Hardware Errors": sum(board.errors for board in physics.boards),
        "Utility": round(accepted / minutes, 2),
        "Discarded": int(physics.uptime * 9.3),
        "Stale": stale,
        "Get Failures": 0,
        "Local Work": int(physics.uptime * 31.7),
        "Remote Failures": 0,
        "Network Blocks": int(physics.uptime / 600),
        "Total MH": round(physics.hashes / 1e6, 4),
        "Work Utility": round(accepted * physics.difficulty / minutes, 2),
        "Difficulty Accepted": accepted * physics.difficulty,
        "Difficulty Rejected": rejected * physics.difficulty,
        "Difficulty Stale": stale * physics.difficulty,
        "Best Share": int(accepted * physics.difficulty * 1.7),
        "Device Hardware%": 0.0,
        "Device Rejected%": round(100 * rejected / submitted, 4),
        "Pool Rejected%": round(100 * rejected / submitted, 4),
        "Pool Stale%": round(100 * stale / submitted, 4),
        "Last getwork": rig.when,
    }


def pool_rows(rig: Rig, last_share: Callable[[Rig, Any], int | str]) -> list[Row]:
    """Return POOLS rows with the keys of cgminer 4; `last_share` formats the age or time of the newest share."""
    difficulty = rig.physics.difficulty
    return [
        {
            "POOL": index,
            "URL": url,
            "Status": "Alive" if alive else "Dead",
            "Priority": index,
            "Quota": 1,
            "Long Poll": "N",
            "Getworks": int(rig.physics.uptime / 30) if active else 0,
            "Accepted": slot.accepted,
            "Rejected": slot.rejected,
            "Works": slot.accepted * 31,
            "Discarded": 0,
            "Stale": slot.stale,
            "Get Failures": 0,
            "Remote Failures": 0,
            "User": user,
            "Last Share Time": last_share(rig, slot),
            "Diff": format_difficulty(difficulty) if active else "",
            "Diff1 Shares": 0,
            "Proxy Type": "",
            "Proxy": "",
            "Difficulty Accepted": slot.accepted * difficulty,
            "Difficulty Rejected": slot.rejected * difficulty,
            "Difficulty Stale": slot.stale * difficulty,
            "Last Share Difficulty": difficulty if slot.accepted else 0.0,
            "Has Stratum": True,
            "Stratum Active": active and alive,
            "Has GBT": False,
            "Stratum URL": url.partition("://")[2].partition(":")[0] if active else "",
            "Best Share": 0,
            "Pool Rejected%": 0.0,
            "Pool Stale%": 0.0,
        }
        for index, url, user, slot, alive, active in rig.slots
    ]


def block_height(rig: Rig, row: Row) -> int:
    """Return "Current Block Height" for a POOLS row: the block that the work builds on, as in cgminer 4.11.1.

    0 for slots that are not in use and when no chain is simulated.
    """
    block = rig.works_on
    return block.height if block is not None and row["Stratum Active"] else 0


def share_ago(rig: Rig, slot: Any) -> str:
    """Format the age of the newest share as Antminer firmware does; "0" when there is none."""
    return "0" if slot.last_share is None else format_age(rig.physics.uptime - slot.last_share)


def share_epoch(rig: Rig, slot: Any) -> int:
    """Return the time of the newest share as cgminer does, in UTC seconds; 0 when there is none."""
    return rig.last_share(slot)


def format_pipe_text(answer: Mapping[str, Any]) -> bytes:
    """Format a response as CGMiner does for plain-text requests: STATUS=S,When=..|SUMMARY,..|."""
    rows = []
    for section, items in answer.items():
        for item in items if isinstance(items, list) else ():
            cells = [f"{key}={_plain(value)}" for key, value in item.items() if not isinstance(value, dict | list)]
            row_key = section.removesuffix("S")
            if section == "STATUS" or row_key in item:  # POOLS rows begin with POOL=0
                rows.append(",".join(cells))
            else:
                rows.append(",".join([section, *cells]))
    return "".join(f"{row}|" for row in rows).encode()


def _plain(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
