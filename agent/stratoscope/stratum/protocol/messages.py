"""Parses lines of stratum V1 into typed messages. No sockets; never raises.

Byte orders are converted here: previous hashes are in header order, hex words are integers, scripts are bytes.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import orjson

from stratoscope.market.chain import difficulty_of
from stratoscope.stratum.protocol.values import parse_hex, parse_hex_word, parse_number, swap_words

MAX_BRANCHES: Final = 32
MAX_EXTRANONCE_BYTES: Final = 256  # for each of the two extranonces
MAX_TEXT_CHARS: Final = 1000  # of client.show_message
MAX_JOB_ID_CHARS: Final = 256
_MAX_JSON_STARTS: Final = 8  # positions in a line where a JSON document is tried after binary garbage
_BLANK: Final = b"\x00\r\n\t "

INVALID_REASONS: Final = ("not_json", "not_object", "shape", "params", "oversize")
"""Why a line is not a valid message; the closed set of values of `InvalidMessage.reason`."""

Id = int | float | str | None


@dataclass(frozen=True, slots=True)
class Notify:
    """A job (`mining.notify`): `prev_hash` and `branches` are 32 bytes each, in header order."""

    job_id: str
    prev_hash: bytes
    coinbase1: bytes
    coinbase2: bytes
    branches: tuple[bytes, ...]
    version: int
    nbits: int
    ntime: int
    clean: bool


@dataclass(frozen=True, slots=True)
class SetDifficulty:
    """The share difficulty, which applies from the next job; greater than 0, often a fraction."""

    difficulty: float


@dataclass(frozen=True, slots=True)
class SetExtranonce:
    """The extranonce, which applies from the next job; sizes in bytes."""

    extranonce1: bytes
    extranonce2_size: int


@dataclass(frozen=True, slots=True)
class SetVersionMask:
    """The version bits that a miner may change (BIP 310)."""

    mask: int


@dataclass(frozen=True, slots=True)
class Reconnect:
    """The pool requests that the miner reconnects, after `wait` seconds. None means the current host or port."""

    host: str | None
    port: int | None
    wait: float | None


@dataclass(frozen=True, slots=True)
class ShowMessage:
    """A text that the pool sends to its users: untrusted, at most MAX_TEXT_CHARS characters."""

    text: str


@dataclass(frozen=True, slots=True)
class StratumReply:
    """The reply to the request `id`. Depending on the pool, `error` is a list, a string, an object or None."""

    id: Id
    result: Any
    error: Any

    @property
    def ok(self) -> bool:
        """Return whether the request succeeded."""
        return not self.error and self.result is not None and self.result is not False


@dataclass(frozen=True, slots=True)
class StratumRequest:
    """A request or notification without a specific type; `params` is the received JSON value."""

    id: Id
    method: str
    params: Any


@dataclass(frozen=True, slots=True)
class InvalidMessage:
    """A line or frame that is not a valid message; `reason` is one of INVALID_REASONS, `method` is set if readable."""

    reason: str
    method: str = ""


Message = (
    Notify
    | SetDifficulty
    | SetExtranonce
    | SetVersionMask
    | Reconnect
    | ShowMessage
    | StratumReply
    | StratumRequest
    | InvalidMessage
)


@dataclass(frozen=True, slots=True)
class Subscription:
    """The reply to `mining.subscribe`: sizes in bytes; `session` is the id for resuming it, if the pool sent one."""

    extranonce1: bytes
    extranonce2_size: int
    session: str | None


def parse_line(line: bytes) -> Message:
    """Parse one line, with or without its line end; return an InvalidMessage if it is not a stratum message.

    Binary garbage before the JSON document, such as a TLS hello on a plain port, is skipped.
    """
    document = _document(line.strip(_BLANK))
    if document is None:
        return InvalidMessage("not_json")
    if not isinstance(document, dict):
        return InvalidMessage("not_object")
    method = document.get("method")
    if isinstance(method, str) and method:
        return _request(document, method)
    if "result" not in document and "error" not in document:
        return InvalidMessage("shape")
    error = document.get("error")
    return StratumReply(
        _id(document), document.get("result"), document.get("reject-reason") if error is None else error
    )


def parse_notify(params: Any) -> Notify | None:
    """Parse the params of `mining.notify`; return None unless they are Bitcoin's nine fields."""
    if not isinstance(params, list) or not 8 <= len(params) <= 16 or not isinstance(params[4], list):
        return None
    job_id, branches = params[0], params[4]
    prev_hash, first, second = parse_hex(params[1]), parse_hex(params[2]), parse_hex(params[3])
    hashes = [parse_hex(branch) for branch in branches[: MAX_BRANCHES + 1]]
    words = [parse_hex_word(params[at]) for at in (5, 6, 7)]
    if isinstance(job_id, int) and not isinstance(job_id, bool) and abs(job_id) < 1 << 64:
        job_id = str(job_id)
    if not isinstance(job_id, str) or len(job_id) > MAX_JOB_ID_CHARS:
        return None
    if prev_hash is None or len(prev_hash) != 32 or first is None or second is None or len(hashes) > MAX_BRANCHES:
        return None
    if any(item is None or len(item) != 32 for item in hashes) or None in words:
        return None
    version, nbits, ntime = (item or 0 for item in words)
    clean = len(params) > 8 and params[8] is True
    return Notify(
        job_id,
        swap_words(prev_hash),
        first,
        second,
        tuple(item or b"" for item in hashes),
        version,
        nbits,
        ntime,
        clean,
    )


