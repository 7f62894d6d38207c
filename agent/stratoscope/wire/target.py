"""Defines where and how a rig is reached, the limits of an exchange, and what the wire remembers about a rig."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from stratoscope.drivers.driver import Replies


@dataclass(frozen=True, slots=True)
class Target:
    """One address to query. `ports` maps a protocol's default port to the port of this rig, if it differs."""

    host: str
    ports: Mapping[int, int] = field(default_factory=dict)
    user: str | None = None
    password: str | None = field(default=None, repr=False)

    def port(self, default: int) -> int:
        """Return the port that this rig uses for the protocol with the default port `default`."""
        return self.ports.get(default, default)

    @property
    def address(self) -> str:
        """Return the host, with the port if it is not the default, for display and labels."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{next(iter(self.ports.values()))}" if self.ports else host


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits of an exchange: seconds to connect, seconds in total, bytes per answer."""

    connect: float = 3.0
    exchange: float = 5.0
    size: int = 1 << 20


@dataclass(slots=True)
class RigSession:
    """What the wire learned about one rig and keeps between polls. Reset when the rig's driver changes."""

    joins: bool = True  # False after a joined command was refused
    joined: bool = False  # True after a joined command was answered
    refused: dict[str, float] = field(default_factory=dict)  # command key → monotonic time before which it is not sent
    headers: dict[str, str] = field(default_factory=dict)  # from a login: token, cookie
    login_at: float | None = None  # monotonic time of the last login attempt
    login_refused: bool = False  # the last attempt was refused: no other for an hour
    login_owner: Any = field(default=None, repr=False)  # host, ports and credentials of the login
    digest: Any = field(default=None, repr=False)  # challenge of a DIGEST login, reused until it is stale


@dataclass(slots=True)
class Answers:
    """The result of one exchange: replies by command key, and the reason for each missing one."""

    replies: Replies = field(default_factory=Replies)
    refused: dict[str, str] = field(default_factory=dict)  # command key → reason of POLL_REASONS
    errors: dict[str, Any] = field(default_factory=dict)  # command key → the error object that the rig sent
    raw: dict[str, bytes] = field(default_factory=dict)  # command key → bytes as received, if `keep_raw`
    received: int = 0  # bytes
