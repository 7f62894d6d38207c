"""Defines what the watcher is told: whom to ask, as whom, and how much at most."""

from dataclasses import dataclass, field
from typing import Final

from stratoscope.stratum.protocol.endpoint import Endpoint
from stratoscope.units import MINUTE

WORKER: Final = "watch"
MOST_ENDPOINTS: Final = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """Whom to authorise as where no job comes without it."""

    user: str
    password: str = field(default="x", repr=False)  # the trade's word for none


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """An endpoint that the operator named."""

    endpoint: Endpoint
    login: Login | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StratumSettings:
    """What to watch. Patterns are hosts or host:port with `*` for anything."""

    endpoints: tuple[Chosen, ...] = ()
    from_rigs: bool = True
    allow: tuple[str, ...] = ()  # if any: of the endpoints that rigs name, only these
    skip: tuple[str, ...] = ()
    login: Login | None = None  # for every endpoint without one of its own
    rig_users: bool = False  # authorise as the rig's own account, with the worker below
    worker: str = WORKER
    most: int = MOST_ENDPOINTS
    probe: float = MINUTE  # s between measurements of the round trip
    spread: float = 3.0  # s over which the first sessions are spread
