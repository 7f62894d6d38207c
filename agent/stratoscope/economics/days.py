"""Sums what the site, and optionally each rig, earned and cost per UTC day, and how much of the day is known."""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, fields
from datetime import UTC, date, datetime
from typing import Final, NamedTuple

from stratoscope.fleet import Counters
from stratoscope.units import DAY

SITE: Final = ""
"""The value of `rig` in the rows of the whole site."""


class EarningsBasis(NamedTuple):
    """The basis of the earnings: fiat per bitcoin, difficulty, sat of fees per block, ratio of our own fees."""

    price: float
    difficulty: float
    fees: float
    fee: float


@dataclass(slots=True, kw_only=True)
class DayRow:
    """The sums of one UTC day of the site or of one rig; None is unknown.

    Price, difficulty, fees and fee are means over `basis_seconds`. `scheduled_seconds` are the rig-seconds of the day,
    including gaps and times without the agent: revenue_seconds or cost_seconds over it is the coverage.
    """

    day: str  # 2026-01-12
    site: str
    rig: str
    currency: str
    sat: float | None = None
    revenue: float | None = None  # millionths of currency
    cost: float | None = None  # millionths of currency; negative for negative power prices
    energy: float | None = None  # J, at the rigs
    hashes: float | None = None
    revenue_seconds: float = 0.0
    cost_seconds: float = 0.0
    scheduled_seconds: float = 0.0
    price: float | None = None
    difficulty: float | None = None
    fees: float | None = None
    fee: float | None = None
    basis_seconds: float = 0.0
    until: float = 0.0  # UTC s up to which scheduled_seconds is counted


class CounterIncrease(NamedTuple):
    """The increase of a rig's sums in one poll; None is unknown."""

    sat: float | None
    revenue: float | None
    cost: float | None
    energy: float | None
    hashes: float | None
    revenue_seconds: float
    cost_seconds: float

    def times(self, share: float) -> "CounterIncrease":
        """Return this share of the increase."""
        return CounterIncrease(*(None if value is None else value * share for value in self))  # type: ignore[arg-type]  # the seconds are never None

    def less(self, other: "CounterIncrease") -> "CounterIncrease":
        """Return the rest of the increase without `other`."""
        return CounterIncrease(*(None if a is None or b is None else a - b for a, b in zip(self, other, strict=True)))  # type: ignore[arg-type]  # as above


def increase_between(before: Counters, after: Counters) -> CounterIncrease:
    """Return the increase of a rig's sums."""
    cost, credit = _more(before.cost_micro, after.cost_micro), _more(before.credit_micro, after.credit_micro)
    return CounterIncrease(
        _more(before.revenue_sat, after.revenue_sat),
        _more(before.revenue_micro, after.revenue_micro),
        cost if credit is None else (cost or 0.0) - credit,
        _more(before.energy, after.energy),
        _more(before.hashes, after.hashes),
        after.revenue_seconds - before.revenue_seconds,
        after.cost_seconds - before.cost_seconds,
    )


