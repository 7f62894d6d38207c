"""Defines one address to poll."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from stratoscope.drivers import BY_NAME
from stratoscope.drivers.driver import Via
from stratoscope.wire.target import Target


@dataclass(frozen=True, slots=True, kw_only=True)
class RigEntry:
    """One address to poll, with its settings.

    `expected` is False for members of a range or CIDR: they count as rigs only after something has responded there.
    """

    address: str  # host name or canonical IP literal, without port
    ports: Mapping[int, int] = field(default_factory=dict)  # default port of a protocol → the one in use
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
        """Return the address and the login for the connection to this rig."""
        return Target(self.address, self.ports, self.user, self.password)

    @property
    def key(self) -> str:
        """Return the identity of the entry: the address, with the port if it is not the default."""
        return self.target.address


def ports_for(port: int | None, driver: str | None) -> dict[int, int]:
    """Return the port mapping for a single `port`: it replaces the driver's first port, or CGMiner's 4028."""
    if port is None:
        return {}
    default = Via.CGMINER.value
    if driver in BY_NAME and BY_NAME[driver].commands:
        first = BY_NAME[driver].commands[0]
        default = first.port or first.via.value
    return {} if port == default else {default: port}
