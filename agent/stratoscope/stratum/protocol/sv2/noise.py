"""Does a client's handshake of stratum V2 and seals its frames; bytes in, bytes out, no sockets.

Noise_NX_Secp256k1+EllSwift_ChaChaPoly_SHA256 (sv2-spec, chapter 4): the initiator sends an ephemeral key, the responder
its own, its static key and a certificate over that, signed by the pool's authority. Key agreement is that of BIP 324,
signatures are those of BIP 340. libsecp256k1 does the curve (through btclib-secp256k1, which alone offers its
ElligatorSwift openly), OpenSSL the cipher (through cryptography).
"""

import hashlib
import hmac
import secrets
import struct
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Final

from stratoscope.errors import OperatorError
from stratoscope.stratum.jobs.address import base58check, base58check_decode

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

PROTOCOL: Final = b"Noise_NX_Secp256k1+EllSwift_ChaChaPoly_SHA256"
KEY: Final = 64  # bytes of a public key in ElligatorSwift
MAC: Final = 16
ACT_2: Final = KEY + KEY + MAC + 74 + MAC
HEADER: Final = 6
CHUNK: Final = 65535 - MAC
MOST: Final = 1 << 20
"""Bytes of the largest payload that is taken; the largest message an observer gets is a job, some tens of kB."""
KEY_VERSION: Final = b"\x01\x00"
_SIGNED: Final = struct.Struct("<HII")

Chance = Callable[[int], bytes]


class NoiseFailed(Exception):
    """What came was not sealed by the other side, or cannot be meant."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One message: its extension, its type and its payload, not yet read."""

    extension: int
    type: int
    payload: bytes


@dataclass(frozen=True, slots=True)
class Certificate:
    """What the authority signed of a server's static key: from when to when (UTC s) it holds.

    `genuine` tells whether the authority signed it; None where no key of one was given.
    """

    version: int
    valid_from: int
    not_valid_after: int
    genuine: bool | None = None

    def holds(self, now: float) -> bool:
        """Tell whether `now` (UTC s) lies within the certificate's time."""
        return self.valid_from <= now <= self.not_valid_after


def available() -> bool:
    """Tell whether the extra `sv2` is installed."""
    return all(find_spec(name) is not None for name in ("btclib_secp256k1", "cryptography"))


def authority_key(text: str) -> bytes | None:
    """Return the 32 bytes of an authority key as it stands in a URL (base58check); None where it is none."""
    payload = base58check_decode(text)
    return payload[2:] if payload is not None and len(payload) == 34 and payload[:2] == KEY_VERSION else None


def authority_text(key: bytes) -> str:
    """Return an authority key as it stands in a URL."""
    return base58check(KEY_VERSION + key)


class Initiator:
    """The client's side of the handshake: send `hello`, then give `finish` the ACT_2 bytes that come back."""

    def __init__(self, authority: bytes | None, chance: Chance = secrets.token_bytes) -> None:
        curve = _curve()
        self._authority = authority
        self._secret = _secret(chance)
        self._key = bytes(curve.ellswift.create(self._secret, chance(32)))
        self._state = _State()
        self._state.mix_hash(self._key)
        self._state.mix_hash(b"")
        self.hello = self._key

    def finish(self, answer: bytes) -> tuple["Sealed", Certificate]:
        """Return the sealed connection and the server's certificate; raise NoiseFailed where the answer is damaged."""
        curve, state = _curve(), self._state
        if len(answer) != ACT_2:
            raise NoiseFailed(f"the answer has {len(answer)} bytes instead of {ACT_2}")
        theirs = answer[:KEY]
        state.mix_hash(theirs)
        state.mix_key(curve.ellswift.xdh(self._key, theirs, self._secret, 0))
        static = state.open(answer[KEY : 2 * KEY + MAC])
        state.mix_key(curve.ellswift.xdh(self._key, static, self._secret, 0))
        message = state.open(answer[2 * KEY + MAC :])
        certificate = _checked(message, curve.ellswift.decode(static)[1:33], self._authority)
        outward, inward = state.split()
        return Sealed(outward, inward), certificate


