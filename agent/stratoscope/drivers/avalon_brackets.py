"""Splits Avalon's bracket strings, `Ver[1246-83] PS[0 1214 1316 242 3189] MGHS[26907.01 26025.06]`, into name → text.

The vendor's `stats` holds the whole rig in such a string under "MM ID0" (one per module on A7 to A9). Avalon Q and
Mini 3 wrap it as `'STATS':{...}` under "MM ID0:Summary", with the chips separate under "HBinfo": `'HB0':{...}`.
"""

import re
from typing import Final

FIELD: Final = re.compile(r"(?<!\w)(\w{1,32}+):?\[([^]]*+)\]")
"""A name and its value. A name starts at a word boundary, and the possessive quantifiers never backtrack; in a text
that ends with "]" every value ends too, so the time is linear."""

MAX_CHARS: Final = 1 << 18  # the longest known, four hashboards of 160 chips, is below 1 << 15
MAX_BLOCKS: Final = 64


def brackets(text: str) -> dict[str, str]:
    """Return every `name[value]` of `text`; of duplicate names the first.

    Total: unbalanced brackets, missing names, names longer than 32 characters, and text between the fields are skipped.
    A value ends at the first "]".
    """
    found = FIELD.findall(text, 0, text.rfind("]", 0, MAX_CHARS) + 1)
    found.reverse()
    return dict(found)


def hashboard_blocks(text: str) -> list[dict[str, str]]:
    """Return the fields of each `'HBn':{...}` of an "HBinfo" string, in order."""
    return [brackets(block) for block in text.split("'HB", MAX_BLOCKS + 1)[1 : MAX_BLOCKS + 1]]
