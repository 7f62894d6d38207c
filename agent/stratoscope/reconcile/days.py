"""Adds up, per pool and UTC day, the rigs' work and its value, and what the pool credited for it."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Final, NamedTuple

from stratoscope.fleet import RigSnapshot
from stratoscope.pools.report import Earning, Scheme
from stratoscope.reconcile.comparison import SpanComparison
from stratoscope.reconcile.rig_curve import RigProgress
from stratoscope.reconcile.waterfall import PoolDay, Waterfall, split_day
from stratoscope.units import DAY, HOUR

KEEP_DAYS: Final = 8
"""Days kept in memory: pools credit a day up to a day later, and some correct it within a week."""
MIN_COVERAGE_RATIO: Final = 0.75
"""Fraction of the rigs' day that must be known to compare it with what the pool credited."""
MIN_DAY_SPAN_S: Final = 12 * HOUR
"""A longer period counts as a whole day; if it is not a UTC day, it is not used."""
SETTLE_S: Final = 2 * HOUR
"""A pool may credit the day's last earnings up to this long after midnight."""
MAX_TICK_S: Final = 600.0
"""A longer time between two updates means that the machine slept; it is not counted."""


class HashValue(NamedTuple):
    """The value of one hash in satoshis: from subsidy and mean fees, and from the subsidy alone."""

    gross: float
    subsidy: float


class PoolDays:
    """The newest days of one pool. Times are UTC seconds."""

    def __init__(self, site: str, pool: str, rows: Iterable[PoolDay] = ()) -> None:
        """Continue from `rows` of the ledger; rows of other sites or pools are ignored."""
        self.site, self.pool = site, pool
        self.rows = {row.day: row for row in rows if (row.site, row.pool) == (site, pool)}
        self._changed: set[str] = set()
        self._at: float | None = None
        self._newest: tuple[tuple[object, ...], Waterfall | None] | None = None

    def row_to_change(self, at: float) -> PoolDay:
        """Return the row of the day of UTC `at`, created if needed, and mark it as changed."""
        day = day_name(at)
        row = self.rows.get(day)
        if row is None:
            row = self.rows[day] = PoolDay(day=day, site=self.site, pool=self.pool)
            for old in sorted(self.rows.keys() - {day})[: 1 - KEEP_DAYS]:
                del self.rows[old]
        self._changed.add(day)
        return row

    def begin(self, at: float, scheme: Scheme | None, fee: float | None, firmware_fee: float) -> float:
        """Start an update at UTC `at`; return the seconds since the last one, 0 if the machine slept in between."""
        elapsed = 0.0 if self._at is None else at - self._at
        self._at = at
        elapsed = elapsed if 0 < elapsed <= MAX_TICK_S else 0.0
        row = self.row_to_change(at)
        row.scheme, row.fee, row.firmware_fee = scheme, fee, firmware_fee
        row.watched_seconds += elapsed
        row.until = at
        return elapsed

    def add_rig_time(
        self,
        at: float,
        seconds: float,
        snapshot: RigSnapshot,
        progress: RigProgress,
        value: HashValue | None,
        working: bool | None = None,
    ) -> None:
        """Add one rig's progress of the last `seconds`; `value` is the value of a hash, None if unknown.

        `working` is False if the pool receives no shares of the rig's worker. Then an unreachable rig counts as
        stopped; otherwise the time of an unreachable rig counts as unknown.
        """
        row = self.rows[day_name(at)]
        row.rig_seconds += seconds
        reading, own = snapshot.reading, snapshot.economics
        if reading is not None:
            row.heard_seconds += seconds
            if reading.hashing is not False and snapshot.judged.hashrate:
                row.hashing_seconds += seconds
            elif own is not None and own.advice == "curtail":
                row.curtailed_seconds += seconds
        elif working is False:
            row.heard_seconds += seconds
        row.reported_hashes += progress.hashes
        row.accepted += progress.accepted
        row.rejected += progress.rejected
        row.stale += progress.stale
        if value is not None and progress.hashes:
            row.valued_hashes += progress.hashes
            row.reported_sat = (row.reported_sat or 0.0) + progress.hashes * value.gross
            row.subsidy_sat = (row.subsidy_sat or 0.0) + progress.hashes * value.subsidy

    def add_comparison(self, span: SpanComparison) -> None:
        """Add a comparison to the day that contains its midpoint."""
        row = self.row_to_change((span.start + span.end) / 2)
        row.compared_hashes += span.reported
        row.credited_hashes += span.credited
        row.compared_shares += span.shares

    def add_coverage(self, at: float, matched: float, total: float) -> None:
        """Add the hashrates of the matched workers and of the whole account, from one worker list."""
        row = self.row_to_change(at)
        row.matched += matched
        row.listed += total

    def set_earnings(self, earnings: Sequence[Earning], now: float) -> None:
        """Set what the pool credited for each finished day.

        A pool reports whole days, or shorter periods (blocks, hours) that are added up; a period over midnight is split
        by time. Shorter periods are used only if the list goes back to the start of the day. `now` is when the pool
        was queried (UTC s); a day is left out until SETTLE_S after its end.
        """
        for row in list(self.rows.values()):
            start = day_start(row.day)
            if start + DAY + SETTLE_S > now:
                continue
            found = _credit_for_day(earnings, start)
            if found is None:
                continue
            before = row.earned_sat, row.pool_fee_sat, row.rate_ratio, row.stated_hashes
            if found != before:
                row.earned_sat, row.pool_fee_sat, row.rate_ratio, row.stated_hashes = found
                self._changed.add(row.day)

    def newest_settled(self) -> Waterfall | None:
        """Return the waterfall of the newest day that is known from both the rigs and the pool."""
        for day in sorted(self.rows, reverse=True):
            row = self.rows[day]
            if row.earned_sat is not None and (row.coverage or 0.0) >= MIN_COVERAGE_RATIO:
                stamp = (day, row.earned_sat, row.reported_hashes, row.credited_hashes)
                if self._newest is None or self._newest[0] != stamp:
                    self._newest = stamp, split_day(row)
                return self._newest[1]
        return None

    def drain(self) -> list[PoolDay]:
        """Return copies of the rows changed since the last call."""
        rows = [replace(self.rows[day]) for day in self._changed if day in self.rows]
        self._changed.clear()
        return rows


