"""Defines a simulated firmware family: its ports, commands, web pages and deviations from the wire format."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from stratoscope.simulate.families.envelope import Answer, CommandHandler
from stratoscope.simulate.rig import Rig

Transport = Literal["cgminer", "whatsminer3", "http"]

HTTP_REASONS: Final = {
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
class SimulatedRequest:
    """One HTTP request: `path` excludes the query string, `headers` have lower-case names."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class SimulatedPage:
    """One HTTP response: `body` is text, or an object sent as JSON. `login` marks the response to a login request."""

    body: Any
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    content_type: str = ""
    login: bool = False
    privileged: bool = False  # the request tried to change the rig


NOT_FOUND: Final = SimulatedPage("404 Not Found", 404)
RigPageHandler = Callable[[Rig, SimulatedRequest], SimulatedPage]


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatedFamily:
    """One firmware family as seen on the network. Handlers only read the rig; they may keep texts in `rig.cache`.

    - `verbs`: the commands on CGMiner's port; `new_api`: the commands in requests with `"new_api":true`.
    - `answer_v3`: handles the WhatsMiner v3 port; `serve`: handles HTTP.
    - `is_unjoinable`: whether a command is not allowed in a joined command ("a+b").
    - `refuse`: composes the response to a refused command (None: CGMiner's standard refusal).
    - `rewrite_bytes`: reproduces the malformed output of a firmware whose JSON writer is broken.
    - `keeps_socket_open`: the socket stays open after the closing NUL.
    - `realm`: the digest realm; when set, every page requires a digest login.
    - `needs_login`: power or identity cannot be read without credentials.
    """

    name: str
    ports: Mapping[int, Transport]
    description: str = "cgminer 4.11.1"
    verbs: Mapping[str, CommandHandler] = field(default_factory=dict)
    new_api: Mapping[str, CommandHandler] = field(default_factory=dict)
    is_unjoinable: Callable[[str], bool] = lambda _: False
    refuse: Callable[[Rig, str, str], Answer] | None = None
    rewrite_bytes: Callable[[bytes], bytes] | None = None
    keeps_socket_open: bool = False
    answer_v3: Callable[[Rig, str, Any], Answer] | None = None
    serve: RigPageHandler | None = None
    realm: str = ""
    needs_login: bool = False
