"""Says what a driver is: data about one firmware, and two pure functions over its answers."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Final, TypeVar, cast

from stratoscope.fields import Fields
from stratoscope.reading import Defect, Reading


class Via(Enum):
    """How a command travels; the value is the protocol's default port."""

    CGMINER = 4028  # TCP, {"command":...}, also WhatsMiner v1/v2 and BTMiner's own verbs
    WHATSMINER3 = 4433  # TCP, length-prefixed JSON
    HTTP = 80
    ASIC_RS = 0  # whatever the optional library does; it chooses the ports itself


@dataclass(frozen=True, slots=True)
class Command:
    """One question to a rig.

    `key` is where its answer stands in Replies. `ask` is the verb ("summary", "get.miner.status") or, over HTTP,
    the path with query. `every` is the cadence in polling ticks. A command that is not `required` may be refused
    without the poll failing. `identity` marks answers that tell who the rig is (MAC, serial): asked again at once
    when the rig was away or restarted.
    """

    key: str
    request: str
    via: Via = Via.CGMINER
    param: str | None = None
    every: int = 1
    required: bool = True
    identity: bool = False
    joins: bool = True  # may be sent as "a+b" (CGMINER only)
    port: int | None = None  # default port where it differs from the protocol's: ePIC speaks HTTP on 4028
    fallback_for: str | None = None  # after the first exchange asked only where the command of this key was refused
    text: bool = False  # the HTTP answer is text, not JSON


class LoginScheme(Enum):
    """How a firmware's web API lets a reader in."""

    DIGEST = "digest"
    BASIC = "basic"
    BEARER = "bearer"  # POST `path` with `body`; the token stands at `token` in the answer
    COOKIE = "cookie"  # POST `path` with `body`; the answer sets a cookie


@dataclass(frozen=True, slots=True)
class Login:
    """The login of a firmware's web API, used only with credentials that the operator configured.

    `body` maps field names to "{user}" / "{password}" patterns; `form` sends it url-encoded instead of JSON.
    `token` is the dotted path of the token in a BEARER answer; `header` and `prefix` say how it is presented.
    """

    scheme: LoginScheme
    path: str = ""
    body: Mapping[str, str] = field(default_factory=dict)
    form: bool = False
    token: str = "token"  # noqa: S105 — a path in a reply, not a secret
    header: str = "Authorization"
    prefix: str = "Bearer "
    port: int = 80


T = TypeVar("T")
DecodedAnswers = dict[str, tuple[Any, Any, list[Defect]]]
"""Command key → the answer, what was read from it, and its defects."""


class Replies(dict[str, Any]):
    """Answers of one rig by command key: parsed JSON (objects, arrays) or text. Untrusted.

    `decoded` is what `decode_once` made of earlier answers of the same rig; without it everything is read anew.
    """

    __slots__ = ("decoded",)

    def __init__(self, *answers: Any, decoded: DecodedAnswers | None = None, **named: Any) -> None:
        super().__init__(*answers, **named)
        self.decoded = decoded

    def decode_once(self, key: str, read: "Callable[[Replies, list[Defect]], T]", defects: list[Defect]) -> T:
        """Return `read(self, defects)`, made once for each answer to `key`: slow commands answer only now and then.

        `read` may look at that one answer alone, and nothing else may look at it: whoever polls drops it once read.
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
        """Return a cursor on the object answered to `key`; an empty one where there is no answer."""
        return Fields(self.get(key), f"/{key}", defects)

    def section(self, key: str, name: str, defects: list[Defect]) -> list[Fields]:
        """Return cursors on the rows of section `name` in a CGMiner answer: {"STATUS":[..],"SUMMARY":[{..}]}."""
        return self.fields(key, defects).items(name)

    def first(self, key: str, name: str, defects: list[Defect]) -> Fields:
        """Return a cursor on the first row of a CGMiner section; an empty one where there is none."""
        rows = self.section(key, name, defects)
        return rows[0] if rows else Fields(None, f"/{key}/{name}", defects)


@dataclass(frozen=True, slots=True)
class WebPage:
    """What an HTTP GET brought during identification: the start of an answer, whatever it was."""

    status: int
    headers: Mapping[str, str]  # lower-case names
    body: str  # at most 64 KiB, U+FFFD for what is not UTF-8
    json: Any = None  # parsed, where it was JSON


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """What is known about a rig before a driver is chosen: answers by command key, pages by path, open ports."""

    replies: Replies
    pages: Mapping[str, WebPage] = field(default_factory=dict)
    ports: frozenset[int] = frozenset()
    login: bool = False  # the operator configured credentials for this rig

    def contains(self, *words: str) -> bool:
        """Tell whether any answer or page holds one of `words`, ignoring case (keys and values)."""
        haystack = (str(self.replies) + "".join(f"{p.headers}{p.body}" for p in self.pages.values())).lower()
        return any(word.lower() in haystack for word in words)


@dataclass(frozen=True, slots=True)
class Driver:
    """One firmware: what to ask, how to know it, how to read it. Data and pure functions, no base class.

    `decode` is total: it raises on no input whatever. `window_order` orders the hashrate windows from which the one
    canonical hashrate is taken (best first), so that the canonical series does not jump with share luck.
    """

    name: str
    title: str
    commands: tuple[Command, ...]
    matches: Callable[[Fingerprint], bool]
    decode: Callable[[Replies], Reading]
    window_order: tuple[str, ...]
    login: Login | None = None
    min_interval: float = 5.0  # s; ESP-Miner's web server suffers below 15
    shares_progress: bool = True  # accepted shares are reported, so that a flatline can be told
    tested_with: tuple[str, ...] = ()  # "model, firmware version" it was checked against


DEFAULT_WINDOW_ORDER: Final = ("5m", "15m", "1m", "30m", "avg", "1h", "5s", "realtime")
"""The usual preference: minutes, since seconds are share luck and the average hides a stop."""
