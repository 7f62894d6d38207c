"""Tests the public JSON of a reading: base units in the names, and no unreported values."""

from stratoscope.reading import Fan, Fault, Hashboard, PoolSlot, Reading, Shares, as_json


def test_unreported_values_are_omitted():
    assert as_json(Reading(driver="x", hashing=False, uptime=0.0)) == {
        "driver": "x",
        "uptime_seconds": 0.0,
        "hashing": False,
        "boards": [],
        "fans": [],
        "pools": [],
        "defects": [],
    }


def test_names_include_their_units():
    reading = Reading(
        driver="x",
        power=3250.0,
        power_source="measured",
        hashrate={"5s": 1e14},
        boards=(Hashboard(index=0, temperature_board=60.0, temperature_chip=75.0, frequency=5e8, voltage=12.6),),
        fans=(Fan(index=1, rpm=0),),
        pools=(PoolSlot(index=0, url="stratum+tcp://a:1", last_share_seconds_ago=3.0),),
        shares=Shares(accepted=5),
        faults=(),
    )

    told = as_json(reading)

    assert told["power_watts"] == 3250.0
    assert told["hashrate"] == {"5s": 1e14}
    assert told["boards"] == [
        {
            "index": 0,
            "temperature_board_celsius": 60.0,
            "temperature_chip_celsius": 75.0,
            "frequency_hertz": 5e8,
            "voltage_volts": 12.6,
        }
    ]
    assert told["fans"] == [{"index": 1, "rpm": 0}]
    assert told["pools"] == [{"index": 0, "url": "stratum+tcp://a:1", "last_share_seconds_ago": 3.0}]
    assert told["shares"] == {"accepted": 5}
    assert told["faults"] == []


def test_faults_are_omitted_if_not_queried_and_have_their_code():
    assert "faults" not in as_json(Reading(driver="x"))
    assert as_json(Reading(driver="x", faults=(Fault(code=110),)))["faults"] == [{"code": 110}]


def test_first_known_window_in_the_given_order_is_used():
    reading = Reading(driver="x", hashrate={"5s": 5.0, "avg": 1.0})

    assert reading.window(("5m", "avg", "5s")) == 1.0
    assert reading.window(("1h",)) is None
