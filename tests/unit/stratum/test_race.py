"""Who announced a block first, and how late the others were."""

from hypothesis import given
from hypothesis import strategies as st

from stratoscope.stratum.watch.race import WINDOW, Race, added
from stratoscope.stratum.watch.records import DELAYS, Delays

BLOCK = "00" * 31 + "aa"


def run(race: Race, times: dict[str, tuple[float, float]], block: str = BLOCK) -> None:
    """Let endpoints announce a block; `times` are received and spoken, in the order of receipt."""
    for url, (received, spoken) in sorted(times.items(), key=lambda item: item[1]):
        race.heard(url, block, 100, spoken, received)


def outcome(race: Race, now: float, standing=()) -> dict[str, tuple[float, bool]]:
    return {r.url: (round(r.delay, 9), r.first) for r in race.results(now, standing)}


def test_the_first_and_the_delays_of_the_others_come_once_all_have_spoken():
    race = Race()
    run(race, {"a": (10.0, 10.0), "b": (10.25, 10.25)})
    assert outcome(race, 11.0, ("a", "b", "c")) == {}, "c may have spoken first and be far away"
    assert outcome(race, 11.0, ("a", "b")) == {"a": (0.0, True), "b": (0.25, False)}
    assert outcome(race, 99.0) == {}, "a result is told once"


def test_a_far_endpoint_that_was_heard_later_may_have_spoken_first():
    race = Race()
    run(race, {"near": (10.0, 9.999), "far": (10.1, 9.95)})
    assert outcome(race, 10.2, ("near", "far")) == {"far": (0.0, True), "near": (0.049, False)}


def test_a_lap_is_counted_after_the_window_and_who_comes_later_is_counted_then():
    race = Race()
    run(race, {"a": (10.0, 10.0), "b": (10.5, 10.5)})
    assert outcome(race, 10.0 + WINDOW - 0.1, ("a", "b", "c")) == {}
    assert len(outcome(race, 10.0 + WINDOW, ("a", "b", "c"))) == 2
    race.heard("c", BLOCK, 100, 100.0, 100.0)
    assert outcome(race, 101.0, ("a", "b", "c")) == {"c": (90.0, False)}


def test_a_block_that_one_endpoint_announced_is_no_race():
    race = Race()
    run(race, {"a": (10.0, 10.0)})
    assert outcome(race, 1000.0, ("a",)) == {}


def test_two_blocks_at_one_height_are_two_laps():
    race = Race()
    run(race, {"a": (10.0, 10.0), "b": (10.1, 10.1)}, "aa")
    run(race, {"c": (10.2, 10.2), "d": (10.6, 10.6)}, "bb")
    assert outcome(race, 200.0) == {"a": (0.0, True), "b": (0.1, False), "c": (0.0, True), "d": (0.4, False)}


def test_an_endpoint_that_repeats_itself_keeps_its_first_time():
    race = Race()
    run(race, {"a": (10.0, 10.0), "b": (11.0, 11.0)})
    race.heard("a", BLOCK, 100, 50.0, 50.0)
    assert outcome(race, 200.0)["b"] == (1.0, False)


def test_only_the_newest_laps_are_kept():
    race = Race(kept=3)
    for number in range(10):
        race.heard("a", str(number), number, 1.0, 1.0)
    assert list(race.laps) == ["7", "8", "9"]


@given(st.lists(st.tuples(st.sampled_from("abcdef"), st.floats(0, 100)), min_size=2))
def test_exactly_one_is_first_and_no_delay_is_below_zero(heard):
    race = Race()
    for url, at in heard:
        race.heard(url, BLOCK, 1, at, at)
    results = list(race.results(1e6, ()))
    urls = {url for url, _ in heard}
    assert {r.url for r in results} == (urls if len(urls) > 1 else set())
    assert all(r.delay >= 0 and r.first == (r.delay == 0) for r in results)
    assert not results or any(r.first for r in results)


@given(st.lists(st.floats(0, 120), max_size=40))
def test_the_histogram_counts_every_delay_in_every_bucket_above_it(delays):
    found = Delays()
    for delay in delays:
        found = added(found, delay)
    assert found.count == len(delays)
    assert found.total == sum(delays)
    assert dict(found.buckets) == {bound: sum(delay <= bound for delay in delays) for bound in DELAYS}
