"""Writes the templates with which Home Assistant extracts values from a document; a missing key means unknown.

Home Assistant keeps the old value if a template fails or renders nothing, and treats the text `None` as unknown.
Therefore every template renders `None` for a missing value.
"""

import string
from functools import lru_cache
from typing import Final

from stratoscope_exporters.homeassistant.shapes import Flag, Shape

PLAIN: Final = frozenset(string.ascii_letters + string.digits + "_-. ")
CONNECTED: Final = "{{ 'ON' if value in ('online', 'suspect') else 'OFF' }}"
"""For an availability topic: a suspect rig does respond, only its values are implausible."""
AVAILABLE: Final = "{{ 'online' if value in ('online', 'suspect') else 'offline' }}"
STATE: Final = "{{ value_json.get('state') }}"
ATTRIBUTES: Final = "{{ {'reasons': value_json.get('reasons', []), 'faults': value_json.get('fault', [])} | tojson }}"


@lru_cache(1 << 12)
def quoted(text: str) -> str:
    """Return `text` as a template string; everything except letters and digits is escaped."""
    return "'" + "".join(c if c in PLAIN else f"\\U{ord(c):08x}" for c in text) + "'"


@lru_cache(1 << 12)
def template(path: tuple[str, ...], shape: Shape | Flag) -> str:
    """Return the template of the value at `path`, in the unit of `shape`."""
    *places, key = path
    value = "value_json" + "".join(f".get({quoted(place)},{{}})" for place in places) + f".get({quoted(key)})"
    if isinstance(shape, Flag):
        return f"{{% set v = {value} %}}{{{{ 'ON' if v == 1 else 'OFF' if v == 0 else None }}}}"
    if shape is Shape.TIME:
        return f"{{% set v = {value} %}}{{{{ v | timestamp_utc if v is number else None }}}}"
    if shape.factor == 1.0:
        return f"{{{{ {value} }}}}"
    return f"{{% set v = {value} %}}{{{{ v / {shape.factor!r} if v is number else None }}}}"
