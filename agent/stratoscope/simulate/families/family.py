"""Says what a family of firmwares is to the simulator: ports, verbs, pages, and how it bends the wire format."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from stratoscope.simulate.families.envelope import Answer, Verb
from stratoscope.simulate.rig import Rig

Transport = Literal["cgminer", "whatsminer3", "http"]

REASONS: Final = {
    200: "OK",
    302: "Found",
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    413: "Content Too Large",
}


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request: method, path without the query, the query as sent, headers by lower-case name, body."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Page:
    """One HTTP answer: `body` is an object for JSON, or text. `login` marks a request that only logs in."""

    body: Any
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    content_type: str = ""
    login: bool = False
    privileged: bool = False  # would have changed the rig


NOT_FOUND: Final = Page("404 Not Found", 404)
Serve = Callable[[Rig, Request], Page]


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """One firmware as the network sees it. Composers are pure functions of rig and request.

    `verbs` answer on CGMiner's port (`new_api` those that came with `"new_api":true`), `ask3` on the WhatsMiner v3
    port, `serve` over HTTP. `unjoinable` tells which verbs may not stand in a joined command ("a+b"). `refuse` words
    the refusals. `bent` rewrites the bytes of an answer where the firmware's own writer is broken. `stays_open` keeps
    the socket open after the closing NUL. `realm` asks for a digest login on every page. `needs_login` says that
    power or identity cannot be read without credentials.
    """

    name: str
    ports: Mapping[int, Transport]
    description: str = "cgminer 4.11.1"
    verbs: Mapping[str, Verb] = field(default_factory=dict)
    new_api: Mapping[str, Verb] = field(default_factory=dict)
    unjoinable: Callable[[str], bool] = lambda _: False
    refuse: Callable[[Rig, str, str], Answer] | None = None
    bent: Callable[[bytes], bytes] | None = None
    stays_open: bool = False
    ask3: Callable[[Rig, str, Any], Answer] | None = None
    serve: Serve | None = None
    realm: str = ""
    needs_login: bool = False
