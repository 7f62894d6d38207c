"""`stratoscope stratum decode` reads jobs in every common form, and reports a file without jobs."""

import json

import pytest
from typer.testing import CliRunner

from fakes.clock import StillClock
from stratoscope.cli import app
from stratoscope.simulate.chain import Chain
from stratoscope.simulate.jobs import JobMaker


def decoded(*arguments: str, stdin: bytes = b""):
    result = CliRunner().invoke(app, ["stratum", "decode", *arguments], input=stdin)
    return result, [json.loads(line) for line in result.stdout.splitlines()]


@pytest.fixture
def params():
    return JobMaker(Chain(seed=3, clock=StillClock()), seed=3).make(1_795_578_361.0, clean=True)


def notify(params) -> str:
    return json.dumps({"id": None, "method": "mining.notify", "params": params})


SUBSCRIBED = json.dumps({"id": 1, "result": [[], "00000007", 8], "error": None})
ANOTHER = json.dumps({"id": 1, "result": [[], "07", 8], "error": None})


def test_params_in_one_line_or_many_or_from_stdin_are_one_job(params, tmp_path):
    flat, tall = tmp_path / "flat.json", tmp_path / "tall.json"
    flat.write_text(json.dumps(params))
    tall.write_text(json.dumps(params, indent=2))
    found = [decoded(str(flat))[1], decoded(str(tall))[1], decoded("-", stdin=flat.read_bytes())[1]]
    assert found[0] == found[1] == found[2]
    (job,) = found[0]
    assert set(job) >= {
        "height",
        "prev_hash",
        "network_difficulty",
        "coinbase_value_sats",
        "subsidy_sats",
        "fees_sats",
        "payout",
        "tag",
        "empty",
        "hashprice_sats_per_ph_day",
        "chain",
    }
    assert job["coinbase_value_sats"] == job["subsidy_sats"] + job["fees_sats"] == job["payout"][0]["sats"]
    assert job["payout"][0]["address"].startswith("bc1q")
    assert [(set(out), out["sats"]) for out in job["payout"]] == [({"address", "sats"}, job["coinbase_value_sats"])]
    assert [out["script"][:4] for out in job["outputs"]] == ["0014", "6a24"]
    assert (job["tag"], job["chain"], job["empty"], job["extranonce_size"]) == ("/simulated pool/", "BTC", False, 12)


def test_a_session_and_a_recording_are_decoded_with_the_extranonce_of_the_session(params, tmp_path):
    session, recording = tmp_path / "session", tmp_path / "recording.jsonl"
    session.write_text(f"{SUBSCRIBED}\n{notify(params)}\n{ANOTHER}\n{notify(params)}\n")
    rows = [
        {"conn": 1, "dir": "s2c", "line": SUBSCRIBED},
        {"conn": 2, "dir": "s2c", "line": ANOTHER},
        {"conn": 1, "dir": "s2c", "line": notify(params)},
        {"conn": 2, "dir": "c2s", "line": notify(params)},
        {"conn": 2, "dir": "s2c", "line": notify(params)},
        {"closed_by_pool": True},
    ]
    recording.write_text("".join(json.dumps(row) + "\n" for row in rows))
    for file in (session, recording):
        first, second = decoded(str(file))[1]
        assert first["defects"] == []
        assert second["defects"] == ["extranonce_size"]


def test_the_extranonce_can_be_given(params, tmp_path):
    file = tmp_path / "job.json"
    file.write_text(json.dumps(params))
    assert decoded(str(file), "--extranonce1", "00000007", "--extranonce2-size", "8")[1][0]["defects"] == []
    assert decoded(str(file), "--extranonce1", "07", "--extranonce2-size", "8")[1][0]["defects"] == ["extranonce_size"]
    assert decoded(str(file), "--extranonce1", "07")[0].exit_code == 2


def test_objects_with_params_are_jobs_too(params, tmp_path):
    file = tmp_path / "jobs.json"
    job = {"params": params, "extranonce1": "00000007", "extranonce2_size": 8}
    file.write_text(json.dumps({"one": job, "two": {"params": params}}, indent=1))
    assert len(decoded(str(file))[1]) == 2
    file.write_text(json.dumps([params, params]))
    assert len(decoded(str(file))[1]) == 2


@pytest.mark.parametrize(
    "content", [b"", b"[]", b"{}", b"\xff\xfe\x00", b"[" * 5000, b'{"params": 7}', b"GET / HTTP/1.1\r\n\r\n"]
)
def test_a_file_without_jobs_is_an_error_with_the_remedy(tmp_path, content):
    file = tmp_path / "none"
    file.write_bytes(content)
    result, found = decoded(str(file))
    assert (result.exit_code, found) == (1, [])
    assert "contains no job" in result.stderr


def test_a_missing_file_is_reported():
    result, _ = decoded("/no/such/file")
    assert result.exit_code == 1
    assert result.stderr == "/no/such/file: No such file or directory\n"


def test_help_of_the_group_shows_the_default_command():
    result = CliRunner().invoke(app, ["stratum", "--help"])
    assert result.exit_code == 0
    assert "decode" in result.stdout
