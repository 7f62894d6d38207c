"""Feeds tamper detection: every rig's pool slots when they are read, every watched endpoint every few seconds."""

import asyncio
from collections.abc import Callable, Iterable
from typing import Final

from stratoscope.clock import Clock
from stratoscope.events import Event
from stratoscope.fleet import Fleet
from stratoscope.reading import PoolSlot
from stratoscope.stratum.watch.records import EndpointNow, Stratum
from stratoscope.tamper.detector import Guard, GuardNow, Pin, Rules
from stratoscope.tamper.share_proof import Prover

ENDPOINT_INTERVAL_S: Final = 5.0
"""Seconds between checks of the endpoints."""
RIGS_PER_SLICE: Final = 200
"""Rigs checked before other tasks get their turn."""


class TamperService:
    """Runs tamper detection over one fleet, and owns the share prover that adds up accepted work by endpoint."""

    def __init__(
        self,
        rules: Rules,
        fleet: Fleet,
        clock: Clock,
        events: Callable[[Event], None],
        *,
        pins: Iterable[Pin] = (),
        learned: Callable[[list[Pin]], None] = lambda _: None,
        stratum: Stratum | None = None,
    ) -> None:
        self.prover = Prover()
        self._guard = Guard(rules, pins, events, learned)
        self._fleet, self._clock, self._stratum = fleet, clock, stratum
        self._checked: dict[str, tuple[PoolSlot, ...]] = {}

    @property
    def now(self) -> GuardNow:
        """Return the current tamper state."""
        return self._guard.now(self._clock.time(), self.prover.accepted)

    def follow(self, rules: Rules) -> None:
        """Switch to other rules and check everything again."""
        if rules != self._guard.rules:
            self._guard.follow(rules)
            self._checked.clear()
            for rig in self._fleet.snapshots:
                self.check_rig(rig)

    async def run(self) -> None:
        """Check rigs and endpoints until cancelled."""
        dirty = self._fleet.subscribe()
        try:
            while True:
                try:
                    async with asyncio.timeout(ENDPOINT_INTERVAL_S):
                        await dirty.wait()
                except TimeoutError:
                    pass
                for number, rig in enumerate(dirty.drain()):
                    if number % RIGS_PER_SLICE == RIGS_PER_SLICE - 1:
                        await asyncio.sleep(0)
                    self.check_rig(rig)
                self.check_endpoints()
        finally:
            self._fleet.unsubscribe(dirty)

    def check_rig(self, rig: str) -> None:
        """Check the pool slots of a rig; forget a rig that has left."""
        snapshot, at = self._fleet.snapshots.get(rig), self._clock.time()
        if snapshot is None:
            self._checked.pop(rig, None)
            self._guard.forget_rig(rig, at)
            return
        slots = snapshot.reading.pools if snapshot.reading is not None else None
        if slots is not None and slots is not self._checked.get(rig):  # kept responses were checked before
            self._checked[rig] = slots
            self._guard.saw_slots(rig, slots, at)

    def check_endpoints(self) -> None:
        """Check where every watched endpoint's jobs pay to, its chain and its redirects."""
        if self._stratum is None:
            return
        now = self._stratum.now
        redirected = {alarm.endpoint for alarm in now.alarms if alarm.kind == "redirect"}
        for url, endpoint in now.endpoints.items():
            self._guard.saw_endpoint(
                url, payees(endpoint), now.at, chain_match=endpoint.chain_match, sent_abroad=url in redirected
            )
        self._guard.forget_endpoints(now.endpoints, now.at)


def payees(endpoint: EndpointNow) -> list[str]:
    """Return what the newest job of an endpoint pays to: addresses, or scripts where an output has no address."""
    template = endpoint.template
    if template is None or not endpoint.up:
        return []
    return [output.address or output.script for output in template.outputs if output.sat > 0]
