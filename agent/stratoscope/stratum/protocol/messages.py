"""Turns lines of stratum V1 into typed messages and writes the few that an observer sends; no sockets, no exceptions.

Byte orders are settled here: a previous hash is kept in header order, words are integers, scripts are bytes. There is
no builder for `mining.submit`: an observer cannot submit a share.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson

from stratoscope import __version__
from stratoscope.market.chain import difficulty_of
from stratoscope.stratum.protocol.values import number, octets, swap_words, word

AGENT: Final = f"stratoscope/{__version__}"
"""What an observer calls itself: honest, so that a pool may know and refuse it."""
MAX_BRANCHES: Final = 32
MAX_EXTRANONCE: Final = 256  # bytes, each of the two
MAX_TEXT: Final = 1000  # characters of a message for people
MAX_JOB_ID: Final = 256
ROLLING_MASK: Final = 0x1FFFE000
"""The bits of a header's version that BIP 320 leaves to miners."""
_JSON_STARTS: Final = 8  # places in a line at which a document is looked for, after noise
_BLANK: Final = b"\x00\r\n\t "

NOISE_REASONS: Final = ("not_json", "not_object", "shape", "params", "oversize")
"""Why a line is no message: the closed set behind Noise."""

Id = int | float | str | None


@dataclass(frozen=True, slots=True)
class Notify:
    """A job: `prev_hash` and `branches` in header order (32 bytes each), the words as integers."""

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
    """The share difficulty from the next job on; above zero, often a fraction."""

    difficulty: float


@dataclass(frozen=True, slots=True)
class SetExtranonce:
    """The extranonce from the next job on; sizes in bytes."""

    extranonce1: bytes
    extranonce2_size: int


@dataclass(frozen=True, slots=True)
class SetVersionMask:
    """Which bits of a header's version a miner may change (BIP 310)."""

    mask: int


@dataclass(frozen=True, slots=True)
class Reconnect:
    """The pool wants the miner elsewhere: None is "as now"; `wait` in seconds. To be reported, not followed abroad."""

    host: str | None
    port: int | None
    wait: float | None


@dataclass(frozen=True, slots=True)
class ShowMessage:
    """Words of the pool for its users; untrusted text, at most MAX_TEXT characters."""

    text: str


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer to the request `id`; `error` is a list, a string, an object or None, as pools will have it."""

    id: Id
    result: Any
    error: Any

    @property
    def ok(self) -> bool:
        """Tell whether the request was granted."""
        return not self.error and self.result is not None and self.result is not False


@dataclass(frozen=True, slots=True)
class Request:
    """A request or notification that has no type of its own; `params` is a list or an object, whatever came."""

    id: Id
    method: str
    params: Any


@dataclass(frozen=True, slots=True)
class Noise:
    """A line that is no message, by one of NOISE_REASONS; `method` where one was readable."""

    reason: str
    method: str = ""


Message = Notify | SetDifficulty | SetExtranonce | SetVersionMask | Reconnect | ShowMessage | Reply | Request | Noise


@dataclass(frozen=True, slots=True)
class Subscription:
    """What `mining.subscribe` granted: sizes in bytes; `session` is the id to come back with, where one was given."""

    extranonce1: bytes
    extranonce2_size: int
    session: str | None


def parse(line: bytes) -> Message:
    """Return the message in one line, with or without its line end; Noise for anything else, never an exception.

    Binary noise before the document, such as a TLS hello on a clear port, is passed over.
    """
    document = _document(line.strip(_BLANK))
    if document is None:
        return Noise("not_json")
    if not isinstance(document, dict):
        return Noise("not_object")
    method = document.get("method")
    if isinstance(method, str) and method:
        return _request(document, method)
    if "result" not in document and "error" not in document:
        return Noise("shape")
    error = document.get("error")
    return Reply(_id(document), document.get("result"), document.get("reject-reason") if error is None else error)


def parse_notify(params: Any) -> Notify | None:
    """Return the job in the params of `mining.notify`; None where they are not the nine of Bitcoin's."""
    if not isinstance(params, list) or not 8 <= len(params) <= 16 or not isinstance(params[4], list):
        return None
    job_id, branches = params[0], params[4]
    prev_hash, first, second = octets(params[1]), octets(params[2]), octets(params[3])
    hashes = [octets(branch) for branch in branches[: MAX_BRANCHES + 1]]
    words = [word(params[at]) for at in (5, 6, 7)]
    if isinstance(job_id, int) and not isinstance(job_id, bool) and abs(job_id) < 1 << 64:
        job_id = str(job_id)
    if not isinstance(job_id, str) or len(job_id) > MAX_JOB_ID:
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


