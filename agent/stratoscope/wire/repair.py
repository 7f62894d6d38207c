"""Parses a rig's JSON: strictly first, and only after that failed with its known defects mended.

The repair never changes what a string says. It cuts the text into strings and the gaps between them, mends the
skeleton of the gaps (in which every string is a single quote), puts the strings back and parses strictly again.
Each step is a pass over the text that cannot backtrack, so the time is linear in the size.
"""

import re
from itertools import chain, zip_longest
from typing import Any, Final

import orjson

from stratoscope.errors import Garbled

MAX_DEPTH: Final = 64

# A string, or what is left of one at the end. BTMiner (firmware of 2023-01-06) doubles an opening quote: ""temp0".
STRING: Final = re.compile(r'("(?:"(?=[A-Za-z_]))?+(?:[^"\\]++|\\.)*+(?:"|\\?\Z))', re.DOTALL)
CLOSED: Final = re.compile(r'"(?:"(?=[A-Za-z_]))?+(?:[^"\\]++|\\.)*+"', re.DOTALL)
CONTROL: Final = re.compile(r"[\x00-\x1f]")
ESCAPE: Final = re.compile(
    r'(\\["\\/bfnrt]|\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|\\u(?![dD][89a-fA-F])[0-9a-fA-F]{4})'
    r"|(\\u[dD][89a-fA-F][0-9a-fA-F]{2})|\\"
)

BLANKS: Final = re.compile(r"[\x00-\x20]+")
IDLE_BLANK: Final = re.compile(r'(?<=[{}\[\],:"]) | (?=[{}\[\],:"])')
# Antminer S9 and BMMiner leave out the comma of "},{", Volc that of '}{"STATS"' and '}"KEY"'. Replacing fixed pairs
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
# A bare word that strict JSON knows and a double can hold; not: nan, -inf, 007, 1e400, an integer of 5,000 digits.
GOOD_SCALAR: Final = re.compile(
    r"-?(?:0|[1-9]\d{0,17})(?:\.\d{1,30})?(?:[eE](?:-\d{1,3}|\+?1?\d{1,2}))?|true|false|null", re.ASCII
)
QUOTE: Final = "\x01"  # stands for the quotes of a mended scalar; the skeleton holds no control characters


def parse(raw: bytes) -> Any:
    """Return the object or array that `raw` spells; duplicate keys: the last wins.

    Raises Garbled: `truncated` where brackets or a string stay open, `not_json` for HTML and HTTP, `decode` for
    everything else, including nesting over 64 levels.
    """
    try:
        value = orjson.loads(raw)
    except orjson.JSONDecodeError:
        value = repair_and_parse(raw)
    if raw.count(b"{") + raw.count(b"[") > MAX_DEPTH and too_deep(value):
        raise Garbled("decode", f"nested deeper than {MAX_DEPTH}")
    if not isinstance(value, dict | list):
        raise Garbled("decode", "neither an object nor an array")
    return value


def too_deep(value: Any) -> bool:
    """Tell whether containers nest deeper than MAX_DEPTH, without recursion."""
    level: list[Any] = [value]
    for _ in range(MAX_DEPTH):
        inside = chain.from_iterable(v.values() if isinstance(v, dict) else v for v in level)
        level = [v for v in inside if isinstance(v, dict | list)]
        if not level:
            return False
    return True


def repair_and_parse(raw: bytes) -> Any:
    """Return what `raw` spells once its known defects are mended; raises Garbled as `parse` does."""
    text = raw.decode("utf-8", "replace").strip(" \t\r\n\0\ufeff")
    if len(text) < 2:  # also UTF-16, which ends at its first NUL for us
        raise Garbled("decode", "an empty answer" if not text else "a single character")
    if text.startswith(("<", "HTTP/")):
        raise Garbled("not_json", f"begins with {text[:12]!r}")
    if text[0] not in "{[,":
        raise Garbled("decode", "begins like no JSON object")
    parts = STRING.split(text)
    strings = parts[1::2]
    if strings and not CLOSED.fullmatch(strings[-1]):
        raise Garbled("truncated", "ends inside a string")
    skeleton = fix_skeleton('"'.join(parts[0::2]))
    pieces = [piece.replace(QUOTE, '"') for piece in skeleton.split('"')]
    if "\\" in text or '""' in text or not text.isprintable():
        strings = [fix_string(string) for string in strings]
    try:
        return orjson.loads("".join(chain.from_iterable(zip_longest(pieces, strings, fillvalue=""))))
    except orjson.JSONDecodeError as error:
        raise Garbled("decode", error.msg) from error


def fix_skeleton(skeleton: str) -> str:
    """Return the skeleton with commas, brackets and bare words as strict JSON wants them."""
    skeleton = BLANKS.sub(" ", skeleton).strip()
    if " " in skeleton:
        skeleton = IDLE_BLANK.sub("", skeleton)
    while ",," in skeleton:
        skeleton = skeleton.replace(",,", ",")
    for broken, mend in FIXES:
        skeleton = skeleton.replace(broken, mend)
    skeleton = MISSING_COMMA.sub(r"\g<0>,", skeleton).lstrip(",")
    if skeleton.startswith('":'):  # Avalon: an answer that is nothing but ,"id":1}
        skeleton = "{" + skeleton
    if not skeleton.startswith(("{", "[")):
        raise Garbled("decode", "begins like no JSON object")
    skeleton = _bracketed(skeleton)
    if all(map(GOOD_SCALAR.fullmatch, set(SCALAR.findall(skeleton)))):
        return skeleton
    return SCALAR.sub(_quoted, skeleton)


def _bracketed(skeleton: str) -> str:
    """Return the skeleton with its brackets checked, list-shaped objects as objects, and a late member taken in."""
    out: list[str] = []
    closers: list[str] = []
    done = 0
    for match in BRACKET.finditer(skeleton):
        at = match.start()
        if match[0] in "[{":
            new, closer = _opened(skeleton, at)
            closers.append(closer)
            if len(closers) > MAX_DEPTH:
                raise Garbled("decode", f"nested deeper than {MAX_DEPTH}")
        else:
            new = _closed(match[0], closers)
            if not closers and at + 1 < len(skeleton):
                if not skeleton.startswith(',"', at + 1):
                    raise Garbled("decode", "bytes after the end of the object")
                new = ""  # {..},"id":1}: the member after the end belongs to the object
                closers.append("}}")
        if new != match[0]:
            out += (skeleton[done:at], new)
            done = at + 1
    if closers:
        raise Garbled("truncated", f"{len(closers)} brackets stay open")
    out.append(skeleton[done:])
    return "".join(out)


def _opened(skeleton: str, at: int) -> tuple[str, str]:
    """Return what to write for the opener at `at`, and its closer: the bracket that comes, the one to write."""
    if skeleton[at] == "{":
        return "{", "}}"
    if skeleton.startswith('":', at + 1):  # WhatsMiner 2.0.4 writes "error_code":["206":"2022-01-01 .."]
        return "{", "]}"
    return "[", "]]"


def _closed(bracket: str, closers: list[str]) -> str:
    closer = closers.pop() if closers else "  "
    if closer[0] != bracket:
        raise Garbled("decode", f"an unexpected {bracket}")
    return closer[1]


def _quoted(match: re.Match[str]) -> str:
    """Return a bare word as it is, or as text where no number can be made of it: then its field is a defect."""
    if GOOD_SCALAR.fullmatch(match[0]):
        return match[0]
    return QUOTE + match[0].replace("\\", "\\\\") + QUOTE


def fix_string(string: str) -> str:
    """Return a quoted string as strict JSON wants it: one opening quote, control characters and escapes in order."""
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