class DayTable:
    """The rows of the current days of a site; with `rig_days` also one row per rig."""

    def __init__(self, site: str, currency: str, *, rig_days: bool = False, rows: Iterable[DayRow] = ()) -> None:
        """Continue with `rows`, the newest ones of the ledger; ignore those of another site or currency."""
        self.site, self.currency, self.rig_days = site, currency, rig_days
        self._days = {(row.day, row.rig): row for row in rows if (row.site, row.currency) == (site, currency)}
        self._changed: set[tuple[str, str]] = set()
        self._until = max((row.until for row in self._days.values() if row.rig == SITE), default=None)
        self._today = (0.0, 0.0, "")  # start, end, name

    def add(self, rig: str, more: CounterIncrease, start: float, end: float) -> None:
        """Add what a rig earned and cost from UTC `start` to `end`; across midnight it is split by time."""
        rest, length = more, end - start
        for day, begin, until in self._days_between(start, end):
            part = rest
            if until < end:
                part = more.times((until - begin) / length)
                rest = rest.less(part)
            self._add_to(day, SITE, part)
            if self.rig_days:
                self._add_to(day, rig, part)

    def count_time(self, at: float, rigs: Collection[str], basis: EarningsBasis | None) -> None:
        """Count the rig-seconds up to UTC `at`, and add the basis to its means.

        If the agent was not running, the rest of the last day and the start of this one are counted with the current
        rigs; whole days in between have no rows.
        """
        since = at if self._until is None else self._until
        self._until = at
        if not since < at:
            return
        stretches = list(self._days_between(since, at))
        for day, begin, until in stretches if len(stretches) < 3 else (stretches[0], stretches[-1]):
            self._count_seconds(day, SITE, len(rigs) * (until - begin), until)
            if self.rig_days:
                for rig in rigs:
                    self._count_seconds(day, rig, until - begin, until)
        if basis is not None and len(stretches) == 1:
            self._add_basis(self._row(stretches[0][0], SITE), basis, at - since)

    def drain(self) -> list[DayRow]:
        """Return copies of the rows changed since the last call, and drop past days."""
        rows = [_copy(self._days[key]) for key in self._changed]
        self._changed.clear()
        newest = max((row.day for row in rows), default="")
        for key in [key for key in self._days if key[0] < newest and _ends(key[0]) + DAY < (self._until or 0.0)]:
            del self._days[key]
        return rows

    def today(self) -> DayRow | None:
        """Return the newest row of the site."""
        return max((row for row in self._days.values() if row.rig == SITE), key=lambda row: row.day, default=None)

    def _row(self, day: str, rig: str) -> DayRow:
        row = self._days.get((day, rig))
        if row is None:
            row = self._days[day, rig] = DayRow(day=day, site=self.site, rig=rig, currency=self.currency)
        self._changed.add((day, rig))
        return row

    def _add_to(self, day: str, rig: str, more: CounterIncrease) -> None:
        row = self._row(day, rig)
        row.sat = _plus(row.sat, more.sat)
        row.revenue = _plus(row.revenue, more.revenue)
        row.cost = _plus(row.cost, more.cost)
        row.energy = _plus(row.energy, more.energy)
        row.hashes = _plus(row.hashes, more.hashes)
        row.revenue_seconds += more.revenue_seconds
        row.cost_seconds += more.cost_seconds

    def _count_seconds(self, day: str, rig: str, seconds: float, until: float) -> None:
        row = self._row(day, rig)
        row.scheduled_seconds += seconds
        row.until = until

    def _add_basis(self, row: DayRow, basis: EarningsBasis, seconds: float) -> None:
        weight = row.basis_seconds + seconds
        for name, value in zip(EarningsBasis._fields, basis, strict=True):
            known = getattr(row, name)
            setattr(row, name, value if known is None else known + (value - known) * seconds / weight)
        row.basis_seconds = weight

    def _days_between(self, start: float, end: float) -> Iterator[tuple[str, float, float]]:
        """Yield name, start and end of each UTC day, or part of one, from `start` to `end`."""
        begin, until, name = self._today
        if begin <= start and end <= until:  # nearly always
            yield name, start, end
            return
        while True:
            midnight = (start // DAY + 1) * DAY
            name = _name(start)
            if end <= midnight:
                self._today = (midnight - DAY, midnight, name)
                yield name, start, end
                return
            yield name, start, midnight
            start = midnight


def _name(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).date().isoformat()


def _ends(day: str) -> float:
    start = datetime.combine(date.fromisoformat(day), datetime.min.time(), UTC).timestamp()
    return start + DAY


def _copy(row: DayRow) -> DayRow:
    return DayRow(**{field.name: getattr(row, field.name) for field in fields(DayRow)})


def _more(before: float | None, after: float | None) -> float | None:
    return None if after is None else after - (before or 0.0)


def _plus(total: float | None, more: float | None) -> float | None:
    return total if more is None else (total or 0.0) + more
