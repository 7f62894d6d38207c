"""Adds up, per pool and UTC day, what rigs did there and what their hashes were worth; enters what was credited."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Final, NamedTuple

from stratoscope.fleet import RigSnapshot
from stratoscope.pools.report import Earning, Scheme
from stratoscope.reconcile.comparison import Piece
from stratoscope.reconcile.tracks import Stretch
from stratoscope.reconcile.waterfall import PoolDay, Waterfall, waterfall
from stratoscope.units import DAY, HOUR

KEPT: Final = 8
"""Days in memory: pools credit a day up to a day later, some correct it within the week."""
LEAST_COVERAGE: Final = 0.75
"""Part of the rigs' day that must be known before the day is held against what the pool credited."""
WHOLE_DAY: Final = 12 * HOUR
"""A span longer than this is a day; if it is not the UTC day, it is compared with none."""
SETTLING: Final = 2 * HOUR
"""Seconds after midnight before which a pool may not have the day's last earnings in its books."""
LONGEST_TICK: Final = 600.0


class Worth(NamedTuple):
    """What one hash is worth at a moment, in satoshis: at subsidy and mean fees, and at the subsidy alone."""

    gross: float
    subsidy: float


class PoolDays:
    """The present days of one pool. Times are UTC seconds."""

    def __init__(self, site: str, pool: str, rows: Iterable[PoolDay] = ()) -> None:
        """Go on from `rows` of the ledger; those of another site or pool are left alone."""
        self.site, self.pool = site, pool
        self.rows = {row.day: row for row in rows if (row.site, row.pool) == (site, pool)}
        self._changed: set[str] = set()
        self._at: float | None = None
        self._settled: tuple[tuple[object, ...], Waterfall | None] | None = None

    def row(self, at: float) -> PoolDay:
        """Return the row of the day of UTC `at`, to be changed."""
        day = day_name(at)
        row = self.rows.get(day)
        if row is None:
            row = self.rows[day] = PoolDay(day=day, site=self.site, pool=self.pool)
            for old in sorted(self.rows.keys() - {day})[: 1 - KEPT]:
                del self.rows[old]
        self._changed.add(day)
        return row

    def begin(self, at: float, scheme: Scheme | None, fee: float | None, firmware_fee: float) -> float:
        """Begin a look at UTC `at`; return the seconds since the last one, 0 after the machine slept."""
        passed = 0.0 if self._at is None else at - self._at
        self._at = at
        passed = passed if 0 < passed <= LONGEST_TICK else 0.0
        row = self.row(at)
        row.scheme, row.fee, row.firmware_fee = scheme, fee, firmware_fee
        row.watched_seconds += passed
        row.until = at
        return passed

    def passed(
        self,
        at: float,
        seconds: float,
        snapshot: RigSnapshot,
        stretch: Stretch,
        worth: Worth | None,
        works: bool | None = None,
    ) -> None:
        """Count what one rig did in the last `seconds`; `worth` is what a hash is worth, None unknown.

        Of a rig that is not heard the pool may know: `works` is False where it sees no shares of it. Then the rig is
        known to stand still; else nothing is known of it.
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
        elif works is False:
            row.heard_seconds += seconds
        row.reported_hashes += stretch.hashes
        row.accepted += stretch.accepted
        row.rejected += stretch.rejected
        row.stale += stretch.stale
        if worth is not None and stretch.hashes:
            row.valued_hashes += stretch.hashes
            row.reported_sat = (row.reported_sat or 0.0) + stretch.hashes * worth.gross
            row.subsidy_sat = (row.subsidy_sat or 0.0) + stretch.hashes * worth.subsidy

    def compared(self, piece: Piece) -> None:
        """Count a comparison to the day in which its middle lies."""
        row = self.row((piece.start + piece.end) / 2)
        row.compared_hashes += piece.reported
        row.credited_hashes += piece.credited
        row.compared_shares += piece.shares

    def listed(self, at: float, matched: float, every: float) -> None:
        """Count which part of the account's hashrate matched workers were, at one list of workers."""
        row = self.row(at)
        row.matched += matched
        row.listed += every

    def credited(self, earnings: Sequence[Earning], now: float) -> None:
        """Enter what the pool credited, for the days that are over.

        A pool tells whole days, or pieces (blocks, hours) that are added up; of a piece over midnight each day gets its
        part by time. Pieces count only where the list reaches back to the day's beginning. `now` is when the pool was
        asked (UTC s): before SETTLING nothing of a day is entered.
        """
        for row in list(self.rows.values()):
            start = day_start(row.day)
            if start + DAY + SETTLING > now:
                continue
            found = _of_day(earnings, start)
            if found is None:
                continue
            before = row.earned_sat, row.pool_fee_sat, row.rate_ratio, row.stated_hashes
            if found != before:
                row.earned_sat, row.pool_fee_sat, row.rate_ratio, row.stated_hashes = found
                self._changed.add(row.day)

    def settled(self) -> Waterfall | None:
        """Return the newest day that is known from both sides, taken apart."""
        for day in sorted(self.rows, reverse=True):
            row = self.rows[day]
            if row.earned_sat is not None and (row.coverage or 0.0) >= LEAST_COVERAGE:
                stamp = (day, row.earned_sat, row.reported_hashes, row.credited_hashes)
                if self._settled is None or self._settled[0] != stamp:
                    self._settled = stamp, waterfall(row)
                return self._settled[1]
        return None

    def drain(self) -> list[PoolDay]:
        """Return copies of the rows changed since the last call."""
        rows = [replace(self.rows[day]) for day in self._changed if day in self.rows]
        self._changed.clear()
        return rows


Told = tuple[int | None, int | None, float | None, float | None]


def _of_day(earnings: Sequence[Earning], start: float) -> Told | None:
    """Return what was credited for the day from UTC `start`: satoshis, the fee in them, FPPS rate, hashes."""
    end = start + DAY
    inside = [one for one in earnings if one.start < end and one.end > start]
    days = [one for one in inside if one.end - one.start > WHOLE_DAY]
    if days:
        same = [one for one in days if abs(one.start - start) < 1 and abs(one.end - end) <= 1]
        return _sums(same, start, end) if same else None
    pieces = [one for one in earnings if one.end - one.start <= WHOLE_DAY]
    if not pieces or min(one.start for one in pieces) > start or (not inside and max(one.end for one in pieces) < end):
        return None
    return _sums(inside, start, end)


def _sums(inside: Sequence[Earning], start: float, end: float) -> Told:
    parts = [_overlap(one, start, end) for one in inside]
    fees = [one.pool_fee_sat for one in inside]
    rates = {one.rate_ratio for one in inside}
    stated = [
        None if one.hashrate is None else one.hashrate * (one.end - one.start) * part
        for one, part in zip(inside, parts, strict=True)
    ]
    return (
        round(sum(one.sat * part for one, part in zip(inside, parts, strict=True))),
        None if None in fees else round(sum((fee or 0) * part for fee, part in zip(fees, parts, strict=True))),
        rates.pop() if len(rates) == 1 else None,
        None if None in stated else sum(value or 0.0 for value in stated),
    )


def _overlap(one: Earning, start: float, end: float) -> float:
    length = one.end - one.start
    return 1.0 if length <= 0 else max(0.0, min(one.end, end) - max(one.start, start)) / length


def day_name(at: float) -> str:
    """Return the UTC day of `at` as 2026-01-12."""
    return datetime.fromtimestamp(at, UTC).date().isoformat()


def day_start(day: str) -> float:
    """Return the UTC seconds at which a day begins."""
    return datetime.combine(date.fromisoformat(day), datetime.min.time(), UTC).timestamp()
