"""Compares the endpoints with each other: race, chain, lag, alarms, what poor work cost; makes the record of now."""

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from statistics import median
from typing import Final

from stratoscope.clock import Clock
from stratoscope.events import Event
from stratoscope.market import template as offered
from stratoscope.stratum.jobs.template import Template
from stratoscope.stratum.protocol.endpoint import Endpoint
from stratoscope.stratum.watch.alarms import Alarms
from stratoscope.stratum.watch.endpoint_state import Announcement, Watched
from stratoscope.stratum.watch.majority import Verdict, View, verdicts
from stratoscope.stratum.watch.race import Lap, Race
from stratoscope.stratum.watch.records import BlockRace, StratumNow, Work
from stratoscope.units import HASHES_PER_DIFFICULTY_1

RACES: Final = 12
"""Blocks whose races are shown."""
HEIGHTS: Final = 12
"""Heights whose templates' fees the median is taken over: about two hours."""
UNKNOWN: Final = Verdict(None, None)


@dataclass(frozen=True, slots=True)
class _Tip:
    """The newest block of the majority: its height, and when it was heard of (monotonic s)."""

    height: int | None
    received: float


@dataclass(frozen=True, slots=True)
class _Best:
    """The best job of the majority's chain, and when it came (monotonic s)."""

    url: str
    received: float
    template: Template


