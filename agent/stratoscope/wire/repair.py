"""Parses a rig's JSON: strictly first, and only if that fails with known defects fixed.

The repair never changes the content of a string. It splits the text into strings and the gaps between them, fixes
the skeleton of the gaps (in which every string is a single quote), inserts the strings again and parses strictly.
Each step is a pass over the text that cannot backtrack, so the time is linear in the size.
"""

import re
from itertools import chain, zip_longest
from typing import Any, Final

import orjson

from stratoscope.errors import Garbled

MAX_DEPTH: Final = 64

# A string, or an unfinished one at the end. BTMiner (firmware of 2023-01-06) doubles an opening quote: ""temp0".
STRING: Final = re.compile(r'("(?:"(?=[A-Za-z_]))?+(?:[^"\\]++|\\.)*+(?:"|\\?\Z))', re.DOTALL)
CLOSED: Final = re.compile(r'"(?:"(?=[A-Za-z_]))?+(?:[^"\\]++|\\.)*+"', re.DOTALL)
CONTROL: Final = re.compile(r"[\x00-\x1f]")
ESCAPE: Final = re.compile(
    r'(\\["\\/bfnrt]|\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|\\u(?![dD][89a-fA-F])[0-9a-fA-F]{4})'
    r"|(\\u[dD][89a-fA-F][0-9a-fA-F]{2})|\\"
)

BLANKS: Final = re.compile(r"[\x00-\x20]+")
IDLE_BLANK: Final = re.compile(r'(?<=[{}\[\],:"]) | (?=[{}\[\],:"])')
# Antminer S9 and BMMiner omit the comma of "},{", Volc that of '}{"STATS"' and '}"KEY"'. Replacing fixed pairs
# in the skeleton is many times faster than a pattern.
FIXES: Final = (
    ("[,", "["),
    ("{,", "{"),
    (",]", "]"),
    (",}", "}"),
    ("}{", "},{"),
    ("}[", "},["),
    ("]{", "],{"),
    ("][", "],["),
    ('}"', '},"'),
    (']"', '],"'),
    ('""', '","'),
    ('""', '","'),
    (":,", ":null,"),
    (":}", ":null}"),
)
BRACKET: Final = re.compile(r"[{}\[\]]")
SCALAR: Final = re.compile(r'[^ "{}\[\],:]++')
MISSING_COMMA: Final = re.compile(r'[^ "{}\[\],:](?=["{\[])')
# A bare word that is valid in strict JSON and fits a double; not: nan, -inf, 007, 1e400, an integer of 5,000 digits.
GOOD_SCALAR: Final = re.compile(
    r"-?(?:0|[1-9]\d{0,17})(?:\.\d{1,30})?(?:[eE](?:-\d{1,3}|\+?1?\d{1,2}))?|true|false|null", re.ASCII
)
QUOTE: Final = "\x01"  # marks the quotes of a fixed scalar; the skeleton contains no control characters


def parse(raw: bytes) -> Any:
    """Parse `raw` into an object or array; of duplicate keys the last one wins.

    Raises Garbled: `truncated` if brackets or a string are not closed, `not_json` for HTML and HTTP, `decode` for
    everything else, including nesting over 64 levels.
    """
    try:
        value = orjson.loads(raw)
    except orjson.JSONDecodeError:
        value = repair_and_parse(raw)
    if raw.count(b"{") + raw.count(b"[") > MAX_DEPTH and too_deep(value):
        raise Garbled("decode", f"the answer is nested deeper than {MAX_DEPTH} levels")
    if not isinstance(value, dict | list):
        raise Garbled("decode", "the answer is neither an object nor an array")
    return value


def too_deep(value: Any) -> bool:
    """Return whether containers nest deeper than MAX_DEPTH, without recursion."""
    level: list[Any] = [value]
    for _ in range(MAX_DEPTH):
        inside = chain.from_iterable(v.values() if isinstance(v, dict) else v for v in level)
        level = [v for v in inside if isinstance(v, dict | list)]
        if not level:
            return False
    return True


