"""Reads whether the grid calls for less load: a demand response, or a coincident peak that may come now.

A call is a boolean that something outside keeps up to date. One kilowatt-hour in a coincident peak costs more than any
strike, so a call decides alone. A call that was not confirmed for too long is unknown: then nothing says "run".
"""

from dataclasses import dataclass
from typing import Any, Final

from stratoscope.errors import SourceError
from stratoscope.events import Event
from stratoscope.outside.feed import Feed, begins_at, found_in

WORDS: Final = {"true": True, "on": True, "yes": True, "1": True, "false": False, "off": False, "no": False, "0": False}
"""What services and home automation write for a boolean; case does not matter."""


@dataclass(frozen=True, slots=True)
class Call:
    """Whether the grid called for less load at a moment."""

    on: bool
    at: float  # UTC s


def call_of(body: bytes, feed: Feed, at: float) -> Call:
    """Return what `body` says, as of the time it names, else of UTC `at`; raise SourceError."""
    document = found_in(body)
    on = _flag(feed.walk(document))
    return Call(on, min(begins_at(document, feed, at), at))


def called(call: Call | None, max_age: float, at: float) -> bool | None:
    """Return whether the grid calls at UTC `at`; None where nobody has said so for `max_age` s."""
    return call.on if call is not None and at - call.at < max_age else None


def _flag(value: Any) -> bool:
    """Return a boolean of true, 1, "on" and their like; raise SourceError where it is none."""
    if isinstance(value, bool):
        return value
    if isinstance(value, int | float) and value in (0, 1):
        return bool(value)
    if isinstance(value, str) and (word := value.strip().lower()) in WORDS:
        return WORDS[word]
    raise SourceError("schema", "it is neither true nor false: true, 1, on, yes and their opposites are known")


def call_event(tariff: str, now: bool | None, at: float) -> Event:
    """Return the event of a call that began (`now` is True), ended (False) or is no longer confirmed (None)."""
    said = {
        True: "calls for less load",
        False: "no longer calls",
        None: "was not heard of: whether it calls is unknown",
    }
    text = f"tariff {tariff}: the grid {said[now]}"
    return Event(kind="curtail_call", at=at, text=text, details={"tariff": tariff, "called": now})
