"""Flatlines, problems of a hashing rig, and the health state that follows."""

from stratoscope.drivers.driver import Driver
from stratoscope.fleet import Judged
from stratoscope.judgement.judge import Nameplate
from stratoscope.judgement.progress import ShareProgress, advance
from stratoscope.judgement.state import find_problems, state_of
from stratoscope.reading import Fan, Fault, Hashboard, Reading, Shares
from stratoscope.units import TH

DRIVER = Driver("test", "Test", (), lambda _: True, lambda _: Reading(driver="test"), ("5m",))


def hashing(accepted: int, uptime: float = 3600.0) -> Reading:
    return Reading(driver="test", hashing=True, uptime=uptime, hashrate={"5m": 1e12}, shares=Shares(accepted=accepted))


def test_hashrate_without_shares_is_a_flatline_after_twenty_mean_intervals():
    progress = ShareProgress(shares=360, at=0.0)  # one share every 10 s

    assert advance(progress, hashing(360), 599.0) == (progress, False)
    assert advance(progress, hashing(360), 601.0) == (progress, True)


def test_a_rig_with_rare_shares_gets_more_time():
    progress = ShareProgress(shares=6, at=0.0)  # one share every 600 s

    assert not advance(progress, hashing(6), 11_000.0)[1]
    assert advance(progress, hashing(6), 12_500.0)[1]


def test_a_new_share_or_a_stop_ends_the_flatline():
    progress = ShareProgress(shares=360, at=0.0)

    assert advance(progress, hashing(361), 9_000.0) == (ShareProgress(361, 9_000.0), False)
    stopped = Reading(driver="test", hashing=False, shares=Shares(accepted=360))
    assert not advance(progress, stopped, 9_000.0)[1]


def test_a_rig_that_counts_no_shares_is_never_flatlined():
    assert advance(None, Reading(driver="test", hashing=True), 1e6) == (None, False)


def test_rejected_shares_are_progress_too():
    reading = Reading(driver="test", hashing=True, shares=Shares(accepted=5, rejected=3))

    assert advance(None, reading, 1.0)[0] == ShareProgress(8, 1.0)


def state(reading: Reading | None, failures: int = 0, reason: str | None = "ok", **rest: bool) -> str:
    return state_of(
        failures=failures,
        reason=reason,
        reading=reading,
        suspect=rest.get("suspect", False),
        degraded=rest.get("degraded", False),
    )


def test_states_follow_evidence():
    idle = Reading(driver="test", hashing=False)

    assert state(None, reason=None) == "identifying"
    assert state(hashing(1)) == "hashing"
    assert state(hashing(1), degraded=True) == "degraded"
    assert state(hashing(1), suspect=True) == "suspect"
    assert state(idle) == "idle"
    assert state(Reading(driver="test")) == "identifying"


def test_one_failed_poll_is_not_an_outage_and_two_are():
    assert state(hashing(1), failures=1, reason="timeout") == "hashing"
    assert state(hashing(1), failures=2, reason="timeout") == "offline"
    assert state(None, failures=1, reason="timeout") == "offline"


def test_a_rig_that_denies_access_is_locked_not_offline():
    assert state(None, failures=5, reason="denied") == "locked"
    assert state(None, failures=5, reason="auth") == "locked"


def test_problems_are_named():
    reading = Reading(
        driver="test",
        hashing=True,
        uptime=7200.0,
        boards=tuple(Hashboard(index=n, hashrate=r * TH) for n, r in enumerate((36.0, 0.0, 36.0))),
        fans=(Fan(index=0, rpm=5000), Fan(index=1, rpm=0)),
        faults=(Fault(code=110),),
    )

    found = find_problems(reading, Judged(hashrate=72 * TH), Nameplate(hashrate=110 * TH, boards=3))

    assert found == (
        "hashrate is 65% of expected",
        "2 of 3 hashboards work",
        "fan 1 stopped",
        "1 fault reported",
    )


def test_low_hashrate_does_not_degrade_a_rig_that_warms_up():
    reading = Reading(driver="test", hashing=True, uptime=60.0)

    assert find_problems(reading, Judged(hashrate=10 * TH), Nameplate(hashrate=110 * TH, boards=3)) == ()


def test_a_hydro_rig_with_all_fans_at_zero_has_no_stopped_fan():
    reading = Reading(driver="test", hashing=True, fans=(Fan(index=0, rpm=0), Fan(index=1, rpm=0)))

    assert find_problems(reading, Judged(), Nameplate()) == ()