def subscription(result: Any) -> Subscription | None:
    """Return what a reply to `mining.subscribe` grants; None where it grants nothing.

    The last two elements are the extranonce and its size. What stands before them varies: nothing, a list of pairs, one
    pair, null.
    """
    if not isinstance(result, list) or len(result) < 2:
        return None
    extranonce = _extranonce(result[-2:])
    if extranonce is None:
        return None
    return Subscription(extranonce.extranonce1, extranonce.extranonce2_size, _session(result[:-2]))


def rolling_mask(result: Any) -> int | None:
    """Return the version bits that a reply to `mining.configure` lets a miner roll; None where it lets none."""
    if not isinstance(result, dict) or result.get("version-rolling") is not True:
        return None
    return word(result.get("version-rolling.mask"))


def configure(id_: Id, *, mask: int = ROLLING_MASK) -> bytes:
    """Return `mining.configure`, asking for version rolling; harmless to repeat, so also a probe of latency."""
    options = {"version-rolling.mask": f"{mask:08x}", "version-rolling.min-bit-count": 2}
    return request(id_, "mining.configure", [["version-rolling"], options])


def subscribe(id_: Id, agent: str = AGENT, session: str | None = None) -> bytes:
    """Return `mining.subscribe` by the name of `agent`, resuming `session` where one is given."""
    return request(id_, "mining.subscribe", [agent] if session is None else [agent, session])


def authorize(id_: Id, user: str, password: str = "x") -> bytes:  # noqa: S107 — the trade's word for none
    """Return `mining.authorize`; `x` is what the trade sends for no password."""
    return request(id_, "mining.authorize", [user, password])


def extranonce_subscribe(id_: Id) -> bytes:
    """Return `mining.extranonce.subscribe`: changes of the extranonce are welcome in this session."""
    return request(id_, "mining.extranonce.subscribe", [])


def suggest_difficulty(id_: Id, difficulty: float) -> bytes:
    """Return `mining.suggest_difficulty`; most pools answer with a set_difficulty or not at all."""
    return request(id_, "mining.suggest_difficulty", [difficulty])


def request(id_: Id, method: str, params: Sequence[Any]) -> bytes:
    """Return one line that asks for `method`."""
    return orjson.dumps({"id": id_, "method": method, "params": list(params)}) + b"\n"


def _document(line: bytes) -> Any:
    try:
        return orjson.loads(line)
    except orjson.JSONDecodeError:
        pass
    at = -1
    for _ in range(_JSON_STARTS):
        at = line.find(b'{"', at + 1)
        if at < 0:
            return None
        try:  # text of pools is not always UTF-8
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
        return Request(_id(document), method, params)
    return known(params if isinstance(params, list) else []) or Noise("params", method)


def _notify(params: list[Any]) -> Message | None:
    return parse_notify(params)


def _difficulty(params: list[Any]) -> Message | None:
    value = number(params[0]) if params else None
    return SetDifficulty(value) if value is not None and value > 0 else None


def _target(params: list[Any]) -> Message | None:
    target = octets(params[0]) if params else None
    if target is None or len(target) != 32 or not any(target):
        return None
    return SetDifficulty(difficulty_of(int.from_bytes(target)))


def _extranonce(params: list[Any]) -> SetExtranonce | None:
    first = octets(params[0]) if len(params) >= 2 else None
    size = number(params[1]) if first is not None else None
    if first is None or size is None or len(first) > MAX_EXTRANONCE or not 0 <= size <= MAX_EXTRANONCE or size % 1:
        return None
    return SetExtranonce(first, int(size))


def _mask(params: list[Any]) -> Message | None:
    mask = word(params[0]) if params else None
    return None if mask is None else SetVersionMask(mask)


def _reconnect(params: list[Any]) -> Message:
    host, port, wait = [*params, None, None, None][:3]
    at, seconds = number(port), number(wait)
    return Reconnect(
        host[:MAX_TEXT] if isinstance(host, str) and host else None,
        int(at) if at is not None and 0 < at < 65536 and at % 1 == 0 else None,
        seconds if seconds is not None and seconds >= 0 else None,
    )


def _show(params: list[Any]) -> Message | None:
    return ShowMessage(params[0][:MAX_TEXT]) if params and isinstance(params[0], str) else None


_KNOWN: Final = {
    "mining.notify": _notify,
    "mining.set_difficulty": _difficulty,
    "mining.set_target": _target,
    "mining.set_extranonce": _extranonce,
    "mining.set_version_mask": _mask,
    "client.reconnect": _reconnect,
    "client.show_message": _show,
}


def _session(before: list[Any]) -> str | None:
    """Return the session id in what stands before the extranonce: of `mining.notify` where it has a name."""
    pairs = before[0] if len(before) == 1 and isinstance(before[0], list) else before
    if len(pairs) == 2 and all(isinstance(part, str) for part in pairs):
        pairs = [pairs]
    named = {
        pair[0]: pair[1]
        for pair in pairs
        if isinstance(pair, list) and len(pair) == 2 and all(isinstance(part, str) for part in pair)
    }
    return named.get("mining.notify") or next(iter(named.values()), None)
