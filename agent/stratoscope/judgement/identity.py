"""Decides which rig an answer belongs to, so that series follow the machine and not its address.

A rig is identified by its MAC, else its serial, else its address. DHCP may change addresses: when two rigs swap them,
each one's series continue under its own name. A rig that responds at a second address has moved, or two machines share
one MAC. Which of the two is known only after the next poll of the first address; until then nothing is published for
the second one: a missing sample is correct, a sample of another machine is not.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from stratoscope.reading import Reading

FRESH_INTERVALS: Final = 3.0
"""Intervals after its last response for which a rig is assumed to be still at its address."""


@dataclass(frozen=True, slots=True)
class Sighting:
    """Which rig a response belongs to. `rig` is None while that is not known."""

    rig: str | None
    key: str  # mac:…, serial:… or address:…
    moved_from: str | None = None  # its address before
    conflict_with: str | None = None  # another address with the same identity


@dataclass(slots=True)
class KnownMachine:
    """The rig id of a machine, and where it was last seen."""

    rig: str
    address: str
    at: float  # monotonic s of the last response there
    claims: dict[str, float] = field(default_factory=dict)  # other address → monotonic s of its first claim


def identity_key(reading: Reading, address: str) -> str:
    """Return the machine's key: its MAC, else its serial with the make, else its address."""
    if reading.mac:
        return f"mac:{reading.mac.upper()}"
    if reading.serial:
        return f"serial:{(reading.make or '').lower()}/{reading.serial}"
    return f"address:{address}"


class Identities:
    """All known machines by identity key, and which one is at which address. One per agent."""

    def __init__(self, known: Iterable[tuple[str, str, str]] = ()) -> None:
        self.known: dict[str, KnownMachine] = {}
        self._at_address: dict[str, str] = {}
        self._changed: set[str] = set()
        for key, rig, address in known:
            self.known[key] = KnownMachine(rig, address, float("-inf"))
            self._at_address[address] = key

    def expected_at(self, address: str, name: str | None = None) -> str:
        """Return the rig id to show for `address` before it has responded."""
        key = self._at_address.get(address)
        known = self.known.get(key) if key else None
        return name or (known.rig if known and known.address == address else address)

    def key_at(self, address: str) -> str | None:
        """Return the key of the machine that is expected at `address`; None where none has ever responded."""
        key = self._at_address.get(address)
        known = self.known.get(key) if key else None
        return key if known is not None and known.address == address else None

    def see(self, key: str, address: str, now: float, interval: float, name: str | None = None) -> Sighting:
        """Record that identity `key` responded at `address` at monotonic `now`; return which rig that is."""
        if self._at_address.get(address, key) != key:
            self.lost(address)  # the machine that was here before is elsewhere now
        known = self.known.get(key)
        if known is None:
            rig = name or key.partition(":")[2]
            self._settle(key, KnownMachine(rig, address, now))
            return Sighting(rig, key)
        if known.address == address:
            known.at = now
            if name and name != known.rig:
                known.rig = name
                self._changed.add(key)
            self._at_address[address] = key
            return Sighting(known.rig, key)
        if self._still_there(known, key, now, interval):
            if known.at > known.claims.setdefault(address, now):
                return Sighting(name or f"{known.rig}@{address}", key, conflict_with=known.address)
            return Sighting(None, key)
        before = known.address
        self._settle(key, KnownMachine(name or known.rig, address, now))
        return Sighting(name or known.rig, key, moved_from=before)

    def lost(self, address: str) -> None:
        """Record that `address` did not respond: its machine may be elsewhere now."""
        key = self._at_address.get(address)
        known = self.known.get(key) if key else None
        if known and known.address == address:
            known.at = float("-inf")

    def forget(self, address: str) -> None:
        """Forget which machine is at `address` (it left the config)."""
        self.lost(address)
        self._at_address.pop(address, None)

    def _still_there(self, known: KnownMachine, key: str, now: float, interval: float) -> bool:
        return self._at_address.get(known.address) == key and now - known.at <= FRESH_INTERVALS * interval

    def _settle(self, key: str, known: KnownMachine) -> None:
        self.known[key] = known
        self._at_address[known.address] = key
        self._changed.add(key)

    def drain(self) -> list[tuple[str, str, str]]:
        """Return (key, rig, address) of machines that are new or moved since the last call, for the ledger."""
        changed, self._changed = self._changed, set()
        return [(key, self.known[key].rig, self.known[key].address) for key in changed]
