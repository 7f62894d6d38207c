"""Feeds the stratum watcher: the endpoints in the rigs' pool slots, where those rigs are, and their hashrate."""

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

SCAN_INTERVAL_S: Final = 10.0
"""Seconds between scans of the fleet's pool slots."""
FIRST_SCAN_INTERVAL_S: Final = 1.0
"""The same until a rig has reported a pool."""
RIGS_PER_SLICE: Final = 250
PORT: Final = re.compile(r"(?<=[^:]):\d+$|(?<=\]):\d+$")

log = structlog.get_logger("stratoscope")


def log_watch_bug(url: str) -> None:
    """Log the exception being handled; the watcher retries the endpoint `url`."""
    log.error("internal error while watching (please report)", endpoint=url, exc_info=True)  # noqa: LOG014 — stratum/watch/watcher.py calls it inside its except block


class StratumService:
    """Runs the stratum watcher and tells it which endpoints the fleet uses."""

    def __init__(self, config: Config, clock: Clock, events: Events) -> None:
        assert config.stratum is not None, "the config needs a section stratum"  # noqa: S101 — only a wrong caller can cause it
        self.market: LiveMarket | None = None
        self._clock, self._names = clock, Names(clock)
        self.watch = Watch(
            config.stratum.settings(),
            clock,
            chance=random.random,
            dial=Dialer(self._names, clock),
            events=events,
            difficulty=self._difficulty,
            on_bug=log_watch_bug,
        )

    async def run(self, snapshots: Mapping[str, RigSnapshot]) -> None:
        """Watch until cancelled."""
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self.watch.run(), name="stratum")
                while True:
                    found: dict[str, Naming] = {}
                    for some in iter_slices(tuple(snapshots.values())):
                        add_endpoints(some, found)
                        await asyncio.sleep(0)  # ten thousand rigs in one go would block the event loop
                    self.watch.name(found)
                    await self._clock.sleep(SCAN_INTERVAL_S if found else FIRST_SCAN_INTERVAL_S)
        finally:
            await self._names.close()

    def follow(self, config: Config) -> None:
        """Switch to another config."""
        if config.stratum is not None and config.stratum.enabled:
            self.watch.follow(config.stratum.settings())

    def _difficulty(self) -> float | None:
        """Return the market's difficulty, unless it was derived from stratum jobs."""
        known = None if self.market is None else self.market.now.difficulty
        return None if known is None or known.source.startswith("stratum") else known.value


def iter_slices(snapshots: Sequence[RigSnapshot]) -> Iterator[Sequence[RigSnapshot]]:
    """Yield RIGS_PER_SLICE snapshots at a time."""
    return (snapshots[at : at + RIGS_PER_SLICE] for at in range(0, len(snapshots), RIGS_PER_SLICE))


def add_endpoints(snapshots: Iterable[RigSnapshot], found: dict[str, Naming]) -> dict[str, Naming]:
    """Add the pool URLs of SHA-256 rigs to `found`, with where the rigs are and their hashrate; return `found`."""
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
    """Return the network a rig is on: loopback, link_local, private or public; a host name counts as private."""
    place = place_of(PORT.sub("", address).strip("[]"))
    return "private" if place == "never" else place
