"""Defines the base class of every config section, and the types of names, paths and checked text."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationInfo

from stratoscope.config.problems import shown, wrong
from stratoscope.config.secret import Resolver
from stratoscope.config.values import Allowed
from stratoscope.fields import clean_text


class ConfigSection(BaseModel):
    """A section of the config: unknown keys are errors, and pydantic's own messages never contain values."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


def text(max_length: int) -> Callable[[Any], str]:
    """Return the validator of a text of 1 to `max_length` characters without control characters."""

    def check(value: Any) -> str:
        if not isinstance(value, str):
            raise wrong(f"is {shown(value)}, it must be text: put it in quotes")
        if not value or clean_text(value, max_length) != value:
            raise wrong(f"is {shown(value)}, it must be 1 to {max_length} characters without control characters")
        return value

    return check


def checked(parse: Callable[[str], Any]) -> Callable[[Any], str]:
    """Return the validator of a text that `parse` accepts; the ValueError that `parse` raises names the remedy."""

    def check(value: Any) -> str:
        if not isinstance(value, str):
            raise wrong(f"is {shown(value)}, it must be text: put it in quotes")
        try:
            parse(value)
        except ValueError as error:
            raise wrong(f"is wrong: {error}") from None
        return value

    return check


def currency_code(value: Any) -> str:
    """Return the code of a currency in capitals; raise the error of a validator for anything else."""
    if not isinstance(value, str) or not (len(value) == 3 and value.isascii() and value.isalpha()):
        raise wrong(f"is {shown(value)}, it must be the code of a currency such as USD or EUR")
    return value.upper()


def _path(value: Any, info: ValidationInfo) -> Any:
    if not isinstance(value, str | Path) or not str(value):
        raise wrong(f"is {shown(value)}, it must be a path")
    return info.context.path(str(value)) if isinstance(info.context, Resolver) else Path(value)


Name = Annotated[str, BeforeValidator(text(128))]
"""A text of 1 to 128 characters."""
ConfigPath = Annotated[Path, BeforeValidator(_path)]
"""A path; a relative one starts at the directory of the config file."""
Currency = Annotated[str, BeforeValidator(currency_code), Allowed("currency code")]
