"""Defines the interface to an MQTT broker, independent of the library: an account, messages, a connection."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple, Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokerAccount:
    """Address of the broker and the agent's login; `client_id` None means a new random one for each connection."""

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
    """A message to send; `expiry` in s requires MQTT 5, None means never."""

    topic: str
    payload: bytes
    qos: int = 0
    retain: bool = False
    expiry: int | None = None


class Incoming(NamedTuple):
    """A received message; a `retained` one was published at an unknown time in the past."""

    topic: str
    payload: bytes
    retained: bool


class Broker(Protocol):
    """One connection to a broker; implement this for another library."""

    async def connect(self, will: Outgoing | None = None) -> None:
        """Connect; raise BrokerError."""
        ...

    async def publish(self, message: Outgoing) -> None:
        """Send and, for QoS 1, wait for the broker's acknowledgement; raise BrokerError."""
        ...

    async def subscribe(self, topics: Sequence[str]) -> None:
        """Subscribe to `topics`; raise BrokerError with reason denied if the broker denies any of them."""
        ...

    async def receive(self) -> Incoming:
        """Return the next message; raise BrokerError once the connection is lost."""
        ...

    async def close(self, *, clean: bool) -> None:
        """Close the connection: cleanly, or without DISCONNECT so that the broker publishes the will. Never raises."""
        ...
