"""Sorts the ways in which pools refuse a share into a closed set of reasons."""

import re
from typing import Any, Final

REASONS: Final = (
    "stale",
    "duplicate",
    "low_difficulty",
    "unauthorized",
    "not_subscribed",
    "time",
    "version",
    "other",
)
"""Why a share is refused: the closed set behind the label `reason`."""

_LONGEST: Final = 200
_BY_TEXT: Final = tuple(
    (re.compile(pattern, re.IGNORECASE), reason)
    for pattern, reason in (
        (r"duplicate", "duplicate"),
        (r"ntime|time-(?:too|invalid)|time (?:out of range|invalid)", "time"),
        (r"version", "version"),
        (
            (
                r"stale|job[ _-]?(?:id )?not[ _-]?found|unknown[ _-](?:work|job)|invalid[ _-]job|no such job"
                r"|prev-?bl(?:oc)?k"
            ),
            "stale",
        ),
        (r"low[ _-]?diff|difficulty[ _-]too[ _-]low|above[ _-]target|high-hash|h-not-zero|target", "low_difficulty"),
        (r"mismatch|unauthori[sz]ed|not authori[sz]ed|unknown (?:user|worker)", "unauthorized"),
        (r"not[ _-]subscribed|subscription", "not_subscribed"),
    )
)
_BY_CODE: Final = {21: "stale", 22: "duplicate", 23: "low_difficulty", 24: "unauthorized", 25: "not_subscribed"}


def reason_of(error: Any) -> str:
    """Return one of REASONS for the `error` of a reply: a list of code and text, an object, a text, or nothing.

    Text goes before code: pools put what they like under one code. datum-gateway sends 21 for a wrong time and 20 for
    an unknown job, ckpool 20 for almost anything.
    """
    code, text = code_and_text(error)
    for pattern, reason in _BY_TEXT:
        if pattern.search(text):
            return reason
    return _BY_CODE.get(code, "other")


def code_and_text(error: Any) -> tuple[int, str]:
    """Return the code (0 where there is none) and the text in the `error` of a reply."""
    if isinstance(error, dict):
        error = [error.get("code"), error.get("message")]
    parts = error if isinstance(error, list) else [error]
    code = next((part for part in parts[:2] if isinstance(part, int) and not isinstance(part, bool)), 0)
    text = next((part for part in parts[:3] if isinstance(part, str)), "")
    return code, text[:_LONGEST]
