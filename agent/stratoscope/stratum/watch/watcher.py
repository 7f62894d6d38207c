"""Watches every stratum endpoint that the config or a rig names: one silent session each, tried again calmly.

Nothing that an endpoint or a rig does ends the watch. How many endpoints there are, how much each may send and how
often it is asked is bounded.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from stratoscope.clock import Clock
from stratoscope.events import Event
from stratoscope.market import template as offered
from stratoscope.outside.backoff import Backoff
from stratoscope.stratum.protocol.dial import Dial, Ended
from stratoscope.stratum.protocol.endpoint import V2, Endpoint, NoEndpoint, endpoint_of, forbidden, matches
from stratoscope.stratum.protocol.session import Session
from stratoscope.stratum.protocol.sv2 import session as sv2
from stratoscope.stratum.protocol.sv2.noise import authority_key, available
from stratoscope.stratum.watch.comparison import Standing
from stratoscope.stratum.watch.endpoint_state import Share, Watched
from stratoscope.stratum.watch.records import StratumNow
from stratoscope.stratum.watch.settings import Login, StratumSettings
from stratoscope.units import MINUTE

TICK: Final = 5.0
LINGER: Final = 30 * MINUTE
"""How long an endpoint is watched after no rig names it any more."""
MOST_NAMED: Final = 1024
"""Endpoints remembered at a time: a rig that names another one in each answer fills no memory."""
LASTED: Final = MINUTE
"""A session that gave work for so long was a good one: the next is opened soon."""
BACKOFF: Final = Backoff(first_s=5.0, max_s=5 * MINUTE, min_s=1.0)
SLOW_BACKOFF: Final = Backoff(first_s=MINUTE, max_s=15 * MINUTE, min_s=1.0)
STUBBORN: Final = frozenset({"forbidden", "no_job", "unauthorized", "flood", "garbled"})
"""What will not be better in a minute."""
FRESH: Final = 1.0


@dataclass(slots=True)
class Naming:
    """What the rigs say of one endpoint: the places of those that name it, and of those that work for it how many."""

    places: set[str]
    user: str | None = None
    share: Share | None = None


class Watch:
    """The endpoints that are watched, and what is known of them: `now`."""

    def __init__(
        self,
        settings: StratumSettings,
        clock: Clock,
        *,
        chance: Callable[[], float],
        dial: Dial,
        events: Callable[[Event], None] = lambda _: None,
        difficulty: Callable[[], float | None] = lambda: None,
        on_bug: Callable[[str], None] = lambda _: None,
    ) -> None:
        """`difficulty` gives the market's, where it is known; `on_bug` hears of an endpoint whose watch failed."""
        self.settings = settings
        self.standing = Standing(clock, events, difficulty)
        self._clock, self._chance, self._dial, self._on_bug = clock, chance, dial, on_bug
        self._named: dict[str, tuple[Naming, float]] = {}  # url → what rigs last said, when (monotonic s)
        self._endpoints: dict[str, Endpoint] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._unwatched: Counter[str] = Counter()
        self._providers: set[str] = set()  # V2 servers that are no pools but template providers
        self._group: asyncio.TaskGroup | None = None
        self._now: StratumNow | None = None
        self._made = 0.0

    @property
    def now(self) -> StratumNow:
        """Return what is known now; a record is at most a second old."""
        at = self._clock.monotonic()
        if self._now is None or at - self._made >= FRESH:
            self._now, self._made = self.standing.record(self._unwatched), at
        return self._now

    def newest(self) -> offered.Template | None:
        """Return the newest job of the majority's chain for the market, at once."""
        return self.standing.offer()

    async def run(self) -> None:
        """Watch until cancelled."""
        try:
            async with asyncio.TaskGroup() as self._group:
                self._choose()
                while True:
                    await self._clock.sleep(TICK)
                    self.standing.tick()
        finally:
            self._group = None
            self._tasks.clear()

    def name(self, urls: Mapping[str, Naming]) -> None:
        """Take what the rigs say now: pool URL as written → what is said of it. Call it with all of them, often."""
        if not self.settings.from_rigs:
            return
        now = self._clock.monotonic()
        unwatched: Counter[str] = Counter()
        for endpoint, naming in self._read(urls, unwatched).items():
            if endpoint.url in self._named or len(self._named) < MOST_NAMED:
                self._endpoints[endpoint.url] = endpoint
                self._named[endpoint.url] = naming, now
        for url in [url for url, (_, at) in self._named.items() if now - at > LINGER]:
            del self._named[url], self._endpoints[url]
        self._unwatched = unwatched
        self._choose()

    def follow(self, settings: StratumSettings) -> None:
        """Watch by other settings from now on; sessions that stay wanted are not touched."""
        self.settings = settings
        for url in [url for url in self._named if self._left_out(self._endpoints[url]) or not settings.from_rigs]:
            del self._named[url], self._endpoints[url]
        self._choose()

    def _read(self, urls: Mapping[str, Naming], unwatched: Counter[str]) -> dict[Endpoint, Naming]:
        """Return what is said of each endpoint; spellings of the same one are added up."""
        found: dict[Endpoint, Naming] = {}
        for text, naming in urls.items():
            try:
                endpoint = endpoint_of(text)
            except NoEndpoint as error:
                unwatched[error.reason] += 1
                continue
            if why := self._left_out(endpoint):
                unwatched[why] += 1
            elif endpoint in found:
                found[endpoint] = _together(found[endpoint], naming)
            else:
                found[endpoint] = naming
        return found

    def _left_out(self, endpoint: Endpoint) -> str | None:
        settings = self.settings
        if matches(endpoint, settings.skip) or (settings.allow and not matches(endpoint, settings.allow)):
            return "disabled"
        return "protocol" if endpoint.scheme == V2 and not available() else None

    def _choose(self) -> None:
        """Watch the endpoints of the config, then those that rigs name, most rigs first, up to the limit."""
        if self._group is None:
            return
        wanted = {one.endpoint.url: one.endpoint for one in self.settings.endpoints}
        configured = set(wanted)
        rest = sorted(self._named, key=lambda url: (-self._rigs(url), url not in self._tasks))
        room = max(0, self.settings.most - len(wanted))
        chosen = [url for url in rest if url not in wanted]
        self._unwatched["limit"] = max(0, len(chosen) - room)
        wanted.update((url, self._endpoints[url]) for url in chosen[:room])
        for url in [url for url in self._tasks if url not in wanted]:
            self._tasks.pop(url).cancel()
            self.standing.drop(url)
            self._providers.discard(url)
        for url, endpoint in wanted.items():
            if url not in self._tasks:
                watched = self.standing.add(endpoint)
                self._tasks[url] = self._group.create_task(self._keep(watched), name=f"stratum {url}")
            watched = self.standing.endpoints[url]
            watched.configured = url in configured
            watched.share = self._share(url)

    def _rigs(self, url: str) -> int:
        share = self._named[url][0].share
        return share.rigs if share is not None else 0

    def _share(self, url: str) -> Share:
        naming = self._named.get(url)
        return (naming[0].share if naming is not None else None) or Share()

    async def _keep(self, watched: Watched) -> None:
        """Hold sessions with one endpoint, one after the other, until cancelled."""
        await self._clock.sleep(self.settings.spread * self._chance())
        failures = 0
        while True:
            began = self._clock.monotonic()
            try:
                await self._hold(watched)
            except Ended as error:
                worked = watched.template is not None and self._clock.monotonic() - began >= LASTED
                failures = 0 if worked else failures + 1
                watched.ended(error.reason, str(error))
                wait = self._pause(error.reason, failures)
            except Exception:  # noqa: BLE001 — one endpoint's bug must not end the watch of the others
                failures += 1
                watched.ended("bug", "a bug of ours; the log has it")
                self._on_bug(watched.url)
                wait = self._pause("bug", failures)
            self._now = None
            await self._clock.sleep(wait)

    def _pause(self, reason: str, failures: int) -> float:
        """Return the wait in s before the next connection attempt."""
        backoff = SLOW_BACKOFF if reason in STUBBORN else BACKOFF
        return backoff.delay(failures + 1, self._chance())

    async def _hold(self, watched: Watched) -> None:
        watched.dialing()
        endpoint, watched.turned = watched.turned or watched.endpoint, None
        session = self._session(watched, endpoint)
        opened = await self._dial(session, endpoint, lambda address, port: self._forbidden(watched, address, port))
        watched.opened(opened)
        try:
            await session.hold()
        finally:
            if isinstance(session, sv2.Session) and session.provider:
                self._providers.add(watched.url)

    def _session(self, watched: Watched, endpoint: Endpoint) -> Session | sv2.Session:
        login, probe = self._login(watched.url), self.settings.probe
        if endpoint.scheme != V2:
            return Session(watched, self._clock, login, probe)
        return sv2.Session(
            watched,
            self._clock,
            login,
            probe,
            authority=authority_key(endpoint.key),
            at=(endpoint.host, endpoint.port),
            templates=watched.url in self._providers,
        )

    def _forbidden(self, watched: Watched, address: str, port: int) -> str | None:
        naming = self._named.get(watched.url)
        return forbidden(address, port, None if watched.configured else naming[0].places if naming else ())

    def _login(self, url: str) -> Login | None:
        """Return whom to authorise as, if need be: the endpoint's own user, the general one, or a rig's account."""
        own = next((one.login for one in self.settings.endpoints if one.endpoint.url == url), None)
        naming = self._named.get(url)
        if own is None and self.settings.login is None and self.settings.rig_users and naming and naming[0].user:
            return Login(user=f"{naming[0].user.partition('.')[0]}.{self.settings.worker}")
        return own or self.settings.login


def _together(one: Naming, other: Naming) -> Naming:
    shares = [naming.share for naming in (one, other) if naming.share is not None]
    rates = [share.hashrate for share in shares if share.hashrate is not None]
    share = Share(sum(share.rigs for share in shares), sum(rates) if rates else None) if shares else None
    return Naming(one.places | other.places, one.user or other.user, share)
