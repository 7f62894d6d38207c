"""Reads the fields of pool responses: numbers as text or JSON, bitcoin as whole satoshis, times, and units.

An absent field is None. An unreadable field is None and a defect; a missing required field is a defect too. A response
that is not the expected kind of document raises SourceError.
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

MAX_ROWS: Final = 20_000
"""Rows (workers, earnings, payouts) read from one response; more are ignored."""
MIN_TIME: Final = 1_230_768_000.0  # UTC s; the first block is of 2009
MAX_TIME: Final = 5e9  # UTC s
MIN_MILLISECONDS: Final = 1e11
"""A larger time is in milliseconds: in seconds it would be beyond the year 5000."""
MAX_SATOSHIS: Final = 21_000_000 * SATOSHIS
AMOUNT: Final = re.compile(r"\d{1,10}(?:\.\d{1,30})?(?:[eE][+-]?\d{1,2})?")
MAX_NUMBER: Final = 1e30
"""Above any real hashrate or difficulty."""
SUFFIXED: Final = re.compile(r"(\d{1,20}(?:\.\d{1,30})?(?:[eE][+-]?\d{1,2})?)\s*([kKMGTPEZY]?)(?:[hH](?:ash)?/s)?")
SUFFIXES: Final = {letter: KILO**power for power, letter in enumerate("KMGTPEZY", 1)} | {"": 1.0, "k": KILO}
T = TypeVar("T")


def parse_satoshis(value: Any) -> int | None:
    """Return an amount of bitcoin as whole satoshis (decimal arithmetic, half to even); None if it is not one."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    text = str(value).strip()
    if not AMOUNT.fullmatch(text):
        return None
    amount = int((Decimal(text) * SATOSHIS).to_integral_value(ROUND_HALF_EVEN))
    return amount if amount <= MAX_SATOSHIS else None


def parse_suffixed(value: Any) -> float | None:
    """Return a number with an optional SI suffix: "85.4T" is 8.54e13; None if it is not a number."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    match = SUFFIXED.fullmatch(str(value).strip()[:60])
    number = float(match[1]) * SUFFIXES[match[2]] if match else MAX_NUMBER
    return number if number < MAX_NUMBER else None


def parse_time(value: Any) -> float | None:
    """Return seconds, milliseconds, or an ISO 8601 time (UTC unless it has an offset) as UTC s; None if not a time."""
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
    seconds = value / KILO if value > MIN_MILLISECONDS else float(value)
    return seconds if MIN_TIME < seconds < MAX_TIME else None


class AnswerReader(Fields):
    """Reads the fields of one JSON object in a pool's response and collects defects."""

    __slots__ = ()

    def child(self, key: str) -> "AnswerReader":
        """Return a reader of the object under `key`; an empty one if it is absent."""
        return AnswerReader(self.raw.get(key), f"{self.path}/{key}", self.defects)

    def rows(self, key: str) -> "list[AnswerReader] | None":
        """Return readers of the objects in the list under `key`; None if there is no list."""
        value = self.raw.get(key)
        if not isinstance(value, list):
            if value is not None:
                self.add_defect(key, value, "not a list")
            return None
        return list(self._iter_readers(key, value[:MAX_ROWS]))

    def _iter_readers(self, key: str, values: list[Any]) -> "Iterator[AnswerReader]":
        for at, value in enumerate(values):
            yield AnswerReader(value, f"{self.path}/{key}/{at}", self.defects)

    def named_rows(self, key: str) -> "list[tuple[str, AnswerReader]] | None":
        """Return (name, reader) of each object in the object under `key`; None if there is no object."""
        value = self.raw.get(key)
        if not isinstance(value, dict):
            if value is not None:
                self.add_defect(key, value, "not an object")
            return None
        pairs = list(value.items())[:MAX_ROWS]
        return [
            (name, AnswerReader(one, f"{self.path}/{key}/{at}", self.defects)) for at, (name, one) in enumerate(pairs)
        ]

    def require(self, *keys: str) -> "AnswerReader":
        """Record a defect for each of `keys` that is missing; return this reader."""
        for key in keys:
            if self.raw.get(key) in (None, ""):
                self.add_defect(key, None, "missing")
        return self

    def sat(self, *keys: str) -> int | None:
        """Return the first present key, an amount of bitcoin, in whole satoshis."""
        return self._convert(keys, parse_satoshis, "not an amount of bitcoin")

    def rate(self, *keys: str, scale: float | None = 1.0) -> float | None:
        """Return the first present key times `scale` as H/s; the number may have an SI suffix."""
        value = self._convert(keys, parse_suffixed, "not a hashrate")
        return None if value is None or scale is None else value * scale

    def time(self, *keys: str) -> float | None:
        """Return the first present key as UTC s; pools write 0 or "" for "never", which is None."""
        present = [key for key in keys if self.raw.get(key) not in (0, "0") or self.raw[key] is False]
        return self._convert(present, parse_time, "not a time")

    def _convert(self, keys: Iterable[str], convert: Callable[[Any], T | None], reason: str) -> T | None:
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
        """Return the reported hashrates in H/s; `windows` is window in s → key. Without `scale` there are none."""
        found = {window: self.rate(key, scale=scale) for window, key in windows.items()}
        return {window: rate for window, rate in found.items() if rate is not None}

    def unit(self, key: str) -> float | None:
        """Return the factor of the hashrate unit named under `key`; None and a defect if it is missing or unknown."""
        word = self.raw.get(key)
        text = str(word)[:8].strip().upper()
        factor = HASH_UNITS.get(text) or HASH_UNITS.get(f"{text}H")
        if factor is None:
            self.add_defect(key, word, "not a unit of hashrate")
        return factor

    def defect_texts(self) -> tuple[str, ...]:
        """Return the defects as text, without the values: they may contain a secret."""
        return tuple(f"{defect.path.strip('/').replace('/', '.')}: {defect.reason}" for defect in self.defects)


