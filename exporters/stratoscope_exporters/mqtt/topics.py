"""Spells the MQTT topics of one site: `<root>/v1/<site>/…`, of nothing but letters, digits, `_`, `-` and `/`."""

import re
import zlib
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

from stratoscope.events import KINDS
from stratoscope.fleet import RigSnapshot

VERSION: Final = "v1"
LONGEST: Final = 64
UNSAFE: Final = re.compile(r"[^a-z0-9_-]+")


@lru_cache(1 << 15)  # every rig's, at every poll
def level(text: str) -> str:
    """Return `text` as one level of a topic, `[a-z0-9_-]{1,64}`; what had to be changed keeps a checksum, so that two
    texts never share a topic.
    """
    plain = UNSAFE.sub("-", text.lower()).strip("-")
    if plain == text and 0 < len(plain) <= LONGEST:
        return plain
    checksum = f"{zlib.crc32(text.encode('utf-8', 'surrogatepass')):08x}"
    return f"{plain[: LONGEST - 9]}-{checksum}" if plain else checksum


def rig_level(key: str) -> str:
    """Return the topic level of the machine with identity `key`: the digits of its MAC, else a slug of the key.

    "mac:AA:BB:CC:00:11:22" is "aabbcc001122"; a serial and an address keep the word, as "serial-…" and "address-…".
    """
    kind, _, rest = key.partition(":")
    digits = rest.replace(":", "").lower()
    if kind == "mac" and re.fullmatch("[0-9a-f]{12}", digits):
        return digits
    return level(key)


def rig_id(snapshot: RigSnapshot) -> str | None:
    """Return the rig's id in topics; None while it has never been heard, so that nobody knows which machine it is."""
    return None if snapshot.identity is None else rig_level(snapshot.identity)


@dataclass(frozen=True, slots=True)
class Topics:
    """The topics of one site under one root."""

    root: str  # one or more levels
    site: str
    prefix: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "prefix", f"{self.root}/{VERSION}/{level(self.site)}")

    @property
    def status(self) -> str:
        """Return where online or offline of the agent stands, retained; the last will goes there too."""
        return f"{self.prefix}/agent/status"

    @property
    def health(self) -> str:
        """Return where the agent tells how it fares."""
        return f"{self.prefix}/agent/health"

    @property
    def site_state(self) -> str:
        """Return where the totals of the site go."""
        return f"{self.prefix}/site/state"

    def rig_state(self, rig: str) -> str:
        """Return where the document of the rig with topic id `rig` goes."""
        return f"{self.prefix}/rig/{rig}/state"

    def rig_availability(self, rig: str) -> str:
        """Return where online, offline or suspect of the rig with topic id `rig` stands, retained."""
        return f"{self.prefix}/rig/{rig}/availability"

    def event(self, kind: str) -> str:
        """Return where events of `kind` go."""
        return f"{self.prefix}/event/{kind if kind in KINDS else level(kind)}"

    def batch(self, number: int) -> str:
        """Return where the `number`th hundred of rigs goes."""
        return f"{self.prefix}/batch/{number}"