_DayCredit = tuple[int | None, int | None, float | None, float | None]
"""Satoshis, the pool's fee in satoshis, the FPPS rate, and the hashes that the pool credited."""


def _credit_for_day(earnings: Sequence[Earning], start: float) -> _DayCredit | None:
    """Return what was credited for the day that starts at UTC `start`; None if the list does not cover it."""
    end = start + DAY
    inside = [one for one in earnings if one.start < end and one.end > start]
    days = [one for one in inside if one.end - one.start > MIN_DAY_SPAN_S]
    if days:
        same = [one for one in days if abs(one.start - start) < 1 and abs(one.end - end) <= 1]
        return _sum_credit(same, start, end) if same else None
    shorter = [one for one in earnings if one.end - one.start <= MIN_DAY_SPAN_S]
    if not shorter or min(one.start for one in shorter) > start:
        return None
    if not inside and max(one.end for one in shorter) < end:
        return None
    return _sum_credit(inside, start, end)


def _sum_credit(inside: Sequence[Earning], start: float, end: float) -> _DayCredit:
    fractions = [_overlap(one, start, end) for one in inside]
    fees = [one.pool_fee_sat for one in inside]
    rates = {one.rate_ratio for one in inside}
    hashes = [None if one.hashrate is None else one.hashrate * (one.end - one.start) for one in inside]
    fee, stated = _weighted_sum(fees, fractions), _weighted_sum(hashes, fractions)
    return (
        round(sum(one.sat * fraction for one, fraction in zip(inside, fractions, strict=True))),
        None if fee is None else round(fee),
        rates.pop() if len(rates) == 1 else None,
        stated,
    )


def _weighted_sum(values: Sequence[float | None], weights: Sequence[float]) -> float | None:
    """Return the weighted sum; None if one of the values is unknown."""
    if None in values:
        return None
    return sum((value or 0.0) * weight for value, weight in zip(values, weights, strict=True))


def _overlap(one: Earning, start: float, end: float) -> float:
    length = one.end - one.start
    return 1.0 if length <= 0 else max(0.0, min(one.end, end) - max(one.start, start)) / length


def day_name(at: float) -> str:
    """Return the UTC day of `at`, like "2026-01-12"."""
    return datetime.fromtimestamp(at, UTC).date().isoformat()


def day_start(day: str) -> float:
    """Return the UTC seconds at which a day starts."""
    return datetime.combine(date.fromisoformat(day), datetime.min.time(), UTC).timestamp()
