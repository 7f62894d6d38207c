"""A stratum V2 server for tests, written from the specification; it shares only base58check with the client."""

import asyncio
import contextlib
import hashlib
import hmac
import secrets
import struct
import time
from typing import Self

from btclib_secp256k1 import ellswift, ssa, xonly
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from stratoscope.stratum.protocol.base58 import base58check

NAME = b"Noise_NX_Secp256k1+EllSwift_ChaChaPoly_SHA256"


def sha(*parts: bytes) -> bytes:
    return hashlib.sha256(b"".join(parts)).digest()


def hkdf(ck: bytes, ikm: bytes) -> tuple[bytes, bytes]:
    temp = hmac.new(ck, ikm, "sha256").digest()
    one = hmac.new(temp, b"\x01", "sha256").digest()
    return one, hmac.new(temp, one + b"\x02", "sha256").digest()


def authority_text(key: bytes) -> str:
    """Return an authority key as pools print it in their URLs: base58check after a version."""
    return base58check(b"\x01\x00" + key)


class Authority:
    """A pool's authority: `key` appears in the URL, `certificate` signs a server's static key."""

    def __init__(self) -> None:
        self.secret = secrets.token_bytes(32)
        self.key = bytes(xonly.from_prvkey(self.secret)[0])

    def certificate(self, static: bytes, valid_from: int, not_valid_after: int) -> bytes:
        signed = struct.pack("<HII", 0, valid_from, not_valid_after)
        return signed + ssa.sign(sha(signed, ellswift.decode(static)[1:33]), self.secret)


class V2ServerConnection:
    """The server side of one handshake and of the encrypted frames after it."""

    def __init__(self, authority: Authority, valid: tuple[int, int] | None = None) -> None:
        now = int(time.time())
        self.static_secret = secrets.token_bytes(32)
        self.static = bytes(ellswift.create(self.static_secret))
        self.certificate = authority.certificate(self.static, *(valid or (now - 10, now + 3600)))
        self.buffer = b""

    def act2(self, client: bytes) -> bytes:
        """Return the 234 bytes of the reply to a client's 64."""
        secret = secrets.token_bytes(32)
        own = bytes(ellswift.create(secret))
        ck = sha(NAME)
        h = sha(sha(sha(sha(ck), client), b""), own)
        ck, k = hkdf(ck, ellswift.xdh(client, own, secret, 1))
        first = ChaCha20Poly1305(k).encrypt(bytes(12), self.static, h)
        h = sha(h, first)
        ck, k = hkdf(ck, ellswift.xdh(client, self.static, self.static_secret, 1))
        second = ChaCha20Poly1305(k).encrypt(bytes(12), self.certificate, h)
        up, down = hkdf(ck, b"")
        self.up, self.down, self.up_count, self.down_count = ChaCha20Poly1305(up), ChaCha20Poly1305(down), 0, 0
        return own + first + second

    def seal(self, type_: int, payload: bytes, extension: int = 0) -> bytes:
        head = struct.pack("<HB", extension, type_) + struct.pack("<I", len(payload))[:3]
        out = b""
        for piece in (head, *(payload[at : at + 65519] for at in range(0, len(payload), 65519))):
            out += self.down.encrypt(bytes(4) + struct.pack("<Q", self.down_count), piece, b"")
            self.down_count += 1
        return out

    def _open(self, piece: bytes) -> bytes:
        plain = self.up.decrypt(bytes(4) + struct.pack("<Q", self.up_count), piece, b"")
        self.up_count += 1
        return plain

    async def receive(self, reader: asyncio.StreamReader) -> tuple[int, bytes]:
        """Return the type and payload of the next frame, which must be short."""
        head = self._open(await reader.readexactly(22))
        size = int.from_bytes(head[3:6], "little")
        return head[2], self._open(await reader.readexactly(size + 16)) if size else b""

    def decrypt(self, sealed: bytes) -> tuple[int, bytes]:
        """Decrypt one frame; return its type and payload."""
        head = self._open(sealed[:22])
        rest = sealed[22:]
        return head[2], b"".join(self._open(rest[at : at + 65535]) for at in range(0, len(rest), 65535))


