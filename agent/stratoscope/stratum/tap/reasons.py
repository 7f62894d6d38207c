"""Classifies the errors with which pools reject shares into a closed set of reasons."""

import re
from typing import Any, Final

REJECT_REASONS: Final = (
    "stale",
    "duplicate",
    "low_difficulty",
    "unauthorized",
    "not_subscribed",
    "time",
    "version",
    "other",
)
"""Why a share is rejected; the closed set behind the label `reason`."""

_MAX_TEXT_CHARS: Final = 200
_BY_TEXT: Final = tuple(
    (re.compile(pattern, re.IGNORECASE), reason)
    for pattern, reason in (
        (r"duplicate", "duplicate"),
        (r"ntime|time-(?:too|invalid)|time (?:out of range|invalid)", "time"),
        (r"version", "version"),
        (r"stale|job[ _-]?(?:id )?not[ _-]?found|unknown[ _-](?:work|job)|invalid[ _-]job|no such job", "stale"),
        (r"prev-?bl(?:oc)?k", "stale"),
        (r"low[ _-]?diff|difficulty[ _-]too[ _-]low|above[ _-]target|high-hash|h-not-zero|target", "low_difficulty"),
        (r"mismatch|unauthori[sz]ed|not authori[sz]ed|unknown (?:user|worker)", "unauthorized"),
        (r"not[ _-]subscribed|subscription", "not_subscribed"),
    )
)
_BY_CODE: Final = {21: "stale", 22: "duplicate", 23: "low_difficulty", 24: "unauthorized", 25: "not_subscribed"}


def reject_reason(error: Any) -> str:
    """Return one of REJECT_REASONS for the `error` of a reply: a list of code and text, an object, a text, or None.

    The text takes precedence over the code, because pools use one code for different errors: datum-gateway sends 21
    for a wrong time and 20 for an unknown job, ckpool sends 20 for almost everything.
    """
    code, text = code_and_text(error)
    for pattern, reason in _BY_TEXT:
        if pattern.search(text):
            return reason
    return _BY_CODE.get(code, "other")


def code_and_text(error: Any) -> tuple[int, str]:
    """Return the code (0 if there is none) and the text in the `error` of a reply."""
    if isinstance(error, dict):
        error = [error.get("code"), error.get("message")]
    parts = error if isinstance(error, list) else [error]
    code = next((part for part in parts[:2] if isinstance(part, int) and not isinstance(part, bool)), 0)
    text = next((part for part in parts[:3] if isinstance(part, str)), "")
    return code, text[:_MAX_TEXT_CHARS]
