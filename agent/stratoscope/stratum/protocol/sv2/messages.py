"""Parses frames of stratum V2 into typed messages and builds the three that an observing session sends. Never raises.

Hashes are in header order, targets are integers. There is no builder for a share. Later versions of the protocol may
append fields to a message, so bytes after the known fields are ignored.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from stratoscope.stratum.protocol.messages import InvalidMessage
from stratoscope.stratum.protocol.sv2 import fields
from stratoscope.stratum.protocol.sv2.fields import InvalidPayload, PayloadReader
from stratoscope.stratum.protocol.sv2.noise import Frame

MINING, TEMPLATES = 0, 2
"""Values of `protocol` in SetupConnection."""
VERSION: Final = 2
SETUP, SETUP_SUCCESS, SETUP_ERROR, RECONNECT = 0x00, 0x01, 0x02, 0x04
OPEN_EXTENDED, OPEN_EXTENDED_SUCCESS, OPEN_ERROR = 0x13, 0x14, 0x12
CLOSE_CHANNEL, SET_EXTRANONCE_PREFIX = 0x18, 0x19
NEW_EXTENDED_JOB, SET_NEW_PREV_HASH, SET_TARGET = 0x1F, 0x20, 0x21
COINBASE_CONSTRAINTS, NEW_TEMPLATE, TEMPLATE_PREV_HASH = 0x70, 0x71, 0x72
CHANNEL_BIT: Final = 0x8000
"""This bit of a frame's extension type marks messages of a channel."""
ANY_TARGET: Final = (1 << 256) - 1
_NOMINAL_HASHRATE: Final = 1e12  # H/s


@dataclass(frozen=True, slots=True)
class SetupSuccess:
    """The server accepts the connection; `flags` are defined by the protocol."""

    version: int
    flags: int


@dataclass(frozen=True, slots=True)
class Refusal:
    """The server refuses a request or closes a channel; `type` is the message type, `code` the server's error code."""

    type: int
    code: str


@dataclass(frozen=True, slots=True)
class Redirect:
    """The server requests that the client connects to `host` and `port`; an empty host means the same host."""

    host: str
    port: int


@dataclass(frozen=True, slots=True)
class ChannelOpened:
    """An extended channel is open: the client chooses `extranonce_size` bytes, after `extranonce_prefix`."""

    request: int
    channel: int
    target: int
    extranonce_size: int
    extranonce_prefix: bytes


@dataclass(frozen=True, slots=True)
class ExtendedJob:
    """A job of a channel. Without `min_ntime` (UTC s) it becomes valid with a later NewPrevHash."""

    channel: int
    job: int
    min_ntime: int | None
    version: int
    rolling: bool
    branches: tuple[bytes, ...]
    prefix: bytes
    suffix: bytes


@dataclass(frozen=True, slots=True)
class NewPrevHash:
    """A new block to build on, and the job that applies to it.

    From a template provider, `channel` is None, `job` is the id of a template and `ntime` is the time of the header.
    """

    channel: int | None
    job: int
    prev_hash: bytes
    ntime: int
    nbits: int


@dataclass(frozen=True, slots=True)
class SetTarget:
    """The new share target of a channel."""

    channel: int
    target: int


@dataclass(frozen=True, slots=True)
class SetExtranoncePrefix:
    """The extranonce prefix of a channel, which applies from the next job."""

    channel: int
    prefix: bytes


@dataclass(frozen=True, slots=True)
class ProviderTemplate:
    """A template from a node: `value` satoshis are for the miner's outputs, and `outputs` must follow those."""

    template: int
    future: bool
    version: int
    coinbase_version: int
    prefix: bytes
    sequence: int
    value: int
    output_count: int
    outputs: bytes
    lock_time: int
    branches: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class OtherMessage:
    """A message that an observing session does not need."""

    type: int


Message = (
    SetupSuccess
    | Refusal
    | Redirect
    | ChannelOpened
    | ExtendedJob
    | NewPrevHash
    | SetTarget
    | SetExtranoncePrefix
    | ProviderTemplate
    | OtherMessage
    | InvalidMessage
)


