"""Builds the MQTT topics of one site: `<root>/v1/<site>/…`, only with letters, digits, `_`, `-` and `/`."""

import re
import zlib
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

from stratoscope.events import KINDS
from stratoscope.fleet import RigSnapshot

VERSION: Final = "v1"
MAX_LEVEL_CHARS: Final = 64
UNSAFE: Final = re.compile(r"[^a-z0-9_-]+")


@lru_cache(1 << 15)  # called for every rig at every poll
def topic_level(text: str) -> str:
    """Return `text` as one level of a topic, `[a-z0-9_-]{1,64}`. A changed text gets a checksum, so that two texts
    never share a topic.
    """
    plain = UNSAFE.sub("-", text.lower()).strip("-")
    if plain == text and 0 < len(plain) <= MAX_LEVEL_CHARS:
        return plain
    checksum = f"{zlib.crc32(text.encode('utf-8', 'surrogatepass')):08x}"
    return f"{plain[: MAX_LEVEL_CHARS - 9]}-{checksum}" if plain else checksum


def rig_level(key: str) -> str:
    """Return the topic level of the machine with identity `key`: the digits of its MAC, else a slug of the key.

    "mac:AA:BB:CC:00:11:22" is "aabbcc001122"; a serial number and an address become "serial-…" and "address-…".
    """
    kind, _, rest = key.partition(":")
    digits = rest.replace(":", "").lower()
    if kind == "mac" and re.fullmatch("[0-9a-f]{12}", digits):
        return digits
    return topic_level(key)


def rig_id(snapshot: RigSnapshot) -> str | None:
    """Return the rig's id in topics; None before its first successful poll, while the machine is unknown."""
    return None if snapshot.identity is None else rig_level(snapshot.identity)


@dataclass(frozen=True, slots=True)
class Topics:
    """The topics of one site under one root."""

    root: str  # one or more levels
    site: str
    prefix: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "prefix", f"{self.root}/{VERSION}/{topic_level(self.site)}")

    @property
    def status(self) -> str:
        """Return the topic of the agent's status (online or offline), retained; also of the last will."""
        return f"{self.prefix}/agent/status"

    @property
    def health(self) -> str:
        """Return the topic of the agent's health document."""
        return f"{self.prefix}/agent/health"

    @property
    def site_state(self) -> str:
        """Return the topic of the site's document."""
        return f"{self.prefix}/site/state"

    def rig_state(self, rig: str) -> str:
        """Return the topic of the document of the rig with topic id `rig`."""
        return f"{self.prefix}/rig/{rig}/state"

    def rig_availability(self, rig: str) -> str:
        """Return the topic of the availability (online, offline or suspect) of a rig, retained."""
        return f"{self.prefix}/rig/{rig}/availability"

    def event(self, kind: str) -> str:
        """Return the topic of events of `kind`."""
        return f"{self.prefix}/event/{kind if kind in KINDS else topic_level(kind)}"

    def batch(self, number: int) -> str:
        """Return the topic of batch `number`."""
        return f"{self.prefix}/batch/{number}"
