"""Messages of a server are read, and the jobs in them equal V1 jobs; no payload whatever raises."""

import json
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakes import sv2_server as server
from stratoscope.stratum.jobs.recording import jobs_of_lines
from stratoscope.stratum.jobs.template import decode
from stratoscope.stratum.protocol.messages import Noise
from stratoscope.stratum.protocol.sv2 import messages
from stratoscope.stratum.protocol.sv2.messages import (
    ExtendedJob,
    Moved,
    NewPrevHash,
    Opened,
    Other,
    Refused,
    SetPrefix,
    SetTarget,
    SetupSuccess,
    parse,
)
from stratoscope.stratum.protocol.sv2.noise import Frame
from stratoscope.stratum.protocol.sv2.work import MOST, Work


def read(type_, payload, extension=0x8000):
    return parse(Frame(extension, type_, payload))


def text(words):
    return bytes((len(words),)) + words.encode()


def test_every_message_that_an_observer_gets_is_read():
    assert read(0x01, struct.pack("<HI", 2, 1), 0) == SetupSuccess(2, 1)
    assert read(0x02, struct.pack("<I", 0) + text("unsupported-protocol"), 0) == Refused(2, "unsupported-protocol")
    assert read(0x04, text("pool.example") + struct.pack("<H", 3336), 0) == Moved("pool.example", 3336)
    assert read(0x12, struct.pack("<I", 1) + text("unknown-user")) == Refused(0x12, "unknown-user")
    assert read(0x14, server.opened()) == Opened(1, 7, server.TARGET, 5, b"\xaa" * 4)
    assert read(0x18, struct.pack("<I", 7) + text("bye")) == Refused(0x18, "bye")
    assert read(0x19, struct.pack("<I", 7) + b"\x02\x01\x02") == SetPrefix(7, b"\x01\x02")
    assert read(0x20, server.prev_hash(3)) == NewPrevHash(7, 3, bytes(range(32)), 1_783_698_777, server.NBITS)
    assert read(0x21, struct.pack("<I", 7) + (5).to_bytes(32, "little")) == SetTarget(7, 5)
    assert read(0x1C, b"") == Other(0x1C)
    job = read(0x1F, server.job(9, 123))
    assert isinstance(job, ExtendedJob)
    assert (job.channel, job.job, job.min_ntime, job.rolling, len(job.branches)) == (7, 9, 123, True, 2)
    assert (job.prefix, job.suffix) == (server.PREFIX, server.SUFFIX)


def test_fields_that_a_later_version_adds_are_passed_over_and_missing_ones_are_noise():
    assert read(0x01, struct.pack("<HI", 2, 1) + b"more", 0) == SetupSuccess(2, 1)
    assert read(0x01, b"\x02", 0) == Noise("params", "0x01")
    assert read(0x01, struct.pack("<HI", 2, 1), 0x0003) == Other(0x01)  # of an extension that we do not know


@given(st.integers(0, 255), st.binary(max_size=300))
def test_no_payload_raises(type_, payload):
    Work().take(read(type_, payload))


@given(st.sampled_from((server.opened(), server.job(1, None), server.prev_hash(1))), st.data())
def test_a_payload_cut_anywhere_is_noise(payload, data):
    type_ = {server.opened(): 0x14, server.job(1, None): 0x1F, server.prev_hash(1): 0x20}[payload]
    cut = data.draw(st.integers(0, len(payload) - 5))  # the group of an opened channel is not read
    assert isinstance(read(type_, payload[:cut]), Noise)


def channel() -> Work:
    work = Work()
    assert work.take(read(0x14, server.opened())) is None
    assert work.difficulty == pytest.approx(8192)
    return work


def test_a_job_for_a_later_block_waits_until_that_block_is_named():
    work = channel()
    assert work.take(read(0x1F, server.job(1, None))) is None
    job = work.take(read(0x20, server.prev_hash(1)))
    seen = decode(*job)
    assert (seen.job_id, seen.clean, seen.ntime, seen.defects) == ("1", True, 1_783_698_777, ())
    assert (seen.height, seen.fees_sat, seen.tag, seen.chain) == (952_772, 4321, "/a v2 pool/", "BTC")
    assert seen.prev_hash == bytes(range(31, -1, -1)).hex()
    assert seen.payout[0].address == "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4"
    assert seen.extranonce_size == 9


def test_a_job_for_the_present_block_counts_at_once_with_its_own_time():
    work = channel()
    work.take(read(0x1F, server.job(1, None)))
    work.take(read(0x20, server.prev_hash(1)))
    job = work.take(read(0x1F, server.job(2, 1_783_700_000)))
    assert (job.notify.job_id, job.notify.clean, job.notify.ntime) == ("2", False, 1_783_700_000)


def test_a_job_that_the_new_block_does_not_name_is_dropped():
    work = channel()
    work.take(read(0x1F, server.job(1, None)))
    work.take(read(0x1F, server.job(2, None)))
    assert work.take(read(0x20, server.prev_hash(2))).notify.job_id == "2"
    assert work.take(read(0x20, server.prev_hash(1, bytes(32)))) is None


def test_jobs_without_their_block_fill_no_memory():
    work = channel()
    for id_ in range(MOST + 10):
        work.take(read(0x1F, server.job(id_, None)))
    assert len(work._waiting) == MOST


def test_a_new_prefix_and_target_count_from_then_on():
    work = channel()
    work.take(read(0x19, struct.pack("<I", 7) + b"\x02\x01\x02"))
    work.take(read(0x21, struct.pack("<I", 7) + server.TARGET.to_bytes(32, "little")))
    work.take(read(0x21, struct.pack("<I", 7) + bytes(32)))
    assert (work.prefix, work.difficulty) == (b"\x01\x02", None)


def test_the_client_asks_for_what_the_specification_says():
    frame = messages.open_extended(1, "user.w", 8)
    assert frame.payload == struct.pack("<I", 1) + text("user.w") + struct.pack("<f", 1e12) + b"\xff" * 32 + b"\x08\x00"
    assert messages.setup(0, "a", 1, "b", "c").payload[:9] == b"\x00\x02\x00\x02\x00" + bytes(4)


@pytest.mark.shelf
def test_the_recorded_template_provider_is_asked_alike_and_its_templates_are_read(shelf):
    file = shelf / "captures-stratum" / "sv2_tp_session.jsonl"
    rows = [json.loads(line) for line in file.read_text().splitlines()]
    asked = messages.setup(messages.TEMPLATES, "127.0.0.1", 18447, "agent", "")
    assert asked.payload.hex() == rows[0]["payload"]
    assert messages.coinbase_constraints(100, 0).payload.hex() == rows[2]["payload"]
    assert read(rows[1]["msg_type"], bytes.fromhex(rows[1]["payload"]), 0) == SetupSuccess(2, 0)
    first, second = (decode(*job) for job in jobs_of_lines(file.read_bytes().splitlines()))
    assert (first.height, first.coinbase_value_sat, first.fees_sat, first.empty) == (122, 5_000_000_000, 0, True)
    assert first.prev_hash == "66854065b2b46faed1ed6db77934dd82a21cc0d630f65f31e73323239183ca6d"
    assert (second.height, second.clean, second.chain, second.defects) == (123, True, "regtest", ())
    assert [item.name for item in second.commitments] == ["witness"]
