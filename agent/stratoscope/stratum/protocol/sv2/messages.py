"""Turns frames of stratum V2 into typed messages and writes the three that an observer sends; no exceptions.

Hashes are in header order, targets are numbers. There is no builder for a share. A message may grow fields at its end
in later versions of the protocol: what follows the known ones is passed over.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from stratoscope.stratum.protocol.messages import Noise
from stratoscope.stratum.protocol.sv2 import fields
from stratoscope.stratum.protocol.sv2.fields import Reader, Short
from stratoscope.stratum.protocol.sv2.noise import Frame

MINING, TEMPLATES = 0, 2
"""Protocols of a connection."""
VERSION: Final = 2
SETUP, SETUP_SUCCESS, SETUP_ERROR, RECONNECT = 0x00, 0x01, 0x02, 0x04
OPEN_EXTENDED, OPEN_EXTENDED_SUCCESS, OPEN_ERROR = 0x13, 0x14, 0x12
CLOSE_CHANNEL, SET_EXTRANONCE_PREFIX = 0x18, 0x19
NEW_EXTENDED_JOB, SET_NEW_PREV_HASH, SET_TARGET = 0x1F, 0x20, 0x21
COINBASE_CONSTRAINTS, NEW_TEMPLATE, TEMPLATE_PREV_HASH = 0x70, 0x71, 0x72
CHANNEL_BIT: Final = 0x8000
"""Bit of a frame's extension: the message belongs to a channel."""
ANY_TARGET: Final = (1 << 256) - 1
_OUR_RATE: Final = 1e12  # H/s


@dataclass(frozen=True, slots=True)
class SetupSuccess:
    """The connection stands; `flags` as the protocol defines them."""

    version: int
    flags: int


@dataclass(frozen=True, slots=True)
class Refused:
    """Something asked for was refused, or a channel was closed: the code is the other side's word."""

    type: int
    code: str


@dataclass(frozen=True, slots=True)
class Moved:
    """The other side wants the client elsewhere; an empty host is the same one. Reported, never followed."""

    host: str
    port: int


@dataclass(frozen=True, slots=True)
class Opened:
    """An extended channel stands: `extranonce_size` bytes are the client's, after `extranonce_prefix`."""

    request: int
    channel: int
    target: int
    extranonce_size: int
    extranonce_prefix: bytes


@dataclass(frozen=True, slots=True)
class ExtendedJob:
    """A job of a channel; without `min_ntime` (UTC s) it is for a later previous hash."""

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
    """The block to build on has changed, and which job is for the new one; `channel` is None from template providers.

    There `job` is a template's id, `ntime` the header's time.
    """

    channel: int | None
    job: int
    prev_hash: bytes
    ntime: int
    nbits: int


@dataclass(frozen=True, slots=True)
class SetTarget:
    """The share target of a channel from now on."""

    channel: int
    target: int


@dataclass(frozen=True, slots=True)
class SetPrefix:
    """The extranonce prefix of a channel from the next job on."""

    channel: int
    prefix: bytes


@dataclass(frozen=True, slots=True)
class ProviderTemplate:
    """A template of one's own node: `value` satoshis are left for outputs, `outputs` must follow them as they are."""

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
class Other:
    """A message that an observer has no use for."""

    type: int


Message = (
    SetupSuccess
    | Refused
    | Moved
    | Opened
    | ExtendedJob
    | NewPrevHash
    | SetTarget
    | SetPrefix
    | ProviderTemplate
    | Other
    | Noise
)


def parse(frame: Frame) -> Message:
    """Return the message in a frame that came from a server; Noise where its fields cannot be read."""
    known = _KNOWN.get(frame.type)
    if known is None or frame.extension & ~CHANNEL_BIT:
        return Other(frame.type)
    try:
        return known(Reader(frame.payload))
    except Short:
        return Noise("params", f"{frame.type:#04x}")


def setup(protocol: int, host: str, port: int, agent: str, version: str, *, rolling: bool = False) -> Frame:
    """Return SetupConnection to `host`:`port` for MINING or TEMPLATES, by the name of `agent` and its `version`."""
    names = (agent, "", version, "")  # vendor, hardware, firmware, device
    payload = (
        fields.number(protocol, 1)
        + fields.number(VERSION, 2) * 2
        + fields.number(4 if rolling else 0, 4)
        + fields.text(host)
        + fields.number(port, 2)
        + b"".join(map(fields.text, names))
    )
    return Frame(0, SETUP, payload)


def open_extended(request: int, user: str, extranonce_size: int = 8) -> Frame:
    """Return OpenExtendedMiningChannel for `user`: only an extended channel shows the coinbase.

    Any target is accepted, so that no pool refuses the channel for the share difficulty it would set.
    """
    payload = (
        fields.number(request, 4)
        + fields.text(user)
        + fields.single(_OUR_RATE)
        + fields.number(ANY_TARGET, 32)
        + fields.number(extranonce_size, 2)
    )
    return Frame(0, OPEN_EXTENDED, payload)


def coinbase_constraints(size: int, signature_operations: int) -> Frame:
    """Return CoinbaseOutputConstraints: bytes and signature operations of outputs one would add to templates."""
    return Frame(0, COINBASE_CONSTRAINTS, fields.number(size, 4) + fields.number(signature_operations, 2))


def _setup_success(at: Reader) -> Message:
    return SetupSuccess(at.number(2), at.number(4))


def _setup_error(at: Reader) -> Message:
    at.number(4)
    return Refused(SETUP_ERROR, at.text())


def _open_error(at: Reader) -> Message:
    at.number(4)
    return Refused(OPEN_ERROR, at.text())


def _closed(at: Reader) -> Message:
    at.number(4)
    return Refused(CLOSE_CHANNEL, at.text())


def _moved(at: Reader) -> Message:
    return Moved(at.text(), at.number(2))


def _opened(at: Reader) -> Message:
    return Opened(at.number(4), at.number(4), at.number(32), at.number(2), at.octets())


def _job(at: Reader) -> Message:
    return ExtendedJob(
        at.number(4), at.number(4), at.option(), at.number(4), at.flag(), at.hashes(), at.octets(2), at.octets(2)
    )


def _prev_hash(at: Reader) -> Message:
    return NewPrevHash(at.number(4), at.number(4), at.take(32), at.number(4), at.number(4))


def _target(at: Reader) -> Message:
    return SetTarget(at.number(4), at.number(32))


def _prefix(at: Reader) -> Message:
    return SetPrefix(at.number(4), at.octets())


def _template(at: Reader) -> Message:
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


def _template_prev_hash(at: Reader) -> Message:
    return NewPrevHash(None, at.number(8), at.take(32), at.number(4), at.number(4))


_KNOWN: Final[dict[int, Callable[[Reader], Message]]] = {
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
