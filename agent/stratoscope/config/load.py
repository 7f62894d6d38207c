"""Loads a config whole: file, environment, secrets, rig lists, exporters' sections; all problems come at once."""

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
from stratoscope.config.inventory import Expansion
from stratoscope.config.models import DEFAULT_EXPORTERS, Config
from stratoscope.config.problems import InvalidConfig, Loc, dotted, nearest, sentences
from stratoscope.config.secret import INLINE, Resolver, is_reference

EXPORTERS: Final = "stratoscope.exporters"
SECRET_KEY: Final = re.compile(r"(?:^|_)(?:password|passwd|token|secret|psk)$", re.IGNORECASE)
Stamp = tuple[int, int, int] | None


def load(path: Path, environ: Mapping[str, str]) -> Config:
    """Return the config in `path` with `environ` laid over it; raise InvalidConfig whose text lists all problems.

    The result's `warnings` name what is allowed but unwise, its `files` everything it was made from.
    """
    return _load(path, Resolver(path.parent, environ))


def _load(path: Path, resolver: Resolver) -> Config:
    document = parse(read_text(path), str(path))
    problems = overlay(document, resolver.environ)
    settings: dict[str, Any] = {}
    problems += _exporters(document, resolver, settings)
    try:
        config = Config.model_validate(document.values, context=resolver)
    except ValidationError as error:
        raise InvalidConfig(_in_order([*problems, *sentences(error, Config, document)], document.name)) from None
    entries = 0
    try:
        entries = len(Expansion(config, document, resolver).entries())
    except InvalidConfig as error:
        problems += error.problems
    problems += _asic_rs(config, document)
    problems += _currency(config, document)
    problems += _broker(config, document)
    if problems:
        raise InvalidConfig(_in_order(problems, document.name))
    warnings = [*_inline_secrets(document, document.values), *resolver.warnings]
    warnings += config.mqtt.unwise() if config.mqtt is not None else ()
    if not entries:
        warnings.append(f"{path}: no rigs are listed: nothing will be polled")
    return config.loaded(path, resolver, warnings, settings)


def _in_order(problems: list[str], name: str) -> list[str]:
    """Return problems in the order of their lines in file `name`; those from elsewhere come first."""

    def line(problem: str) -> int:
        number = problem.removeprefix(f"{name}:").partition(":")[0]
        return int(number) if problem.startswith(f"{name}:") and number.isdecimal() else 0

    return sorted(problems, key=line)


def _inline_secrets(document: Document, at: Any, loc: Loc = ()) -> Iterator[str]:
    """Yield a warning for every secret that is written into the file itself."""
    pairs = at.items() if isinstance(at, dict) else enumerate(at) if isinstance(at, list) else ()
    for key, value in pairs:
        here = (*loc, key)
        if not isinstance(value, str):
            yield from _inline_secrets(document, value, here)
        elif _is_secret(here) and value and not is_reference(value) and here not in document.environ:
            yield f"{document.place(here)}: {dotted(here)} {INLINE}"


def _is_secret(loc: Loc) -> bool:
    key = (loc[0], loc[-1]) == ("pools", "key")
    return bool(SECRET_KEY.search(str(loc[-1]))) or key or loc[-2:-1] == ("headers",)


def _asic_rs(config: Config, document: Document) -> Iterator[str]:
    """Yield what is wrong with the use of the optional pyasic-rs library."""
    if config.asic_rs and importlib.util.find_spec("pyasic_rs") is None:
        place = document.place(("asic_rs",))
        yield f"{place}: asic_rs is true, but pyasic-rs is not installed: pip install 'stratoscope[asic-rs]'"
    for at, rigs in enumerate(config.rigs):
        if rigs.driver == "asic-rs" and not config.asic_rs:
            loc = ("rigs", at, "driver")
            yield f"{document.place(loc)}: {dotted(loc)} is asic-rs, which is switched off: set asic_rs: true"


def _currency(config: Config, document: Document) -> Iterator[str]:
    """Yield what is wrong when market and economics speak of two currencies."""
    own, market = config.economics.currency, config.market
    if own is not None and market is not None and own != market.currency:
        loc = ("economics", "currency")
        yield (
            f"{document.place(loc)}: {dotted(loc)} is {own} and market.currency is {market.currency}: money needs "
            "one currency, remove one of them"
        )


def _broker(config: Config, document: Document) -> Iterator[str]:
    """Yield what is wrong when something is to go to a broker or come from one and none is named."""
    if config.mqtt is not None:
        return
    for loc in _uses_broker(config):
        yield f"{document.place(loc)}: {dotted(loc)} has no broker: add the section `mqtt:` with its `host:`"


def _uses_broker(config: Config) -> Iterator[Loc]:
    """Yield every place of the config that publishes to a broker or reads from one."""
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
    return {entry.name: entry for entry in entry_points(group=EXPORTERS)}


def _exporters(document: Document, resolver: Resolver, settings: dict[str, Any]) -> Iterator[str]:
    """Yield what is wrong with the exporters' sections; put the validated settings into `settings` by name.

    An exporter's module may define `Settings`, a pydantic model; without one it takes the section as it is.
    """
    installed = installed_exporters()
    sections = document.values.get("exporters")
    sections = dict(DEFAULT_EXPORTERS) if sections is None else sections
    for name, section in sections.items() if isinstance(sections, dict) else ():
        loc = ("exporters", name)
        if name not in installed:
            yield f"{document.place(loc)}: {dotted(loc)} is not an exporter: {nearest(name, installed)}"
            continue
        try:
            model = getattr(sys.modules[installed[name].load().__module__], "Settings", None)
        except (ImportError, AttributeError) as error:
            yield f"{document.place(loc)}: {dotted(loc)} cannot be loaded: {error}: install it anew"
            continue
        if not (isinstance(model, type) and issubclass(model, BaseModel)) or not isinstance(section, dict | None):
            continue  # what is no section at all is a problem of the config's own model
        try:
            settings[name] = model.model_validate(section or {}, context=resolver)
        except ValidationError as error:
            yield from sentences(error, model, document, loc)


def _stamp(path: Path) -> Stamp:
    try:
        stat = path.stat()
    except OSError:
        return None
    return stat.st_mtime_ns, stat.st_size, stat.st_ino


class Source:
    """Where the config comes from, and whether anything it was made from has changed since it was last loaded.

    A load that fails counts too: the same broken file is not tried again and again, and every file it depends on is
    still watched, so that mending any of them is noticed.
    """

    def __init__(self, path: Path, environ: Mapping[str, str]) -> None:
        self.path = path
        self.environ = environ
        self._stamps: dict[Path, Stamp] = {}

    def changed(self) -> bool:
        """Tell whether the config, a list of rigs or a secret's file changed since the last load, or none was tried."""
        return not self._stamps or any(_stamp(path) != stamp for path, stamp in self._stamps.items())

    def load(self) -> Config:
        """Return the config as it is now; raise InvalidConfig."""
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
