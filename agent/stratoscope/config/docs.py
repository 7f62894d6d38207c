"""Generates the tables of docs/configuration.md from the config's models, in place between marker comments.

A table is between `<!-- keys: NAME -->` and `<!-- end -->`; NAME is a key of `tables()`. The text around the tables is
edited by hand.
"""

import re
import types
from collections.abc import Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Union, get_args, get_origin

from annotated_types import Ge, Le
from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from stratoscope.config.feeds import FeedConfig
from stratoscope.config.load import exporter_model, installed_exporters
from stratoscope.config.market import MarketConfig, ReferenceConfig
from stratoscope.config.market_sources import MarketSourceConfig, keys_of_kind
from stratoscope.config.models import Config, RigsConfig
from stratoscope.config.money import AlgorithmPriceConfig, CapexConfig
from stratoscope.config.mqtt import MqttConfig
from stratoscope.config.pools import PoolConfig
from stratoscope.config.stratum import EndpointConfig, StratumConfig
from stratoscope.config.tariffs import PowerBlockConfig, TariffConfig, TariffSourceConfig, ZoneConfig
from stratoscope.config.values import Allowed, Duration, Number, Size, config_duration, config_number, config_size
from stratoscope.errors import ConfigError
from stratoscope.market.sources import NETWORK_KINDS, PRICE_KINDS

MARKER: Final = re.compile(r"(<!-- keys: ([^>]+) -->\n).*?(<!-- end -->)", re.DOTALL)
KEYS_HEAD: Final = "| key | default | allowed | meaning |\n|---|---|---|---|\n"
KINDS_HEAD: Final = "| kind | in `network` requires | in `prices` requires | optional keys |\n|---|---|---|---|\n"
UNLIMITED_FROM: Final = 1_000_000
"""A larger maximum only catches mistakes; the documentation does not show it."""
NAMES_OF_TYPES: Final = {str: "text", Path: "path", bool: "`true`, `false`", SecretStr: "reference to a secret"}


def configuration_markdown(page: str) -> str:
    """Return `page` with every table between markers generated again; raise ConfigError for an unknown table."""
    generated = tables()

    def table(match: re.Match[str]) -> str:
        if match[2] not in generated:
            raise ConfigError(f"docs/configuration.md: no table is called {match[2]!r}: see config/docs.py")
        return match[1] + generated[match[2]] + match[3]

    missing = set(generated) - set(re.findall(r"<!-- keys: ([^>]+) -->", page))
    if missing:
        raise ConfigError(f"docs/configuration.md: no place for {', '.join(sorted(missing))}: add <!-- keys: NAME -->")
    return MARKER.sub(table, page)


def tables() -> dict[str, str]:
    """Return every table by the name in its marker."""
    models: dict[str, type[BaseModel]] = {
        "config": Config,
        "rigs": RigsConfig,
        "market": MarketConfig,
        "market source": MarketSourceConfig,
        "market reference": ReferenceConfig,
        "stratum": StratumConfig,
        "stratum endpoint": EndpointConfig,
        "pools": PoolConfig,
        "tariffs": TariffConfig,
        "tariff zone": ZoneConfig,
        "tariff block": PowerBlockConfig,
        "feed": FeedConfig,
        "capex": CapexConfig,
        "algorithms": AlgorithmPriceConfig,
        "mqtt": MqttConfig,
    }
    found = {name: keys_table(model) for name, model in models.items()}
    price = {key: field for key, field in TariffSourceConfig.model_fields.items() if key not in FeedConfig.model_fields}
    found["tariff source"] = KEYS_HEAD + "".join(_row(key, field) for key, field in price.items())
    found["market kinds"] = KINDS_HEAD + "".join(map(_kind_row, dict.fromkeys((*NETWORK_KINDS, *PRICE_KINDS))))
    for name, entry in installed_exporters().items():
        model = exporter_model(entry)
        if model is not None:
            found[f"exporter {name}"] = keys_table(model)
    return found


