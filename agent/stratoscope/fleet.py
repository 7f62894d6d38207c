"""Holds the newest snapshot of every rig and tells subscribers which rigs changed, conflated.

No queues: a subscriber that is slow finds at most one entry per rig when it comes back.
"""

import asyncio
import math
from array import array
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from stratoscope.reading import PowerSource, Reading

RigId = str
STATES: Final = ("identifying", "hashing", "idle", "degraded", "offline", "locked", "suspect")
"""Health states of a rig: identifying (never read yet), hashing, idle (answers, does not hash), degraded (hashes,
but a board or fan is lost, faults, a flatline or far below nameplate), offline (does not answer), locked (answers
that we may not read), suspect (answers values that cannot be true: not exported as truth)."""

HISTORY_ROWS: Final = 120


@dataclass(frozen=True, slots=True, kw_only=True)
class PollStatus:
    """How polling a rig has gone so far; all times are UTC seconds."""

    address: str  # host, or host:port where the port is not the default
    interval: float  # s
    freshness: float | None = None  # s for which a reading counts; None: 2.5 intervals, at least 90 s
    polls: Mapping[str, int] = field(default_factory=dict)  # outcome (ok or a reason of POLL_REASONS) → count
    skipped: int = 0  # late ticks left out
    duration: float | None = None  # s, the last exchange
    last_attempt: float | None = None
    last_success: float | None = None
    last_error: str | None = None  # for people: "timeout: no answer within 5 s"
    last_reason: str | None = None  # the outcome of the last poll
    missing: Mapping[str, int] = field(default_factory=dict)  # command refused → count
    defects: int = 0  # fields that could not be read, summed over polls


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """What the agent concludes from a reading: canonical values, with everything implausible left out."""

    hashrate: float | None = None  # H/s, the canonical steady window
    nameplate: float | None = None  # H/s, the model's data sheet
    power: float | None = None  # W
    power_source: PowerSource | None = None
    efficiency: float | None = None  # J/TH
    flatline: bool = False  # hashrate without share progress
    reasons: tuple[str, ...] = ()  # why the state is degraded or suspect, one phrase each


@dataclass(frozen=True, slots=True, kw_only=True)
class Counters:
    """Reset-corrected sums since the rig was first seen; they never decrease and survive a restart."""

    accepted: int | None = None
    rejected: int | None = None
    stale: int | None = None
    hardware_errors: int | None = None
    energy: float | None = None  # J
    hashes: float | None = None  # canonical hashrate integrated over the time it was seen hashing
    resets: int = 0
    revenue_sat: float | None = None  # satoshis with the fraction not yet whole, after the fees
    revenue_micro: float | None = None  # millionths of `currency`: what those were worth when they were earned
    cost_micro: float | None = None  # millionths of `currency`, for power at the meter while its price is above zero
    credit_micro: float | None = None  # the same while the price is below zero: received for using power
    revenue_seconds: float = 0.0  # for which revenue_micro is known; the rest of the time is a gap, not a zero
    cost_seconds: float = 0.0  # for which cost_micro is known
    currency: str | None = None  # of both; None before any money was counted


@dataclass(frozen=True, slots=True, kw_only=True)
class RigEconomics:
    """What a rig earns and costs at the rates of one moment; whatever follows from an unknown input is None.

    Fiat is in `currency`. Revenue is after the fees, power is at the meter (with the site's overhead), hashprices are
    before the fees. Hashprices, hashcost and breakeven efficiency are Bitcoin's: None for every other algorithm.
    """

    currency: str
    algorithm: str | None = None
    tariff: str | None = None  # the group whose prices these are
    metered_power: float | None = None  # W
    revenue_sat_per_day: float | None = None
    revenue_per_day: float | None = None  # fiat
    power_cost_per_day: float | None = None  # fiat
    margin_per_day: float | None = None  # fiat
    gross_margin_ratio: float | None = None
    power_price: float | None = None  # fiat per kWh: the average cost, not the marginal price
    breakeven_power_price: float | None = None  # fiat per kWh
    breakeven_hashprice: float | None = None  # fiat per PH/s per day
    breakeven_efficiency: float | None = None  # J/TH at the meter
    hashcost: float | None = None  # fiat per PH/s per day
    revenue_per_mwh: float | None = None  # fiat
    cost_per_btc: float | None = None  # fiat
    payback: float | None = None  # s; infinite when the capex never comes back
    capex: float | None = None  # fiat, what the rig cost
    advice: Literal["run", "curtail", "unknown"] | None = None
    strike: float | None = None  # fiat per kWh


@dataclass(frozen=True, slots=True, kw_only=True)
class ShareProof:
    """What a rig's accepted shares prove of its hashrate; all H/s are means over the last full window (an hour)."""

    hashrate: float  # H/s, from accepted shares
    low: float  # H/s, lower end of the 95 % interval
    high: float  # H/s, upper end
    reported: float  # H/s, what the rig reported over the same time
    alarm: str | None = None  # missing or excess: two windows in a row on that side outside the interval
    unaccounted: float | None = None  # part of the reported work that no accepted share stands for, over a day
    unaccounted_error: float | None = None  # one standard error of it
    windows: int = 1  # full windows in it, 24 at most


