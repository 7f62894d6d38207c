"""Implements the client side of the stratum V2 Noise handshake and encrypts frames. Bytes in, bytes out, no sockets.

Noise_NX_Secp256k1+EllSwift_ChaChaPoly_SHA256 (sv2-spec, chapter 4): the initiator sends an ephemeral key. The responder
replies with its own ephemeral key, its static key and a certificate of that key, signed by the pool's authority. Key
agreement follows BIP 324, signatures follow BIP 340. The curve is libsecp256k1 through btclib-secp256k1, the only
package that exposes its ElligatorSwift; the cipher is OpenSSL through cryptography.
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
from stratoscope.stratum.protocol.base58 import base58check_decode

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

PROTOCOL: Final = b"Noise_NX_Secp256k1+EllSwift_ChaChaPoly_SHA256"
KEY_BYTES: Final = 64  # bytes of a public key in ElligatorSwift
MAC_BYTES: Final = 16
RESPONSE_BYTES: Final = KEY_BYTES + KEY_BYTES + MAC_BYTES + 74 + MAC_BYTES
HEADER_BYTES: Final = 6
MAX_CHUNK_BYTES: Final = 65535 - MAC_BYTES
MAX_PAYLOAD_BYTES: Final = 1 << 20
"""Larger frames are rejected; the largest message for an observing session is a job, some tens of kB."""
KEY_VERSION: Final = b"\x01\x00"
_SIGNED: Final = struct.Struct("<HII")

RandomBytes = Callable[[int], bytes]


class NoiseError(Exception):
    """Received bytes were not encrypted by the server, or have an invalid size."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One message: its extension, its type and its unparsed payload."""

    extension: int
    type: int
    payload: bytes


@dataclass(frozen=True, slots=True)
class NoiseCertificate:
    """The certificate of a server's static key, valid between two UTC seconds.

    `genuine` is whether the authority signed it; None if no authority key is known.
    """

    version: int
    valid_from: int
    not_valid_after: int
    genuine: bool | None = None

    def valid_at(self, now: float) -> bool:
        """Return whether the certificate is valid at `now` (UTC s)."""
        return self.valid_from <= now <= self.not_valid_after


def sv2_available() -> bool:
    """Return whether the extra `sv2` is installed."""
    return all(find_spec(name) is not None for name in ("btclib_secp256k1", "cryptography"))


def parse_authority_key(text: str) -> bytes | None:
    """Decode the authority key in a URL (base58check) to its 32 bytes; return None if it is invalid."""
    payload = base58check_decode(text)
    return payload[2:] if payload is not None and len(payload) == 34 and payload[:2] == KEY_VERSION else None


class NoiseInitiator:
    """The client side of the handshake: send `hello`, then pass the RESPONSE_BYTES bytes of the reply to `finish`."""

    def __init__(self, authority: bytes | None, random_bytes: RandomBytes = secrets.token_bytes) -> None:
        curve = _curve()
        self._authority = authority
        self._secret = _secret_key(random_bytes)
        self._key = bytes(curve.ellswift.create(self._secret, random_bytes(32)))
        self._state = _HandshakeState()
        self._state.mix_hash(self._key)
        self._state.mix_hash(b"")
        self.hello = self._key

    def finish(self, answer: bytes) -> tuple["NoiseTransport", NoiseCertificate]:
        """Return the encrypted connection and the server's certificate; raise NoiseError if the reply is invalid."""
        curve, state = _curve(), self._state
        if len(answer) != RESPONSE_BYTES:
            raise NoiseError(f"the handshake reply has {len(answer)} bytes instead of {RESPONSE_BYTES}")
        theirs = answer[:KEY_BYTES]
        state.mix_hash(theirs)
        state.mix_key(curve.ellswift.xdh(self._key, theirs, self._secret, 0))
        static = state.open(answer[KEY_BYTES : 2 * KEY_BYTES + MAC_BYTES])
        state.mix_key(curve.ellswift.xdh(self._key, static, self._secret, 0))
        message = state.open(answer[2 * KEY_BYTES + MAC_BYTES :])
        certificate = _verify_certificate(message, curve.ellswift.decode(static)[1:33], self._authority)
        outward, inward = state.split()
        return NoiseTransport(outward, inward), certificate


