"""Lists every command that this program may send to a rig over TCP, and refuses all others.

The functions here build the bytes; the transports call them in the same line that writes. The lists contain commands
that change nothing.
"""

import re
import struct
from functools import lru_cache
from typing import Final

import orjson

from stratoscope.errors import StratoscopeError


class ForbiddenCommand(StratoscopeError):
    """A command outside the allow-list: an internal error (please report), stopped before the socket."""


CGMINER_VERBS: Final = frozenset(
    {
        # cgminer 4.x, bfgminer 5.x, sgminer 5.x; no `privileged`, `debug`, `lockstats`, nor any that changes a setting
        "version",
        "config",
        "summary",
        "pools",
        "devs",
        "edevs",
        "devdetails",
        "stats",
        "estats",
        "coin",
        "notify",
        "asccount",
        "asc",
        "pgacount",
        "pga",
        "gpucount",
        "gpu",
        "cpucount",
        "cpu",
        "procs",
        "proccount",
        "procdetails",
        "procnotify",
        "check",
        "lcd",
        "usbstats",
        # BTMiner (WhatsMiner v1, v2)
        "get_version",
        "get_psu",
        "get_miner_info",
        "get_error_code",
        "status",
        # LuxOS
        "atm",
        "autotunerget",
        "events",
        "fans",
        "frequencyget",
        "groups",
        "healthchipget",
        "healthctrl",
        "limits",
        "power",
        "profiles",
        "session",
        "temps",
        "tempctrl",
        "tempsensor",
        "voltageget",
        # BOSminer
        "tunerstatus",
        # Avalon
        "litestats",
        # Auradine
        "psu",
        "fan",
        "temperature",
        "voltage",
        "frequency",
        "mode",
        "ipreport",
        "led",
    }
)
"""Verbs of the CGMiner API and its vendor dialects that only read."""

NUMBERED_VERBS: Final = frozenset(
    {
        "asc",
        "pga",
        "gpu",
        "cpu",
        "healthchipget",
        "voltageget",
        "frequencyget",
        "tempsensor",
    }
)
"""Verbs that may have the number of a board, chip or processor as parameter; all others have none."""

NUMBER: Final = re.compile(r"[0-9]{1,3}", re.ASCII)

WHATSMINER3_COMMANDS: Final = {
    "get.device.info": frozenset({"network", "miner", "system", "error-code", "power"}),
    "get.miner.status": frozenset({"summary", "pools", "edevs"}),
    "get.miner.setting": frozenset[str](),
    "get.fan.setting": frozenset[str](),
    "get.log.setting": frozenset[str](),
}
"""Commands of the WhatsMiner v3 API that only read, each with the words its parameter may join by `+`."""


@lru_cache(maxsize=4096)
def cgminer_request(verb: str, param: str | None = None) -> bytes:
    """Return the request for one verb or several joined by `+`; raises ForbiddenCommand outside the list."""
    verbs = verb.split("+")
    if not CGMINER_VERBS.issuperset(verbs):
        raise ForbiddenCommand(f"CGMiner command {verb!r}")
    if param is None:
        return orjson.dumps({"command": verb})
    if len(verbs) > 1 or verb not in NUMBERED_VERBS or not NUMBER.fullmatch(param):
        raise ForbiddenCommand(f"CGMiner command {verb!r} with parameter {param!r}")
    return orjson.dumps({"command": verb, "parameter": param})


@lru_cache(maxsize=256)
def whatsminer3_request(verb: str, param: str | None = None) -> bytes:
    """Return the framed request for `verb`: its length as 4 bytes, little endian, then JSON."""
    words = WHATSMINER3_COMMANDS.get(verb)
    if words is None or (param is not None and not words.issuperset(param.split("+"))):
        raise ForbiddenCommand(f"WhatsMiner command {verb!r} with parameter {param!r}")
    body = orjson.dumps({"cmd": verb} if param is None else {"cmd": verb, "param": param})
    return struct.pack("<I", len(body)) + body
