"""Defines what the agent needs of an MQTT broker, whatever library speaks to it: an account, messages, a connection."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple, Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """Where the broker is and who we are there; `client_id` None is a new random one for each connection."""

    host: str
    port: int
    tls: bool = False
    ca: Path | None = None
    cert: Path | None = None
    key: Path | None = None
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    protocol: str = "5"
    client_id: str | None = None
    keepalive: int = 15  # s


class Outgoing(NamedTuple):
    """A message to send; `expiry` in s is for MQTT 5 only, None keeps it."""

    topic: str
    payload: bytes
    qos: int = 0
    retain: bool = False
    expiry: int | None = None


class Incoming(NamedTuple):
    """A message that came; `retained` says that the broker had kept it for an unknown time."""

    topic: str
    payload: bytes
    retained: bool


class Broker(Protocol):
    """One connection to a broker; whoever speaks another library fills this in."""

    async def connect(self, will: Outgoing | None = None) -> None:
        """Connect; raise BrokerError."""
        ...

    async def publish(self, message: Outgoing) -> None:
        """Send and, for QoS 1, wait for the broker's acknowledgement; raise BrokerError."""
        ...

    async def subscribe(self, topics: Sequence[str]) -> None:
        """Ask for messages; raise BrokerError, denied where only one of the topics is."""
        ...

    async def receive(self) -> Incoming:
        """Return the next message; raise BrokerError once the connection is lost."""
        ...

    async def close(self, *, clean: bool) -> None:
        """End the connection: with a goodbye, or without one so that the broker sends the will. Never raises."""
        ...