class NoiseTransport:
    """An encrypted connection after the handshake: `seal` encrypts frames, `feed` decrypts received bytes."""

    def __init__(self, outward: "_Cipher", inward: "_Cipher") -> None:
        self._outward, self._inward = outward, inward
        self._buffer = bytearray()
        self._head: tuple[int, int, int] | None = None

    def seal(self, frame: Frame) -> bytes:
        """Encrypt a frame for sending."""
        head = struct.pack("<HB", frame.extension, frame.type) + len(frame.payload).to_bytes(3, "little")
        chunks = [frame.payload[at : at + MAX_CHUNK_BYTES] for at in range(0, len(frame.payload), MAX_CHUNK_BYTES)]
        return b"".join(self._outward.seal(piece) for piece in (head, *chunks))

    def feed(self, piece: bytes) -> list[Frame]:
        """Return the frames that `piece` completes; raise NoiseError if one was modified or is too large."""
        self._buffer += piece
        frames: list[Frame] = []
        while (frame := self._next()) is not None:
            frames.append(frame)
        return frames

    def _next(self) -> Frame | None:
        if self._head is None:
            sealed = self._cut(HEADER_BYTES + MAC_BYTES)
            if sealed is None:
                return None
            head = self._inward.open(sealed)
            self._head = (int.from_bytes(head[:2], "little"), head[2], int.from_bytes(head[3:], "little"))
            if self._head[2] > MAX_PAYLOAD_BYTES:
                raise NoiseError(f"a frame has {self._head[2]} bytes, more than {MAX_PAYLOAD_BYTES}")
        extension, type_, size = self._head
        sealed = self._cut(size + MAC_BYTES * -(-size // MAX_CHUNK_BYTES))
        if sealed is None:
            return None
        self._head = None
        pieces = [
            sealed[at : at + MAX_CHUNK_BYTES + MAC_BYTES] for at in range(0, len(sealed), MAX_CHUNK_BYTES + MAC_BYTES)
        ]
        return Frame(extension, type_, b"".join(self._inward.open(part) for part in pieces))

    def _cut(self, size: int) -> bytes | None:
        if len(self._buffer) < size:
            return None
        piece = bytes(self._buffer[:size])
        del self._buffer[:size]
        return piece


class _Cipher:
    """ChaCha20-Poly1305 with a message counter as nonce."""

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
            raise NoiseError("a message was not encrypted by the server") from None

    def _nonce(self) -> bytes:
        count = self._count
        self._count += 1
        return struct.pack("<IQ", 0, count)


class _HandshakeState:
    """The handshake hash and the keys that both sides derive (SymmetricState in the Noise specification)."""

    def __init__(self) -> None:
        self._chain = hashlib.sha256(PROTOCOL).digest()
        self._hash = hashlib.sha256(self._chain).digest()
        self._cipher: _Cipher | None = None

    def mix_hash(self, piece: bytes) -> None:
        self._hash = hashlib.sha256(self._hash + piece).digest()

    def mix_key(self, shared: bytes) -> None:
        self._chain, key = _derive_keys(self._chain, shared)
        self._cipher = _Cipher(key)

    def open(self, sealed: bytes) -> bytes:
        if self._cipher is None:
            raise RuntimeError("call mix_key before open")
        plain = self._cipher.open(sealed, self._hash)
        self.mix_hash(sealed)
        return plain

    def split(self) -> tuple[_Cipher, _Cipher]:
        """Return the ciphers of both directions: initiator to responder first."""
        first, second = _derive_keys(self._chain, b"")
        return _Cipher(first), _Cipher(second)


def _derive_keys(chain: bytes, shared: bytes) -> tuple[bytes, bytes]:
    """Derive two keys from a chaining key and a shared secret by HKDF (RFC 5869, without info)."""
    key = hmac.digest(chain, shared, "sha256")
    first = hmac.digest(key, b"\x01", "sha256")
    return first, hmac.digest(key, first + b"\x02", "sha256")


def _verify_certificate(message: bytes, static: bytes, authority: bytes | None) -> NoiseCertificate:
    version, valid_from, not_valid_after = _SIGNED.unpack(message[:10])
    if authority is None:
        return NoiseCertificate(version, valid_from, not_valid_after)
    digest = hashlib.sha256(message[:10] + static).digest()
    try:
        genuine = bool(_curve().ssa.verify(digest, authority, message[10:]))
    except ValueError:  # the key is not a point on the curve
        genuine = False
    return NoiseCertificate(version, valid_from, not_valid_after, genuine)


def _secret_key(random_bytes: RandomBytes) -> bytes:
    """Return a secret key: from 1 to below the order of the curve, which nearly every draw satisfies."""
    from btclib_secp256k1.xonly import from_prvkey

    while True:
        secret = random_bytes(32)
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
