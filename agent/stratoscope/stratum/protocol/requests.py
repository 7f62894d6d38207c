"""Builds the stratum V1 requests that an observing session sends.

There is no builder for `mining.submit`: an observing session cannot submit a share.
"""

from collections.abc import Sequence
from typing import Any, Final

import orjson

from stratoscope import __version__
from stratoscope.stratum.protocol.messages import Id

AGENT: Final = f"stratoscope/{__version__}"
"""The client name sent to pools: the real one, so that a pool can recognise and refuse this client."""
ROLLING_MASK: Final = 0x1FFFE000
"""The version bits that BIP 320 leaves to miners."""


def configure(id_: Id, *, mask: int = ROLLING_MASK) -> bytes:
    """Return `mining.configure`, which requests version rolling. It can be repeated, so it also measures latency."""
    options = {"version-rolling.mask": f"{mask:08x}", "version-rolling.min-bit-count": 2}
    return request(id_, "mining.configure", [["version-rolling"], options])


def subscribe(id_: Id, agent: str = AGENT, session: str | None = None) -> bytes:
    """Return `mining.subscribe` with the client name `agent`; with `session`, resume that session."""
    return request(id_, "mining.subscribe", [agent] if session is None else [agent, session])


def authorize(id_: Id, user: str, password: str = "x") -> bytes:  # noqa: S107 — miners send "x" for "no password"
    """Return `mining.authorize`. Miners send the password `x` when they have none."""
    return request(id_, "mining.authorize", [user, password])


def request(id_: Id, method: str, params: Sequence[Any]) -> bytes:
    """Return one request line."""
    return orjson.dumps({"id": id_, "method": method, "params": list(params)}) + b"\n"


def result(id_: Id, value: Any) -> bytes:
    """Return one reply line with the result `value`."""
    return orjson.dumps({"id": id_, "result": value, "error": None}) + b"\n"
