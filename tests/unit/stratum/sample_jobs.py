"""Builds jobs for the tests of decoding."""

from dataclasses import replace

from stratoscope.stratum.protocol.messages import Notify

HEIGHT = 957_444
SUBSIDY = 312_500_000
PAYS = bytes.fromhex("0014751e76e8199196d454941c45d1b3a323f1433bd6")
WITNESS = b"\x6a\x24\xaa\x21\xa9\xed" + b"\x07" * 32
NTIME = 1_783_698_777
NBITS = 0x17021A42


def compact(number: int) -> bytes:
    if number < 0xFD:
        return bytes((number,))
    return b"\xfd" + number.to_bytes(2, "little") if number < 1 << 16 else b"\xfe" + number.to_bytes(4, "little")


def push(data: bytes) -> bytes:
    return bytes((len(data),)) + data


def job(
    *,
    script: bytes = push(HEIGHT.to_bytes(3, "little")) + b"/a pool/",
    outputs=((SUBSIDY + 77, PAYS), (0, WITNESS)),
    gap: int = 12,
    witness: bool = False,
    lock_time: int = 0,
    branches: int = 3,
    **more,
) -> Notify:
    """Return a job with the extranonce at the end of the coinbase script."""
    before = b"\x01\x00\x00\x00" + (b"\x00\x01" if witness else b"") + b"\x01" + bytes(32) + b"\xff" * 4
    before += compact(len(script) + gap) + script
    after = b"\xff" * 4 + compact(len(outputs))
    after += b"".join(sat.to_bytes(8, "little") + compact(len(pays)) + pays for sat, pays in outputs)
    after += (b"\x01\x20" + bytes(32) if witness else b"") + lock_time.to_bytes(4, "little")
    hashes = tuple(bytes((at,)) * 32 for at in range(branches))
    made = Notify("1", bytes(range(32)), before, after, hashes, 0x20000000, NBITS, NTIME, clean=True)
    return replace(made, **more)
