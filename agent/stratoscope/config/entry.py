"""Defines one address to poll, and tells what changed between two inventories."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from stratoscope.drivers import BY_NAME
from stratoscope.drivers.driver import Via
from stratoscope.wire.target import Target


@dataclass(frozen=True, slots=True, kw_only=True)
class RigEntry:
    """One address to poll, with everything the operator said about it.

    `expected` is False for members of a range or CIDR: they count as rigs only once something answered there.
    """

    address: str  # host name or canonical IP literal, without port
    ports: Mapping[int, int] = field(default_factory=dict)  # a protocol's default port → the one used
    name: str | None = None
    driver: str | None = None
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    interval: float = 30.0  # s
    power_watts: float | None = None
    tariff_group: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    group: str | None = None
    expected: bool = True

    @property
    def target(self) -> Target:
        """Return where and with which login the wire reaches this rig."""
        return Target(self.address, self.ports, self.user, self.password)

    @property
    def key(self) -> str:
        """Return what tells entries apart: the address, with the port where it is not the default."""
        return self.target.address


class Changes(NamedTuple):
    """What a reload did to the inventory; `changed` holds the new entries of addresses that stay."""

    added: list[RigEntry]
    removed: list[RigEntry]
    changed: list[RigEntry]


def changes(old: Iterable[RigEntry], new: Iterable[RigEntry]) -> Changes:
    """Return what to start, to stop and to restart when the inventory `old` becomes `new`."""
    before = {entry.key: entry for entry in old}
    after = {entry.key: entry for entry in new}
    return Changes(
        added=[entry for key, entry in after.items() if key not in before],
        removed=[entry for key, entry in before.items() if key not in after],
        changed=[entry for key, entry in after.items() if key in before and before[key] != entry],
    )


def ports_for(port: int | None, driver: str | None) -> dict[int, int]:
    """Return the port mapping for a lone `port`: it replaces the one the driver asks first, else CGMiner's 4028."""
    if port is None:
        return {}
    default = Via.CGMINER.value
    if driver in BY_NAME and BY_NAME[driver].commands:
        first = BY_NAME[driver].commands[0]
        default = first.port or first.via.value
    return {} if port == default else {default: port}
