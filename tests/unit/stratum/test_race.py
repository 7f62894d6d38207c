"""Which endpoint announced a block first, and how late the others were."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stratoscope.stratum.watch.race import RACE_WINDOW_S, BlockRaces, with_delay
from stratoscope.stratum.watch.records import DELAY_BUCKETS_S, DelayHistogram

BLOCK = "00" * 31 + "aa"


def run(race: BlockRaces, times: dict[str, tuple[float, float]], block: str = BLOCK) -> None:
    """Let endpoints announce a block; `times` are (received, sent)."""
    for url, (received, sent) in sorted(times.items(), key=lambda item: item[1]):
        race.add(url, block, 100, sent, received)


def outcome(race: BlockRaces, now: float, endpoints=()) -> dict[str, tuple[float, bool]]:
    return {r.url: (round(r.delay, 9), r.first) for r in race.take_results(now, endpoints)}


def test_results_are_returned_once_after_all_announcements():
    race = BlockRaces()
    run(race, {"a": (10.0, 10.0), "b": (10.25, 10.25)})
    assert outcome(race, 11.0, ("a", "b", "c")) == {}, "c can be distant and have sent it first"
    assert outcome(race, 11.0, ("a", "b")) == {"a": (0.0, True), "b": (0.25, False)}
    assert outcome(race, 99.0) == {}, "each result is returned once"


def test_distant_endpoint_can_be_first_although_received_later():
    race = BlockRaces()
    run(race, {"near": (10.0, 9.999), "far": (10.1, 9.95)})
    assert outcome(race, 10.2, ("near", "far")) == {"far": (0.0, True), "near": (0.049, False)}


def test_race_is_final_after_the_window_and_later_results_follow():
    race = BlockRaces()
    run(race, {"a": (10.0, 10.0), "b": (10.5, 10.5)})
    assert outcome(race, 10.0 + RACE_WINDOW_S - 0.1, ("a", "b", "c")) == {}
    assert len(outcome(race, 10.0 + RACE_WINDOW_S, ("a", "b", "c"))) == 2
    race.add("c", BLOCK, 100, 100.0, 100.0)
    assert outcome(race, 101.0, ("a", "b", "c")) == {"c": (90.0, False)}


def test_block_of_a_single_endpoint_has_no_result():
    race = BlockRaces()
    run(race, {"a": (10.0, 10.0)})
    assert outcome(race, 1000.0, ("a",)) == {}


def test_two_blocks_at_one_height_are_two_races():
    race = BlockRaces()
    run(race, {"a": (10.0, 10.0), "b": (10.1, 10.1)}, "aa")
    run(race, {"c": (10.2, 10.2), "d": (10.6, 10.6)}, "bb")
    assert outcome(race, 200.0) == {"a": (0.0, True), "b": (0.1, False), "c": (0.0, True), "d": (0.4, False)}


def test_repeated_announcement_keeps_the_first_time():
    race = BlockRaces()
    run(race, {"a": (10.0, 10.0), "b": (11.0, 11.0)})
    race.add("a", BLOCK, 100, 50.0, 50.0)
    assert outcome(race, 200.0)["b"] == (1.0, False)


def test_only_the_newest_races_are_kept():
    race = BlockRaces(max_races=3)
    for number in range(10):
        race.add("a", str(number), number, 1.0, 1.0)
    assert list(race.races) == ["7", "8", "9"]


@given(st.lists(st.tuples(st.sampled_from("abcdef"), st.floats(0, 100)), min_size=2))
def test_one_endpoint_is_first_and_no_delay_is_negative(announced):
    race = BlockRaces()
    for url, at in announced:
        race.add(url, BLOCK, 1, at, at)
    results = list(race.take_results(1e6, ()))
    urls = {url for url, _ in announced}
    assert {r.url for r in results} == (urls if len(urls) > 1 else set())
    assert all(r.delay >= 0 and r.first == (r.delay == 0) for r in results)
    assert not results or any(r.first for r in results)


@given(st.lists(st.floats(0, 120), max_size=40))
def test_histogram_buckets_are_cumulative(delays):
    found = DelayHistogram()
    for delay in delays:
        found = with_delay(found, delay)
    assert found.count == len(delays)
    assert found.total == pytest.approx(sum(delays))
    assert dict(found.buckets) == {bound: sum(delay <= bound for delay in delays) for bound in DELAY_BUCKETS_S}
