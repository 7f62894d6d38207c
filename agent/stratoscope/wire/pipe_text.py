r"""Parses the API's plain text form, `STATUS=S,..|SUMMARY,Elapsed=305,..|`, into the shape of its JSON form.

cgminer answers in text if a request has no braces; some Avalon and Hammer firmwares always answer so. Values stay
text. Escapes are cgminer's: a backslash before `\`, `|`, `,` and `=`.
"""

import re
from typing import Any, Final

from stratoscope.errors import Garbled

ROWS: Final = re.compile(r"(?:[^|\\]++|\\.)++", re.DOTALL)
CELLS: Final = re.compile(r"(?:[^,\\]++|\\.)++", re.DOTALL)
NAME: Final = re.compile(r"((?:[^=\\]++|\\.)*+)=(.*)", re.DOTALL)
UNESCAPE: Final = re.compile(r"\\(.)", re.DOTALL)

DEVICES: Final = frozenset({"PGA", "ASC", "GPU", "CPU"})
# The STATUS code decides the JSON section of a row like PGA=0: that of `devs` and `procs`, or of `cpu|0`.
SECTION_BY_CODE: Final = {"9": "DEVS", "17": "GPU", "18": "CPU", "57": "PGA", "106": "ASC"}
PLURAL: Final = {"POOL": "POOLS"}


def is_pipe_text(raw: bytes) -> bool:
    """Return whether `raw` starts like pipe text."""
    return raw.startswith((b"STATUS=", b"CMD="))


def parse(raw: bytes) -> dict[str, Any]:
    """Return {"STATUS": [{..}], "SUMMARY": [{..}]}, or for a joined answer {"summary": [{"STATUS": ..}], ..}.

    Raises Garbled("truncated") unless the text ends with the bar that closes every row.
    """
    text = raw.decode("utf-8", "replace").rstrip(" \r\n\0")
    if not text.endswith("|"):
        raise Garbled("truncated", "the answer ended early: no closing bar")
    answer: dict[str, Any] = {}
    joined: dict[str, Any] = {}
    for row in ROWS.findall(text):
        row = row.strip("\r\n\0")
        if row.startswith("CMD="):
            answer = {}
            joined[row[4:]] = [answer]
        elif row:
            _add_row(row, answer)
    return joined or answer


def _add_row(row: str, answer: dict[str, Any]) -> None:
    cells = CELLS.findall(row)
    if not cells:
        return
    named = NAME.fullmatch(cells[0])
    section = _unescape(named[1] if named else cells[0])
    values: dict[str, str] = {section: _unescape(named[2])} if named else {}
    last = section if named else None
    for cell in cells[1:]:
        pair = NAME.fullmatch(cell)
        if pair:
            last = _unescape(pair[1])
            values[last] = _unescape(pair[2])
        elif last is not None:  # a comma that the firmware did not escape
            values[last] += "," + _unescape(cell)
    answer.setdefault(_section_of(section, answer), []).append(values)


def _section_of(name: str, answer: dict[str, Any]) -> str:
    """Return the JSON section of rows with `name`: PGA=0 belongs to DEVS in an answer to `devs`."""
    if name in DEVICES:
        status = answer.get("STATUS")
        return SECTION_BY_CODE.get(status[0].get("Code", ""), name) if status else name
    return PLURAL.get(name, name)


def _unescape(text: str) -> str:
    return UNESCAPE.sub(r"\1", text) if "\\" in text else text
