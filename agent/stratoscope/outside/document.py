"""Parses a response as JSON."""

from typing import Any

import orjson

from stratoscope.errors import SourceError


def document(body: bytes) -> Any:
    """Return the JSON value in `body`; raise SourceError."""
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        kind = "HTML, not JSON" if body.lstrip()[:1] == b"<" else "not JSON"
        raise SourceError("not_json", f"the response is {kind}") from None