def keys_table(model: type[BaseModel]) -> str:
    """Return the table of the keys of `model`; a section that is always present is flattened to dotted keys."""
    return KEYS_HEAD + "".join(_row(key, field) for key, field in iter_keys(model))


def iter_keys(model: type[BaseModel], prefix: str = "") -> Iterator[tuple[str, FieldInfo]]:
    """Yield the dotted key and the field of every key of `model`."""
    for name, field in model.model_fields.items():
        section = field.annotation
        if isinstance(section, type) and issubclass(section, BaseModel):
            yield from iter_keys(section, f"{prefix}{name}.")
        else:
            yield prefix + name, field


def _row(key: str, field: FieldInfo) -> str:
    return f"| `{key}` | {_default(field)} | {_allowed(field)} | {field.description or ''} |\n"


def _kind_row(kind: str) -> str:
    keys = keys_of_kind(kind)
    cells = (
        _listed(keys.for_network) or "–" if kind in NETWORK_KINDS else "not possible",
        _listed(keys.for_prices) or "–" if kind in PRICE_KINDS else "not possible",
        _listed(keys.optional) or "–",
    )
    return f"| `{kind}` | {' | '.join(cells)} |\n"


def _listed(words: tuple[str, ...]) -> str:
    return ", ".join(f"`{word}`" for word in words)


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    default = field.get_default(call_default_factory=True)
    if default is None or default is PydanticUndefined or default in ((), {}):
        return "none"
    if isinstance(default, tuple):  # sources that are given by their kinds
        return _listed(tuple(one.kind for one in default))
    return f"`{_written(default, field)}`"


def _written(value: Any, field: FieldInfo) -> str:
    """Return a default as the config writes it."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Mapping):
        return ", ".join(f"{key}: {{}}" for key in value)
    kinds = {type(one) for one in _metadata(field)}
    if Duration in kinds:
        return config_duration(value)
    if Size in kinds:
        return config_size(value)
    return config_number(value) if isinstance(value, int | float | Decimal) else str(value)


def _allowed(field: FieldInfo) -> str:
    """Return the limits, the choices or the type of a field."""
    metadata = list(_metadata(field))
    for one in metadata:
        if isinstance(one, Allowed):
            return one.text
        if isinstance(one, Number) and one.max >= UNLIMITED_FROM:
            return "number" if one.min < 0 else f"at least {config_number(one.min)}"
        if isinstance(one, Duration | Size | Number):
            return one.allowed
    least = next((config_number(float(str(one.ge))) for one in metadata if isinstance(one, Ge)), None)
    most = next((config_number(float(str(one.le))) for one in metadata if isinstance(one, Le)), None)
    if least is not None:
        return f"at least {least}" if most is None else f"{least} to {most}"
    return _type(field.annotation)


def _type(annotation: Any) -> str:
    origin = get_origin(annotation)
    if origin is Annotated:
        return _type(get_args(annotation)[0])
    if origin is Literal:
        return _listed(get_args(annotation))
    if origin in (Union, types.UnionType):
        return " or ".join(dict.fromkeys(_type(one) for one in get_args(annotation) if one is not type(None)))
    if origin is tuple:
        return "list"
    if annotation in NAMES_OF_TYPES:
        return NAMES_OF_TYPES[annotation]
    if isinstance(annotation, type) and issubclass(annotation, int | float | Decimal):
        return "number"
    return "section"


def _metadata(field: FieldInfo) -> Iterator[Any]:
    """Yield the metadata of a field, including the metadata inside `Annotated[...] | None`."""
    yield from field.metadata
    todo = [field.annotation]
    while todo:
        annotation = todo.pop()
        if get_origin(annotation) is Annotated:
            yield from get_args(annotation)[1:]
            todo.append(get_args(annotation)[0])
        elif get_origin(annotation) in (Union, types.UnionType):
            todo += get_args(annotation)
