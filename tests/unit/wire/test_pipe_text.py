"""Tests the plain text form against the JSON form of the same real answers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stratoscope.errors import Garbled, Unreachable
from stratoscope.wire import cgminer, pipe_text, repair
from stratoscope.wire.cgminer import RawAnswer
from stratoscope.wire.refusals import cgminer_refusal

NEVER_SENT = {"devscan.txt.bin"}  # bfgminer only; it changes the rig. The only real answer without a closing bar


@given(
    st.binary(max_size=200).map(lambda raw: b"STATUS=" + raw) | st.text("CMD=STAUS,|\\\n0", max_size=80).map(str.encode)
)
def test_f08_any_bytes_parse_or_raise_garbled(raw):
    try:
        answer = pipe_text.parse(raw)
    except Garbled:
        return
    assert all(isinstance(rows, list) for rows in answer.values())
    assert cgminer_refusal(answer) in (None, "denied", "refused_command")


def sections(answer):
    """Return the names of sections and of the fields in each row, which both forms must share."""
    if "STATUS" not in answer:
        return {key: sections(part[0]) for key, part in answer.items() if isinstance(part, list)}
    return {key: [list(row) for row in rows] for key, rows in answer.items() if isinstance(rows, list)}


@pytest.mark.shelf
def test_every_recorded_raw_answer_parses(shelf):
    files = sorted((shelf / "captures-raw").glob("*/*.bin"))
    files = [file for file in files if file.name not in NEVER_SENT]
    assert len(files) >= 100
    for file in files:
        raw = file.read_bytes()
        answer = cgminer.read(RawAnswer(raw.rstrip(b"\0"), ended=raw.endswith(b"\0")))
        assert "STATUS" in answer or all(isinstance(part, list) for key, part in answer.items() if key != "id"), file


@pytest.mark.shelf
@pytest.mark.parametrize("reset", [False, True])
@pytest.mark.parametrize("broken", [False, True], ids=["as recorded", "with a defect"])
def test_f06_truncated_recorded_answer_never_parses(shelf, reset, broken):
    files = sorted((shelf / "captures-raw").glob("*/*.bin"), key=lambda file: file.stat().st_size)[40:80:2]
    assert len(files) == 20
    for file in files:
        whole = file.read_bytes().rstrip(b"\0")
        if broken:
            whole = whole.replace(b'"Code":', b',"Code":', 1)
        if whole.startswith(b"{"):
            assert cgminer.read(RawAnswer(whole, ended=False, reset=reset))
        for cut in range(1, len(whole) + whole.startswith(b"STATUS")):  # text requires its NUL, which is missing here
            with pytest.raises((Garbled, Unreachable)):
                cgminer.read(RawAnswer(whole[:cut], ended=False, reset=reset))


@pytest.mark.shelf
def test_text_and_json_of_one_command_have_the_same_shape(shelf):
    pairs = 0
    for text in sorted((shelf / "captures-raw").glob("*/*.txt.bin")):
        twin = text.with_name(text.name.replace(".txt.", ".json."))
        if not twin.exists() or text.name in NEVER_SENT:
            continue
        if "details" in text.name and "bfgminer" in text.parent.name:
            continue  # its JSON puts these rows under DEVS, its text names them DEVDETAILS as cgminer's JSON does
        a, b = pipe_text.parse(text.read_bytes()), repair.parse(twin.read_bytes().rstrip(b"\0"))
        assert sections(a) == sections(b), text
        assert cgminer_refusal(a) == cgminer_refusal(b), text
        pairs += 1
    assert pairs >= 40


def test_values_are_text_and_escapes_are_decoded():
    text = rb"STATUS=S,Code=7,Msg=2 Pool(s)|POOL=0,URL=stratum+tcp://a\,b\=c\|d,User=x\\y,Note=a,b|POOL=1|" + b"\0"
    assert pipe_text.parse(text) == {
        "STATUS": [{"STATUS": "S", "Code": "7", "Msg": "2 Pool(s)"}],
        "POOLS": [{"POOL": "0", "URL": "stratum+tcp://a,b=c|d", "User": r"x\y", "Note": "a,b"}, {"POOL": "1"}],
    }


def test_joined_answer_is_split_by_command():
    text = b"CMD=summary|STATUS=S,Code=11|SUMMARY,Elapsed=5|CMD=devs|STATUS=S,Code=9|ASC=0,Name=BC5|\0"
    assert pipe_text.parse(text) == {
        "summary": [{"STATUS": [{"STATUS": "S", "Code": "11"}], "SUMMARY": [{"Elapsed": "5"}]}],
        "devs": [{"STATUS": [{"STATUS": "S", "Code": "9"}], "DEVS": [{"ASC": "0", "Name": "BC5"}]}],
    }


@pytest.mark.parametrize("raw", [b"STATUS=S,Code=11", b"STATUS=S,Code=11|SUMMARY,El", b"CMD="])
def test_text_without_closing_bar_is_truncated(raw):
    with pytest.raises(Garbled) as caught:
        pipe_text.parse(raw)
    assert caught.value.reason == "truncated"


def test_refusal_in_text_is_a_refusal():
    assert cgminer_refusal(pipe_text.parse(b"STATUS=E,When=1,Code=14,Msg=Invalid command|")) == "refused_command"
    assert cgminer_refusal(pipe_text.parse(b"STATUS=E,When=1,Code=45,Msg=Access denied|")) == "denied"
