"""Defines the config section of the Prometheus exporter and validates it."""

import ipaddress
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

DEFAULT_PORT = 9860


def split_listen(listen: str) -> tuple[str, int]:
    """Return host and port of `host:port`, `[ipv6]:port` or `:port` (all interfaces). Raises ValueError."""
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
    """Return whether `host` is reachable from this machine only."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class PrometheusConfig(BaseModel):
    """The section `exporters.prometheus` of the config."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    listen: Annotated[str, AfterValidator(_listen)] = Field(
        default=f"127.0.0.1:{DEFAULT_PORT}", description="Listen address as host:port."
    )
    advertise: Annotated[str, AfterValidator(_listen)] | None = Field(
        default=None, description="host:port that /sd returns to Prometheus; default: the Host header of its request."
    )
    allowed_hosts: tuple[str, ...] = Field(
        default=(), description="Host names (without port) that requests may use, in addition to IP addresses."
    )
    privacy: Literal["hidden", "full"] = Field(
        default="hidden", description="Worker names at pools: hidden, or full (as labels and on the status page)."
    )
    windows: bool = Field(
        default=False, description="Also export the hashrate over the firmware's own averaging windows."
    )
    pool_counters: bool = Field(default=False, description="Also export shares per pool slot.")
    max_series_per_rig: int = Field(
        default=128,
        ge=16,
        le=4096,
        description="Maximum series per rig. Above it, whole metrics are left out, starting with the last ones of the "
        "metric table, and counted. 3 hashboards, 4 fans and 3 pool slots need about 62, money 21; each additional "
        "hashboard 7, each fan 1, windows up to 9, pool_counters 5 per slot.",
    )
    max_series: int = Field(
        default=1_000_000,
        ge=1000,
        description="Maximum series of all rigs together; rigs above it are left out and counted.",
    )
    part_size: int = Field(
        default=1000, ge=1, le=100_000, description="Rigs per page; above it, /sd returns several ?part=k/n targets."
    )

    @property
    def options(self) -> frozenset[str]:
        """Return the optional families of the metric table that are enabled."""
        wanted = {"windows": self.windows, "pool_counters": self.pool_counters, "pool_users": self.privacy == "full"}
        return frozenset(name for name, on in wanted.items() if on)

    @property
    def insecure(self) -> bool:
        """Return whether other machines can read the pages, which require no login."""
        return not is_loopback(split_listen(self.listen)[0])