def repair_and_parse(raw: bytes) -> Any:
    """Parse `raw` after fixing its known defects; raises Garbled as `parse` does."""
    text = raw.decode("utf-8", "replace").strip(" \t\r\n\0\ufeff")
    if len(text) < 2:  # also UTF-16, which ends at its first NUL here
        raise Garbled("decode", "the answer is empty" if not text else "the answer is a single character")
    if text.startswith(("<", "HTTP/")):
        raise Garbled("not_json", f"the answer is not JSON: it starts with {text[:12]!r}")
    if text[0] not in "{[,":
        raise Garbled("decode", "the answer does not start like JSON")
    parts = STRING.split(text)
    strings = parts[1::2]
    if strings and not CLOSED.fullmatch(strings[-1]):
        raise Garbled("truncated", "the answer ended early, inside a string")
    skeleton = fix_skeleton('"'.join(parts[0::2]))
    pieces = [piece.replace(QUOTE, '"') for piece in skeleton.split('"')]
    if "\\" in text or '""' in text or not text.isprintable():
        strings = [fix_string(string) for string in strings]
    try:
        return orjson.loads("".join(chain.from_iterable(zip_longest(pieces, strings, fillvalue=""))))
    except orjson.JSONDecodeError as error:
        raise Garbled("decode", error.msg) from error


def fix_skeleton(skeleton: str) -> str:
    """Return the skeleton with commas, brackets and bare words as strict JSON requires."""
    skeleton = BLANKS.sub(" ", skeleton).strip()
    if " " in skeleton:
        skeleton = IDLE_BLANK.sub("", skeleton)
    while ",," in skeleton:
        skeleton = skeleton.replace(",,", ",")
    for broken, fixed in FIXES:
        skeleton = skeleton.replace(broken, fixed)
    skeleton = MISSING_COMMA.sub(r"\g<0>,", skeleton).lstrip(",")
    if skeleton.startswith('":'):  # Avalon: an answer that is only ,"id":1}
        skeleton = "{" + skeleton
    if not skeleton.startswith(("{", "[")):
        raise Garbled("decode", "the answer does not start like JSON")
    skeleton = _bracketed(skeleton)
    if all(map(GOOD_SCALAR.fullmatch, set(SCALAR.findall(skeleton)))):
        return skeleton
    return SCALAR.sub(_quoted, skeleton)


def _bracketed(skeleton: str) -> str:
    """Return the skeleton with checked brackets, list-shaped objects as objects, and a trailing member moved inside."""
    out: list[str] = []
    closers: list[str] = []
    done = 0
    for match in BRACKET.finditer(skeleton):
        at = match.start()
        if match[0] in "[{":
            new, closer = _opened(skeleton, at)
            closers.append(closer)
            if len(closers) > MAX_DEPTH:
                raise Garbled("decode", f"the answer is nested deeper than {MAX_DEPTH} levels")
        else:
            new = _closed(match[0], closers)
            if not closers and at + 1 < len(skeleton):
                if not skeleton.startswith(',"', at + 1):
                    raise Garbled("decode", "the answer has bytes after the end of its object")
                new = ""  # {..},"id":1}: the member after the end belongs to the object
                closers.append("}}")
        if new != match[0]:
            out += (skeleton[done:at], new)
            done = at + 1
    if closers:
        raise Garbled("truncated", f"the answer ended early: {len(closers)} brackets are not closed")
    out.append(skeleton[done:])
    return "".join(out)


def _opened(skeleton: str, at: int) -> tuple[str, str]:
    """Return the opener to write for the one at `at`, and its closer: the bracket to expect, the one to write."""
    if skeleton[at] == "{":
        return "{", "}}"
    if skeleton.startswith('":', at + 1):  # WhatsMiner 2.0.4 writes "error_code":["206":"2022-01-01 .."]
        return "{", "]}"
    return "[", "]]"


def _closed(bracket: str, closers: list[str]) -> str:
    closer = closers.pop() if closers else "  "
    if closer[0] != bracket:
        raise Garbled("decode", f"the answer has an unexpected {bracket}")
    return closer[1]


def _quoted(match: re.Match[str]) -> str:
    """Return a bare word unchanged if it is a valid scalar, otherwise as text, so that its field becomes a defect."""
    if GOOD_SCALAR.fullmatch(match[0]):
        return match[0]
    return QUOTE + match[0].replace("\\", "\\\\") + QUOTE


def fix_string(string: str) -> str:
    """Return a quoted string as strict JSON requires: one opening quote, escaped control characters, valid escapes."""
    if string.startswith('""') and len(string) > 2:
        string = string[1:]
    if "\\" in string:
        string = ESCAPE.sub(_escape, string)
    if not string.isprintable():
        string = CONTROL.sub(lambda match: f"\\u{ord(match[0]):04x}", string)
    return string


def _escape(match: re.Match[str]) -> str:
    if match[1]:
        return match[0]
    return "\ufffd" if match[2] else "\\\\"
