"""The Noise handshake against the vectors of the specification and an independent server."""

import pytest
from btclib_secp256k1 import ellswift
from hypothesis import given, settings
from hypothesis import strategies as st

from fakes.sv2_server import Authority, V2ServerConnection, authority_text
from stratoscope.stratum.protocol.sv2.noise import (
    MAX_PAYLOAD_BYTES,
    RESPONSE_BYTES,
    Frame,
    NoiseCertificate,
    NoiseError,
    NoiseInitiator,
    parse_authority_key,
)

AUTHORITY = Authority()
LARGE = (b"x" * 65519, b"y" * 65520, b"z" * 200_000)


def shaken(authority=AUTHORITY.key, valid=(100, 200)):
    """Return a server, the client's encrypted connection to it, and the certificate."""
    server, client = V2ServerConnection(AUTHORITY, valid), NoiseInitiator(authority)
    sealed, certificate = client.finish(server.act2(client.hello))
    return server, sealed, certificate


def test_authority_key_of_the_specification_is_decoded():
    key = bytes(
        [
            118,
            99,
            112,
            0,
            151,
            156,
            28,
            17,
            175,
            12,
            48,
            11,
            205,
            140,
            127,
            228,
            134,
            16,
            252,
            233,
            185,
            193,
            30,
            61,
            174,
            227,
            90,
            224,
            176,
            138,
            116,
            85,
        ]
    )
    assert parse_authority_key("9bXiEd8boQVhq7WddEcERUL5tyyJVFYdU8th3HfbNXK3Yw6GRXh") == key
    assert authority_text(key) == "9bXiEd8boQVhq7WddEcERUL5tyyJVFYdU8th3HfbNXK3Yw6GRXh"


@pytest.mark.parametrize(
    "text", ["", "9bXiEd8boQVhq7WddEcERUL5tyyJVFYdU8th3HfbNXK3Yw6GRXi", "1BoatSLRHtKNngkdXEeobR76b53LETtpyT"]
)
def test_invalid_authority_key_is_none(text):
    assert parse_authority_key(text) is None


def test_key_agreement_matches_bip_324():
    secret = bytes.fromhex("61062ea5071d800bbfd59e2e8b53d47d194b095ae5a4df04936b49772ef0d4d7")
    ours = bytes.fromhex(
        "ec0adff257bbfe500c188c80b4fdd640f6b45a482bbc15fc7cef5931deff0aa1"
        "86f6eb9bba7b85dc4dcc28b28722de1e3d9108b985e2967045668f66098e475b"
    )
    theirs = bytes.fromhex(
        "a4a94dfce69b4a2a0a099313d10f9f7e7d649d60501c9e1d274c300e0d89aafa"
        "ffffffffffffffffffffffffffffffffffffffffffffffffffffffff8faf88d5"
    )
    shared = "c6992a117f5edbea70c3f511d32d26b9798be4b81a62eaee1a5acaa8459a3592"
    assert ellswift.xdh(ours, theirs, secret, 0).hex() == shared


def test_certificate_of_the_authority_is_genuine_and_frames_go_both_ways():
    server, sealed, certificate = shaken()
    assert certificate == NoiseCertificate(0, 100, 200, genuine=True)
    assert server.decrypt(sealed.seal(Frame(0, 0x00, b"hello"))) == (0x00, b"hello")
    assert server.decrypt(sealed.seal(Frame(0, 0x13, b""))) == (0x13, b"")
    assert sealed.feed(server.seal(0x1F, b"job", 0x8000)) == [Frame(0x8000, 0x1F, b"job")]


def test_certificate_is_not_verified_without_an_authority_key():
    assert shaken(authority=None)[2] == NoiseCertificate(0, 100, 200, genuine=None)


@pytest.mark.parametrize("authority", [Authority().key, b"\xff" * 32], ids=["another", "no point"])
def test_certificate_of_another_authority_is_not_genuine(authority):
    assert shaken(authority=authority)[2] == NoiseCertificate(0, 100, 200, genuine=False)


@pytest.mark.parametrize(("now", "valid"), [(99, False), (100, True), (200, True), (201, False)])
def test_certificate_validity_includes_its_first_and_last_second(now, valid):
    assert NoiseCertificate(0, 100, 200).valid_at(now) is valid


@settings(max_examples=30)
@given(st.integers(0, RESPONSE_BYTES - 1), st.integers(1, 255))
def test_modified_handshake_reply_is_detected(at, flip):
    server, client = V2ServerConnection(AUTHORITY, (100, 200)), NoiseInitiator(AUTHORITY.key)
    answer = bytearray(server.act2(client.hello))
    answer[at] ^= flip
    with pytest.raises(NoiseError):
        client.finish(bytes(answer))


@pytest.mark.parametrize("size", [0, 64, RESPONSE_BYTES - 1, RESPONSE_BYTES + 1])
def test_handshake_reply_of_another_size_is_rejected(size):
    with pytest.raises(NoiseError):
        NoiseInitiator(None).finish(bytes(size))


@settings(max_examples=20)
@given(
    st.lists(st.binary(max_size=200) | st.sampled_from([b"x" * 65519, b"y" * 65520, b"z" * 200_000]), max_size=4),
    st.data(),
)
def test_frames_are_complete_however_the_stream_is_split(payloads, data):
    server, sealed, _ = shaken()
    stream = b"".join(server.seal(0x1F, payload) for payload in payloads)
    frames = []
    while stream:
        size = data.draw(st.integers(1, len(stream)))
        frames += sealed.feed(stream[:size])
        stream = stream[size:]
    assert [frame.payload for frame in frames] == payloads


def test_large_frames_are_sent_in_chunks():
    server, sealed, _ = shaken()
    assert server.decrypt(sealed.seal(Frame(0, 0x13, b"w" * 150_000))) == (0x13, b"w" * 150_000)


@settings(max_examples=30)
@given(st.integers(0, 22 + 4 + 16 - 1), st.integers(1, 255))
def test_modified_frame_is_detected(at, flip):
    server, sealed, _ = shaken()
    frame = bytearray(server.seal(0x21, b"four"))
    frame[at] ^= flip
    with pytest.raises(NoiseError):
        sealed.feed(bytes(frame))


def test_oversize_frame_is_rejected_by_its_header():
    server, sealed, _ = shaken()
    with pytest.raises(NoiseError, match=str(MAX_PAYLOAD_BYTES + 1)):
        sealed.feed(server.seal(0x1F, bytes(MAX_PAYLOAD_BYTES + 1))[:22])
