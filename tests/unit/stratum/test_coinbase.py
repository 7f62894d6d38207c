"""Parsing of coinbases: extranonce, height, tag and commitments."""

import pytest

from stratoscope.stratum.jobs import coinbase
from stratoscope.stratum.jobs.commitments import parse_commitment
from stratoscope.stratum.jobs.template import (
    decode_job,
)
from stratoscope.stratum.protocol.messages import Notify

from .sample_jobs import HEIGHT, NBITS, NTIME, PAYS, SUBSIDY, WITNESS, job, push


@pytest.mark.parametrize("gap", [0, 1, 4, 7, 12, 16, 33, 64, 128])
def test_extranonce_size_is_found_without_a_session(gap):
    made = job(gap=gap) if gap < 80 else job(gap=gap, script=push(HEIGHT.to_bytes(3, "little")))
    assert decode_job(made).extranonce_size == gap
    assert decode_job(made, b"", gap).defects == ()


def test_extranonce_inside_an_output_is_found():
    before = b"\x01\x00\x00\x00\x01" + bytes(32) + b"\xff" * 4 + push(push(HEIGHT.to_bytes(3, "little")) + b"pool")
    before += b"\xff" * 4 + b"\x02" + bytes(8) + b"\x16\x6a\x14"
    after = b"\x11" * 8 + SUBSIDY.to_bytes(8, "little") + push(PAYS) + bytes(4)
    seen = decode_job(Notify("1", bytes(32), before, after, (), 1, NBITS, NTIME, clean=False))
    assert (seen.extranonce_size, seen.coinbase_value_sat, seen.height) == (12, SUBSIDY, HEIGHT)


@pytest.mark.parametrize(
    ("script", "height"),
    [
        (b"\x00", 0),
        (b"\x51", 1),
        (b"\x60", 16),
        (b"\x01\x11", 17),
        (b"\x02\xc3\x01", 451),
        (b"\x03\x03\x02\x0c", 786947),
        (b"\x04\x00\xe1\xf5\x05", 100_000_000),
        (b"\x05\x01\x00\x00\x00\x00", 1),
        (b"\x02\x80\x00", 128),
        (b"", None),
        (b"\x61", None),
        (b"\x03\x01", None),
        (b"\x01\x80", None),
        (b"\x05\x01\x00\x00\x00\x01", None),
        (b"\x06\x01\x00\x00\x00\x00\x00", None),
        (b"\x04\xff\xff\x00\x1d", 486_604_799),
    ],
)
def test_height_of_any_length_is_parsed(script, height):
    assert coinbase.parse_height(script) == height


def test_search_for_the_extranonce_size_is_bounded(monkeypatch):
    reads, parse = [], coinbase.parse_coinbase

    def counted_read(raw):
        reads.append(1)
        return parse(raw)

    monkeypatch.setattr(coinbase, "parse_coinbase", counted_read)
    before = b"\x01\x00\x00\x00\x01" + bytes(32) + b"\xff" * 4 + b"\x80"
    after = b"\xfd\x10\x0f" * 45 + bytes(100_000)  # every third size gives 3,856 outputs and bytes after the end
    crafted = Notify("1", bytes(32), before, after, (), 1, NBITS, NTIME, clean=True)
    assert decode_job(crafted).defects == ("coinbase",)
    assert len(reads) < 64


@pytest.mark.parametrize(
    ("words", "tag"),
    [
        (b"/slush/", "/slush/"),
        (b"p8!/slush/", "/slush/"),
        (b"\x08\x01\x02Foundry USA Pool #dropgold/", "Foundry USA Pool #dropgold/"),
        (b"\x0ackpool-lhr\x16/mined by test-ckpool/", "/mined by test-ckpool/"),
        (b"\xf0\x9f\x90\x9f", ""),
        (b"ab", ""),
        (b"-" + b"x" * 45, "x" * 45),
        (b"\xfa\xbemm" + b"A" * 40 + b"/late/", "/late/"),
        (b"< OCEAN.XYZ >", "< OCEAN.XYZ >"),
        (b"\x06/P2SH/\x04\xb8\x86\x4e\x50\x08/pool/", "/pool/"),
        (b"\x06/P2SH/", ""),
        (b"\x04Ab3f\x0fMined by AntPool", "Mined by AntPool"),
    ],
)
def test_tag_is_the_text_of_the_pool(words, tag):
    assert decode_job(job(script=push(HEIGHT.to_bytes(3, "little")) + words)).tag == tag


@pytest.mark.parametrize(
    ("script", "name", "payload"),
    [
        (WITNESS, "witness", b"\x07" * 32),
        (b"\x6a\x4c\x29RSKBLOCK:" + b"\x01" * 32, "rsk", b"\x01" * 32),
        (b"\x6a\x2dCORE\x01" + b"\x02" * 40, "coredao", b"\x02" * 40),
        (b"\x6a\x24Hath" + b"\x03" * 32, "hathor", b"\x03" * 32),
        (b"\x6a\x07EXSAT\x01\x05", "exsat", b"\x05"),
        (b"\x6a\x04sys\x01", "syscoin", b"\x01"),
        (b"\x6a\x5d\x01\x02", "runestone", b"\x01\x02"),
        (b"\x6a", "other", b""),
        (b"\x6a\x05ab", "other", b"\x05ab"),
        (b"\x6a\x02ab\x02cd", "other", b"abcd"),
        (b"\x6a\x4d\x02\x00ab", "other", b"ab"),
    ],
)
def test_data_outputs_are_identified(script, name, payload):
    assert parse_commitment(script) == (name, payload)


def test_output_that_pays_is_not_a_commitment():
    assert parse_commitment(PAYS) is None
    assert parse_commitment(b"") is None


def test_merge_mining_root_is_a_commitment():
    seen = decode_job(
        job(script=push(HEIGHT.to_bytes(3, "little")) + b"\xfa\xbemm" + b"\x09" * 32 + b"\x01" + bytes(7))
    )
    first = seen.commitments[0]
    assert (first.name, first.payload) == ("merged_mining", "09" * 32)
