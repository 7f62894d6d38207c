"""Runs a fleet of simulated rigs: one listener per rig and port, closed while the rig is down."""

import asyncio
import contextlib
import errno
import heapq
import math
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

from stratoscope.clock import Clock
from stratoscope.errors import UsageError
from stratoscope.simulate.addresses import Place, places, raise_open_file_limit
from stratoscope.simulate.chain import Chain
from stratoscope.simulate.families import FAMILIES
from stratoscope.simulate.families.family import SimulatedFamily
from stratoscope.simulate.pool_past import PoolPast
from stratoscope.simulate.rig import Rig
from stratoscope.simulate.servers import CONNECTIONS, CommandLog, RigServer
from stratoscope.simulate.specs import SPECS

MIX: Final[Mapping[str, float]] = {
    "antminer": 28,
    "whatsminer": 11,
    "vnish": 9,
    "luxos": 8,
    "braiins": 6,
    "whatsminer3": 6,
    "avalon": 6,
    "espminer": 5,
    "antminer-s9": 4,
    "antminer-scrypt": 3,
    "braiins-graphql": 3,
    "auradine": 2,
    "epic": 2,
    "sealminer": 2,
    "cgminer": 2,
    "hammer": 1,
    "elphapex": 1,
    "proto": 1,
}
"""Families of the default fleet, in percent."""
_RETRY = 0.2  # s


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatedRig:
    """The public view of one simulated rig. `ports` maps the default port of a protocol to the actual one."""

    name: str
    family: str
    model: str
    address: str
    ports: dict[int, int]
    nameplate: float  # H/s
    user: str = field(repr=False)
    password: str = field(repr=False)
    state: Rig = field(repr=False, compare=False)

    def truth(self, now: float | None = None) -> dict[str, Any]:
        """Return the true values (SI units) at `now`, monotonic seconds (None: now)."""
        return self.state.truth(now)

    def force(self, event: str, *, duration: float | None = None, board: int = 0) -> None:
        """Start a trouble from `troubles.KINDS` now, for `duration` seconds (None: a random realistic duration)."""
        self.state.force(event, duration=duration, board=board)

    def recover(self, event: str | None = None) -> None:
        """End one trouble (None: all of them) now."""
        self.state.recover(event)


def assign(mix: Mapping[str, float], rigs: int) -> list[str]:
    """Return a family for each rig, evenly interleaved by weight (smooth weighted round robin)."""
    wrong = [name for name, weight in mix.items() if name not in FAMILIES or not 0 < weight < math.inf]
    if wrong or not mix:
        raise UsageError(
            f"invalid mix: {', '.join(wrong) or 'no family'}; families are {', '.join(FAMILIES)}, with weights > 0"
        )
    total = sum(mix.values())
    credit = dict.fromkeys(mix, 0.0)
    chosen = []
    for _ in range(rigs):
        for name, weight in mix.items():
            credit[name] += weight
        best = max(credit, key=lambda name: credit[name])
        credit[best] -= total
        chosen.append(best)
    return chosen


