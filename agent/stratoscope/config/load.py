"""Loads a config: file, environment, secrets, rig lists and the exporters' sections. Reports all problems at once."""

import importlib.util
import re
import sys
from collections.abc import Iterator, Mapping
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel, ValidationError

from stratoscope.config.document import Document, parse, read_text
from stratoscope.config.environment import overlay
from stratoscope.config.inventory import InventoryBuilder
from stratoscope.config.models import DEFAULT_EXPORTERS, Config
from stratoscope.config.problems import InvalidConfig, Loc, dotted, nearest, sentences
from stratoscope.config.secret import INLINE, Resolver, is_reference

EXPORTER_GROUP: Final = "stratoscope.exporters"
SECRET_KEY: Final = re.compile(r"(?:^|_)(?:password|passwd|token|secret|psk)$", re.IGNORECASE)
Stamp = tuple[int, int, int] | None


def load(path: Path, environ: Mapping[str, str]) -> Config:
    """Return the config in `path`, overridden by `environ`; raise InvalidConfig, whose text lists all problems.

    The result's `warnings` name risky settings, its `files` everything it was read from.
    """
    return _load(path, Resolver(path.parent, environ))


def _load(path: Path, resolver: Resolver) -> Config:
    document = parse(read_text(path), str(path))
    problems = overlay(document, resolver.environ)
    settings, exporter_problems = _validate_exporters(document, resolver)
    problems += exporter_problems
    try:
        config = Config.model_validate(document.values, context=resolver)
    except ValidationError as error:
        raise InvalidConfig(_sorted_by_line([*problems, *sentences(error, Config, document)], document.name)) from None
    entries = 0
    try:
        entries = len(InventoryBuilder(config, document, resolver).entries())
    except InvalidConfig as error:
        problems += error.problems
    problems += _iter_asic_rs_problems(config, document)
    problems += _iter_currency_problems(config, document)
    problems += _iter_broker_problems(config, document)
    if problems:
        raise InvalidConfig(_sorted_by_line(problems, document.name))
    warnings = [*_iter_inline_secrets(document, document.values), *resolver.warnings]
    warnings += config.mqtt.warnings() if config.mqtt is not None else ()
    if not entries:
        warnings.append(f"{path}: no rigs are listed: nothing is polled")
    return config.record_source(path, resolver, warnings, settings)


def _sorted_by_line(problems: list[str], name: str) -> list[str]:
    """Return problems in the order of their lines in file `name`, after those from other places."""

    def line(problem: str) -> int:
        number = problem.removeprefix(f"{name}:").partition(":")[0]
        return int(number) if problem.startswith(f"{name}:") and number.isdecimal() else 0

    return sorted(problems, key=line)


def _iter_inline_secrets(document: Document, at: Any, loc: Loc = ()) -> Iterator[str]:
    """Yield a warning for every secret written in the file itself."""
    pairs = at.items() if isinstance(at, dict) else enumerate(at) if isinstance(at, list) else ()
    for key, value in pairs:
        here = (*loc, key)
        if not isinstance(value, str):
            yield from _iter_inline_secrets(document, value, here)
        elif _is_secret(here) and value and not is_reference(value) and here not in document.environ:
            yield f"{document.place(here)}: {dotted(here)} {INLINE}"


def _is_secret(loc: Loc) -> bool:
    key = (loc[0], loc[-1]) == ("pools", "key")
    return bool(SECRET_KEY.search(str(loc[-1]))) or key or loc[-2:-1] == ("headers",)


def _iter_asic_rs_problems(config: Config, document: Document) -> Iterator[str]:
    """Yield the problems with the optional library pyasic-rs."""
    if config.asic_rs and importlib.util.find_spec("pyasic_rs") is None:
        place = document.place(("asic_rs",))
        yield f"{place}: asic_rs is true, but pyasic-rs is not installed: pip install 'stratoscope[asic-rs]'"
    for at, rigs in enumerate(config.rigs):
        if rigs.driver == "asic-rs" and not config.asic_rs:
            loc = ("rigs", at, "driver")
            yield f"{document.place(loc)}: {dotted(loc)} is asic-rs, which is disabled: set asic_rs: true"


def _iter_currency_problems(config: Config, document: Document) -> Iterator[str]:
    """Yield a problem when market and economics have different currencies."""
    own, market = config.economics.currency, config.market
    if own is not None and market is not None and own != market.currency:
        loc = ("economics", "currency")
        yield (
            f"{document.place(loc)}: {dotted(loc)} is {own} and market.currency is {market.currency}: there "
            "can be only one currency, remove one of the two keys"
        )


