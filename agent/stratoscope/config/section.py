"""Defines what every section of the config has in common, and the words and paths they hold."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationInfo

from stratoscope.config.problems import shown, wrong
from stratoscope.config.secret import Resolver
from stratoscope.fields import clean_text


class Section(BaseModel):
    """A section of the config: unknown keys are errors, values never appear in pydantic's own messages."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


def text(most: int) -> Callable[[Any], str]:
    """Return the validator of a text of at most `most` characters, none of them a control character."""

    def check(value: Any) -> str:
        if not isinstance(value, str):
            raise wrong(f"is {shown(value)}, it must be text: put it in quotes")
        if not value or clean_text(value, most) != value:
            raise wrong(f"is {shown(value)}, it must be 1 to {most} characters without control characters")
        return value

    return check


def checked(parse: Callable[[str], Any]) -> Callable[[Any], str]:
    """Return the validator of a text that `parse` takes; the remedy is in the ValueError it raises."""

    def check(value: Any) -> str:
        if not isinstance(value, str):
            raise wrong(f"is {shown(value)}, it must be text: put it in quotes")
        try:
            parse(value)
        except ValueError as error:
            raise wrong(f"is wrong: {error}") from None
        return value

    return check


def _path(value: Any, info: ValidationInfo) -> Any:
    if not isinstance(value, str | Path) or not str(value):
        raise wrong(f"is {shown(value)}, it must be a path")
    return info.context.path(str(value)) if isinstance(info.context, Resolver) else Path(value)


Word = Annotated[str, BeforeValidator(text(128))]
Place = Annotated[Path, BeforeValidator(_path)]
