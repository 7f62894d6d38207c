"""Says what the operator may set for the Prometheus exporter, and checks it."""

import ipaddress
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

DEFAULT_PORT = 9860


def split_listen(listen: str) -> tuple[str, int]:
    """Return host and port of `host:port`, `[ipv6]:port` or `:port` (all interfaces); raise ValueError otherwise."""
    host, colon, port = listen.rpartition(":")
    if not colon or not port.isascii() or not port.isdigit() or int(port) > 65535:
        raise ValueError(f"{listen!r} is not host:port; write for example 127.0.0.1:{DEFAULT_PORT}")
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    elif ":" in host:
        raise ValueError(f"{listen!r}: write an IPv6 address in brackets: [::1]:{DEFAULT_PORT}")
    return host or "0.0.0.0", int(port)


def _listen(text: str) -> str:
    split_listen(text)
    return text


def is_loopback(host: str) -> bool:
    """Tell whether `host` is reachable from this machine only."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class Settings(BaseModel):
    """The section `exporters.prometheus` of the config."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    listen: Annotated[str, AfterValidator(_listen)] = Field(
        default=f"127.0.0.1:{DEFAULT_PORT}", description="Where to serve: host:port. The port is unregistered."
    )
    advertise: Annotated[str, AfterValidator(_listen)] | None = Field(
        default=None, description="host:port that /sd tells Prometheus; default: the Host it asked with."
    )
    allowed_hosts: tuple[str, ...] = Field(
        default=(), description="Host names (without port) under which pages may be asked, besides IP addresses."
    )
    privacy: Literal["hidden", "full"] = Field(
        default="hidden", description="Worker names at pools: hidden, or full as labels and on the status page."
    )
    windows: bool = Field(default=False, description="Also export the averages the firmware makes itself.")
    pool_counters: bool = Field(default=False, description="Also export shares per pool slot.")
    max_series_per_rig: int = Field(
        default=128,
        ge=16,
        le=4096,
        description="Series a rig may add; what does not fit is left out whole families at a time, last ones of the "
        "table first, and counted. 3 boards, 4 fans and 3 pool slots need about 62, its money 21; each further board "
        "7, each fan 1, windows up to 9, pool_counters 5 per slot.",
    )
    max_series: int = Field(
        default=1_000_000, ge=1000, description="Series of all rigs together; rigs beyond it are left out and counted."
    )
    part_size: int = Field(
        default=1000, ge=1, le=100_000, description="Rigs on one page; beyond it /sd lists several ?part=k/n targets."
    )

    @property
    def options(self) -> frozenset[str]:
        """Return the optional families of the metric table that are switched on."""
        wanted = {"windows": self.windows, "pool_counters": self.pool_counters, "pool_users": self.privacy == "full"}
        return frozenset(name for name, on in wanted.items() if on)

    @property
    def insecure(self) -> bool:
        """Tell whether others than this machine can read the pages, which ask for no login."""
        return not is_loopback(split_listen(self.listen)[0])
