"""Keeps the guard informed: every rig's pool slots as soon as they are read, every watched endpoint at times."""

import asyncio
from collections.abc import Callable, Iterable

from stratoscope.clock import Clock
from stratoscope.events import Event
from stratoscope.fleet import Fleet
from stratoscope.reading import PoolSlot
from stratoscope.stratum.watch.records import EndpointNow, Stratum
from stratoscope.tamper.detector import Guard, GuardNow, Pin, Rules
from stratoscope.tamper.share_proof import Prover

LOOK = 5.0
"""Seconds between looks at the endpoints."""
SLICE = 200
"""Rigs judged before the loop gets its turn."""


class TamperService:
    """The guard over one fleet, and the prover whose sums tell where the work went."""

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
        self._judged: dict[str, tuple[PoolSlot, ...]] = {}

    @property
    def now(self) -> GuardNow:
        """Return what is known now."""
        return self._guard.now(self._clock.time(), self.prover.accepted)

    def follow(self, rules: Rules) -> None:
        """Judge by other rules from now on, everything anew."""
        if rules != self._guard.rules:
            self._guard.follow(rules)
            self._judged.clear()
            for rig in self._fleet.snapshots:
                self._look_at(rig)

    async def run(self) -> None:
        """Look until cancelled."""
        dirty = self._fleet.subscribe()
        try:
            while True:
                try:
                    async with asyncio.timeout(LOOK):
                        await dirty.wait()
                except TimeoutError:
                    pass
                for at, rig in enumerate(dirty.drain()):
                    if at % SLICE == SLICE - 1:
                        await asyncio.sleep(0)
                    self._look_at(rig)
                self._look_at_endpoints()
        finally:
            self._fleet.unsubscribe(dirty)

    def _look_at(self, rig: str) -> None:
        snapshot, at = self._fleet.snapshots.get(rig), self._clock.time()
        if snapshot is None:
            self._judged.pop(rig, None)
            self._guard.forget_rig(rig, at)
            return
        slots = snapshot.reading.pools if snapshot.reading is not None else None
        if slots is not None and slots is not self._judged.get(rig):  # answers that were kept are judged already
            self._judged[rig] = slots
            self._guard.saw_slots(rig, slots, at)

    def _look_at_endpoints(self) -> None:
        if self._stratum is None:
            return
        now = self._stratum.now
        abroad = {alarm.endpoint for alarm in now.alarms if alarm.kind == "redirect"}
        for url, endpoint in now.endpoints.items():
            self._guard.saw_endpoint(
                url, payees(endpoint), now.at, chain_match=endpoint.chain_match, sent_abroad=url in abroad
            )
        self._guard.forget_endpoints(now.endpoints, now.at)


def payees(endpoint: EndpointNow) -> list[str]:
    """Return whom the newest job of an endpoint pays: addresses, or scripts where they have none."""
    template = endpoint.template
    if template is None or not endpoint.up:
        return []
    return [output.address or output.script for output in template.outputs if output.sat > 0]