def read_object(body: bytes) -> AnswerReader:
    """Return a reader of the JSON object in `body`; raise SourceError if it is not one."""
    return AnswerReader(require_object(document(body)))


def require_object(value: Any) -> dict[str, Any]:
    """Return `value`; raise SourceError if it is not a JSON object."""
    if not isinstance(value, dict):
        raise SourceError("schema", "the response is not an object")
    return value


def read_rows(rows: Sequence[AnswerReader] | None, read: Callable[[AnswerReader], T | None]) -> tuple[T, ...] | None:
    """Return the results of `read` for each row, without None; None if there is no list."""
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


def refusal_error(code: Any, text: Any, reason: str | None = None) -> SourceError:
    """Return the error for an HTTP 200 response that is a refusal; without `reason`, its text decides the reason."""
    words = clean_text(text, 100) if isinstance(text, str) else ""
    shown = " ".join(filter(None, (clean_text(str(code)[:20]), words)))
    found = reason or next((name for name, pattern in REFUSALS if pattern.search(words)), "refused")
    return SourceError(found, f"the pool says: {shown}" if shown else "the pool does not say why")


def parse_day(text: Any, offset: float = 0.0) -> tuple[float, float] | None:
    """Return start and end in UTC s of a day like "2018-10-05" at UTC offset `offset` s; None if it is not a day."""
    if not isinstance(text, str) or not re.fullmatch(r"\d{4}-\d{2}-\d{2}", text):
        return None
    start = parse_time(text)
    return None if start is None else (start - offset, start - offset + DAY)


def format_day(at: float) -> str:
    """Return the UTC day of `at` (UTC s), like "2025-06-15"."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d")


def sum_by_name(workers: Iterable[WorkerReport]) -> tuple[WorkerReport, ...]:
    """Return one worker per name: hashrates added, work of all, the newest share, the best state."""
    by_name: dict[str, list[WorkerReport]] = {}
    for worker in workers:
        by_name.setdefault(worker.name, []).append(worker)
    return tuple(same[0] if len(same) == 1 else _merge(same) for same in by_name.values())


def _merge(same: list[WorkerReport]) -> WorkerReport:
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
        state=states[0] if states else None,  # type: ignore[arg-type]  # mypy sees str, the list has only states
    )
