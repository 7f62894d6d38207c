"""Compares the endpoints: races, chains, lag, alarms and losses; creates the record of the current state."""

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from statistics import median
from typing import Final

from stratoscope.clock import Clock
from stratoscope.events import Event
from stratoscope.market import template as market_template
from stratoscope.stratum.jobs.template import JobTemplate
from stratoscope.stratum.protocol.endpoint import Endpoint
from stratoscope.stratum.watch.alarms import EndpointAlarms
from stratoscope.stratum.watch.majority import ChainEvidence, ChainVerdict, find_majority
from stratoscope.stratum.watch.race import BlockAnnouncement, BlockRace, BlockRaces
from stratoscope.stratum.watch.records import BestJob, BlockDelays, StratumState
from stratoscope.stratum.watch.watched_endpoint import WatchedEndpoint
from stratoscope.units import HASHES_PER_DIFFICULTY_1

MAX_RACES_SHOWN: Final = 12
FEE_HEIGHTS: Final = 12
"""Heights from whose templates the median fees are calculated: about two hours."""
UNKNOWN_CHAIN: Final = ChainVerdict(None, None)


@dataclass(frozen=True, slots=True)
class _Tip:
    """The newest block of the majority: its height, and when it was first announced (monotonic s)."""

    height: int | None
    received: float


@dataclass(frozen=True, slots=True)
class _TimedJob:
    """The best job of the majority's chain, and when it arrived (monotonic s)."""

    url: str
    received: float
    template: JobTemplate


