"""Distinguishes answers from refusals: STATUS in the CGMiner API and its dialects, the code in WhatsMiner v3."""

from typing import Any, Final

ACCESS_DENIED: Final = 45
EMPTY_ANSWER_CODES: Final = frozenset({8, 10})  # severity E, but an answer: no pools configured, no hashboards found


def cgminer_refusal(answer: Any) -> str | None:
    """Return the reason of a refusal (denied, refused_command), or None for an answer.

    STATUS is in a list (cgminer), alone (Antminer's web API) or flat next to Code and Msg (WhatsMiner). S, I and W are
    answers, E and F are not; without STATUS it is an answer.
    """
    status = answer.get("STATUS") if isinstance(answer, dict) else None
    if isinstance(status, list):
        status = status[0] if status else None
    if isinstance(status, str):
        status = answer
    if not isinstance(status, dict) or status.get("STATUS") not in ("E", "F"):
        return None
    code = code_of(status)
    if code in EMPTY_ANSWER_CODES:
        return None
    return "denied" if code == ACCESS_DENIED else "refused_command"


def code_of(status: dict[str, Any]) -> int | None:
    """Return the Code of a STATUS row as integer; pipe text sends it as text."""
    code = status.get("Code")
    if isinstance(code, str) and code.isdecimal() and len(code) < 6:
        return int(code)
    return code if isinstance(code, int) else None


def refusal_text(answer: Any) -> str:
    """Return the readable text of a refusal, at most 120 characters."""
    status = answer.get("STATUS", answer.get("msg")) if isinstance(answer, dict) else answer
    if isinstance(status, list) and status:
        status = status[0]
    if isinstance(status, dict):
        return f"{status.get('Msg')} (Code {status.get('Code')})"[:120]
    return str(answer.get("Msg", status) if isinstance(answer, dict) else status)[:120]


def whatsminer3_refusal(answer: Any) -> str | None:
    """Return the reason of a WhatsMiner v3 refusal, or None: code 0 is an answer."""
    code = answer.get("code") if isinstance(answer, dict) else None
    if code == 0:
        return None
    return "denied" if code in (-4, ACCESS_DENIED) else "refused_command"


def split_joined(answer: dict[str, Any], verbs: list[str]) -> dict[str, Any] | None:
    """Return the answers of a joined command by verb, or None if the rig did not accept it as one.

    {"summary": [{..}], "stats": [{..}], "id": 1} → {"summary": {..}, "stats": {..}}
    """
    parts: dict[str, Any] = {}
    for verb in verbs:
        part = answer.get(verb)
        if isinstance(part, list) and part:
            part = part[0]
        if not isinstance(part, dict):
            return None
        parts[verb] = part
    return parts