class Standing:
    """All endpoints side by side. `tick` draws the conclusions that time brings; `record` says what is known now."""

    def __init__(self, clock: Clock, events: Callable[[Event], None], difficulty: Callable[[], float | None]) -> None:
        self.endpoints: dict[str, Watched] = {}
        self.alarms = Alarms(events)
        self._clock, self._events, self._difficulty = clock, events, difficulty
        self._race = Race()
        self._verdicts: dict[str, Verdict] = {}
        self._fees: dict[int, int] = {}  # height → fees (sat) of its newest template with transactions
        self._work: _Best | None = None
        self._races: deque[Lap] = deque(maxlen=RACES)  # newest first
        self._tip = _Tip(None, 0.0)
        self._reference: float | None = None
        self._concluded: tuple[list[Template | None], float | None] = [], None  # what the last conclusions rest on

    def add(self, endpoint: Endpoint) -> Watched:
        """Take another endpoint in."""
        watched = self.endpoints[endpoint.url] = Watched(endpoint, self._clock, self._block, self._away)
        return watched

    def drop(self, url: str) -> None:
        """Forget an endpoint."""
        self.endpoints.pop(url, None)
        self._verdicts.pop(url, None)
        self.alarms.drop(url, self._clock.time())

    def _block(self, block: Announcement) -> None:
        template = block.template
        height = None if template.height is None else template.height - 1
        if self._race.heard(block.url, template.prev_hash, height, block.spoken, block.received):
            self._races.appendleft(self._race.laps[template.prev_hash])

    def _away(self, watched: Watched, kind: str, where: str) -> None:
        foreign = kind == "abroad"
        text = f"{watched.url} asks miners to connect to {where}" + (", which is abroad" if foreign else "")
        details = {"endpoint": watched.url, "to": where, "turn": kind, "followed": not foreign}
        name = "stratum_redirect" if foreign else "stratum_reconnect"
        self._events(Event(kind=name, at=self._clock.time(), text=text, details=details))

    def tick(self) -> None:
        """Settle races and losses, find the majority, raise and clear alarms."""
        now = self._clock.monotonic()
        self._reference = self._difficulty()  # only here: the market asks for the best job in turn
        self._conclude()
        ours = [url for url in self.endpoints if self._ours(url)]
        for result in self._race.results(now, ours):
            watched = self.endpoints.get(result.url)
            if watched is not None:
                watched.raced(result)
                self._charge_late(watched, watched.late(result.delay))
        for watched in self.endpoints.values():
            seconds = watched.drain_empty(now)
            if seconds > 0:
                watched.lost("empty", seconds, self._worth(watched, seconds, whole=False))
        lags = {url: self._lag(url) for url in ours}
        for url, lag in lags.items():
            watched = self.endpoints[url]
            self._charge_late(watched, watched.behind(self._tip.received if lag else None, now))
        self.alarms.look(self.endpoints, self._verdicts, lags, now, self._clock.time())

    def _conclude(self) -> None:
        """Find the majority, its best job and its tip anew, unless no job came since the last time."""
        jobs = [watched.template for watched in self.endpoints.values()]
        if jobs == self._concluded[0] and self._reference == self._concluded[1]:
            return
        self._concluded = jobs, self._reference
        views = {url: View(one.template, one.recent) for url, one in self.endpoints.items() if one.template is not None}
        self._verdicts = verdicts(views, self._reference)
        self._note_work()
        self._note_tip()

    def _worth(self, watched: Watched, seconds: float, *, whole: bool) -> float | None:
        """Return what the rigs at an endpoint earn in so many seconds (sat): all of it, or only the fees."""
        work, rate, fees = self._work, watched.share.hashrate, self._mean_fees()
        if work is None or rate is None or fees is None or not work.template.network_difficulty:
            return None
        reward = fees + ((work.template.subsidy_sat or 0) if whole else 0)
        return rate * seconds * reward / (work.template.network_difficulty * HASHES_PER_DIFFICULTY_1)

    def _note_work(self) -> None:
        """Keep the best job of the majority's chain: the highest, one with transactions if there is any, the newest."""
        best: tuple[tuple[int, bool, float], _Best] | None = None
        for url, watched in self.endpoints.items():
            template, received = watched.template, watched.received
            if template is None or received is None or template.height is None or not self._ours(url):
                continue
            if not template.empty and template.fees_sat is not None:
                self._fees[template.height] = template.fees_sat
            rank = (template.height, not template.empty, received)
            if best is None or rank > best[0]:
                best = rank, _Best(url, received, template)
        if best is not None:
            self._work = best[1]
        while len(self._fees) > HEIGHTS:
            del self._fees[min(self._fees)]

    def _fresh_work(self) -> Work | None:
        """Return the best job unless it is too old to say anything."""
        work = self._work
        if work is None or self._clock.monotonic() - work.received > offered.TEMPLATE_MAX_AGE:
            return None
        return Work(endpoint=work.url, at=self._utc(work.received), template=work.template)

    def _utc(self, moment: float) -> float:
        return self._clock.time() - (self._clock.monotonic() - moment)

    def _ours(self, url: str) -> bool:
        """Tell whether an endpoint works on the majority's chain; before that is known, whether it may be Bitcoin."""
        verdict = self._verdicts.get(url)
        if verdict is not None:
            return verdict.match is not False
        template = self.endpoints[url].template
        return template is not None and _may_be_bitcoin(template)

    def _mean_fees(self) -> float | None:
        return median(self._fees.values()) if self._fees else None

    def offer(self) -> offered.Template | None:
        """Return the newest job of the majority's chain in the market's form; None before one came."""
        self._conclude()
        work = self._work
        if work is None or not _may_be_bitcoin(work.template):
            return None
        template = work.template
        if template.height is None or not template.network_difficulty or template.coinbase_value_sat is None:
            return None
        return offered.Template(
            height=template.height,
            difficulty=template.network_difficulty,
            coinbase_value=template.coinbase_value_sat,
            at=self._utc(work.received),
            endpoint=work.url,
        )

    def _height(self) -> int | None:
        """Return the height of the newest block that the majority builds on."""
        heights = [
            one.template.height - 1
            for url, one in self.endpoints.items()
            if one.template is not None and one.template.height is not None and self._ours(url)
        ]
        return max(heights, default=None)

    def _note_tip(self) -> None:
        """Note since when the tip is known: since its first announcement, where one was heard."""
        height = self._height()
        if height != self._tip.height:
            opened = [lap.opened for lap in self._races if lap.height == height]
            self._tip = _Tip(height, min(opened, default=self._clock.monotonic()))

    def _lag(self, url: str) -> int | None:
        """Return by how many blocks an endpoint of the majority's chain is behind."""
        template, height = self.endpoints[url].template, self._tip.height
        if template is None or template.height is None or height is None or not self._ours(url):
            return None
        return max(0, height - (template.height - 1))

    def _charge_late(self, watched: Watched, seconds: float) -> None:
        if seconds > 0:
            watched.lost("late", seconds, self._worth(watched, seconds, whole=True))

    def _shown(self, lap: Lap) -> BlockRace:
        return BlockRace(prev_hash=lap.prev_hash, height=lap.height, at=self._utc(lap.opened), delays=lap.delays())

    def record(self, unwatched: Mapping[str, int]) -> StratumNow:
        """Return everything as it is now."""
        self._conclude()
        height = self._tip.height
        records = {}
        for url, watched in sorted(self.endpoints.items()):
            verdict = self._verdicts.get(url, UNKNOWN)
            records[url] = watched.record(chain=verdict.chain, match=verdict.match, lag=self._lag(url))
        tips = [
            one.template.prev_hash
            for url, one in self.endpoints.items()
            if one.template is not None and one.template.height == (height or 0) + 1 and self._ours(url)
        ]
        return StratumNow(
            at=self._clock.time(),
            endpoints=records,
            unwatched={k: n for k, n in unwatched.items() if n},
            height=height,
            tip=max(tips, key=tips.count, default=None),
            tip_at=None if height is None else self._utc(self._tip.received),
            work=self._fresh_work(),
            mean_fees=self._mean_fees(),
            races=tuple(map(self._shown, self._races)),
            alarms=self.alarms.standing,
        )


def _may_be_bitcoin(template: Template) -> bool:
    return template.chain in ("BTC", None)
