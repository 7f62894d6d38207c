"""Logs are one line per record, without terminal control, never a storm, and readable where people read them."""

import asyncio
import io
import json
import logging
import re

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from stratoscope import logs


class Hands:
    """A clock whose hands the test moves."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now

    def time(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def clock() -> Hands:
    return Hands()


def lines(stream: io.StringIO) -> list[str]:
    return stream.getvalue().splitlines()


@pytest.mark.parametrize("form", ["json", "console"])
def test_s10_a_record_with_line_breaks_and_escapes_is_one_clean_line(form: str, clock: Hands) -> None:
    stream = io.StringIO()
    logs.setup("info", form, stream=stream, clock=clock)
    structlog.get_logger("rig").info(
        "a\nb\x1b[2J", host="x\r\ny\x1b]0;title\x07z", pools=["\u202eevil", {"k\n": "\x00"}]
    )
    logging.getLogger("library").warning("a\nb\x1b[31m")
    try:
        1 / 0  # noqa: B018
    except ZeroDivisionError:
        structlog.get_logger("rig").exception("bug")
    assert len(lines(stream)) == 3
    assert re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e]", stream.getvalue()) is None
    assert "title" not in stream.getvalue()
    assert "ZeroDivisionError: division by zero" in lines(stream)[2]


@given(st.text(st.characters(codec=None, exclude_categories=())), st.text())
def test_s10_whatever_a_rig_says_stays_on_one_line_that_a_terminal_can_take(value: str, key: str) -> None:
    stream = io.StringIO()
    logs.setup("info", "json", stream=stream, clock=Hands())
    structlog.get_logger("rig").info("said", **{"k" + key: value}, value=value)
    assert len(stream.getvalue().splitlines()) == 1
    text = json.loads(stream.getvalue())["value"]
    assert not re.search(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]", text)
    text.encode()


def test_json_records_carry_level_logger_and_utc_time(clock: Hands) -> None:
    stream = io.StringIO()
    logs.setup("info", "auto", stream=stream, clock=clock)
    structlog.get_logger("stratoscope").warning("rig is offline", rig="r1")
    assert json.loads(stream.getvalue()) == {
        "rig": "r1",
        "event": "rig is offline",
        "level": "warning",
        "logger": "stratoscope",
        "timestamp": "1970-01-01T00:16:40.000Z",
    }


def test_the_level_holds_for_our_records_and_those_of_libraries(clock: Hands) -> None:
    stream = io.StringIO()
    logs.setup("warning", "json", stream=stream, clock=clock)
    structlog.get_logger("x").info("no")
    logging.getLogger("y").info("no")
    structlog.get_logger("x").warning("yes")
    logging.getLogger("y").warning("yes")
    assert [json.loads(line)["event"] for line in lines(stream)] == ["yes", "yes"]


def test_setting_up_again_replaces_the_first(clock: Hands) -> None:
    first, second = io.StringIO(), io.StringIO()
    logs.setup("info", "json", stream=first, clock=clock)
    logs.setup("debug", "json", stream=second, clock=clock)
    structlog.get_logger("x").debug("here")
    assert first.getvalue() == ""
    assert len(lines(second)) == 1


def test_f55_a_storm_of_10000_failing_rigs_is_50_lines_a_second_and_a_count(clock: Hands) -> None:
    stream = io.StringIO()
    logs.setup("info", "json", stream=stream, clock=clock)
    log = structlog.get_logger("rig")
    for rig in range(10_000):
        log.info("offline", rig=rig)
    assert len(lines(stream)) == 50
    clock.now += 1.0
    log.info("later")
    events = [json.loads(line)["event"] for line in lines(stream)[50:]]
    assert events == ["suppressed 9950 lines: more than 50 per second", "later"]


def test_f55_the_summary_comes_by_itself_when_nothing_follows(clock: Hands) -> None:
    stream = io.StringIO()
    logs.setup("info", "json", stream=stream, clock=clock)

    async def storm() -> None:
        for _ in range(60):
            structlog.get_logger("rig").info("offline")
        await asyncio.sleep(1.2)

    asyncio.run(storm())
    assert json.loads(lines(stream)[-1])["event"] == "suppressed 10 lines: more than 50 per second"


def test_f55_records_of_libraries_count_too(clock: Hands) -> None:
    stream = io.StringIO()
    limiter = logs.setup("info", "json", stream=stream, clock=clock)
    for _ in range(60):
        logging.getLogger("aiohttp.server").warning("x")
    assert len(lines(stream)) == 50
    limiter.flush()
    assert len(lines(stream)) == 51


def test_s15_secrets_in_keys_urls_and_nested_values_are_taken_out(clock: Hands) -> None:
    stream = io.StringIO()
    logs.setup("info", "json", stream=stream, clock=clock)
    structlog.get_logger("x").info(
        "get http://bob:CANARY@h/p?api_key=CANARY&n=1",
        password="CANARY",
        api_key="CANARY",
        token=b"CANARY",
        nested={"Authorization": "Bearer CANARY", "cookies": ["CANARY"]},
        keyboard="kept",
        monkey="kept",
    )
    assert "CANARY" not in stream.getvalue()
    record = json.loads(stream.getvalue())
    assert record["event"] == "get http://[redacted]@h/p?api_key=[redacted]&n=1"
    assert (record["keyboard"], record["monkey"]) == ("kept", "kept")


def test_a_line_is_bounded_whatever_a_rig_sends(clock: Hands) -> None:
    stream = io.StringIO()
    logs.setup("info", "json", stream=stream, clock=clock)
    structlog.get_logger("x").info("x" * 10**6, deep={"a": {"b": {"c": {"d": {"e": "x" * 10**6}}}}})
    assert len(stream.getvalue()) < 10_000
