"""Parses a YAML file into plain values, with the line of every key; rejects risky or ambiguous YAML.

It rejects anchors and aliases (the billion laughs attack), tags, duplicate keys, several documents and files over
4 MiB.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    MappingEndEvent,
    MappingStartEvent,
    NodeEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)
from ruamel.yaml.nodes import ScalarNode

from stratoscope.config.files import read_bounded
from stratoscope.config.problems import MISSING, InvalidConfig, Loc, Locator, dotted

MAX_BYTES: Final = 4 << 20
MAX_DEPTH: Final = 32
TAG: Final = "tag:yaml.org,2002:"


def read_text(path: Path) -> str:
    """Return the text of a regular UTF-8 file of at most 4 MiB; raise InvalidConfig with the reason otherwise."""
    try:
        raw, _ = read_bounded(path, MAX_BYTES)
    except OSError as error:
        raise InvalidConfig([f"{path} cannot be read: {(error.strerror or 'error').lower()}"]) from None
    if len(raw) > MAX_BYTES:
        raise InvalidConfig([f"{path} is larger than 4 MiB: put long lists of rigs into files (rigs: - file: ...)"])
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise InvalidConfig([f"{path}:{line}: this line is not UTF-8 text: save the file as UTF-8"]) from None


@dataclass
class Document(Locator):
    """The values of a file, the line of each, and which of them the environment overrides."""

    name: str
    values: dict[Any, Any] = field(default_factory=dict)
    lines: dict[Loc, int] = field(default_factory=dict)
    environ: dict[Loc, str] = field(default_factory=dict)

    def place(self, loc: Loc) -> str:
        """Return "file:line" of `loc` or of its nearest parent, or the environment variable that set it."""
        for end in range(len(loc), -1, -1):
            if loc[:end] in self.environ:
                return f"environment variable {self.environ[loc[:end]]}"
            if loc[:end] in self.lines:
                return f"{self.name}:{self.lines[loc[:end]]}"
        return self.name

    def value(self, loc: Loc) -> Any:
        """Return what was written at `loc`, or MISSING."""
        at: Any = self.values
        for key in loc:
            try:
                at = at[key]
            except (LookupError, TypeError):
                return MISSING
        return at


class _RejectedYaml(Exception):
    def __init__(self, line: int, text: str) -> None:
        super().__init__(text)
        self.line = line


class _Builder:
    """Builds values from parser events; stops at the first rejected one."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self.yaml = YAML(typ="safe", pure=True)

    def events(self, text: str) -> Iterator[Any]:
        documents = 0
        for event in self.yaml.parse(text):
            line = event.start_mark.line + 1
            if isinstance(event, AliasEvent) or (isinstance(event, NodeEvent) and event.anchor):
                raise _RejectedYaml(line, "anchors (&name) and aliases (*name) are not supported: write the values out")
            if isinstance(event, NodeEvent) and getattr(event, "tag", None):
                raise _RejectedYaml(line, "tags (!name) are not supported: a value that starts with ! needs quotes")
            documents += isinstance(event, DocumentStartEvent)
            if documents > 1:
                raise _RejectedYaml(line, "a second document starts here: keep one document per file, without `---`")
            if isinstance(
                event, ScalarEvent | MappingStartEvent | MappingEndEvent | SequenceStartEvent | SequenceEndEvent
            ):
                yield event

    def build(self, event: Any, rest: Iterator[Any], loc: Loc) -> Any:
        self.document.lines.setdefault(loc, event.start_mark.line + 1)
        if len(loc) > MAX_DEPTH:
            raise _RejectedYaml(event.start_mark.line + 1, f"values are nested deeper than {MAX_DEPTH} levels")
        if isinstance(event, ScalarEvent):
            return self.scalar(event)
        if isinstance(event, SequenceStartEvent):
            return self.sequence(rest, loc)
        return self.mapping(rest, loc)

    def scalar(self, event: Any) -> Any:
        tag = str(self.yaml.resolver.resolve(ScalarNode, event.value, event.implicit)).removeprefix(TAG)
        if tag not in ("int", "float", "bool", "null"):
            return event.value
        build = getattr(self.yaml.constructor, f"construct_yaml_{tag}")
        try:
            return build(ScalarNode(TAG + tag, event.value))
        except ValueError:  # a number of thousands of digits
            return event.value

    def sequence(self, rest: Iterator[Any], loc: Loc) -> list[Any]:
        found: list[Any] = []
        for event in rest:
            if isinstance(event, SequenceEndEvent):
                break
            found.append(self.build(event, rest, (*loc, len(found))))
        return found

    def mapping(self, rest: Iterator[Any], loc: Loc) -> dict[Any, Any]:
        found: dict[Any, Any] = {}
        for event in rest:
            if isinstance(event, MappingEndEvent):
                break
            line = event.start_mark.line + 1
            if not isinstance(event, ScalarEvent):
                raise _RejectedYaml(line, "a key must be a word, not a list or a section")
            key = self.scalar(event)
            if key in found:
                first = self.document.lines[(*loc, key)]
                raise _RejectedYaml(
                    line, f"{dotted((*loc, key))} is written twice, first in line {first}: keep one of them"
                )
            self.document.lines[(*loc, key)] = line
            found[key] = self.build(next(rest), rest, (*loc, key))
        return found


NAMED: Final = re.compile(r"\b(handle|alias|anchor|key|directive) .*", re.DOTALL)
"""Words after which the parser's message quotes the file."""

REMEDIES: Final = {
    "mapping values are not allowed here": "put a value that contains `: ` in quotes, and each key on its own line",
    "cannot start any token": "indent with spaces only; put a value that starts with @, `, % or a tab in quotes",
    "expected <block end>": "the indentation does not match the lines above",
    "found unexpected end of stream": "a quote is not closed",
    "could not find expected ':'": "write a colon and a space after the key",
    "expected ',' or": "a bracket is not closed, or a comma is missing",
}


def _describe_syntax_error(name: str, error: YAMLError) -> str:
    """Return a YAML error as a sentence. The parser's message is shortened: it quotes the line, with its secrets."""
    if not isinstance(error, MarkedYAMLError):
        return f"{name} contains control characters: save it as plain UTF-8 text"
    mark = error.problem_mark or error.context_mark
    problem = str(error.problem or "unreadable")
    remedy = next((text for start, text in REMEDIES.items() if start in problem), "compare with config.example.yaml")
    line = f":{mark.line + 1}" if mark else ""
    problem = NAMED.sub(r"\1", problem)
    return f"{name}{line}: not valid YAML ({problem}): {remedy}"


def parse(text: str, name: str) -> Document:
    """Return the document in `text`; raise InvalidConfig if it cannot be parsed."""
    document = Document(name)
    # Raised outside the handlers: as its context, the parser's exception would expose the line it quotes, with secrets.
    problem = _parse_into(document, text)
    if problem is not None:
        raise InvalidConfig([problem])
    return document


def _parse_into(document: Document, text: str) -> str | None:
    """Read `text` into `document`; return the problem, if any."""
    name, builder = document.name, _Builder(document)
    try:
        events = builder.events(text)
        first = next(events, None)
        if first is None or (isinstance(first, ScalarEvent) and not first.value):
            return f"{name} is empty: see config.example.yaml for the keys"
        values = builder.build(first, events, ())
        next(events, None)  # detects a second document
    except _RejectedYaml as rejected:
        return f"{name}:{rejected.line}: {rejected}"
    except YAMLError as error:
        return _describe_syntax_error(name, error)
    if not isinstance(values, dict):
        return f"{name}:1: the file must be sections of keys, such as `rigs:`"
    document.values = values
    return None