@dataclass(frozen=True, slots=True, kw_only=True)
class RigSnapshot:
    """Everything known of one rig now; a new one replaces the old, nobody edits it.

    `reading` and `judged` are None once the last good answer is older than the freshness limit: stale values
    disappear, they are never held and never zero.
    """

    rig: RigId
    state: str
    polling: PollStatus
    reading: Reading | None = None
    judged: Judged = Judged()
    counters: Counters = Counters()
    economics: RigEconomics | None = None  # None: not reckoned here, or nothing fresh to reckon with
    proof: ShareProof | None = None  # None: no full window yet, or the rig does not count accepted difficulty
    behind: int | None = None  # blocks by which its work is behind the tip; None: it does not tell, or no tip is known
    identity: str | None = None  # mac:…, serial:… or address:…, which machine this is; None: never heard so far
    tags: Mapping[str, str] = field(default_factory=dict)  # from the config: group, and what the operator adds
    at: float = 0.0  # UTC seconds of the reading

    @property
    def up(self) -> bool:
        """Tell whether the last poll succeeded."""
        return self.polling.last_reason == "ok"


class RigHistory:
    """A short, fixed-size past of one rig for its page: time, hashrate, power, hottest chip.

    Single precision, and times from the first row on: ten thousand rigs keep theirs in 20 MB.
    """

    __slots__ = ("rows", "start")

    def __init__(self) -> None:
        self.rows: array[float] = array("f")
        self.start = 0.0

    def add(self, at: float, hashrate: float | None, power: float | None, chip: float | None) -> None:
        """Append one row (UTC s, H/s, W, °C); unknown values are NaN."""
        rows = self.rows
        if not rows:
            self.start = at
        for value in (at - self.start, hashrate, power, chip):
            rows.append(math.nan if value is None else value)
        if len(rows) > 4 * HISTORY_ROWS:
            del rows[:4]

    def __iter__(self) -> Iterator[tuple[float, float, float, float]]:
        """Yield rows oldest first."""
        rows = self.rows
        for at in range(0, len(rows), 4):
            yield self.start + rows[at], rows[at + 1], rows[at + 2], rows[at + 3]


class ChangedRigs:
    """One subscriber's set of rigs that changed since it last looked: at most one entry per rig."""

    __slots__ = ("_changed", "_event")

    def __init__(self) -> None:
        self._changed: dict[RigId, None] = {}
        self._event = asyncio.Event()

    def mark(self, rig: RigId) -> None:
        """Note that `rig` changed or is gone."""
        self._changed[rig] = None
        self._event.set()

    async def wait(self) -> None:
        """Wait until something changed."""
        await self._event.wait()

    def drain(self) -> list[RigId]:
        """Return the changed rigs and forget them."""
        changed = list(self._changed)
        self._changed.clear()
        self._event.clear()
        return changed


class Fleet:
    """The newest snapshot per rig; the one place that exporters read from."""

    def __init__(self) -> None:
        self.snapshots: dict[RigId, RigSnapshot] = {}
        self.history: dict[RigId, RigHistory] = {}
        self._subscribers: list[ChangedRigs] = []

    def subscribe(self, dirty: ChangedRigs | None = None) -> ChangedRigs:
        """Fill `dirty` (by default a new set) from now on, with every rig known now to begin with, and return it."""
        dirty = ChangedRigs() if dirty is None else dirty
        for rig in self.snapshots:
            dirty.mark(rig)
        self._subscribers.append(dirty)
        return dirty

    def unsubscribe(self, dirty: ChangedRigs) -> None:
        """Stop filling `dirty`."""
        self._subscribers.remove(dirty)

    def publish(self, snapshot: RigSnapshot) -> None:
        """Make `snapshot` the newest of its rig."""
        self.snapshots[snapshot.rig] = snapshot
        for dirty in self._subscribers:
            dirty.mark(snapshot.rig)

    def remember(self, snapshot: RigSnapshot) -> None:
        """Add the snapshot's main values to the rig's short past (call once per good reading)."""
        history = self.history.get(snapshot.rig)
        if history is None:
            history = self.history[snapshot.rig] = RigHistory()
        boards = snapshot.reading.boards if snapshot.reading else ()
        chips = [b.temperature_chip for b in boards if b.temperature_chip is not None]
        judged = snapshot.judged
        history.add(snapshot.at, judged.hashrate, judged.power, max(chips) if chips else None)

    def remove(self, rig: RigId) -> None:
        """Forget `rig`; its series vanish at the next scrape."""
        if self.snapshots.pop(rig, None) is not None:
            self.history.pop(rig, None)
            for dirty in self._subscribers:
                dirty.mark(rig)
