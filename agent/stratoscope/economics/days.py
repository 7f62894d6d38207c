"""Adds up what the site, and each rig if wanted, earned and spent per UTC day, with how much of the day is known."""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, fields
from datetime import UTC, date, datetime
from typing import Final, NamedTuple

from stratoscope.fleet import Counters
from stratoscope.units import DAY

SITE: Final = ""
"""Stands for the whole site where a row names its rig."""


class Basis(NamedTuple):
    """What earnings were reckoned by: fiat per bitcoin, difficulty, sat of fees per block, ratio of our own fees."""

    price: float
    difficulty: float
    fees: float
    fee: float


@dataclass(slots=True, kw_only=True)
class Day:
    """The sums of one UTC day of the site or of one rig; None is unknown. The basis is a mean over `basis_seconds`.

    `scheduled_seconds` are rig-seconds that passed on the day, those of gaps and of the agent's own absence included:
    revenue_seconds and cost_seconds over it are the coverage.
    """

    day: str  # 2026-01-12
    site: str
    rig: str
    currency: str
    sat: float | None = None
    revenue: float | None = None  # millionths of currency
    cost: float | None = None  # millionths of currency; below zero when power paid for itself
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


class Added(NamedTuple):
    """What one poll added; None is unknown."""

    sat: float | None
    revenue: float | None
    cost: float | None
    energy: float | None
    hashes: float | None
    revenue_seconds: float
    cost_seconds: float

    def times(self, part: float) -> "Added":
        """Return a part of it."""
        return Added(*(None if value is None else value * part for value in self))  # type: ignore[arg-type]  # the seconds are never None

    def less(self, other: "Added") -> "Added":
        """Return the rest after `other` was taken."""
        return Added(*(None if a is None or b is None else a - b for a, b in zip(self, other, strict=True)))  # type: ignore[arg-type]  # as above


def added(before: Counters, after: Counters) -> Added:
    """Return what came to a rig's sums."""
    cost, credit = _more(before.cost_micro, after.cost_micro), _more(before.credit_micro, after.credit_micro)
    return Added(
        _more(before.revenue_sat, after.revenue_sat),
        _more(before.revenue_micro, after.revenue_micro),
        cost if credit is None else (cost or 0.0) - credit,
        _more(before.energy, after.energy),
        _more(before.hashes, after.hashes),
        after.revenue_seconds - before.revenue_seconds,
        after.cost_seconds - before.cost_seconds,
    )


class DayBook:
    """The present days. `site` names the rows, `rig_days` also keeps one per rig."""

    def __init__(self, site: str, currency: str, *, rig_days: bool = False, rows: Iterable[Day] = ()) -> None:
        """Go on from `rows`, the newest ones of the ledger; those of another site or currency are left alone."""
        self.site, self.currency, self.rig_days = site, currency, rig_days
        self._days = {(row.day, row.rig): row for row in rows if (row.site, row.currency) == (site, currency)}
        self._changed: set[tuple[str, str]] = set()
        self._until = max((row.until for row in self._days.values() if row.rig == SITE), default=None)
        self._today = (0.0, 0.0, "")  # start, end, name

    def add(self, rig: str, more: Added, start: float, end: float) -> None:
        """Add what a rig earned and spent from UTC `start` to `end`; over midnight each day gets its part by time."""
        rest, length = more, end - start
        for day, begin, until in self._days_between(start, end):
            part = rest
            if until < end:
                part = more.times((until - begin) / length)
                rest = rest.less(part)
            self._enter(day, SITE, part)
            if self.rig_days:
                self._enter(day, rig, part)

    def tick(self, at: float, rigs: Collection[str], basis: Basis | None) -> None:
        """Count the rig-seconds that passed up to UTC `at`, and what the market was like.

        After an absence of the agent the rest of the last day and the beginning of this one count as passed, with the
        rigs of now; whole days between have no rows.
        """
        since = at if self._until is None else self._until
        self._until = at
        if not since < at:
            return
        stretches = list(self._days_between(since, at))
        for day, begin, until in stretches if len(stretches) < 3 else (stretches[0], stretches[-1]):
            self._pass(day, SITE, len(rigs) * (until - begin), until)
            if self.rig_days:
                for rig in rigs:
                    self._pass(day, rig, until - begin, until)
        if basis is not None and len(stretches) == 1:
            self._learn(self._row(stretches[0][0], SITE), basis, at - since)

    def drain(self) -> list[Day]:
        """Return copies of the rows changed since the last call; days that are over are then forgotten."""
        rows = [_copy(self._days[key]) for key in self._changed]
        self._changed.clear()
        newest = max((row.day for row in rows), default="")
        for key in [key for key in self._days if key[0] < newest and _ends(key[0]) + DAY < (self._until or 0.0)]:
            del self._days[key]
        return rows

    def today(self) -> Day | None:
        """Return the site's newest row."""
        return max((row for row in self._days.values() if row.rig == SITE), key=lambda row: row.day, default=None)

    def _row(self, day: str, rig: str) -> Day:
        row = self._days.get((day, rig))
        if row is None:
            row = self._days[day, rig] = Day(day=day, site=self.site, rig=rig, currency=self.currency)
        self._changed.add((day, rig))
        return row

    def _enter(self, day: str, rig: str, more: Added) -> None:
        row = self._row(day, rig)
        row.sat = _plus(row.sat, more.sat)
        row.revenue = _plus(row.revenue, more.revenue)
        row.cost = _plus(row.cost, more.cost)
        row.energy = _plus(row.energy, more.energy)
        row.hashes = _plus(row.hashes, more.hashes)
        row.revenue_seconds += more.revenue_seconds
        row.cost_seconds += more.cost_seconds

    def _pass(self, day: str, rig: str, seconds: float, until: float) -> None:
        row = self._row(day, rig)
        row.scheduled_seconds += seconds
        row.until = until

    def _learn(self, row: Day, basis: Basis, seconds: float) -> None:
        weight = row.basis_seconds + seconds
        for name, value in zip(Basis._fields, basis, strict=True):
            known = getattr(row, name)
            setattr(row, name, value if known is None else known + (value - known) * seconds / weight)
        row.basis_seconds = weight

    def _days_between(self, start: float, end: float) -> Iterator[tuple[str, float, float]]:
        """Yield name, begin and end of the stretches of UTC days from `start` to `end`."""
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


def _copy(row: Day) -> Day:
    return Day(**{field.name: getattr(row, field.name) for field in fields(Day)})


def _more(before: float | None, after: float | None) -> float | None:
    return None if after is None else after - (before or 0.0)


def _plus(total: float | None, more: float | None) -> float | None:
    return total if more is None else (total or 0.0) + more
