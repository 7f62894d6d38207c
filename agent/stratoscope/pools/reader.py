"""Reads what a pool said: numbers or numerals, bitcoin as whole satoshis, times in any spelling, units by name.

A field that is absent is None; one that cannot be read is None and a defect; one that must be there and is not is a
defect too. A whole answer that is none raises SourceError.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any, Final, TypeVar

from stratoscope.errors import SourceError
from stratoscope.fields import UNREPORTED, Fields, clean_text
from stratoscope.outside.document import document
from stratoscope.pools.report import WorkerReport
from stratoscope.units import DAY, HASH_UNITS, KILO, SATOSHIS

MOST_ROWS: Final = 20_000
"""Workers, earnings or payouts that are taken from one answer."""
EARLIEST: Final = 1_230_768_000.0  # 2009, the first block
LATEST: Final = 5e9
MILLISECONDS_FROM: Final = 1e11
"""A time above this counts milliseconds: as seconds it would lie beyond the year 5000."""
MOST_SATOSHIS: Final = 21_000_000 * SATOSHIS
AMOUNT: Final = re.compile(r"\d{1,10}(?:\.\d{1,30})?(?:[eE][+-]?\d{1,2})?")
MOST: Final = 1e30
"""No hashrate and no difficulty comes to this."""
SUFFIXED: Final = re.compile(r"(\d{1,20}(?:\.\d{1,30})?(?:[eE][+-]?\d{1,2})?)\s*([kKMGTPEZY]?)(?:[hH](?:ash)?/s)?")
SUFFIXES: Final = {letter: KILO**power for power, letter in enumerate("KMGTPEZY", 1)} | {"": 1.0, "k": KILO}
T = TypeVar("T")


def satoshis(value: Any) -> int | None:
    """Return an amount of bitcoin as whole satoshis, half to even, without a float between; None where it is none."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    text = str(value).strip()
    if not AMOUNT.fullmatch(text):
        return None
    whole = int((Decimal(text) * SATOSHIS).to_integral_value(ROUND_HALF_EVEN))
    return whole if whole <= MOST_SATOSHIS else None