def parse_frame(frame: Frame) -> Message:
    """Parse a frame from a server; return an InvalidMessage if its fields cannot be read."""
    known = _KNOWN.get(frame.type)
    if known is None or frame.extension & ~CHANNEL_BIT:
        return OtherMessage(frame.type)
    try:
        return known(PayloadReader(frame.payload))
    except InvalidPayload:
        return InvalidMessage("params", f"{frame.type:#04x}")


def setup_connection(protocol: int, host: str, port: int, agent: str, version: str, *, rolling: bool = False) -> Frame:
    """Return SetupConnection to `host`:`port` for MINING or TEMPLATES, with the client name `agent` and its version."""
    names = (agent, "", version, "")  # vendor, hardware, firmware, device
    payload = (
        fields.encode_number(protocol, 1)
        + fields.encode_number(VERSION, 2) * 2
        + fields.encode_number(4 if rolling else 0, 4)
        + fields.encode_text(host)
        + fields.encode_number(port, 2)
        + b"".join(map(fields.encode_text, names))
    )
    return Frame(0, SETUP, payload)


def open_extended_channel(request: int, user: str, extranonce_size: int = 8) -> Frame:
    """Return OpenExtendedMiningChannel for `user`; only jobs of an extended channel contain the coinbase.

    The request accepts any target, so that no pool refuses the channel because of its share difficulty.
    """
    payload = (
        fields.encode_number(request, 4)
        + fields.encode_text(user)
        + fields.encode_float(_NOMINAL_HASHRATE)
        + fields.encode_number(ANY_TARGET, 32)
        + fields.encode_number(extranonce_size, 2)
    )
    return Frame(0, OPEN_EXTENDED, payload)


def coinbase_constraints(size: int, signature_operations: int) -> Frame:
    """Return CoinbaseOutputConstraints: bytes and signature operations that the client would add to a template."""
    return Frame(0, COINBASE_CONSTRAINTS, fields.encode_number(size, 4) + fields.encode_number(signature_operations, 2))


def _setup_success(at: PayloadReader) -> Message:
    return SetupSuccess(at.number(2), at.number(4))


def _setup_error(at: PayloadReader) -> Message:
    at.number(4)
    return Refusal(SETUP_ERROR, at.text())


def _open_error(at: PayloadReader) -> Message:
    at.number(4)
    return Refusal(OPEN_ERROR, at.text())


def _closed(at: PayloadReader) -> Message:
    at.number(4)
    return Refusal(CLOSE_CHANNEL, at.text())


def _moved(at: PayloadReader) -> Message:
    return Redirect(at.text(), at.number(2))


def _opened(at: PayloadReader) -> Message:
    return ChannelOpened(at.number(4), at.number(4), at.number(32), at.number(2), at.octets())


def _job(at: PayloadReader) -> Message:
    return ExtendedJob(
        at.number(4), at.number(4), at.option(), at.number(4), at.flag(), at.hashes(), at.octets(2), at.octets(2)
    )


def _prev_hash(at: PayloadReader) -> Message:
    return NewPrevHash(at.number(4), at.number(4), at.take(32), at.number(4), at.number(4))


def _target(at: PayloadReader) -> Message:
    return SetTarget(at.number(4), at.number(32))


def _prefix(at: PayloadReader) -> Message:
    return SetExtranoncePrefix(at.number(4), at.octets())


def _template(at: PayloadReader) -> Message:
    return ProviderTemplate(
        at.number(8),
        at.flag(),
        at.number(4),
        at.number(4),
        at.octets(),
        at.number(4),
        at.number(8),
        at.number(4),
        at.octets(2),
        at.number(4),
        at.hashes(),
    )


def _template_prev_hash(at: PayloadReader) -> Message:
    return NewPrevHash(None, at.number(8), at.take(32), at.number(4), at.number(4))


_KNOWN: Final[dict[int, Callable[[PayloadReader], Message]]] = {
    SETUP_SUCCESS: _setup_success,
    SETUP_ERROR: _setup_error,
    RECONNECT: _moved,
    OPEN_EXTENDED_SUCCESS: _opened,
    OPEN_ERROR: _open_error,
    CLOSE_CHANNEL: _closed,
    SET_EXTRANONCE_PREFIX: _prefix,
    NEW_EXTENDED_JOB: _job,
    SET_NEW_PREV_HASH: _prev_hash,
    SET_TARGET: _target,
    NEW_TEMPLATE: _template,
    TEMPLATE_PREV_HASH: _template_prev_hash,
}