def parse_subscription(result: Any) -> Subscription | None:
    """Parse the result of `mining.subscribe`; return None if it contains no extranonce.

    The last two elements are the extranonce and its size. The elements before them differ between pools: none, a list
    of pairs, one pair, or null.
    """
    if not isinstance(result, list) or len(result) < 2:
        return None
    extranonce = _extranonce(result[-2:])
    if extranonce is None:
        return None
    return Subscription(extranonce.extranonce1, extranonce.extranonce2_size, _session(result[:-2]))


def parse_rolling_mask(result: Any) -> int | None:
    """Return the version bits that a `mining.configure` result allows a miner to roll; None if it allows none."""
    if not isinstance(result, dict) or result.get("version-rolling") is not True:
        return None
    return parse_hex_word(result.get("version-rolling.mask"))


def _document(line: bytes) -> Any:
    try:
        return orjson.loads(line)
    except orjson.JSONDecodeError:
        pass
    at = -1
    for _ in range(_MAX_JSON_STARTS):
        at = line.find(b'{"', at + 1)
        if at < 0:
            return None
        try:  # pools do not always send valid UTF-8
            return orjson.loads(line[at:].decode("utf-8", "replace"))
        except orjson.JSONDecodeError:
            continue
    return None


def _id(document: dict[str, Any]) -> Id:
    found = document.get("id")
    return found if isinstance(found, int | float | str) and not isinstance(found, bool) else None


def _request(document: dict[str, Any], method: str) -> Message:
    params = document.get("params")
    known = _KNOWN.get(method)
    if known is None:
        return StratumRequest(_id(document), method, params)
    return known(params if isinstance(params, list) else []) or InvalidMessage("params", method)


def _difficulty(params: list[Any]) -> Message | None:
    value = parse_number(params[0]) if params else None
    return SetDifficulty(value) if value is not None and value > 0 else None


def _target(params: list[Any]) -> Message | None:
    target = parse_hex(params[0]) if params else None
    if target is None or len(target) != 32 or not any(target):
        return None
    return SetDifficulty(difficulty_of(int.from_bytes(target)))


def _extranonce(params: list[Any]) -> SetExtranonce | None:
    first = parse_hex(params[0]) if len(params) >= 2 else None
    size = parse_number(params[1]) if first is not None else None
    if first is None or size is None or size % 1:
        return None
    if len(first) > MAX_EXTRANONCE_BYTES or not 0 <= size <= MAX_EXTRANONCE_BYTES:
        return None
    return SetExtranonce(first, int(size))


def _mask(params: list[Any]) -> Message | None:
    mask = parse_hex_word(params[0]) if params else None
    return None if mask is None else SetVersionMask(mask)


def _reconnect(params: list[Any]) -> Message:
    host, port, wait = [*params, None, None, None][:3]
    at, seconds = parse_number(port), parse_number(wait)
    return Reconnect(
        host[:MAX_TEXT_CHARS] if isinstance(host, str) and host else None,
        int(at) if at is not None and 0 < at < 65536 and at % 1 == 0 else None,
        seconds if seconds is not None and seconds >= 0 else None,
    )


def _show(params: list[Any]) -> Message | None:
    return ShowMessage(params[0][:MAX_TEXT_CHARS]) if params and isinstance(params[0], str) else None


_KNOWN: Final[dict[str, Callable[[list[Any]], Message | None]]] = {
    "mining.notify": parse_notify,
    "mining.set_difficulty": _difficulty,
    "mining.set_target": _target,
    "mining.set_extranonce": _extranonce,
    "mining.set_version_mask": _mask,
    "client.reconnect": _reconnect,
    "client.show_message": _show,
}


def _session(before: list[Any]) -> str | None:
    """Return the session id from the elements before the extranonce; prefer the one named `mining.notify`."""
    pairs = before[0] if len(before) == 1 and isinstance(before[0], list) else before
    if len(pairs) == 2 and all(isinstance(part, str) for part in pairs):
        pairs = [pairs]
    named = {
        pair[0]: pair[1]
        for pair in pairs
        if isinstance(pair, list) and len(pair) == 2 and all(isinstance(part, str) for part in pair)
    }
    return named.get("mining.notify") or next(iter(named.values()), None)
