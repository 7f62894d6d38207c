"""Reads whether the grid calls for less load: demand response, or a possible coincident peak.

A call is a boolean that an outside system keeps up to date. One kWh in a coincident peak costs more than any strike, so
a call alone decides. A call that is not confirmed for too long is unknown: then the advice is not "run".
"""

from dataclasses import dataclass
from typing import Any, Final

from stratoscope.errors import SourceError
from stratoscope.events import Event
from stratoscope.outside.feed import Feed, begins_at, parse_json

BOOLEAN_WORDS: Final = {
    "true": True,
    "on": True,
    "yes": True,
    "1": True,
    "false": False,
    "off": False,
    "no": False,
    "0": False,
}
"""How services and home automation write a boolean; case is ignored."""


@dataclass(frozen=True, slots=True)
class GridCall:
    """Whether the grid calls for less load, as of a time."""

    on: bool
    at: float  # UTC s


def parse_call(body: bytes, feed: Feed, at: float) -> GridCall:
    """Return the call in `body` with the time in it, else with UTC `at`; raise SourceError."""
    document = parse_json(body)
    on = _flag(feed.walk(document))
    return GridCall(on, min(begins_at(document, feed, at), at))


def is_called(call: GridCall | None, max_age: float, at: float) -> bool | None:
    """Return whether the grid calls for less load at `at`; None if the call is absent or older than `max_age` s."""
    return call.on if call is not None and at - call.at < max_age else None


def _flag(value: Any) -> bool:
    """Return the boolean in true, 1, "on" and the like; raise SourceError for anything else."""
    if isinstance(value, bool):
        return value
    if isinstance(value, int | float) and value in (0, 1):
        return bool(value)
    if isinstance(value, str) and (word := value.strip().lower()) in BOOLEAN_WORDS:
        return BOOLEAN_WORDS[word]
    raise SourceError("schema", "the value is not a boolean: use true, 1, on, yes or their opposites")


def call_event(tariff: str, now: bool | None, at: float) -> Event:
    """Return the event of a call that started (`now` is True), ended (False) or became unknown (None)."""
    change = {
        True: "the grid calls for less load",
        False: "the grid no longer calls for less load",
        None: "the grid call is no longer confirmed and counts as unknown",
    }
    text = f"tariff {tariff}: {change[now]}"
    return Event(kind="curtail_call", at=at, text=text, details={"tariff": tariff, "called": now})