class EndpointComparison:
    """All watched endpoints. Call `update` regularly; `snapshot` returns the current state."""

    def __init__(self, clock: Clock, events: Callable[[Event], None], difficulty: Callable[[], float | None]) -> None:
        self.endpoints: dict[str, WatchedEndpoint] = {}
        self.alarms = EndpointAlarms(events)
        self._clock, self._events, self._difficulty = clock, events, difficulty
        self._races = BlockRaces()
        self._verdicts: dict[str, ChainVerdict] = {}
        self._fees: dict[int, int] = {}  # height → fees (sat) of its newest template with transactions
        self._best_job: _TimedJob | None = None
        self._newest_races: deque[BlockRace] = deque(maxlen=MAX_RACES_SHOWN)  # newest first
        self._tip = _Tip(None, 0.0)
        self._reference: float | None = None
        self._last_inputs: tuple[list[JobTemplate | None], float | None] = [], None  # of the last majority

    def add(self, endpoint: Endpoint) -> WatchedEndpoint:
        """Add an endpoint."""
        one = self.endpoints[endpoint.url] = WatchedEndpoint(endpoint, self._clock, self._on_block, self._on_redirect)
        return one

    def drop(self, url: str) -> None:
        """Remove an endpoint and clear its alarms."""
        self.endpoints.pop(url, None)
        self._verdicts.pop(url, None)
        self.alarms.drop(url, self._clock.time())

    def _on_block(self, block: BlockAnnouncement) -> None:
        template = block.template
        height = None if template.height is None else template.height - 1
        if self._races.add(block.url, template.prev_hash, height, block.sent, block.received):
            self._newest_races.appendleft(self._races.races[template.prev_hash])

    def _on_redirect(self, endpoint: WatchedEndpoint, kind: str, where: str) -> None:
        foreign = kind == "abroad"
        text = f"{endpoint.url} asks miners to connect to {where}" + (", a foreign host" if foreign else "")
        details = {"endpoint": endpoint.url, "to": where, "turn": kind, "followed": not foreign}
        name = "stratum_redirect" if foreign else "stratum_reconnect"
        self._events(Event(kind=name, at=self._clock.time(), text=text, details=details))

    def update(self) -> None:
        """Finish races, count losses, find the majority, raise and clear alarms."""
        now = self._clock.monotonic()
        self._reference = self._difficulty()  # only here, because the market in turn reads the best job
        self._update_majority()
        comparable = [url for url in self.endpoints if self._on_majority_chain(url)]
        for result in self._races.take_results(now, comparable):
            if (endpoint := self.endpoints.get(result.url)) is not None:
                self._add_late_loss(endpoint, endpoint.add_race_result(result))
        for endpoint in self.endpoints.values():
            seconds = endpoint.take_empty_seconds(now)
            if seconds > 0:
                endpoint.add_loss("empty", seconds, self._earnings(endpoint, seconds, fees_only=True))
        lags = {url: self._lag(url) for url in comparable}
        for url, lag in lags.items():
            endpoint = self.endpoints[url]
            self._add_late_loss(endpoint, endpoint.update_behind(self._tip.received if lag else None, now))
        self.alarms.update(self.endpoints, self._verdicts, lags, now, self._clock.time())

    def _update_majority(self) -> None:
        """Find the majority, its best job and its tip, unless nothing changed since the last time."""
        jobs = [endpoint.template for endpoint in self.endpoints.values()]
        if jobs == self._last_inputs[0] and self._reference == self._last_inputs[1]:
            return
        self._last_inputs = jobs, self._reference
        evidence = {
            url: ChainEvidence(one.template, one.recent_blocks)
            for url, one in self.endpoints.items()
            if one.template is not None
        }
        self._verdicts = find_majority(evidence, self._reference)
        self._update_best_job()
        self._update_tip()

    def _earnings(self, endpoint: WatchedEndpoint, seconds: float, *, fees_only: bool) -> float | None:
        """Return what the rigs at an endpoint earn in this time (sat): subsidy and fees, or only the fees."""
        job, hashrate, fees = self._best_job, endpoint.load.hashrate, self._median_fees()
        if job is None or hashrate is None or fees is None or not job.template.network_difficulty:
            return None
        reward = fees if fees_only else fees + (job.template.subsidy_sat or 0)
        return hashrate * seconds * reward / (job.template.network_difficulty * HASHES_PER_DIFFICULTY_1)

    def _update_best_job(self) -> None:
        """Store the best job of the majority's chain: the highest, then with transactions, then the newest."""
        best: tuple[tuple[int, bool, float], _TimedJob] | None = None
        for url, endpoint in self.endpoints.items():
            template, received = endpoint.template, endpoint.received
            if template is None or received is None or template.height is None or not self._on_majority_chain(url):
                continue
            if not template.empty and template.fees_sat is not None:
                self._fees[template.height] = template.fees_sat
            rank = (template.height, not template.empty, received)
            if best is None or rank > best[0]:
                best = rank, _TimedJob(url, received, template)
        if best is not None:
            self._best_job = best[1]
        while len(self._fees) > FEE_HEIGHTS:
            del self._fees[min(self._fees)]

    def _fresh_best_job(self) -> BestJob | None:
        """Return the best job unless it is stale."""
        job = self._best_job
        if job is None or self._clock.monotonic() - job.received > market_template.MAX_TEMPLATE_AGE_S:
            return None
        return BestJob(endpoint=job.url, at=self._utc(job.received), template=job.template)

    def _utc(self, moment: float) -> float:
        return self._clock.time() - (self._clock.monotonic() - moment)

    def _on_majority_chain(self, url: str) -> bool:
        """Return whether an endpoint works on the majority's chain; if that is unknown, whether it may be Bitcoin."""
        verdict = self._verdicts.get(url)
        if verdict is not None:
            return verdict.match is not False
        template = self.endpoints[url].template
        return template is not None and _may_be_bitcoin(template)

    def _median_fees(self) -> float | None:
        return median(self._fees.values()) if self._fees else None

    def newest_template(self) -> market_template.BlockTemplate | None:
        """Return the best job of the majority's chain as a market template; None if there is none yet."""
        self._update_majority()
        job = self._best_job
        if job is None or not _may_be_bitcoin(job.template):
            return None
        template = job.template
        if template.height is None or not template.network_difficulty or template.coinbase_value_sat is None:
            return None
        return market_template.BlockTemplate(
            height=template.height,
            difficulty=template.network_difficulty,
            coinbase_value=template.coinbase_value_sat,
            at=self._utc(job.received),
            endpoint=job.url,
        )

    def _height(self) -> int | None:
        """Return the height of the newest block that the majority builds on."""
        heights = [
            one.template.height - 1
            for url, one in self.endpoints.items()
            if one.template is not None and one.template.height is not None and self._on_majority_chain(url)
        ]
        return max(heights, default=None)

    def _update_tip(self) -> None:
        """Store the tip with the time of its first announcement; without an announcement, with the current time."""
        height = self._height()
        if height != self._tip.height:
            started = [race.started for race in self._newest_races if race.height == height]
            self._tip = _Tip(height, min(started, default=self._clock.monotonic()))

    def _lag(self, url: str) -> int | None:
        """Return how many blocks an endpoint of the majority's chain is behind the tip."""
        template, height = self.endpoints[url].template, self._tip.height
        if template is None or template.height is None or height is None or not self._on_majority_chain(url):
            return None
        return max(0, height - (template.height - 1))

    def _add_late_loss(self, endpoint: WatchedEndpoint, seconds: float) -> None:
        if seconds > 0:
            endpoint.add_loss("late", seconds, self._earnings(endpoint, seconds, fees_only=False))

    def _block_delays(self, race: BlockRace) -> BlockDelays:
        at = self._utc(race.started)
        return BlockDelays(prev_hash=race.prev_hash, height=race.height, at=at, delays=race.delays())

    def snapshot(self, unwatched: Mapping[str, int]) -> StratumState:
        """Return the current state; `unwatched` counts the endpoints that are not watched, by reason."""
        self._update_majority()
        height = self._tip.height
        states = {}
        for url, endpoint in sorted(self.endpoints.items()):
            verdict = self._verdicts.get(url, UNKNOWN_CHAIN)
            states[url] = endpoint.snapshot(chain=verdict.chain, match=verdict.match, lag=self._lag(url))
        tips = [
            one.template.prev_hash
            for url, one in self.endpoints.items()
            if one.template is not None and one.template.height == (height or 0) + 1 and self._on_majority_chain(url)
        ]
        return StratumState(
            at=self._clock.time(),
            endpoints=states,
            unwatched={reason: number for reason, number in unwatched.items() if number},
            height=height,
            tip=max(tips, key=tips.count, default=None),
            tip_at=None if height is None else self._utc(self._tip.received),
            best_job=self._fresh_best_job(),
            median_fees=self._median_fees(),
            races=tuple(map(self._block_delays, self._newest_races)),
            alarms=self.alarms.active,
        )


def _may_be_bitcoin(template: JobTemplate) -> bool:
    return template.chain in ("BTC", None)
