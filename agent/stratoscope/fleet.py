"""Holds the newest snapshot of every rig and tells subscribers which rigs changed.

No queues: changes are conflated, so a slow subscriber finds at most one entry per rig.
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
"""Health states of a rig: identifying (never read yet), hashing, idle (responds, does not hash), degraded (hashes, but
with a lost board or fan, faults, a flatline, or far below nameplate), offline (does not respond), locked (responds that
access is denied), suspect (reports values that cannot be true; those are not exported)."""

HISTORY_ROWS: Final = 120


@dataclass(frozen=True, slots=True, kw_only=True)
class PollStatus:
    """How polling a rig has gone since the start of the agent; all times are UTC seconds."""

    address: str  # host, or host:port where the port is not the default
    interval: float  # s
    freshness: float | None = None  # s for which a reading counts; None: 2.5 intervals, at least 90 s
    polls: Mapping[str, int] = field(default_factory=dict)  # outcome (ok or a reason of POLL_REASONS) → count
    skipped: int = 0  # ticks skipped because the previous poll was still running
    duration: float | None = None  # s, the last exchange
    last_attempt: float | None = None
    last_success: float | None = None
    last_error: str | None = None  # for people: "timeout: no answer within 5 s"
    last_reason: str | None = None  # the outcome of the last poll
    missing: Mapping[str, int] = field(default_factory=dict)  # refused command → count
    defects: int = 0  # unreadable fields, summed over polls


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """What the agent concludes from a reading: canonical values, without implausible ones."""

    hashrate: float | None = None  # H/s, the canonical steady window
    nameplate: float | None = None  # H/s, the model's data sheet
    power: float | None = None  # W
    power_source: PowerSource | None = None
    efficiency: float | None = None  # J/TH
    flatline: bool = False  # hashrate is reported but no shares are submitted
    reasons: tuple[str, ...] = ()  # why the state is degraded or suspect, one phrase each


@dataclass(frozen=True, slots=True, kw_only=True)
class Counters:
    """Reset-corrected sums since the rig was first seen; they never decrease and survive a restart."""

    accepted: int | None = None
    rejected: int | None = None
    stale: int | None = None
    hardware_errors: int | None = None
    energy: float | None = None  # J
    hashes: float | None = None  # canonical hashrate integrated over the observed time
    resets: int = 0
    revenue_sat: float | None = None  # satoshis, with fraction, after fees
    revenue_micro: float | None = None  # millionths of `currency`: the value of those when they were earned
    cost_micro: float | None = None  # millionths of `currency`, for power at the meter while its price is above zero
    credit_micro: float | None = None  # the same while the price is below zero: received for using power
    revenue_seconds: float = 0.0  # for which revenue_micro is known; other time is a gap, not zero
    cost_seconds: float = 0.0  # for which cost_micro is known
    currency: str | None = None  # of all amounts; None before money was counted


@dataclass(frozen=True, slots=True, kw_only=True)
class RigEconomics:
    """What a rig earns and costs at current rates; a value is None if any of its inputs is unknown.

    Fiat is in `currency`. Revenue is after fees, power is at the meter (with the site's overhead), hashprices are
    before fees. Hashprices, hashcost and breakeven efficiency are Bitcoin's: None for every other algorithm.
    """

    currency: str
    algorithm: str | None = None
    tariff: str | None = None  # tariff group
    metered_power: float | None = None  # W
    revenue_sat_per_day: float | None = None
    revenue_per_day: float | None = None  # fiat
    power_cost_per_day: float | None = None  # fiat
    margin_per_day: float | None = None  # fiat
    gross_margin_ratio: float | None = None
    power_price: float | None = None  # fiat per kWh: average cost, not marginal price
    breakeven_power_price: float | None = None  # fiat per kWh
    breakeven_hashprice: float | None = None  # fiat per PH/s per day
    breakeven_efficiency: float | None = None  # J/TH at the meter
    hashcost: float | None = None  # fiat per PH/s per day
    revenue_per_mwh: float | None = None  # fiat
    cost_per_btc: float | None = None  # fiat
    payback: float | None = None  # s; infinite when the capex is never paid back
    capex: float | None = None  # fiat, price of the rig
    advice: Literal["run", "curtail", "unknown"] | None = None
    strike: float | None = None  # fiat per kWh


@dataclass(frozen=True, slots=True, kw_only=True)
class ShareProof:
    """The hashrate that a rig's accepted shares prove; all H/s are means over the last full window (an hour)."""

    hashrate: float  # H/s, from accepted shares
    low: float  # H/s, lower end of the 95 % interval
    high: float  # H/s, upper end
    reported: float  # H/s, what the rig reported over the same time
    alarm: str | None = None  # missing or excess: two windows in a row below or above the interval
    unaccounted: float | None = None  # share of the reported work without accepted shares, over a day
    unaccounted_error: float | None = None  # one standard error of it
    windows: int = 1  # full windows used for it, at most 24


@dataclass(frozen=True, slots=True, kw_only=True)
class RigSnapshot:
    """Everything known of one rig now; immutable, a newer one replaces it.

    `reading` is None and `judged` empty once the last good response is older than the freshness limit: stale values
    disappear; they are neither kept nor set to zero.
    """

    rig: RigId
    state: str
    polling: PollStatus
    reading: Reading | None = None
    judged: Judged = Judged()
    counters: Counters = Counters()
    economics: RigEconomics | None = None  # None: not configured, or no fresh reading
    proof: ShareProof | None = None  # None: no full window yet, or the rig does not report accepted difficulty
    behind: int | None = None  # blocks its work is behind the tip; None: not reported, or no tip is known
    identity: str | None = None  # mac:…, serial:… or address:…; None: the machine never responded
    tags: Mapping[str, str] = field(default_factory=dict)  # from the config: group and the operator's own tags
    at: float = 0.0  # UTC seconds of the reading

    @property
    def up(self) -> bool:
        """Tell whether the last poll succeeded."""
        return self.polling.last_reason == "ok"


class RigHistory:
    """A short, fixed-size history of one rig for its status page: time, hashrate, power, hottest chip.

    Single precision, with times relative to the first row: ten thousand rigs take 20 MB.
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
    """The rigs that changed since a subscriber last drained the set: at most one entry per rig."""

    __slots__ = ("_changed", "_event")

    def __init__(self) -> None:
        self._changed: dict[RigId, None] = {}
        self._event = asyncio.Event()

    def mark(self, rig: RigId) -> None:
        """Record that `rig` changed or was removed."""
        self._changed[rig] = None
        self._event.set()

    async def wait(self) -> None:
        """Wait until something changed."""
        await self._event.wait()

    def drain(self) -> list[RigId]:
        """Return the changed rigs and clear the set."""
        changed = list(self._changed)
        self._changed.clear()
        self._event.clear()
        return changed


class Fleet:
    """The newest snapshot per rig; exporters read only from here."""

    def __init__(self) -> None:
        self.snapshots: dict[RigId, RigSnapshot] = {}
        self.history: dict[RigId, RigHistory] = {}
        self._subscribers: list[ChangedRigs] = []

    def subscribe(self, changed: ChangedRigs | None = None) -> ChangedRigs:
        """Start to fill `changed` (default: a new set), beginning with every known rig, and return it."""
        changed = ChangedRigs() if changed is None else changed
        for rig in self.snapshots:
            changed.mark(rig)
        self._subscribers.append(changed)
        return changed

    def unsubscribe(self, changed: ChangedRigs) -> None:
        """Stop filling `changed`."""
        self._subscribers.remove(changed)

    def publish(self, snapshot: RigSnapshot) -> None:
        """Replace the snapshot of a rig."""
        self.snapshots[snapshot.rig] = snapshot
        for changed in self._subscribers:
            changed.mark(snapshot.rig)

    def remember(self, snapshot: RigSnapshot) -> None:
        """Add the snapshot's main values to the rig's history (call once per good reading)."""
        history = self.history.get(snapshot.rig)
        if history is None:
            history = self.history[snapshot.rig] = RigHistory()
        boards = snapshot.reading.boards if snapshot.reading else ()
        chips = [b.temperature_chip for b in boards if b.temperature_chip is not None]
        judged = snapshot.judged
        history.add(snapshot.at, judged.hashrate, judged.power, max(chips) if chips else None)

    def remove(self, rig: RigId) -> None:
        """Remove `rig`; its series disappear at the next scrape."""
        if self.snapshots.pop(rig, None) is not None:
            self.history.pop(rig, None)
            for changed in self._subscribers:
                changed.mark(rig)
