"""Defines the values that one rig reported at one moment, in SI units: `Reading` and its parts.

`None` means "the rig did not report it"; zero, empty or an old value never replaces it.
"""

import dataclasses
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final, Literal

PowerSource = Literal["measured", "reported", "configured", "nameplate"]
"""The source of a power value, best first: a meter in the PSU, the firmware's estimate, the config, the data sheet."""

Algorithm = Literal["sha256", "scrypt", "x11", "blake2s", "kheavyhash", "eaglesong", "equihash", "other"]

WINDOWS: Final = ("realtime", "5s", "1m", "5m", "15m", "30m", "1h", "24h", "avg")
"""Hashrate windows, shortest first; `realtime` is a momentary value whose window the firmware does not state."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hashboard:
    """One hashboard; `index` is its slot, from 0, in the firmware's order."""

    index: int
    hashrate: float | None = None  # H/s
    temperature_board: float | None = None  # °C, hottest sensor on the PCB
    temperature_chip: float | None = None  # °C, hottest chip
    chips: int | None = None  # answering chips
    hardware_errors: int | None = None  # counter
    frequency: float | None = None  # Hz
    voltage: float | None = None  # V


@dataclass(frozen=True, slots=True, kw_only=True)
class Fan:
    """One fan; a stopped fan has 0 rpm, a fan that is not fitted is not in the list."""

    index: int
    rpm: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolSlot:
    """One configured pool as the rig sees it; counters are the rig's own since its start."""

    index: int
    url: str | None = None
    user: str | None = None
    alive: bool | None = None
    active: bool | None = None
    accepted: int | None = None
    rejected: int | None = None
    stale: int | None = None
    difficulty_accepted: float | None = None
    last_share_seconds_ago: float | None = None
    tip_height: int | None = None  # of the newest block that the pool announced; the rig's work builds on it


@dataclass(frozen=True, slots=True, kw_only=True)
class Shares:
    """The rig's share counters since its start."""

    accepted: int | None = None
    rejected: int | None = None
    stale: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """A fault that the firmware reports, with the vendor's code."""

    code: int | str
    component: str | None = None
    message: str | None = None


@dataclass(frozen=True, slots=True)
class Defect:
    """A field that was present but unreadable: location, value (shortened), reason."""

    path: str
    value: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What one rig reported in one exchange.

    `hashrate` maps windows of WINDOWS to H/s and contains only reported ones. `hashing` is True only on positive
    evidence, False if the rig reports or shows that it does not hash, None if neither is known.
    """

    driver: str
    make: str | None = None  # brand of the product line: Antminer, WhatsMiner, Avalon, Bitaxe
    model: str | None = None  # the rest: "S19 Pro"
    firmware: str | None = None  # stock, vnish, luxos, braiins, epic, esp-miner, ...
    firmware_version: str | None = None
    mac: str | None = None  # upper case, colons
    serial: str | None = None
    hostname: str | None = None
    algorithm: Algorithm | None = None
    uptime: float | None = None  # s, of the mining process
    hashing: bool | None = None
    hashrate: dict[str, float] = field(default_factory=dict)  # window → H/s
    hashrate_expected: float | None = None  # H/s at the current settings, as the firmware calculates it
    power: float | None = None  # W
    power_source: PowerSource | None = None
    boards: tuple[Hashboard, ...] = ()
    fans: tuple[Fan, ...] = ()
    pools: tuple[PoolSlot, ...] = ()
    shares: Shares = Shares()
    hardware_errors: int | None = None
    temperature_inlet: float | None = None  # °C
    temperature_outlet: float | None = None  # °C
    faults: tuple[Fault, ...] | None = None  # None: not queried or not reported; (): the rig reports that there is none
    tip_hash: str | None = None  # of that block, as the firmware writes it; leading zeros may be missing
    defects: tuple[Defect, ...] = ()

    def window(self, order: Iterable[str]) -> float | None:
        """Return the first known window of `order` in H/s, or None."""
        for name in order:
            value = self.hashrate.get(name)
            if value is not None:
                return value
        return None


JSON_NAMES: Final = {
    "uptime": "uptime_seconds",
    "power": "power_watts",
    "temperature_board": "temperature_board_celsius",
    "temperature_chip": "temperature_chip_celsius",
    "temperature_inlet": "temperature_inlet_celsius",
    "temperature_outlet": "temperature_outlet_celsius",
    "frequency": "frequency_hertz",
    "voltage": "voltage_volts",
}
"""Fields whose public JSON name includes the unit."""


def as_json(part: Any) -> Any:
    """Return a Reading or a part of one as plain JSON values, without unreported fields."""
    if isinstance(part, tuple):
        return [as_json(item) for item in part]
    if dataclasses.is_dataclass(part):
        pairs = ((f.name, getattr(part, f.name)) for f in dataclasses.fields(part))
        rows = {JSON_NAMES.get(name, name): as_json(value) for name, value in pairs if value is not None}
        return {name: value for name, value in rows.items() if value != {}}
    return part
