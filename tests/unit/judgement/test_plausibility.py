"""Values that cannot be true are removed, and power and hashrate are chosen from the best source."""

import dataclasses

from hypothesis import given
from hypothesis import strategies as st

from stratoscope.drivers.driver import Driver
from stratoscope.judgement.judge import Nameplate, judge
from stratoscope.reading import Fan, Hashboard, Reading
from stratoscope.units import TH

S19 = Nameplate(hashrate=110 * TH, power=3250.0, boards=3, fans=4)
DRIVER = Driver("test", "Test", (), lambda _: True, lambda _: Reading(driver="test"), ("5m", "avg", "5s"))


def reading(hashrate: float, **rest: object) -> Reading:
    return Reading(driver="test", hashing=hashrate > 0, hashrate={"5m": hashrate}, **rest)  # type: ignore[arg-type]


@given(
    share=st.floats(0.3, 1.9),
    power=st.sampled_from([-9, -6, -3, 3, 6, 9]),
)
def test_f14_a_wrong_hashrate_unit_of_a_known_model_is_always_suspect_and_never_exported(share, power):
    verdict = judge(DRIVER, reading(share * 110 * TH * 10.0**power), S19)

    assert verdict.suspect
    assert verdict.judged.hashrate is None
    assert verdict.reading.hashrate == {}
    assert verdict.judged.efficiency is None


@given(share=st.floats(0.01, 2.5))
def test_a_plausible_hashrate_is_not_changed(share):
    given_reading = reading(share * 110 * TH, power=3000.0, power_source="measured")

    verdict = judge(DRIVER, given_reading, S19)

    assert verdict.reading is given_reading
    assert verdict.judged.hashrate == share * 110 * TH
    assert not verdict.suspect


def test_zero_hashrate_is_plausible():
    verdict = judge(DRIVER, reading(0.0), S19)

    assert not verdict.suspect
    assert verdict.judged.hashrate == 0.0


def test_kilowatts_read_as_watts_are_not_exported():
    verdict = judge(DRIVER, reading(110 * TH, power=3.25, power_source="reported"), S19)

    assert verdict.suspect
    assert verdict.judged.power is None
    assert verdict.judged.efficiency is None


def test_an_unknown_model_is_checked_against_the_hashrate_its_firmware_expects():
    verdict = judge(DRIVER, reading(0.11 * TH, hashrate_expected=110 * TH), Nameplate())

    assert verdict.suspect


def test_impossible_board_and_fan_values_are_removed_with_a_defect_and_the_rest_stays():
    given_reading = reading(
        110 * TH,
        boards=(Hashboard(index=0, hashrate=36 * TH, temperature_chip=176.0, temperature_board=60.0),),
        fans=(Fan(index=0, rpm=6000), Fan(index=1, rpm=65535)),
    )

    verdict = judge(DRIVER, given_reading, S19)

    assert verdict.reading.boards[0].temperature_chip is None
    assert verdict.reading.boards[0].temperature_board == 60.0
    assert verdict.reading.boards[0].hashrate == 36 * TH
    assert [fan.index for fan in verdict.reading.fans] == [0]
    assert {d.path for d in verdict.reading.defects} == {"boards[0].temperature_chip", "fans[1].rpm"}


def test_power_is_measured_else_reported_else_configured_else_nameplate():
    hashing = reading(110 * TH)

    def source(configured: float | None, **fields: object) -> tuple[float | None, str | None]:
        verdict = judge(DRIVER, dataclasses.replace(hashing, **fields), S19, configured)  # type: ignore[arg-type]
        return verdict.judged.power, verdict.judged.power_source

    assert source(3100.0, power=3300.0, power_source="measured") == (3300.0, "measured")
    assert source(3100.0, power=3200.0, power_source="reported") == (3200.0, "reported")
    assert source(3100.0) == (3100.0, "configured")
    assert source(None) == (3250.0, "nameplate")


def test_a_rig_that_does_not_hash_gets_no_power_from_the_config_or_the_data_sheet():
    verdict = judge(DRIVER, reading(0.0), S19, 3100.0)

    assert (verdict.judged.power, verdict.judged.power_source) == (None, None)


def test_efficiency_is_joules_per_terahash_of_the_canonical_window():
    verdict = judge(DRIVER, reading(100 * TH, power=3000.0, power_source="measured"), S19)

    assert verdict.judged.efficiency == 30.0


def test_a_stopped_rig_has_zero_hashrate_although_its_long_window_still_decays():
    stopped = Reading(driver="test", hashing=False, hashrate={"5m": 80 * TH, "5s": 0.0})

    assert judge(DRIVER, stopped, S19).judged.hashrate == 0.0


def test_an_absurd_expected_hashrate_is_removed_and_the_hashrate_stays():
    verdict = judge(DRIVER, reading(100 * TH, hashrate_expected=110e18), S19)

    assert verdict.reading.hashrate_expected is None
    assert verdict.judged.hashrate == 100 * TH
    assert [d.path for d in verdict.reading.defects] == ["hashrate_expected"]