class SimulatedFleet:
    """A fleet of `rigs` simulated rigs; the same `seed` and clock produce the same fleet.

    `mix` gives the weight of each family (default MIX), `troubles` enables random troubles, `base` is the first
    address (see `addresses.places`). `workers` is the account prefix of all pool user names, unless `account_of`
    returns one for the index and family of a rig. Bitcoin rigs that report their current block take it from `chain`.
    """

    def __init__(
        self,
        *,
        rigs: int,
        seed: int = 0,
        clock: Clock,
        mix: Mapping[str, float] | None = None,
        troubles: bool = True,
        base: str = "127.64.0.1",
        pool_url: str = "stratum+tcp://127.0.0.1:3333",
        backup_url: str | None = None,
        workers: str = "account",
        account_of: Callable[[int, str], str] | None = None,
        chain: Chain | None = None,
    ) -> None:
        if rigs < 1:
            raise UsageError(f"a fleet needs at least one rig, not {rigs}")
        self.rigs: list[SimulatedRig] = []
        self.workers = workers
        self.past: PoolPast | None = None  # history before the start, if the pools of the site have one
        self._chain = chain
        self._account_of = account_of or (lambda _index, _family: workers)
        self._families = assign(MIX if mix is None else mix, rigs)
        self._seed, self._clock, self._troubles, self._base = seed, clock, troubles, base
        self._urls = (pool_url, backup_url or pool_url, backup_url or pool_url)
        self._command_log = CommandLog()
        self._rig_servers: list[RigServer] = []
        self._places: list[Place] = []
        self._servers: list[list[asyncio.Server] | None] = []  # None: the rig is down
        self._heap: list[tuple[float, int]] = []
        self._due: dict[int, float] = {}
        self._opening: set[int] = set()
        self._wake = asyncio.Event()
        self._keeper: asyncio.Task[None] | None = None

    @property
    def commands_seen(self) -> Counter[tuple[str, str]]:
        """Number of commands received, by (family, verb)."""
        return self._command_log.commands

    @property
    def privileged_seen(self) -> int:
        """Number of commands received that would change a rig."""
        return self._command_log.privileged

    async def start(self) -> None:
        """Start all listeners; raise UsageError if an address is in use or the open-file limit is too low."""
        wanted = [FAMILIES[name].ports for name in self._families]
        raise_open_file_limit(sum(map(len, wanted)))
        self._places = places(self._base, wanted)
        counts: Counter[str] = Counter()
        for index, (name, place) in enumerate(zip(self._families, self._places, strict=True)):
            self._build(index, FAMILIES[name], place, counts[name])
            counts[name] += 1
        try:
            for index in range(len(self.rigs)):
                self._servers[index] = await self._listen(index)
        except BaseException:
            await self.stop()
            raise
        for index, rig in enumerate(self.rigs):
            rig.state.on_change = partial(self._changed, index)
            self._schedule(index)
        self._keeper = asyncio.create_task(self._keep_listening(), name="simulated fleet")

    async def stop(self) -> None:
        """Close every listener and connection."""
        if self._keeper is not None:
            self._keeper.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._keeper
            self._keeper = None
        for index, rig in enumerate(self.rigs):
            rig.state.on_change = lambda: None
            self._close(index)
        for _ in range(3):  # transports and listeners close in the next iterations of the loop
            await asyncio.sleep(0)

    def _build(self, index: int, family: SimulatedFamily, place: Place, nth: int) -> None:
        models = SPECS[family.name]
        spec = models[nth % len(models)]
        name = f"rig-{index:05d}"
        user = f"{self._account_of(index, family.name)}.{name}"
        rig = Rig(
            index=index,
            name=name,
            family=family.name,
            spec=spec,
            seed=self._seed,
            clock=self._clock,
            pools=tuple((url, user) for url in self._urls),
            troubles=self._troubles,
            chain=self._chain if spec.algorithm == "sha256" else None,
        )
        self.rigs.append(
            SimulatedRig(
                name=name,
                family=family.name,
                model=spec.model,
                address=place.address,
                ports=place.ports,
                nameplate=spec.hashrate,
                user=rig.user,
                password=rig.password,
                state=rig,
            )
        )
        self._rig_servers.append(RigServer(rig, family, self._command_log))
        self._servers.append(None)

    async def _listen(self, index: int) -> list[asyncio.Server]:
        loop = asyncio.get_running_loop()
        rig_server, place = self._rig_servers[index], self._places[index]
        servers: list[asyncio.Server] = []
        for default, kind in rig_server.family.ports.items():
            factory = partial(CONNECTIONS[kind], rig_server)
            port = place.ports[default]
            try:
                servers.append(await loop.create_server(factory, place.bind, port, backlog=64, reuse_address=True))
            except OSError as error:
                for server in servers:
                    server.close()
                if error.errno == errno.EADDRINUSE:
                    raise UsageError(f"{place.bind}:{port} is already in use; choose another first address") from error
                raise
        return servers

    def _close(self, index: int) -> None:
        for server in self._servers[index] or ():
            server.close()
        self._servers[index] = None
        self._rig_servers[index].abort_connections()

    def _changed(self, index: int) -> None:
        """Close the listeners of a rig that goes down at once; schedule reopening when it is back."""
        down = self.rigs[index].state.presence == "refused"
        if down and self._servers[index] is not None:
            self._close(index)
        elif not down and self._servers[index] is None:
            self._opening.add(index)
        self._schedule(index)
        self._wake.set()

    def _schedule(self, index: int) -> None:
        due = self.rigs[index].state.troubles.boundary
        if due < math.inf and self._due.get(index) != due:
            self._due[index] = due
            heapq.heappush(self._heap, (due, index))

    async def _keep_listening(self) -> None:
        """Start and end troubles on time even without requests, because a rig that is down must refuse connections."""
        while True:
            self._wake.clear()
            now = self._clock.monotonic()
            while self._heap and self._heap[0][0] <= now:
                due, index = heapq.heappop(self._heap)
                if self._due.get(index) == due:
                    del self._due[index]
                    self.rigs[index].state.advance(now)
                    self._schedule(index)
            await self._reopen()
            wait = self._heap[0][0] - now if self._heap else None
            await self._pause(_RETRY if self._opening else wait)

    async def _reopen(self) -> None:
        """Reopen the listeners of rigs that are back; retry soon if the old listener still holds the port."""
        for index in tuple(self._opening):
            if self._servers[index] is None and self.rigs[index].state.presence != "refused":
                try:
                    self._servers[index] = await self._listen(index)
                except UsageError:
                    continue
            self._opening.discard(index)

    async def _pause(self, seconds: float | None) -> None:
        """Wait until a rig changes or `seconds` have passed."""
        waits: list[asyncio.Future[Any]] = [asyncio.ensure_future(self._wake.wait())]
        if seconds is not None:
            waits.append(asyncio.ensure_future(self._clock.sleep(max(0.0, seconds))))
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()


def targets(fleet: SimulatedFleet) -> list[dict[str, Any]]:
    """Return the rig entries for an agent config, with a login only where power or identity requires one."""
    entries: list[dict[str, Any]] = []
    for rig in fleet.rigs:
        moved = {default: port for default, port in rig.ports.items() if port != default}
        entry: dict[str, Any] = {"address": rig.address, "name": rig.name, "ports": moved}
        if FAMILIES[rig.family].needs_login:
            entry.update(user=rig.user, password=rig.password)
        entries.append(entry)
    return entries
