"""Says where a rig is reached, with which credentials and within which limits, and what the wire remembers of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from stratoscope.drivers.driver import Replies


@dataclass(frozen=True, slots=True)
class Target:
    """One address to ask. `ports` maps a protocol's default port to the one this rig uses, where they differ."""

    host: str
    ports: Mapping[int, int] = field(default_factory=dict)
    user: str | None = None
    password: str | None = field(default=None, repr=False)

    def port(self, default: int) -> int:
        """Return the port this rig uses for the protocol whose usual port is `default`."""
        return self.ports.get(default, default)

    @property
    def address(self) -> str:
        """Return the host, with the port where it is not the default, for people and labels."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{next(iter(self.ports.values()))}" if self.ports else host


@dataclass(frozen=True, slots=True)
class Limits:
    """What an exchange may cost: seconds to connect, seconds in all, bytes of one answer."""

    connect: float = 3.0
    exchange: float = 5.0
    size: int = 1 << 20


@dataclass(slots=True)
class RigSession:
    """What the wire learned about one rig and keeps between polls. Forgotten when the rig's driver changes."""

    joins: bool = True  # False once a joined command was refused
    joined: bool = False  # True once a joined command was answered
    refused: dict[str, float] = field(default_factory=dict)  # command key → monotonic time until it is not asked
    headers: dict[str, str] = field(default_factory=dict)  # of a login: token, cookie
    login_at: float | None = None  # monotonic time of the last login attempt
    login_refused: bool = False  # the last attempt was refused: no other for an hour after it
    login_owner: Any = field(
        default=None, repr=False
    )  # whom the four around this line belong to: host, port, credentials
    digest: Any = field(default=None, repr=False)  # the challenge of a DIGEST login, reused until it is stale


@dataclass(slots=True)
class Answers:
    """What one exchange brought: replies by command key, and for the rest the reason they are missing."""

    replies: Replies = field(default_factory=Replies)
    refused: dict[str, str] = field(default_factory=dict)  # command key → reason of POLL_REASONS
    errors: dict[str, Any] = field(default_factory=dict)  # command key → the error object a rig answered instead
    raw: dict[str, bytes] = field(default_factory=dict)  # command key → bytes as received, when they were kept
    received: int = 0  # bytes
