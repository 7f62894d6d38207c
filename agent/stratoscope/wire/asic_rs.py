"""Queries a rig through the optional pyasic-rs library, for vendor APIs without a driver here.

The library is imported at first use and never required (`pip install stratoscope[asic-rs]`). This module adds what
the library lacks: a deadline over the whole exchange, at most 32 discoveries at once (with more, 0.8.6 loses live
rigs silently), and an error for a dead rig, for which the library returns an empty record.
"""

import asyncio
import importlib
import importlib.util
import socket
import weakref
from datetime import timedelta
from typing import Any, Final

from stratoscope.drivers.driver import Replies
from stratoscope.errors import PollError, TimedOut, Unreachable
from stratoscope.wire.target import Answers, Limits, Target

MAX_DISCOVERIES: Final = 32
MAX_HANDLES: Final = 4096
UNUSED_FIELDS: Final = (
    "Chips",
    "LightFlashing",
    "TuningTarget",
    "TuningPercent",
    "TuningCapabilities",
    "ControlBoardVersion",
    "DevFeeConnected",
    "BestShare",
    "SessionBestShare",
    "ApiVersion",
    "Messages",
    "IsMining",
    "PsuFans",
    "AverageTemperature",
    "Efficiency",
    "OperatingState",
)
"""Fields that are never queried: nothing here uses them, and most cost a page behind a digest login each."""

IDENTITY_FIELDS: Final = ("Mac", "Hostname", "SerialNumber", "FirmwareVersion")
"""Fields queried once per discovery: constant, and web pages on most firmwares."""

IDENTITY_KEYS: Final = ("mac", "hostname", "serial_number", "firmware_version")
VALUE_KEYS: Final = ("hashrate", "wattage", "uptime", "mac", "hostname", "firmware_version", "serial_number")

_handles: dict[tuple[str, str | None], tuple[Any, dict[str, Any]]] = {}
_gates: "weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Semaphore]" = weakref.WeakKeyDictionary()


def available() -> bool:
    """Return whether pyasic-rs is installed."""
    return importlib.util.find_spec("pyasic_rs") is not None


async def fetch(target: Target, limits: Limits) -> Answers:
    """Return the library's record of the rig under the key "miner".

    Raises Unreachable if it has no value, TimedOut at the deadline (`limits.exchange`, including discovery), and
    PollError("unidentified") if the library is missing or the rig uses other ports than the defaults.
    """
    if not available():
        raise PollError("unidentified", "pyasic-rs is not installed: pip install 'stratoscope[asic-rs]'")
    if any(usual != used for usual, used in target.ports.items()):
        raise PollError(
            "unidentified", "pyasic-rs supports only the default ports: remove the ports, or set another `driver`"
        )
    key = (target.host, target.user)
    try:
        async with asyncio.timeout(limits.exchange):
            record = await _read(target, key)
    except TimeoutError as error:
        _handles.pop(key, None)
        raise TimedOut("timeout", f"no answer through pyasic-rs within {limits.exchange:g} s") from error
    if not _has_values(record):
        _handles.pop(key, None)  # another rig may appear at this address
        raise Unreachable("unreachable", "pyasic-rs returned no value: the rig may be off")
    return Answers(replies=Replies({"miner": record}))


async def _read(target: Target, key: tuple[str, str | None]) -> dict[str, Any]:
    miner, identity = _handles.get(key) or (None, {})
    if miner is None:
        miner = await _discover(target)
        _handles[key] = (miner, identity)
        if len(_handles) > MAX_HANDLES:
            del _handles[next(iter(_handles))]
    try:
        record = _to_json_values(await miner.get_data(exclude=_excluded(first=not identity)))
    except (OSError, RuntimeError, ValueError) as error:
        _handles.pop(key, None)
        raise Unreachable("unreachable", f"pyasic-rs: {error}") from error
    if _has_values(record):
        identity.update({name: record[name] for name in IDENTITY_KEYS if record.get(name) is not None})
        identity.setdefault("schema_version", record.get("schema_version"))
        record.update(identity)
    return record


async def _discover(target: Target) -> Any:
    address = await _resolve(target.host)
    async with _gate():
        try:
            miner = await importlib.import_module("pyasic_rs").MinerFactory().get_miner(address)
        except (OSError, RuntimeError, ValueError) as error:
            raise Unreachable("unreachable", f"pyasic-rs: {error}") from error
    if miner is None:
        raise Unreachable("unreachable", "pyasic-rs found no supported rig at this address")
    if target.user is not None and target.password is not None:
        miner.set_auth(target.user, target.password)
    return miner


async def _resolve(host: str) -> str:
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except OSError as error:
        raise Unreachable("dns", f"{host}: {error}") from error
    return str(found[0][4][0])


def _gate() -> asyncio.Semaphore:
    """Return the semaphore of this event loop, created at first use: a semaphore belongs to one loop."""
    return _gates.setdefault(asyncio.get_running_loop(), asyncio.Semaphore(MAX_DISCOVERIES))


def _excluded(*, first: bool) -> list[Any]:
    fields = importlib.import_module("pyasic_rs.data").DataField
    return [getattr(fields, name) for name in (UNUSED_FIELDS if first else UNUSED_FIELDS + IDENTITY_FIELDS)]


def _to_json_values(record: Any) -> dict[str, Any]:
    """Return the library's record as JSON-like values: seconds for durations, text for addresses."""
    values: dict[str, Any] = record.model_dump()
    uptime = values.get("uptime")
    if isinstance(uptime, timedelta):
        values["uptime"] = uptime.total_seconds()
    values["ip"] = str(values.get("ip"))
    return values


def _has_values(record: dict[str, Any]) -> bool:
    """Return whether any value came from the rig, not from the library's own table of models."""
    if any(record.get(name) is not None for name in VALUE_KEYS):
        return True
    boards = record.get("hashboards") or ()
    if any(board.get(name) is not None for board in boards for name in ("hashrate", "board_temperature", "voltage")):
        return True
    return bool(record.get("pools")) or any(fan.get("rpm") is not None for fan in record.get("fans") or ())
