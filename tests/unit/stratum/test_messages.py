"""Parsing of stratum V1 lines; no line raises."""

import json

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stratoscope.stratum.protocol import messages, requests
from stratoscope.stratum.protocol.lines import LineSplitter
from stratoscope.stratum.protocol.messages import (
    InvalidMessage,
    Notify,
    Reconnect,
    SetDifficulty,
    SetExtranonce,
    SetVersionMask,
    ShowMessage,
    StratumReply,
    StratumRequest,
    Subscription,
    parse_line,
    parse_subscription,
)

WORD = "01020304"
JOB = ["6b03", WORD * 8, "0100", "ffff", ["ab" * 32], "20000000", "1705ae3a", "647025b5", True]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=10) | st.dictionaries(st.text(max_size=10), inner, max_size=5),
    max_leaves=20,
)
METHODS = (*messages._KNOWN, "mining.submit", "client.get_version", "")


def line(**fields) -> bytes:
    return orjson.dumps(fields)


def test_job_has_its_previous_hash_in_header_order():
    job = parse_line(line(id=None, method="mining.notify", params=JOB))
    assert isinstance(job, Notify)
    assert job.prev_hash == bytes.fromhex("04030201" * 8)
    assert (job.job_id, job.coinbase1, job.coinbase2, job.clean) == ("6b03", b"\x01\x00", b"\xff\xff", True)
    assert (job.version, job.nbits, job.ntime) == (0x20000000, 0x1705AE3A, 0x647025B5)
    assert job.branches == (bytes.fromhex("ab" * 32),)


def test_job_id_can_be_a_number():
    job = parse_line(line(method="mining.notify", params=[7, *JOB[1:]]))
    assert isinstance(job, Notify)
    assert job.job_id == "7"


@pytest.mark.parametrize("at", range(8))
@pytest.mark.parametrize("wrong", [None, True, {}, "zz", "0", " ab", "ab" * 40, ["ab"], 1.5])
def test_job_with_an_invalid_field_is_an_invalid_message_with_the_method(at, wrong):
    params = [*JOB[:at], wrong, *JOB[at + 1 :]]
    read = parse_line(line(method="mining.notify", params=params))
    if isinstance(read, Notify):  # a value that is invalid in one field is valid in another
        assert isinstance(wrong, str)
    else:
        assert read == InvalidMessage("params", "mining.notify")


def test_job_with_too_many_branches_is_invalid():
    assert parse_line(line(method="mining.notify", params=[*JOB[:4], ["ab" * 32] * 3000, *JOB[5:]])) == InvalidMessage(
        "params", "mining.notify"
    )


@pytest.mark.parametrize(
    ("params", "read"),
    [
        ([0.002], 0.002),
        ([16384], 16384.0),
        (["512"], 512.0),
        ([1e-9, "more"], 1e-9),
        ([0], None),
        ([-1], None),
        ([True], None),
        (["nan"], None),
        ([1e400], None),
        ([], None),
        ({}, None),
        (None, None),
    ],
)
def test_share_difficulty_is_a_number_above_zero(params, read):
    expected = InvalidMessage("params", "mining.set_difficulty") if read is None else SetDifficulty(read)
    assert parse_line(json.dumps({"method": "mining.set_difficulty", "params": params}).encode()) in (
        expected,
        InvalidMessage("not_json"),
    )


def test_set_target_gives_a_difficulty():
    target = "00000000ffff" + "0" * 52
    assert parse_line(line(method="mining.set_target", params=[target])) == SetDifficulty(1.0)
    assert parse_line(line(method="mining.set_target", params=["0" * 64])) == InvalidMessage(
        "params", "mining.set_target"
    )


