"""The fake Home Assistant rejects what the real one would drop, and every sensor type is valid there."""

import json
from dataclasses import replace

import pytest

from fakes.homeassistant_schema import BINARY_CLASSES, CLASSES, Refused, check
from stratoscope.fleet import STATES
from stratoscope.metrics import TABLE, WHOLE, MetricKind
from stratoscope_exporters.homeassistant import entities
from stratoscope_exporters.homeassistant.documents import DeviceBuilder
from stratoscope_exporters.homeassistant.patterns import RIG, SITE_AND_MARKET
from stratoscope_exporters.homeassistant.shapes import COUNTERS, GAUGES, Flag, Shape
from stratoscope_exporters.mqtt.documents import RigDocuments
from unit.export.farm import NOW, antminer
from unit.homeassistant.test_documents import shown
from unit.homeassistant.topics import TOPICS

EVERY = {metric.series: metric for family in (*TABLE, *WHOLE) for metric in family.metrics}


STATUS = "stratoscope/v1/north/agent/status"


def named(snapshot, identity="mac:02:00:00:00:00:07"):
    return replace(snapshot, identity=identity)


def document(snapshot, identity="mac:02:00:00:00:00:07"):
    return RigDocuments().document(named(snapshot, identity), 1, NOW)


@pytest.mark.parametrize("shape", Shape)
def test_every_shape_is_valid_in_home_assistant(shape):
    part = {
        "p": "sensor",
        "uniq_id": "a",
        "def_ent_id": "sensor.a",
        "name": "A",
        "dev_cla": shape.device_class,
        "unit_of_meas": shape.unit and shape.unit.replace("¤", "USD"),
        "stat_cla": shape.state_class,
    }
    check(wrapped({key: value for key, value in part.items() if value is not None}))


@pytest.mark.parametrize("flag", Flag)
def test_every_flag_is_valid_in_home_assistant(flag):
    assert flag.value in BINARY_CLASSES | {None}


def test_shapes_match_the_units_of_the_table():
    for unit, shape in GAUGES.items():
        assert shape.device_class in (unit.device_class, None)
        assert shape.device_class == unit.device_class or unit.device_class == "monetary"
        assert (
            unit.device_class not in CLASSES
            or shape.state_class is None
            or shape.device_class is None
            or (shape.state_class in CLASSES[shape.device_class][1])
        )
    for unit, shape in COUNTERS.items():
        assert shape.device_class == unit.device_class


def test_every_announced_series_is_in_the_table_once():
    series = [pattern.entity.series for pattern in (*RIG, *SITE_AND_MARKET)]
    assert len(set(series)) == len(series)
    for entity in (*entities.RIG, *entities.SITE):
        metric = EVERY[entity.series]
        assert (metric.kind is MetricKind.INFO) == bool(entity.options)


def wrapped(part: dict) -> bytes:
    return json.dumps({"dev": {"ids": ["a"]}, "o": {"name": "a"}, "stat_t": "a/b", "cmps": {"a": part}}).encode()


def changed(**over) -> bytes:
    """Return a good rig's document in which keys of the component `power_watts` are replaced; None removes one."""
    told = json.loads(DeviceBuilder(TOPICS, "0.1.0").rig(named(antminer()), document(antminer())).encoded())
    part = told["cmps"]["power_watts"] | over
    told["cmps"]["power_watts"] = {key: value for key, value in part.items() if value is not None}
    return json.dumps(told).encode()


def top(**over) -> bytes:
    told = json.loads(changed()) | over
    return json.dumps({key: value for key, value in told.items() if value is not None}).encode()


@pytest.mark.parametrize(
    "payload",
    [
        changed(p="switch"),
        changed(p=None),
        changed(uniq_id=None),
        changed(uniq_id=7),
        changed(name=""),
        changed(def_ent_id="power"),
        changed(def_ent_id="sensor.Power"),
        changed(obj_id="power"),
        changed(unit_of_meas="TH/s"),
        changed(unit_of_meas=None),
        changed(dev_cla="data_rate", unit_of_meas="TH/s"),
        changed(dev_cla="hashrate"),
        changed(dev_cla="energy"),
        changed(dev_cla="energy", unit_of_meas="kWh"),
        changed(dev_cla="monetary", unit_of_meas="USD"),
        changed(dev_cla="monetary", unit_of_meas="$", stat_cla="total"),
        changed(dev_cla="timestamp", unit_of_meas="s"),
        changed(dev_cla="timestamp", unit_of_meas=None),
        changed(stat_cla="gauge"),
        changed(stat_cla="total_increasing"),
        changed(ops=["a"]),
        changed(dev_cla="enum", unit_of_meas=None, stat_cla=None, ops=[]),
        changed(exp_aft=-1),
        changed(exp_aft="90"),
        changed(ent_cat="config"),
        changed(ent_cat="expert"),
        changed(ic="speedometer"),
        changed(en="yes"),
        changed(val_tpl="{{ value_json.get( }}"),
        changed(vt="x"),
        changed(stat_t="a/#"),
        changed(stat_t="a\0b"),
        changed(stat_t=""),
        changed(avty=[{"t": "a/+"}]),
        changed(avty=[{}]),
        changed(sug_dsp_prc=1.5),
        changed(unit_of_measurement="W"),
        changed(uniq_id="stratoscope_north_020000000007_state"),
        top(o=None),
        top(o={}),
        top(o={"sw": "1"}),
        top(dev=None),
        top(dev={"name": "x"}),
        top(cmps=None),
        top(cmps={}),
        top(stat_t=None),
        top(avty_mode="some"),
        top(qos=3),
        top(extra=1),
        top(device={}),
        top(dev={"ids": ["a"], "cns": [["mac"]]}),
        top(dev={"ids": ["a"], "cu": "10.0.0.7"}),
        b"[]",
        b"{",
        b"\xff",
        top(dev={"ids": ["a"], "cu": "javascript:x"}),
        top(dev={"ids": ["a"], "color": "red"}),
    ],
)
def test_validator_rejects_what_home_assistant_would_drop(payload):
    with pytest.raises(Refused):
        check(payload)


def test_validator_accepts_the_unmodified_payloads():
    check(changed())
    check(top())
    check(wrapped({"p": "sensor"}))


@pytest.mark.parametrize(
    ("state", "key"),
    [({"power_watts": "nan"}, "power_watts"), ({"power_watts": "much"}, "power_watts"), ({"state": "asleep"}, "state")],
)
def test_validator_rejects_states_that_home_assistant_would_reject(devices, state, key):
    home, _ = shown(devices, antminer())
    assert key in document(antminer())
    with pytest.raises(Refused):
        home.receive(TOPICS.rig_state("020000000007"), json.dumps(state).encode())


def test_every_state_of_a_rig_is_an_option(devices):
    for state in STATES:
        home, at = shown(devices, antminer(state=state))
        assert home.of(at)["state"].state == state
