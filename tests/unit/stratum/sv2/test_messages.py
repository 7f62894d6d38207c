"""Parsing of stratum V2 messages and their conversion to V1 jobs; no payload raises."""

import json
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakes import sv2_server as server
from stratoscope.stratum.jobs.recording import iter_line_jobs
from stratoscope.stratum.jobs.sv2_jobs import MAX_WAITING_JOBS, JobAssembler
from stratoscope.stratum.jobs.template import decode_job
from stratoscope.stratum.protocol.messages import InvalidMessage
from stratoscope.stratum.protocol.sv2 import messages
from stratoscope.stratum.protocol.sv2.messages import (
    ChannelOpened,
    ExtendedJob,
    NewPrevHash,
    OtherMessage,
    Redirect,
    Refusal,
    SetExtranoncePrefix,
    SetTarget,
    SetupSuccess,
    parse_frame,
)
from stratoscope.stratum.protocol.sv2.noise import Frame


def read(type_, payload, extension=0x8000):
    return parse_frame(Frame(extension, type_, payload))


def text(words):
    return bytes((len(words),)) + words.encode()


def test_every_server_message_is_parsed():
    assert read(0x01, struct.pack("<HI", 2, 1), 0) == SetupSuccess(2, 1)
    assert read(0x02, struct.pack("<I", 0) + text("unsupported-protocol"), 0) == Refusal(2, "unsupported-protocol")
    assert read(0x04, text("pool.example") + struct.pack("<H", 3336), 0) == Redirect("pool.example", 3336)
    assert read(0x12, struct.pack("<I", 1) + text("unknown-user")) == Refusal(0x12, "unknown-user")
    assert read(0x14, server.opened()) == ChannelOpened(1, 7, server.TARGET, 5, b"\xaa" * 4)
    assert read(0x18, struct.pack("<I", 7) + text("bye")) == Refusal(0x18, "bye")
    assert read(0x19, struct.pack("<I", 7) + b"\x02\x01\x02") == SetExtranoncePrefix(7, b"\x01\x02")
    assert read(0x20, server.prev_hash(3)) == NewPrevHash(7, 3, bytes(range(32)), 1_783_698_777, server.NBITS)
    assert read(0x21, struct.pack("<I", 7) + (5).to_bytes(32, "little")) == SetTarget(7, 5)
    assert read(0x1C, b"") == OtherMessage(0x1C)
    job = read(0x1F, server.job(9, 123))
    assert isinstance(job, ExtendedJob)
    assert (job.channel, job.job, job.min_ntime, job.rolling, len(job.branches)) == (7, 9, 123, True, 2)
    assert (job.prefix, job.suffix) == (server.PREFIX, server.SUFFIX)


def test_additional_fields_are_ignored_and_missing_fields_are_invalid():
    assert read(0x01, struct.pack("<HI", 2, 1) + b"more", 0) == SetupSuccess(2, 1)
    assert read(0x01, b"\x02", 0) == InvalidMessage("params", "0x01")
    assert read(0x01, struct.pack("<HI", 2, 1), 0x0003) == OtherMessage(0x01)  # of an unknown extension


@given(st.integers(0, 255), st.binary(max_size=300))
def test_no_payload_raises(type_, payload):
    JobAssembler().add(read(type_, payload))


@given(st.sampled_from((server.opened(), server.job(1, None), server.prev_hash(1))), st.data())
def test_truncated_payload_is_invalid(payload, data):
    type_ = {server.opened(): 0x14, server.job(1, None): 0x1F, server.prev_hash(1): 0x20}[payload]
    cut = data.draw(st.integers(0, len(payload) - 5))  # the group id of ChannelOpened is not parsed
    assert isinstance(read(type_, payload[:cut]), InvalidMessage)


def channel() -> JobAssembler:
    jobs = JobAssembler()
    assert jobs.add(read(0x14, server.opened())) is None
    assert jobs.difficulty == pytest.approx(8192)
    return jobs


def test_future_job_waits_for_its_block():
    jobs = channel()
    assert jobs.add(read(0x1F, server.job(1, None))) is None
    job = jobs.add(read(0x20, server.prev_hash(1)))
    seen = decode_job(*job)
    assert (seen.job_id, seen.clean, seen.ntime, seen.defects) == ("1", True, 1_783_698_777, ())
    assert (seen.height, seen.fees_sat, seen.tag, seen.chain) == (952_772, 4321, "/a v2 pool/", "BTC")
    assert seen.prev_hash == bytes(range(31, -1, -1)).hex()
    assert seen.payout[0].address == "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4"
    assert seen.extranonce_size == 9


def test_job_for_the_current_block_is_valid_immediately():
    jobs = channel()
    jobs.add(read(0x1F, server.job(1, None)))
    jobs.add(read(0x20, server.prev_hash(1)))
    job = jobs.add(read(0x1F, server.job(2, 1_783_700_000)))
    assert (job.notify.job_id, job.notify.clean, job.notify.ntime) == ("2", False, 1_783_700_000)


def test_future_job_of_another_block_is_dropped():
    jobs = channel()
    jobs.add(read(0x1F, server.job(1, None)))
    jobs.add(read(0x1F, server.job(2, None)))
    assert jobs.add(read(0x20, server.prev_hash(2))).notify.job_id == "2"
    assert jobs.add(read(0x20, server.prev_hash(1, bytes(32)))) is None


def test_waiting_jobs_do_not_fill_the_memory():
    jobs = channel()
    for id_ in range(MAX_WAITING_JOBS + 10):
        jobs.add(read(0x1F, server.job(id_, None)))
    assert len(jobs._waiting) == MAX_WAITING_JOBS


def test_new_prefix_and_target_are_applied():
    jobs = channel()
    jobs.add(read(0x19, struct.pack("<I", 7) + b"\x02\x01\x02"))
    jobs.add(read(0x21, struct.pack("<I", 7) + server.TARGET.to_bytes(32, "little")))
    jobs.add(read(0x21, struct.pack("<I", 7) + bytes(32)))
    assert (jobs.prefix, jobs.difficulty) == (b"\x01\x02", None)


def test_requests_match_the_specification():
    frame = messages.open_extended_channel(1, "user.w", 8)
    assert frame.payload == struct.pack("<I", 1) + text("user.w") + struct.pack("<f", 1e12) + b"\xff" * 32 + b"\x08\x00"
    assert messages.setup_connection(0, "a", 1, "b", "c").payload[:9] == b"\x00\x02\x00\x02\x00" + bytes(4)


@pytest.mark.shelf
def test_recorded_template_provider_session_matches(shelf):
    file = shelf / "captures-stratum" / "sv2_tp_session.jsonl"
    rows = [json.loads(line) for line in file.read_text().splitlines()]
    asked = messages.setup_connection(messages.TEMPLATES, "127.0.0.1", 18447, "agent", "")
    assert asked.payload.hex() == rows[0]["payload"]
    assert messages.coinbase_constraints(100, 0).payload.hex() == rows[2]["payload"]
    assert read(rows[1]["msg_type"], bytes.fromhex(rows[1]["payload"]), 0) == SetupSuccess(2, 0)
    first, second = (decode_job(*job) for job in iter_line_jobs(file.read_bytes().splitlines()))
    assert (first.height, first.coinbase_value_sat, first.fees_sat, first.empty) == (122, 5_000_000_000, 0, True)
    assert first.prev_hash == "66854065b2b46faed1ed6db77934dd82a21cc0d630f65f31e73323239183ca6d"
    assert (second.height, second.clean, second.chain, second.defects) == (123, True, "regtest", ())
    assert [item.name for item in second.commitments] == ["witness"]