def test_other_notifications_are_parsed():
    assert parse_line(line(method="mining.set_extranonce", params=["08ab", 4])) == SetExtranonce(b"\x08\xab", 4)
    assert parse_line(line(method="mining.set_version_mask", params=["1fffe000"])) == SetVersionMask(0x1FFFE000)
    assert parse_line(line(method="client.show_message", params=["hello"])) == ShowMessage("hello")
    assert parse_line(line(id=3, method="client.get_version", params=[])) == StratumRequest(3, "client.get_version", [])


@pytest.mark.parametrize(
    ("params", "read"),
    [
        ([], Reconnect(None, None, None)),
        (None, Reconnect(None, None, None)),
        (["pool.example", 3333, 0], Reconnect("pool.example", 3333, 0.0)),
        (["pool.example", "3333", "10"], Reconnect("pool.example", 3333, 10.0)),
        (["", 99999, -1], Reconnect(None, None, None)),
    ],
)
def test_reconnect_without_params_means_the_same_host(params, read):
    assert parse_line(line(method="client.reconnect", params=params)) == read


@pytest.mark.parametrize(
    ("reply", "ok", "error"),
    [
        ({"id": 1, "result": True, "error": None}, True, None),
        ({"id": "auth", "result": True, "error": None}, True, None),
        ({"id": 4, "result": False, "error": [21, "Invalid JobID", None]}, False, [21, "Invalid JobID", None]),
        ({"id": 4, "result": None, "error": [22, "Duplicate share", ""]}, False, [22, "Duplicate share", ""]),
        ({"id": 7, "error": "Invalid job_id"}, False, "Invalid job_id"),
        ({"id": 1, "error": "-1:params not found"}, False, "-1:params not found"),
        ({"id": 3, "result": True, "error": "Failed subscription"}, False, "Failed subscription"),
        ({"id": 5, "result": False, "error": None, "reject-reason": "Stale"}, False, "Stale"),
        ({"id": 5, "result": {"a": 1}, "error": {"code": 20, "message": "no"}}, False, {"code": 20, "message": "no"}),
        ({"id": 5, "result": [], "error": []}, True, []),
    ],
)
def test_replies_of_real_pools_succeed_or_fail(reply, ok, error):
    read = parse_line(orjson.dumps(reply))
    assert isinstance(read, StratumReply)
    assert (read.id, read.ok, read.error) == (reply["id"], ok, error)


@pytest.mark.parametrize(
    ("result", "read"),
    [
        ([[["mining.set_difficulty", "a"], ["mining.notify", "b"]], "551a036b", 8], ("551a036b", 8, "b")),
        ([[["mining.notify", "6b031a55"]], "551a036b", 8], ("551a036b", 8, "6b031a55")),
        ([["mining.notify", "6b"], "551a", 4], ("551a", 4, "6b")),
        ([[], "551a", 4], ("551a", 4, None)),
        ([None, "", 8], ("", 8, None)),
        (["551a", 4], ("551a", 4, None)),
        ([["mining.set_difficulty", "1"], ["mining.notify", "2"], "551a", "4"], ("551a", 4, "2")),
        ([[], "551", 4], None),
        ([[], "551a", 2.5], None),
        ([[], "551a", -1], None),
        ([[], 4, "551a"], None),
        ([], None),
        (True, None),
        (None, None),
        ({}, None),
        ("551a", None),
    ],
)
def test_subscription_is_the_last_two_elements_of_the_result(result, read):
    found = parse_subscription(result)
    expected = None if read is None else Subscription(bytes.fromhex(read[0]), read[1], read[2])
    assert found == expected