PREFIX = bytes.fromhex("0200000001" + "00" * 32 + "ffffffff" + "19" + "03c4890e") + b"/a v2 pool/" + b"\x00"
SUFFIX = (
    bytes.fromhex("ffffffff02")
    + (312_500_000 + 4321).to_bytes(8, "little")
    + bytes.fromhex("160014751e76e8199196d454941c45d1b3a323f1433bd6" + "00" * 8)
    + bytes.fromhex("266a24aa21a9ed" + "07" * 32 + "00" * 4)
)
TARGET = (0xFFFF << 208) // 8192
NBITS = 0x17021A42


def opened(channel: int = 7, request: int = 1, prefix: bytes = b"\xaa" * 4, size: int = 5) -> bytes:
    sizes = struct.pack("<HB", size, len(prefix))
    return struct.pack("<II", request, channel) + TARGET.to_bytes(32, "little") + sizes + prefix + b"\x01\x00\x00\x00"


def job(id_: int, min_ntime: int | None, channel: int = 7, branches: int = 2) -> bytes:
    option = b"\x00" if min_ntime is None else b"\x01" + struct.pack("<I", min_ntime)
    path = bytes((branches,)) + b"".join(bytes((at,)) * 32 for at in range(branches))
    coinbase = struct.pack("<H", len(PREFIX)) + PREFIX + struct.pack("<H", len(SUFFIX)) + SUFFIX
    return struct.pack("<II", channel, id_) + option + struct.pack("<IB", 0x20000000, 1) + path + coinbase


def prev_hash(id_: int, hash_: bytes = bytes(range(32)), ntime: int = 1_783_698_777, channel: int = 7) -> bytes:
    return struct.pack("<II", channel, id_) + hash_ + struct.pack("<II", ntime, NBITS)


def text(words: str) -> bytes:
    return bytes((len(words),)) + words.encode()


TEMPLATE = (
    struct.pack("<QBII", 4, 1, 0x20000000, 2)
    + b"\x04\x03\xc4\x89\x0e"
    + struct.pack("<IQIH", 0xFFFFFFFE, 312_501_000, 0, 0)
    + bytes(4)
    + b"\x01"
    + b"\x05" * 32
)


def template_prev_hash() -> bytes:
    return struct.pack("<Q", 4) + bytes(range(32)) + struct.pack("<II", 1_783_698_777, NBITS) + bytes(32)


class V2Pool:
    """Serves mining connections on loopback. `requests` are the received frames; `send_to_all` sends a frame to all."""

    def __init__(self, *, valid: tuple[int, int] | None = None, refuse: str = "", provider: bool = False) -> None:
        """`refuse` is the error code for clients without a user; with `provider`, it is a template provider."""
        self.authority, self.valid, self.refuse, self.provider = Authority(), valid, refuse, provider
        self.requests: list[tuple[int, bytes]] = []
        self.clients: list[tuple[V2ServerConnection, asyncio.StreamWriter]] = []

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for _, writer in self.clients:
            writer.close()

    def send_to_all(self, type_: int, payload: bytes) -> None:
        for server, writer in self.clients:
            writer.write(server.seal(type_, payload, 0x8000))

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        server = V2ServerConnection(self.authority, self.valid)
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            writer.write(server.act2(await reader.readexactly(64)))
            self.clients.append((server, writer))
            while True:
                type_, payload = await server.receive(reader)
                self.requests.append((type_, payload))
                self._answer(server, writer, type_, payload)

    def _answer(self, server: V2ServerConnection, writer: asyncio.StreamWriter, type_: int, payload: bytes) -> None:
        if type_ == 0x00 and self.provider and payload[0] != 2:
            writer.write(server.seal(0x02, bytes(4) + text("unsupported-protocol")))
            writer.close()
        elif type_ == 0x00:
            writer.write(server.seal(0x01, struct.pack("<HI", 2, 0)))
        elif type_ == 0x70:
            writer.write(server.seal(0x71, TEMPLATE) + server.seal(0x72, template_prev_hash()))
        elif type_ == 0x13 and self.refuse and payload[4] == 0:
            writer.write(server.seal(0x12, struct.pack("<I", 1) + text(self.refuse)))
        elif type_ == 0x13:
            writer.write(server.seal(0x14, opened()))
            writer.write(server.seal(0x1F, job(1, None), 0x8000) + server.seal(0x20, prev_hash(1), 0x8000))
