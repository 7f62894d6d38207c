"""Defines the settings of the endpoint watcher: which endpoints, which logins, which limits."""

from dataclasses import dataclass, field
from typing import Final

from stratoscope.stratum.protocol.endpoint import Endpoint
from stratoscope.units import MINUTE

DEFAULT_WORKER: Final = "watch"
DEFAULT_MAX_ENDPOINTS: Final = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class StratumLogin:
    """The user to authorise as if no job arrives without a login."""

    user: str
    password: str = field(default="x", repr=False)  # miners send "x" for "no password"


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfiguredEndpoint:
    """An endpoint that the config names."""

    endpoint: Endpoint
    login: StratumLogin | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StratumSettings:
    """Which endpoints to watch. Patterns are a host or host:port with `*` as wildcard."""

    endpoints: tuple[ConfiguredEndpoint, ...] = ()
    from_rigs: bool = True
    allow: tuple[str, ...] = ()  # if not empty, watch only these of the endpoints that rigs name
    skip: tuple[str, ...] = ()
    login: StratumLogin | None = None  # for endpoints without their own login
    rig_users: bool = False  # authorise as the rig's own account, with the worker name below
    worker: str = DEFAULT_WORKER
    max_endpoints: int = DEFAULT_MAX_ENDPOINTS
    probe_interval_s: float = MINUTE  # between round-trip measurements
    start_spread_s: float = 3.0  # the first sessions start within this time
