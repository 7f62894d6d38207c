"""Reads an answer as JSON, and says what it is where it is none."""

from typing import Any

import orjson

from stratoscope.errors import SourceError


def document(body: bytes) -> Any:
    """Return the JSON value in `body`; raise SourceError."""
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        kind = "HTML" if body.lstrip()[:1] == b"<" else "no JSON"
        raise SourceError("not_json", f"the answer is {kind}") from None
