"""Defines a driver: data about one firmware, and two pure functions over its answers."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Final, TypeVar, cast

from stratoscope.fields import Fields
from stratoscope.reading import Defect, Reading


class Via(Enum):
    """The protocol of a command; the value is its default port."""

    CGMINER = 4028  # TCP, {"command":...}; also WhatsMiner v1/v2 with BTMiner's own verbs
    WHATSMINER3 = 4433  # TCP, length-prefixed JSON
    HTTP = 80
    ASIC_RS = 0  # the optional library, which chooses protocol and port itself


@dataclass(frozen=True, slots=True)
class Command:
    """One request to a rig.

    `key` is the key of its answer in `Replies`. `request` is the verb ("summary", "get.miner.status") or, over HTTP,
    the path with its query. `every` is the cadence in polling ticks. If a command is not `required`, the rig may refuse
    it and the poll still succeeds. `identity` marks answers that identify the rig (MAC, serial): they are queried again
    at once after the rig was unreachable or restarted.
    """

    key: str
    request: str
    via: Via = Via.CGMINER
    param: str | None = None
    every: int = 1
    required: bool = True
    identity: bool = False
    joins: bool = True  # may be joined with others as "a+b" (CGMINER only)
    port: int | None = None  # default port, if it differs from the protocol's: ePIC serves HTTP on 4028
    fallback_for: str | None = None  # key of another command: after the first exchange, sent only if that was refused
    text: bool = False  # the HTTP answer is text, not JSON


class LoginScheme(Enum):
    """How a firmware's web API authenticates a reader."""

    DIGEST = "digest"
    BASIC = "basic"
    BEARER = "bearer"  # POST `path` with `body`; the answer holds the token at `token`
    COOKIE = "cookie"  # POST `path` with `body`; the answer sets a cookie


@dataclass(frozen=True, slots=True)
class Login:
    """The login of a firmware's web API, used only with credentials that the operator configured.

    `body` maps field names to "{user}" / "{password}" patterns; `form` sends it url-encoded instead of JSON.
    `token` is the dotted path of the token in a BEARER answer; it is sent as `header`: `prefix` + token.
    """

    scheme: LoginScheme
    path: str = ""
    body: Mapping[str, str] = field(default_factory=dict)
    form: bool = False
    token: str = "token"  # noqa: S105 — a path in an answer, not a secret
    header: str = "Authorization"
    prefix: str = "Bearer "
    port: int = 80


T = TypeVar("T")
DecodedAnswers = dict[str, tuple[Any, Any, list[Defect]]]
"""Command key → the answer, its decoded value, and the defects found in it."""


class Replies(dict[str, Any]):
    """Answers of one rig by command key: parsed JSON (objects, arrays) or text. Untrusted.

    `decoded` caches what `decode_once` made of earlier answers of the same rig; without it nothing is cached.
    """

    __slots__ = ("decoded",)

    def __init__(self, *answers: Any, decoded: DecodedAnswers | None = None, **named: Any) -> None:
        super().__init__(*answers, **named)
        self.decoded = decoded

    def decode_once(self, key: str, read: "Callable[[Replies, list[Defect]], T]", defects: list[Defect]) -> T:
        """Return `read(self, defects)`, computed only once per answer to `key` and cached in `decoded`.

        For commands that are not sent on every tick. `read` may use only that answer, and nothing else may use it:
        the poller drops an answer whose decoded value is cached.
        """
        if self.decoded is None:
            return read(self, defects)
        answer = self.get(key)
        known = self.decoded.get(key)
        if known is None or known[0] is not answer:
            own: list[Defect] = []
            known = self.decoded[key] = (answer, read(self, own), own)
        defects.extend(known[2])
        return cast("T", known[1])

    def fields(self, key: str, defects: list[Defect]) -> Fields:
        """Return a cursor on the object in the answer to `key`; an empty cursor if there is no answer."""
        return Fields(self.get(key), f"/{key}", defects)

    def section(self, key: str, name: str, defects: list[Defect]) -> list[Fields]:
        """Return cursors on the rows of section `name` in a CGMiner answer: {"STATUS":[..],"SUMMARY":[{..}]}."""
        return self.fields(key, defects).items(name)

    def first(self, key: str, name: str, defects: list[Defect]) -> Fields:
        """Return a cursor on the first row of a CGMiner section; an empty cursor if there is none."""
        rows = self.section(key, name, defects)
        return rows[0] if rows else Fields(None, f"/{key}/{name}", defects)


@dataclass(frozen=True, slots=True)
class WebPage:
    """The start of an HTTP response fetched during identification, whatever its status."""

    status: int
    headers: Mapping[str, str]  # lower-case names
    body: str  # at most 64 KiB; U+FFFD replaces invalid UTF-8
    json: Any = None  # the parsed body, if it is JSON


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """The evidence for choosing a driver: answers by command key, pages by path, open ports."""

    replies: Replies
    pages: Mapping[str, WebPage] = field(default_factory=dict)
    ports: frozenset[int] = frozenset()
    login: bool = False  # whether the operator configured credentials for this rig

    def contains(self, *words: str) -> bool:
        """Return whether any key or value of the answers and pages contains one of `words`, ignoring case."""
        haystack = (str(self.replies) + "".join(f"{p.headers}{p.body}" for p in self.pages.values())).lower()
        return any(word.lower() in haystack for word in words)


@dataclass(frozen=True, slots=True)
class Driver:
    """One firmware: which commands to send, how to recognize it, how to decode it. Data and pure functions.

    `decode` is total: it never raises. `window_order` lists hashrate windows, best first: the first one that the rig
    reports is the canonical hashrate, so that the canonical series does not jump with share luck.
    """

    name: str
    title: str
    commands: tuple[Command, ...]
    matches: Callable[[Fingerprint], bool]
    decode: Callable[[Replies], Reading]
    window_order: tuple[str, ...]
    login: Login | None = None
    min_interval: float = 5.0  # s between polls; ESP-Miner's web server needs 15
    shares_progress: bool = True  # the rig reports accepted shares, so a flatline can be detected
    tested_with: tuple[str, ...] = ()  # "model, firmware version"


DEFAULT_WINDOW_ORDER: Final = ("5m", "15m", "1m", "30m", "avg", "1h", "5s", "realtime")
"""The usual order: minutes first, because seconds are share luck and an average hides a stop."""
