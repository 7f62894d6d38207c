"""Overrides a config file with environment variables: STRATOSCOPE__POLLING__INTERVAL=60s sets polling.interval."""

import contextlib
import json
from collections.abc import Mapping
from typing import Any, Final

from pydantic_settings import BaseSettings, EnvSettingsSource, SettingsConfigDict, SettingsError

from stratoscope.config.document import Document
from stratoscope.config.models import Config
from stratoscope.config.problems import Loc, nearest

PREFIX: Final = "STRATOSCOPE__"
DELIMITER: Final = "__"


class _EnvironmentConfig(Config, BaseSettings):
    """The config's fields in the form that pydantic-settings needs to split variable names."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, env_nested_delimiter=DELIMITER)


def overlay(document: Document, environ: Mapping[str, str]) -> list[str]:
    """Write the variables of `environ` that start with PREFIX into `document`; return their problems."""
    own = {name.lower(): (name, value) for name, value in environ.items() if name.upper().startswith(PREFIX)}
    problems = []
    for lower, (name, value) in own.items():
        path = lower.removeprefix(PREFIX.lower()).split(DELIMITER)
        if path[0] not in Config.model_fields:
            problems.append(
                f"environment variable {name}: {path[0]} is not a known key: {nearest(path[0], Config.model_fields)}"
            )
            continue
        source = EnvSettingsSource(_EnvironmentConfig)
        source.env_vars = {lower: value}
        try:
            _merge(document, source(), (), name)
        except SettingsError:
            problems.append(
                f"environment variable {name}: {'.'.join(path)} is not valid JSON, which a list or section requires"
            )
    return problems


def _merge(document: Document, values: Mapping[str, Any], loc: Loc, name: str) -> None:
    """Put `values` at `loc`: sections are merged, other values replaced."""
    at: Any = document.values
    for key in loc:
        at = at[key]
    for key, value in values.items():
        here = (*loc, key)
        if isinstance(value, dict) and value:
            if not isinstance(at.get(key), dict):
                at[key] = {}
            _merge(document, value, here, name)
        else:
            at[key] = _from_json(value) if here[0] == "exporters" else value
            document.environ[here] = name


def _from_json(value: Any) -> Any:
    """Parse lists and sections in JSON: pydantic-settings does not know the types inside exporters' sections."""
    if isinstance(value, str) and value[:1] in ("[", "{"):
        with contextlib.suppress(ValueError):
            return json.loads(value)
    return value