def test_rolling_mask_requires_a_granted_extension():
    assert messages.parse_rolling_mask({"version-rolling": True, "version-rolling.mask": "1fffe000"}) == 0x1FFFE000
    assert messages.parse_rolling_mask({"version-rolling": False, "version-rolling.mask": "1fffe000"}) is None
    assert messages.parse_rolling_mask({"version-rolling": "no such extension"}) is None
    assert messages.parse_rolling_mask(None) is None


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"", "not_json"),
        (b"GET / HTTP/1.1", "not_json"),
        (b"\x16\x03\x01\x02\x00", "not_json"),
        (b"[1]", "not_object"),
        (b"7", "not_object"),
        (b"null", "not_json"),
        (b"{}", "shape"),
        (b'{"id":1}', "shape"),
        (b'{"method":7}', "shape"),
        (b"[" * 100_000, "not_json"),
        (b'{"method":"mining.notify"}', "params"),
    ],
)
def test_invalid_line_has_a_reason(raw, reason):
    read = parse_line(raw)
    assert isinstance(read, InvalidMessage)
    assert read.reason == reason
    assert reason in messages.INVALID_REASONS


def test_tls_hello_before_the_first_line_is_skipped():
    hello = b'\x16\x03\x01\x02\x00\x01{"\x00\xff\xfe'
    assert parse_line(hello + line(id="auth", method="mining.authorize", params=["u", "x"]) + b"\r") == StratumRequest(
        "auth", "mining.authorize", ["u", "x"]
    )


def test_text_with_invalid_utf8_is_parsed():
    assert parse_line(b'{"method":"client.show_message","params":["caf\xe9"]}') == ShowMessage("caf�")


@given(st.binary(max_size=300))
def test_no_bytes_raise(raw):
    parse_line(raw)


@given(st.sampled_from(METHODS), JSON, JSON, JSON)
def test_no_json_raises(method, id_, params, result):
    for document in ({"id": id_, "method": method, "params": params}, {"id": id_, "result": result, "error": params}):
        parse_line(json.dumps(document).encode("utf-8", "surrogatepass"))
    messages.parse_notify(params)
    parse_subscription(params)
    messages.parse_rolling_mask(params)


@given(st.integers(0, 8), JSON)
def test_no_field_of_a_job_raises(at, wrong):
    messages.parse_notify([*JOB[:at], wrong, *JOB[at + 1 :]])


def test_built_requests_parse_back():
    assert parse_line(requests.subscribe(2)) == StratumRequest(2, "mining.subscribe", [requests.AGENT])
    assert parse_line(requests.subscribe(2, "x/1", "6b")) == StratumRequest(2, "mining.subscribe", ["x/1", "6b"])
    assert parse_line(requests.authorize("a", "user.w")) == StratumRequest("a", "mining.authorize", ["user.w", "x"])
    assert parse_line(requests.request(3, "mining.extranonce.subscribe", [])) == StratumRequest(
        3, "mining.extranonce.subscribe", []
    )
    assert parse_line(requests.request(4, "mining.suggest_difficulty", [0.5])) == StratumRequest(
        4, "mining.suggest_difficulty", [0.5]
    )
    asked = parse_line(requests.configure(1))
    assert asked.params == [
        ["version-rolling"],
        {"version-rolling.mask": "1fffe000", "version-rolling.min-bit-count": 2},
    ]


@given(st.lists(st.binary(max_size=40).filter(lambda b: b"\n" not in b and not b.endswith(b"\r") and b)), st.data())
def test_lines_are_complete_however_the_stream_is_split(lines, data):
    stream = b"".join(item + data.draw(st.sampled_from((b"\n", b"\r\n"))) for item in lines)
    cutter, found = LineSplitter(), []
    while stream:
        size = data.draw(st.integers(1, len(stream)))
        found += cutter.feed(stream[:size])
        stream = stream[size:]
    assert found == lines


def test_oversize_line_is_dropped_and_the_next_line_is_read():
    cutter = LineSplitter(max_bytes=100)
    assert [cutter.feed(b"x" * 30) for _ in range(50)] == [[]] * 50
    assert cutter.oversize == 1
    assert len(cutter._buffer) <= 100
    assert cutter.feed(b'y\n{"id":1}\n' + b"z" * 200 + b"\nend\n") == [b'{"id":1}', b"end"]
    assert cutter.oversize == 2
