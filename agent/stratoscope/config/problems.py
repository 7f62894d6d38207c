"""Describes problems of a config in sentences that name place, key, value and remedy, never a secret."""

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
"""Keys whose values are never shown, in any section."""

USERINFO: Final = re.compile(r"(://)[^/\s@]{1,512}@")
MAX_SHOWN_LENGTH: Final = 60


class InvalidConfig(ConfigError):
    """The config is invalid; `problems` has one sentence per problem."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = tuple(problems)


class Locator:
    """Locates values: where one was written, and its text. Here there is one place; a Document has one per value."""

    def __init__(self, name: str) -> None:
        self.name = name

    def place(self, loc: Loc) -> str:  # noqa: ARG002 — used by subclasses
        """Return "file:line" of the value at `loc`, or of its nearest parent."""
        return self.name

    def value(self, loc: Loc) -> Any:  # noqa: ARG002 — used by subclasses
        """Return what was written at `loc`, or MISSING."""
        return MISSING


class _Missing:
    def __repr__(self) -> str:
        return "nothing"


MISSING: Final = _Missing()


def dotted(loc: Iterable[str | int]) -> str:
    """Return a location as people write it: rigs[0].password."""
    text = ""
    for key in loc:
        text += f"[{key}]" if isinstance(key, int) else f".{clean_text(str(key), MAX_SHOWN_LENGTH)}"
    return text.removeprefix(".")


def shown(value: Any) -> str:
    """Return `value` for a message: short, clean, without URL userinfo."""
    if isinstance(value, str):
        return '"' + clean_text(USERINFO.sub(r"\1[redacted]@", value[:400]), MAX_SHOWN_LENGTH) + '"'
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is None:
        return "empty"
    if isinstance(value, int | float):
        return clean_text(f"{value:g}" if isinstance(value, float) else str(value)[:MAX_SHOWN_LENGTH], MAX_SHOWN_LENGTH)
    if isinstance(value, Mapping):
        return "a section of keys"
    return "a list" if isinstance(value, list | tuple) else type(value).__name__


def wrong(sentence: str) -> PydanticCustomError:
    """Return the error of a validator; `sentence` continues after the key: "is 2 s, the minimum is 5 s"."""
    return PydanticCustomError("wrong", "{sentence}", {"sentence": sentence})


def nearest(word: str, known: Iterable[str]) -> str:
    """Return the remedy for an unknown `word`: the most similar known word, or all of them."""
    names = sorted(known)
    close = difflib.get_close_matches(word.lower(), names, n=1, cutoff=0.6)
    if close:
        return f"did you mean {close[0]}?"
    return f"choose one of {', '.join(names)}" if names else "there is none"


def _model_at(model: type[BaseModel], loc: Loc) -> type[BaseModel] | None:
    """Return the class of the section at `loc` under `model`."""
    at: type[BaseModel] | None = model
    for key in loc:
        if isinstance(key, int) or at is None:
            continue
        field = at.model_fields.get(str(key))
        at = _section(field.annotation) if field else None
    return at


def _section(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for arg in get_args(annotation) if (found := _section(arg))), None)


def _unknown(model: type[BaseModel], loc: Loc) -> str:
    section = _model_at(model, loc[:-1])
    return f"is not a known key: {nearest(str(loc[-1]), section.model_fields if section else ())}"


REQUIREMENTS: Final = {
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


def _describe(error: Mapping[str, Any], value: Any) -> str:
    kind, context = error["type"], error.get("ctx", {})
    if kind == "wrong":
        return str(context["sentence"])
    prefix = "" if value is MISSING else f"is {shown(value)}, it "
    if kind in REQUIREMENTS:
        return f"{prefix}must be {REQUIREMENTS[kind]}"
    if kind == "literal_error":
        return f"{prefix}must be {context['expected']}".replace("'", "")
    if kind == "missing":
        return "is missing"
    if kind in LIMITS:
        return f"{prefix}must be {LIMITS[kind].format(**context)}"
    if kind == "value_error":
        return f"is wrong: {_cleaned(str(context['error']))}"
    return f"{prefix}is wrong: {_cleaned(error['msg'])}"


def _cleaned(message: str) -> str:
    """Return the message of another validator, shortened and without URL userinfo: it may quote the value."""
    return clean_text(USERINFO.sub(r"\1[redacted]@", message[:400]), 200)


def sentences(error: ValidationError, model: type[BaseModel], where: Locator, prefix: Loc = ()) -> list[str]:
    """Return one sentence per problem in `error`, the result of validating `model` at `prefix`."""
    found = []
    for one in error.errors(include_input=False, include_url=False):
        loc: Loc = tuple(key for key in one["loc"] if key != "[key]")
        full = (*prefix, *loc)
        if one["type"] == "extra_forbidden":
            text = _unknown(model, loc)
        else:
            hidden = any(isinstance(key, str) and SENSITIVE.search(key) for key in full)
            text = _describe(one, MISSING if hidden else where.value(full))
            if hidden and one["type"] == "value_error":
                text = "is wrong"  # the message of another validator may quote the secret
        found.append(f"{where.place(full)}: {dotted(full) or 'the config'} {text}")
    return found