def suffixed(value: Any) -> float | None:
    """Return a number with a letter behind it: "85.4T" is 8.54e13; None where it is none."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    match = SUFFIXED.fullmatch(str(value).strip()[:60])
    number = float(match[1]) * SUFFIXES[match[2]] if match else MOST
    return number if number < MOST else None


def moment(value: Any) -> float | None:
    """Return UTC seconds of seconds, milliseconds, or ISO 8601 (UTC without an offset); None where it is none."""
    if isinstance(value, str):
        text = value.strip()
        if re.fullmatch(r"\d{1,16}(?:\.\d{1,9})?", text):
            value = float(text)
        else:
            try:
                when = datetime.fromisoformat(text[:40])
            except ValueError:
                return None
            value = (when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp()
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1e16:
        return None
    seconds = value / KILO if value > MILLISECONDS_FROM else float(value)
    return seconds if EARLIEST < seconds < LATEST else None


class Said(Fields):
    """A cursor over an answer of a pool."""

    __slots__ = ()

    def child(self, key: str) -> "Said":
        """Return a cursor on the object under `key`; an empty one where it is absent."""
        return Said(self.raw.get(key), f"{self.path}/{key}", self.defects)

    def rows(self, key: str) -> "list[Said] | None":
        """Return cursors on the objects of the list under `key`; None where there is no list."""
        value = self.raw.get(key)
        if not isinstance(value, list):
            if value is not None:
                self.add_defect(key, value, "not a list")
            return None
        return list(self._cursors(key, value[:MOST_ROWS]))

    def _cursors(self, key: str, values: list[Any]) -> "Iterator[Said]":
        for at, value in enumerate(values):
            yield Said(value, f"{self.path}/{key}/{at}", self.defects)

    def named(self, key: str) -> "list[tuple[str, Said]] | None":
        """Return name and cursor of each object of the object under `key`; None where there is none."""
        value = self.raw.get(key)
        if not isinstance(value, dict):
            if value is not None:
                self.add_defect(key, value, "not an object")
            return None
        pairs = list(value.items())[:MOST_ROWS]
        return [(name, Said(one, f"{self.path}/{key}/{at}", self.defects)) for at, (name, one) in enumerate(pairs)]

    def need(self, *keys: str) -> "Said":
        """Record a defect for each of `keys` that is not there."""
        for key in keys:
            if self.raw.get(key) in (None, ""):
                self.add_defect(key, None, "missing")
        return self

    def sat(self, *keys: str) -> int | None:
        """Return the first present key, an amount of bitcoin, as whole satoshis."""
        return self._converted(keys, satoshis, "not an amount of bitcoin")

    def rate(self, *keys: str, scale: float | None = 1.0) -> float | None:
        """Return the first present key as H/s; a letter behind the number counts, then × `scale`."""
        value = self._converted(keys, suffixed, "not a hashrate")
        return None if value is None or scale is None else value * scale

    def time(self, *keys: str) -> float | None:
        """Return the first present key as UTC s; 0 and "" are never, which is not told."""
        told = [key for key in keys if self.raw.get(key) not in (0, "0") or self.raw[key] is False]
        return self._converted(told, moment, "not a time")

    def _converted(self, keys: Iterable[str], convert: Callable[[Any], T | None], reason: str) -> T | None:
        for key in keys:
            value = self.raw.get(key)
            if value is None or (isinstance(value, str) and value.strip().lower() in UNREPORTED):
                continue
            found = convert(value)
            if found is None:
                self.add_defect(key, value, reason)
            return found
        return None

    def rates(self, windows: Mapping[float, str], scale: float | None = 1.0) -> dict[float, float]:
        """Return the hashrates in H/s that are told: window in s → key of it; none where `scale` is not known."""
        found = {window: self.rate(key, scale=scale) for window, key in windows.items()}
        return {window: rate for window, rate in found.items() if rate is not None}

    def unit(self, key: str) -> float | None:
        """Return the factor of the unit named under `key`; None where there is none, or an unknown one."""
        word = self.raw.get(key)
        text = str(word)[:8].strip().upper()
        factor = HASH_UNITS.get(text) or HASH_UNITS.get(f"{text}H")
        if factor is None:
            self.add_defect(key, word, "not a unit of hashrate")
        return factor

    def wrong(self) -> tuple[str, ...]:
        """Return what could not be read, without the values: they may hold a secret."""
        return tuple(f"{defect.path.strip('/').replace('/', '.')}: {defect.reason}" for defect in self.defects)


def opened(body: bytes) -> Said:
    """Return a cursor on the object in `body`; raise SourceError where it is none."""
    return Said(an_object(document(body)))


def an_object(value: Any) -> dict[str, Any]:
    """Return `value`; raise SourceError where it is no JSON object."""
    if not isinstance(value, dict):
        raise SourceError("schema", "the answer is not an object")
    return value


def each(rows: Sequence[Said] | None, read: Callable[[Said], T | None]) -> tuple[T, ...] | None:
    """Return what `read` makes of each row, without those it makes nothing of; None where there is no list."""
    return None if rows is None else tuple(one for row in rows if (one := read(row)) is not None)


REFUSALS: Final = (
    ("rate_limited", re.compile(r"too many|too frequent|frequen|rate.?limit|limit exceeded|throttl", re.IGNORECASE)),
    (
        "auth",
        re.compile(
            r"auth|permission|denied|forbidden|sign|token|credential|\bkey\b|api.?key|access.?key|white.?list|\bip\b|log.?in",
            re.IGNORECASE,
        ),
    ),
)


def refusal(code: Any, text: Any, reason: str | None = None) -> SourceError:
    """Return the error for a refusal that came as a good answer; its reason follows from what the pool says."""
    words = clean_text(text, 100) if isinstance(text, str) else ""
    shown = " ".join(filter(None, (clean_text(str(code)[:20]), words)))
    found = reason or next((name for name, pattern in REFUSALS if pattern.search(words)), "refused")
    return SourceError(found, f"the pool says: {shown}" if shown else "the pool gives no reason")


def day_of(text: Any, offset: float = 0.0) -> tuple[float, float] | None:
    """Return begin and end in UTC s of the day "2018-10-05" in a zone `offset` s east of Greenwich; None where none."""
    if not isinstance(text, str) or not re.fullmatch(r"\d{4}-\d{2}-\d{2}", text):
        return None
    begin = moment(text)
    return None if begin is None else (begin - offset, begin - offset + DAY)


def iso_day(at: float) -> str:
    """Return the UTC day of UTC s `at` as 2025-06-15."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d")


def added_up(workers: Iterable[WorkerReport]) -> tuple[WorkerReport, ...]:
    """Return workers with those of one name as one: hashrates added, the newest share, the best state."""
    by_name: dict[str, list[WorkerReport]] = {}
    for worker in workers:
        by_name.setdefault(worker.name, []).append(worker)
    return tuple(same[0] if len(same) == 1 else _one(same) for same in by_name.values())


def _one(same: list[WorkerReport]) -> WorkerReport:
    rates: dict[float, float] = {}
    for worker in same:
        for window, rate in worker.hashrate.items():
            rates[window] = rates.get(window, 0.0) + rate
    states = [state for state in ("active", "inactive", "dead") if any(w.state == state for w in same)]
    return WorkerReport(
        name=same[0].name,
        hashrate=rates,
        work=tuple(tally for worker in same for tally in worker.work),
        last_share=max((w.last_share for w in same if w.last_share is not None), default=None),
        state=states[0] if states else None,  # type: ignore[arg-type]  # of the three words above
    )
