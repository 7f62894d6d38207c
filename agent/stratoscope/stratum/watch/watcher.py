"""Watches every stratum endpoint that the config or a rig names, with one observing session each.

No endpoint or rig can stop the watcher. The number of endpoints, the received data and the connection attempts are
limited.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from stratoscope.clock import Clock
from stratoscope.events import Event
from stratoscope.market import template as market_template
from stratoscope.outside.backoff import Backoff
from stratoscope.stratum.protocol.endpoint import (
    V2,
    Endpoint,
    InvalidEndpoint,
    matches_any,
    parse_endpoint,
    refusal_reason,
)
from stratoscope.stratum.protocol.sv2.noise import parse_authority_key, sv2_available
from stratoscope.stratum.sessions.dial import Dialer, SessionEnded
from stratoscope.stratum.sessions.v1_session import StratumV1Session
from stratoscope.stratum.sessions.v2_session import StratumV2Session
from stratoscope.stratum.settings import StratumLogin, StratumSettings
from stratoscope.stratum.watch.comparison import EndpointComparison
from stratoscope.stratum.watch.records import StratumState
from stratoscope.stratum.watch.watched_endpoint import EndpointLoad, WatchedEndpoint
from stratoscope.units import MINUTE

UPDATE_INTERVAL_S: Final = 5.0
LINGER_S: Final = 30 * MINUTE
"""How long an endpoint is still watched after the last rig stopped naming it."""
MAX_CLAIMED_ENDPOINTS: Final = 1024
"""Limit of remembered endpoints, so that a rig that names a new one in each response cannot fill the memory."""
MIN_GOOD_SESSION_S: Final = MINUTE
"""After a session with jobs that lasted this long, the backoff starts from the beginning."""
BACKOFF: Final = Backoff(first_s=5.0, max_s=5 * MINUTE, min_s=1.0)
SLOW_BACKOFF: Final = Backoff(first_s=MINUTE, max_s=15 * MINUTE, min_s=1.0)
SLOW_RETRY_REASONS: Final = frozenset({"forbidden", "no_job", "unauthorized", "flood", "garbled"})
"""Outcomes that are unlikely to change within a minute."""
MAX_STATE_AGE_S: Final = 1.0


@dataclass(slots=True)
class EndpointClaims:
    """What the rigs report about one endpoint.

    `scopes` are the address scopes of the rigs that name it, `user` is an account, `load` covers the rigs that use it.
    """

    scopes: set[str]
    user: str | None = None
    load: EndpointLoad | None = None


class EndpointWatcher:
    """Watches endpoints; `now` is their current state."""

    def __init__(
        self,
        settings: StratumSettings,
        clock: Clock,
        *,
        random01: Callable[[], float],
        dial: Dialer,
        events: Callable[[Event], None] = lambda _: None,
        difficulty: Callable[[], float | None] = lambda: None,
        on_internal_error: Callable[[str], None] = lambda _: None,
    ) -> None:
        """`difficulty` returns the market's, if known; `on_internal_error` gets the URL, inside the except block."""
        self.settings = settings
        self.comparison = EndpointComparison(clock, events, difficulty)
        self._clock, self._random01, self._dial = clock, random01, dial
        self._on_internal_error = on_internal_error
        self._claims: dict[str, tuple[EndpointClaims, float]] = {}  # url → newest claims, when (monotonic s)
        self._claimed_endpoints: dict[str, Endpoint] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._unwatched: Counter[str] = Counter()
        self._providers: set[str] = set()  # V2 servers that are template providers, not pools
        self._group: asyncio.TaskGroup | None = None
        self._now: StratumState | None = None
        self._now_at = 0.0

    @property
    def now(self) -> StratumState:
        """Return the current state; it is at most a second old."""
        at = self._clock.monotonic()
        if self._now is None or at - self._now_at >= MAX_STATE_AGE_S:
            self._now, self._now_at = self.comparison.snapshot(self._unwatched), at
        return self._now

    def newest(self) -> market_template.BlockTemplate | None:
        """Return the best job of the majority's chain as a market template, without delay."""
        return self.comparison.newest_template()

    async def run(self) -> None:
        """Watch until cancelled."""
        try:
            async with asyncio.TaskGroup() as self._group:
                self._update_tasks()
                while True:
                    await self._clock.sleep(UPDATE_INTERVAL_S)
                    self.comparison.update()
        finally:
            self._group = None
            self._tasks.clear()

    def update_claims(self, urls: Mapping[str, EndpointClaims]) -> None:
        """Set what the rigs report: pool URL as the rig writes it → claims. Call it regularly with all of them."""
        if not self.settings.from_rigs:
            return
        now = self._clock.monotonic()
        unwatched: Counter[str] = Counter()
        for endpoint, claims in self._parse_claims(urls, unwatched).items():
            if endpoint.url in self._claims or len(self._claims) < MAX_CLAIMED_ENDPOINTS:
                self._claimed_endpoints[endpoint.url] = endpoint
                self._claims[endpoint.url] = claims, now
        for url in [url for url, (_, at) in self._claims.items() if now - at > LINGER_S]:
            del self._claims[url], self._claimed_endpoints[url]
        self._unwatched = unwatched
        self._update_tasks()

    def apply_settings(self, settings: StratumSettings) -> None:
        """Switch to new settings; sessions of endpoints that are still watched continue."""
        self.settings = settings
        for url in list(self._claims):
            if not settings.from_rigs or self._exclusion(self._claimed_endpoints[url]):
                del self._claims[url], self._claimed_endpoints[url]
        self._update_tasks()

    def _parse_claims(
        self, urls: Mapping[str, EndpointClaims], unwatched: Counter[str]
    ) -> dict[Endpoint, EndpointClaims]:
        """Return the claims per endpoint, added up over all spellings; count excluded URLs in `unwatched`."""
        found: dict[Endpoint, EndpointClaims] = {}
        for text, claims in urls.items():
            try:
                endpoint = parse_endpoint(text)
            except InvalidEndpoint as error:
                unwatched[error.reason] += 1
                continue
            if reason := self._exclusion(endpoint):
                unwatched[reason] += 1
            else:
                found[endpoint] = _merge_claims(found[endpoint], claims) if endpoint in found else claims
        return found

    def _exclusion(self, endpoint: Endpoint) -> str | None:
        """Return why an endpoint that rigs name is not watched; None if it may be."""
        settings = self.settings
        if matches_any(endpoint, settings.skip) or (settings.allow and not matches_any(endpoint, settings.allow)):
            return "disabled"
        return "protocol" if endpoint.scheme == V2 and not sv2_available() else None

    def _update_tasks(self) -> None:
        """Watch the endpoints of the config, then those that most rigs name, up to the limit; stop all others."""
        if self._group is None:
            return
        wanted = {one.endpoint.url: one.endpoint for one in self.settings.endpoints}
        configured = set(wanted)
        by_rigs = sorted(self._claims, key=lambda url: (-self._load(url).rigs, url not in self._tasks))
        claimed = [url for url in by_rigs if url not in wanted]
        free = max(0, self.settings.max_endpoints - len(wanted))
        self._unwatched["limit"] = max(0, len(claimed) - free)
        wanted.update((url, self._claimed_endpoints[url]) for url in claimed[:free])
        for url in [url for url in self._tasks if url not in wanted]:
            self._tasks.pop(url).cancel()
            self.comparison.drop(url)
            self._providers.discard(url)
        for url, endpoint in wanted.items():
            if url not in self._tasks:
                watched = self.comparison.add(endpoint)
                self._tasks[url] = self._group.create_task(self._watch(watched), name=f"stratum {url}")
            watched = self.comparison.endpoints[url]
            watched.configured = url in configured
            watched.load = self._load(url)

    def _load(self, url: str) -> EndpointLoad:
        claims = self._claims.get(url)
        return (claims[0].load if claims is not None else None) or EndpointLoad()

    async def _watch(self, watched: WatchedEndpoint) -> None:
        """Run sessions with one endpoint, one after the other, until cancelled."""
        await self._clock.sleep(self.settings.start_spread_s * self._random01())
        failures = 0
        while True:
            started = self._clock.monotonic()
            try:
                await self._run_session(watched)
            except SessionEnded as error:
                good = watched.template is not None and self._clock.monotonic() - started >= MIN_GOOD_SESSION_S
                failures = 0 if good else failures + 1
                watched.session_ended(error.reason, str(error))
                wait = self._retry_delay(error.reason, failures)
            except Exception:  # noqa: BLE001 — an internal error at one endpoint must not stop the others
                failures += 1
                watched.session_ended("bug", "internal error; see the log (please report)")
                self._on_internal_error(watched.url)
                wait = self._retry_delay("bug", failures)
            self._now = None
            await self._clock.sleep(wait)

    def _retry_delay(self, reason: str, failures: int) -> float:
        """Return the wait in s before the next connection attempt."""
        backoff = SLOW_BACKOFF if reason in SLOW_RETRY_REASONS else BACKOFF
        return backoff.delay(failures + 1, self._random01())

    async def _run_session(self, watched: WatchedEndpoint) -> None:
        watched.begin_connecting()
        endpoint, watched.next_endpoint = watched.next_endpoint or watched.endpoint, None
        session = self._create_session(watched, endpoint)
        connection = await self._dial(session, endpoint, lambda address, port: self._refusal(watched, address, port))
        watched.connected(connection)
        try:
            await session.run()
        finally:
            if isinstance(session, StratumV2Session) and session.provider:
                self._providers.add(watched.url)

    def _create_session(self, watched: WatchedEndpoint, endpoint: Endpoint) -> StratumV1Session | StratumV2Session:
        login, probe_interval_s = self._login(watched.url), self.settings.probe_interval_s
        if endpoint.scheme != V2:
            return StratumV1Session(watched, self._clock, login, probe_interval_s)
        return StratumV2Session(
            watched,
            self._clock,
            login,
            probe_interval_s,
            authority=parse_authority_key(endpoint.key),
            address=(endpoint.host, endpoint.port),
            templates=watched.url in self._providers,
        )

    def _refusal(self, watched: WatchedEndpoint, address: str, port: int) -> str | None:
        claims = self._claims.get(watched.url)
        return refusal_reason(address, port, None if watched.configured else claims[0].scopes if claims else ())

    def _login(self, url: str) -> StratumLogin | None:
        """Return the login to use if required: the endpoint's own, the general one, or a rig's account."""
        own = next((one.login for one in self.settings.endpoints if one.endpoint.url == url), None)
        claims = self._claims.get(url)
        if own is None and self.settings.login is None and self.settings.rig_users and claims and claims[0].user:
            return StratumLogin(user=f"{claims[0].user.partition('.')[0]}.{self.settings.worker}")
        return own or self.settings.login


def _merge_claims(one: EndpointClaims, other: EndpointClaims) -> EndpointClaims:
    loads = [claims.load for claims in (one, other) if claims.load is not None]
    rates = [load.hashrate for load in loads if load.hashrate is not None]
    load = EndpointLoad(sum(load.rigs for load in loads), sum(rates) if rates else None) if loads else None
    return EndpointClaims(one.scopes | other.scopes, one.user or other.user, load)
