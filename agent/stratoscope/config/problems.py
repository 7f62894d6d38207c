"""Turns whatever is wrong with a config into sentences that name place, key, value and remedy, never a secret."""

import difflib
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import PydanticCustomError

from stratoscope.errors import ConfigError
from stratoscope.fields import clean_text

Loc = tuple[str | int, ...]
SENSITIVE: Final = re.compile(
    r"pass|secret|token|credential|authori[sz]|cookie|psk|(?:^|[_-])key$|^api-?key", re.IGNORECASE
)
"""Keys whose values are never shown, wherever they stand."""

USERINFO: Final = re.compile(r"(://)[^/\s@]{1,512}@")
WIDTH: Final = 60


class InvalidConfig(ConfigError):
    """A config with everything that is wrong with it: one sentence per problem."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = tuple(problems)


class Where:
    """Says where a value was written and what it was. This one knows only one place; a Document knows every line."""

    def __init__(self, name: str) -> None:
        self.name = name

    def place(self, loc: Loc) -> str:  # noqa: ARG002 — a Document looks it up
        """Return "file:line" of the value at `loc`, or of the nearest thing around it."""
        return self.name

    def value(self, loc: Loc) -> Any:  # noqa: ARG002 — a Document looks it up
        """Return what was written at `loc`, or MISSING."""
        return MISSING


class _Missing:
    def __repr__(self) -> str:
        return "nothing"


MISSING: Final = _Missing()


def dotted(loc: Iterable[str | int]) -> str:
    """Return a location as people write it: rigs[0].password."""
    text = ""
    for part in loc:
        text += f"[{part}]" if isinstance(part, int) else f".{clean_text(str(part), WIDTH)}"
    return text.removeprefix(".")


def shown(value: Any) -> str:
    """Return `value` for a message: short, clean, without URL userinfo."""
    if isinstance(value, str):
        return '"' + clean_text(USERINFO.sub(r"\1[redacted]@", value[:400]), WIDTH) + '"'
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is None:
        return "empty"
    if isinstance(value, int | float):
        return clean_text(f"{value:g}" if isinstance(value, float) else str(value)[:WIDTH], WIDTH)
    if isinstance(value, Mapping):
        return "a section of keys"
    return "a list" if isinstance(value, list | tuple) else type(value).__name__


def wrong(sentence: str) -> PydanticCustomError:
    """Return the error a validator raises; `sentence` goes on after the key: "is 2 s, the least is 5 s"."""
    return PydanticCustomError("wrong", "{sentence}", {"sentence": sentence})


def nearest(word: str, known: Iterable[str]) -> str:
    """Return the remedy for an unknown `word`: the nearest known one, else all of them."""
    names = sorted(known)
    close = difflib.get_close_matches(word.lower(), names, n=1, cutoff=0.6)
    if close:
        return f"did you mean {close[0]}?"
    return f"known here: {', '.join(names)}" if names else "nothing is known here"


def _model_at(model: type[BaseModel], loc: Loc) -> type[BaseModel] | None:
    """Return the section class that stands at `loc` under `model`."""
    at: type[BaseModel] | None = model
    for part in loc:
        if isinstance(part, int) or at is None:
            continue
        field = at.model_fields.get(str(part))
        at = _section(field.annotation) if field else None
    return at


def _section(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for arg in get_args(annotation) if (found := _section(arg))), None)


def _unknown(model: type[BaseModel], loc: Loc) -> str:
    section = _model_at(model, loc[:-1])
    return f"is not a known key: {nearest(str(loc[-1]), section.model_fields if section else ())}"


KINDS: Final = {
    "string_type": "text: put it in quotes",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "float_parsing": "a number",
    "dict_type": "a section of keys: write each as `key: value`, indented, on its own line",
    "model_type": "a section of keys: write each as `key: value`, indented, on its own line",
    "list_type": "a list: start each entry with `- `",
    "tuple_type": "a list: start each entry with `- `",
}


LIMITS: Final = {
    "greater_than_equal": "at least {ge:g}",
    "greater_than": "more than {gt:g}",
    "less_than_equal": "at most {le:g}",
    "less_than": "less than {lt:g}",
}


def _complaint(error: Mapping[str, Any], value: Any) -> str:
    kind, context = error["type"], error.get("ctx", {})
    if kind == "wrong":
        return str(context["sentence"])
    said = "" if value is MISSING else f"is {shown(value)}, it "
    if kind in KINDS:
        return f"{said}must be {KINDS[kind]}"
    if kind == "literal_error":
        return f"{said}must be {context['expected']}".replace("'", "")
    if kind == "missing":
        return "is missing"
    if kind in LIMITS:
        return f"{said}must be {LIMITS[kind].format(**context)}"
    if kind == "value_error":
        return f"is wrong: {_told(str(context['error']))}"
    return f"{said}is wrong: {_told(error['msg'])}"


def _told(message: str) -> str:
    """Return another validator's message, which may quote the value."""
    return clean_text(USERINFO.sub(r"\1[redacted]@", message[:400]), 200)


def sentences(error: ValidationError, model: type[BaseModel], where: Where, prefix: Loc = ()) -> list[str]:
    """Return one sentence per problem in `error`, which came from validating `model` at `prefix`."""
    found = []
    for one in error.errors(include_input=False, include_url=False):
        loc: Loc = tuple(part for part in one["loc"] if part != "[key]")
        full = (*prefix, *loc)
        if one["type"] == "extra_forbidden":
            text = _unknown(model, loc)
        else:
            hidden = any(isinstance(part, str) and SENSITIVE.search(part) for part in full)
            text = _complaint(one, MISSING if hidden else where.value(full))
            if hidden and one["type"] == "value_error":
                text = "is wrong"  # the message of another validator may quote it
        found.append(f"{where.place(full)}: {dotted(full) or 'the whole'} {text}")
    return found