class Sealed:
    """A connection after the handshake: `seal` what goes out, `feed` what comes in."""

    def __init__(self, outward: "_Cipher", inward: "_Cipher") -> None:
        self._outward, self._inward = outward, inward
        self._held = bytearray()
        self._head: tuple[int, int, int] | None = None

    def seal(self, frame: Frame) -> bytes:
        """Return a frame as it goes over the wire."""
        head = struct.pack("<HB", frame.extension, frame.type) + len(frame.payload).to_bytes(3, "little")
        chunks = [frame.payload[at : at + CHUNK] for at in range(0, len(frame.payload), CHUNK)]
        return b"".join(self._outward.seal(piece) for piece in (head, *chunks))

    def feed(self, piece: bytes) -> list[Frame]:
        """Return the frames that `piece` completes; raise NoiseFailed where one was tampered with or is too large."""
        self._held += piece
        frames: list[Frame] = []
        while (frame := self._next()) is not None:
            frames.append(frame)
        return frames

    def _next(self) -> Frame | None:
        if self._head is None:
            sealed = self._cut(HEADER + MAC)
            if sealed is None:
                return None
            head = self._inward.open(sealed)
            self._head = (int.from_bytes(head[:2], "little"), head[2], int.from_bytes(head[3:], "little"))
            if self._head[2] > MOST:
                raise NoiseFailed(f"a frame of {self._head[2]} bytes")
        extension, type_, size = self._head
        sealed = self._cut(size + MAC * -(-size // CHUNK))
        if sealed is None:
            return None
        self._head = None
        pieces = [sealed[at : at + CHUNK + MAC] for at in range(0, len(sealed), CHUNK + MAC)]
        return Frame(extension, type_, b"".join(self._inward.open(part) for part in pieces))

    def _cut(self, size: int) -> bytes | None:
        if len(self._held) < size:
            return None
        piece = bytes(self._held[:size])
        del self._held[:size]
        return piece


class _Cipher:
    """ChaCha20-Poly1305 whose nonce counts the messages."""

    def __init__(self, key: bytes) -> None:
        self._cipher = _aead(key)
        self._count = 0

    def seal(self, plain: bytes, with_: bytes = b"") -> bytes:
        return self._cipher.encrypt(self._nonce(), plain, with_)

    def open(self, sealed: bytes, with_: bytes = b"") -> bytes:
        from cryptography.exceptions import InvalidTag

        try:
            return self._cipher.decrypt(self._nonce(), sealed, with_)
        except InvalidTag:
            raise NoiseFailed("a message was not sealed by the other side") from None

    def _nonce(self) -> bytes:
        count = self._count
        self._count += 1
        return struct.pack("<IQ", 0, count)


class _State:
    """What both sides hash and derive during the handshake."""

    def __init__(self) -> None:
        self._chain = hashlib.sha256(PROTOCOL).digest()
        self._hash = hashlib.sha256(self._chain).digest()
        self._cipher: _Cipher | None = None

    def mix_hash(self, piece: bytes) -> None:
        self._hash = hashlib.sha256(self._hash + piece).digest()

    def mix_key(self, shared: bytes) -> None:
        self._chain, key = _derived(self._chain, shared)
        self._cipher = _Cipher(key)

    def open(self, sealed: bytes) -> bytes:
        if self._cipher is None:
            raise RuntimeError("mix_key comes first")
        plain = self._cipher.open(sealed, self._hash)
        self.mix_hash(sealed)
        return plain

    def split(self) -> tuple[_Cipher, _Cipher]:
        """Return the cipher from initiator to responder and that of the other direction."""
        first, second = _derived(self._chain, b"")
        return _Cipher(first), _Cipher(second)


def _derived(chain: bytes, shared: bytes) -> tuple[bytes, bytes]:
    """Return the two keys that HKDF (RFC 5869, no info) makes of a chaining key and what was agreed on."""
    key = hmac.digest(chain, shared, "sha256")
    first = hmac.digest(key, b"\x01", "sha256")
    return first, hmac.digest(key, first + b"\x02", "sha256")


def _checked(message: bytes, static: bytes, authority: bytes | None) -> Certificate:
    version, valid_from, not_valid_after = _SIGNED.unpack(message[:10])
    if authority is None:
        return Certificate(version, valid_from, not_valid_after)
    digest = hashlib.sha256(message[:10] + static).digest()
    try:
        genuine = bool(_curve().ssa.verify(digest, authority, message[10:]))
    except ValueError:  # a key that is no point of the curve
        genuine = False
    return Certificate(version, valid_from, not_valid_after, genuine)


def _secret(chance: Chance) -> bytes:
    """Return a secret key, a number from 1 to below the order of the curve: nearly every draw is one."""
    from btclib_secp256k1.xonly import from_prvkey

    while True:
        secret = chance(32)
        try:
            from_prvkey(secret)
        except ValueError:
            continue
        return secret


def _curve() -> Any:
    try:
        import btclib_secp256k1.ellswift
        import btclib_secp256k1.ssa
    except ImportError:
        raise OperatorError("stratum V2 needs the extra sv2: pip install 'stratoscope[sv2]'") from None
    return btclib_secp256k1


def _aead(key: bytes) -> "ChaCha20Poly1305":
    try:
        from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
    except ImportError:
        raise OperatorError("stratum V2 needs the extra sv2: pip install 'stratoscope[sv2]'") from None
    return ChaCha20Poly1305(key)
