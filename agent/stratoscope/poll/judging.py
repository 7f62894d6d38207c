"""Judges the readings of one address: what is true of the rig, which machine it is, and what that changes."""

from dataclasses import replace

from stratoscope.drivers.driver import Driver
from stratoscope.events import Event
from stratoscope.fleet import Judged, RigSnapshot
from stratoscope.judgement import progress
from stratoscope.judgement.identity import Sighting, identity_key
from stratoscope.judgement.judge import Nameplate, judge
from stratoscope.judgement.state import find_problems, state_of
from stratoscope.poll.plan import Plan, PollDeps
from stratoscope.reading import Reading


class RigJudge:
    """Judges one reading after the other; remembers the machine at the address and its share progress."""

    __slots__ = ("_deps", "_progress", "address", "key")

    def __init__(self, address: str, deps: PollDeps) -> None:
        self.address = address
        self.key: str | None = None  # identity key of the machine that responded last
        self._deps = deps
        self._progress: progress.ShareProgress | None = None

    def judge(
        self, driver: Driver, reading: Reading, nameplate: Nameplate, plan: Plan, now: float
    ) -> tuple[Reading, Judged, str]:
        """Return the reading without impossible values, the conclusions from it, and the rig's state.

        `now` is monotonic; share progress is watched from one call to the next.
        """
        result = judge(driver, reading, nameplate, plan.power)
        reading, judged = result.reading, result.judged
        self._progress, flatline = progress.advance(self._progress, reading, now)
        if flatline and driver.shares_progress:
            judged = replace(judged, flatline=True)
        problems = find_problems(reading, judged, nameplate) if reading.hashing else ()
        if problems:
            judged = replace(judged, reasons=judged.reasons + problems)
        state = state_of(failures=0, reason="ok", reading=reading, suspect=result.suspect, degraded=bool(problems))
        return reading, judged, state

    def locate(self, reading: Reading, last: RigSnapshot | None, plan: Plan, interval: float, now: float) -> Sighting:
        """Record that `reading` came from this address at monotonic `now`; return which rig it belongs to.

        `last` is the snapshot published before. A change of the machine at this address becomes events.
        """
        key = self._key_of(reading, last)
        sighting = self._deps.identities.see(key, self.address, now, interval, plan.name)
        if sighting.rig is not None and key != self.key:
            self._change_machine(key, sighting)
        return sighting

    def _key_of(self, reading: Reading, last: RigSnapshot | None) -> str:
        """Return the machine's identity key; a rig that omits its identity once is still the same rig.

        Only the web server of stock Antminers reports MAC and serial, and it refuses a request now and then.
        """
        key = identity_key(reading, self.address)
        if key.startswith("address:") and self.key is not None and last is not None:
            known = last.reading
            if known is None or (known.make, known.model) == (reading.make, reading.model):
                return self.key
        return key

    def _change_machine(self, key: str, sighting: Sighting) -> None:
        """Record that another machine than before responds at this address, or the first one."""
        if sighting.moved_from is not None:
            text = f"{sighting.rig} moved from {sighting.moved_from} to {self.address}"
            self._report("identity_moved", sighting, text, before=sighting.moved_from, now=self.address)
        if sighting.conflict_with is not None:
            text = f"{self.address} and {sighting.conflict_with} both report {key}: they are shown as two rigs"
            both = f"{self.address} {sighting.conflict_with}"
            self._report("identity_conflict", sighting, text, addresses=both, identity=key)
        if self.key is not None and not self.key.startswith("address:"):
            text = f"{self.address} now responds as {key}, before as {self.key}"
            self._report("identity_replaced", sighting, text, before=self.key, now=key)
        self.key = key
        self._progress = None

    def _report(self, kind: str, sighting: Sighting, text: str, **details: str) -> None:
        at = self._deps.clock.time()
        self._deps.events(Event(kind=kind, at=at, rig=sighting.rig, text=text, details=details))