def _iter_broker_problems(config: Config, document: Document) -> Iterator[str]:
    """Yield a problem for every use of a broker when there is no section `mqtt`."""
    if config.mqtt is not None:
        return
    for loc in _iter_broker_uses(config):
        yield f"{document.place(loc)}: {dotted(loc)} requires a broker: add the section `mqtt:` with `host:`"


def _iter_broker_uses(config: Config) -> Iterator[Loc]:
    """Yield the location of every key that publishes to a broker or reads from one."""
    if "mqtt" in config.exporters:
        yield "exporters", "mqtt"
    market = config.market
    for at, price in enumerate(market.prices if market is not None else ()):
        if price.kind == "mqtt":
            yield "market", "prices", at
    for at, reference in enumerate(market.references if market is not None else ()):
        if reference.source is not None and reference.source.kind == "mqtt":
            yield "market", "references", at, "source"
    for name, tariff in config.tariffs.items():
        if tariff.energy.source is not None and tariff.energy.source.kind == "mqtt":
            yield "tariffs", name, "energy", "source"
        if tariff.curtailment.event_source is not None and tariff.curtailment.event_source.kind == "mqtt":
            yield "tariffs", name, "curtailment", "event_source"


def installed_exporters() -> dict[str, EntryPoint]:
    """Return the exporters that are installed, by name."""
    return {entry.name: entry for entry in entry_points(group=EXPORTER_GROUP)}


def exporter_model(entry: EntryPoint) -> type[BaseModel] | None:
    """Return the pydantic model of an exporter's section: the one in `__all__` of its module, or its `Settings`.

    None if there is none: the exporter then gets its section unvalidated. Raises ImportError or AttributeError if the
    exporter cannot be loaded.
    """
    module = sys.modules[entry.load().__module__]
    for name in (*getattr(module, "__all__", ()), "Settings"):
        model = getattr(module, name, None)
        if isinstance(model, type) and issubclass(model, BaseModel):
            return model
    return None


def _validate_exporters(document: Document, resolver: Resolver) -> tuple[dict[str, Any], list[str]]:
    """Return the validated settings of the exporters' sections by exporter name, and the problems in the sections."""
    installed = installed_exporters()
    settings: dict[str, Any] = {}
    problems: list[str] = []
    sections = document.values.get("exporters")
    sections = dict(DEFAULT_EXPORTERS) if sections is None else sections
    for name, section in sections.items() if isinstance(sections, dict) else ():
        loc = ("exporters", name)
        if name not in installed:
            problems.append(f"{document.place(loc)}: {dotted(loc)} is not an exporter: {nearest(name, installed)}")
            continue
        try:
            model = exporter_model(installed[name])
        except (ImportError, AttributeError) as error:
            problems.append(f"{document.place(loc)}: {dotted(loc)} cannot be loaded: {error}: reinstall it")
            continue
        if model is None or not isinstance(section, dict | None):
            continue  # a value that is not a section is reported by the config's own model
        try:
            settings[name] = model.model_validate(section or {}, context=resolver)
        except ValidationError as error:
            problems += sentences(error, model, document, loc)
    return settings, problems


def _stamp(path: Path) -> Stamp:
    try:
        stat = path.stat()
    except OSError:
        return None
    return stat.st_mtime_ns, stat.st_size, stat.st_ino


class ConfigSource:
    """Loads the config from a file and detects whether any file it depends on has changed since the last load.

    A failed load counts as a load: the same broken file is not loaded repeatedly, and every file it depends on is still
    watched, so that a fix in any of them is noticed.
    """

    def __init__(self, path: Path, environ: Mapping[str, str]) -> None:
        self.path = path
        self.environ = environ
        self._stamps: dict[Path, Stamp] = {}

    def changed(self) -> bool:
        """Tell whether any of the files changed since the last load, or nothing was loaded yet."""
        return not self._stamps or any(_stamp(path) != stamp for path, stamp in self._stamps.items())

    def load(self) -> Config:
        """Load and return the current config; raise InvalidConfig."""
        resolver = Resolver(self.path.parent, self.environ)
        stamps = {path: _stamp(path) for path in (self.path, *self._stamps)}
        kept = set(stamps)
        try:
            config = _load(self.path, resolver)
            kept = {self.path}
            return config
        finally:
            kept |= resolver.files
            self._stamps = {path: stamps[path] if path in stamps else _stamp(path) for path in kept}
