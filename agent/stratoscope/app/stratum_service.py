"""Tells the stratum watcher which endpoints the rigs name, where those rigs stand and how many work for each."""

import asyncio
import random
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Final

import structlog

from stratoscope.clock import Clock
from stratoscope.config import Config
from stratoscope.events import Events
from stratoscope.fleet import RigSnapshot
from stratoscope.market.service import LiveMarket
from stratoscope.reading import PoolSlot
from stratoscope.stratum.protocol.dial import Dialer
from stratoscope.stratum.protocol.endpoint import place_of
from stratoscope.stratum.watch.endpoint_state import Share
from stratoscope.stratum.watch.watcher import Naming, Watch
from stratoscope.wire.dns import Names

LOOK: Final = 10.0
"""Seconds between looks at the fleet's pool slots."""
FIRST_LOOK: Final = 1.0
"""The same while no rig has named a pool."""
BATCH: Final = 250
PORT: Final = re.compile(r"(?<=[^:]):\d+$|(?<=\]):\d+$")

log = structlog.get_logger("stratoscope")


class StratumService:
    """The watcher, and what keeps it informed of the fleet."""

    def __init__(self, config: Config, clock: Clock, events: Events) -> None:
        assert config.stratum is not None, "made only where the section is"  # noqa: S101 — a caller's mistake
        self.market: LiveMarket | None = None
        self._clock, self._names = clock, Names(clock)
        self.watch = Watch(
            config.stratum.settings(),
            clock,
            chance=random.random,
            dial=Dialer(self._names, clock),
            events=events,
            difficulty=self._difficulty,
            on_bug=lambda url: log.error("a bug of ours while watching", endpoint=url, exc_info=True),  # noqa: LOG014 — called inside the except block of stratum/watch.py
        )

    async def run(self, snapshots: Mapping[str, RigSnapshot]) -> None:
        """Watch until cancelled."""
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self.watch.run(), name="stratum")
                while True:
                    found: dict[str, Naming] = {}
                    for some in batched(tuple(snapshots.values())):
                        named(some, found)
                        await asyncio.sleep(0)  # ten thousand rigs in one go would hold up the loop
                    self.watch.name(found)
                    await self._clock.sleep(LOOK if found else FIRST_LOOK)
        finally:
            await self._names.close()

    def follow(self, config: Config) -> None:
        """Watch by other settings from now on."""
        if config.stratum is not None and config.stratum.enabled:
            self.watch.follow(config.stratum.settings())

    def _difficulty(self) -> float | None:
        """Return the market's difficulty, unless it comes from these jobs."""
        known = None if self.market is None else self.market.now.difficulty
        return None if known is None or known.source.startswith("stratum") else known.value


def batched(snapshots: Sequence[RigSnapshot]) -> Iterator[Sequence[RigSnapshot]]:
    """Yield BATCH snapshots at a time."""
    return (snapshots[at : at + BATCH] for at in range(0, len(snapshots), BATCH))


def named(snapshots: Iterable[RigSnapshot], found: dict[str, Naming]) -> dict[str, Naming]:
    """Add what the rigs say of each pool URL to `found`; rigs of another algorithm than Bitcoin's are left out."""
    for snapshot in snapshots:
        reading = snapshot.reading
        if reading is None or reading.algorithm not in (None, "sha256"):
            continue
        place = place_of_rig(snapshot.polling.address)
        for slot in reading.pools:
            if slot.url:
                naming = found.get(slot.url)
                if naming is None:
                    naming = found[slot.url] = Naming(set())
                naming.places.add(place)
                if slot.active:
                    _count(naming, snapshot, slot)
    return found


def _count(naming: Naming, snapshot: RigSnapshot, slot: PoolSlot) -> None:
    share = naming.share = naming.share or Share()
    share.rigs += 1
    if snapshot.judged.hashrate is not None:
        share.hashrate = (share.hashrate or 0.0) + snapshot.judged.hashrate
    naming.user = naming.user or slot.user


@lru_cache(1 << 15)
def place_of_rig(address: str) -> str:
    """Return where a rig stands; one that is known by a name stands on the own network."""
    place = place_of(PORT.sub("", address).strip("[]"))
    return "private" if place == "never" else place
