"""Home Assistant, as strict as it is, takes every document; what is unknown in a state document is unknown there."""

import json
import math
from dataclasses import replace

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakes.homeassistant import HomeAssistant, rendered
from fakes.homeassistant_schema import check
from stratoscope.reading import Fan
from stratoscope.simulate.families import FAMILIES
from stratoscope_exporters.homeassistant.documents import MAX_DOCUMENT_BYTES, DeviceBuilder, local_page_url
from stratoscope_exporters.homeassistant.shapes import Shape
from stratoscope_exporters.homeassistant.templates import template
from stratoscope_exporters.mqtt.documents import RigDocuments
from stratoscope_exporters.mqtt.topics import Topics, rig_id
from unit.export.farm import NOW, antminer, bitaxe, board, offline, whatsminer
from unit.export.hostile_rigs import hostile
from unit.homeassistant.topics import TOPICS, topic_of

STATUS = "stratoscope/v1/north/agent/status"


def named(snapshot, identity="mac:02:00:00:00:00:07"):
    return replace(snapshot, identity=identity)


def document(snapshot, identity="mac:02:00:00:00:00:07"):
    return RigDocuments().document(named(snapshot, identity), 1, NOW)


def shown(devices, snapshot):
    """Return a Home Assistant that was told of `snapshot`, its object id and its entities."""
    home, told = HomeAssistant(), named(snapshot)
    device = devices.rig(told, document(snapshot))
    home.receive(topic_of(device.object_id), device.encoded())
    home.receive(STATUS, b"online")
    home.receive(TOPICS.rig_availability(rig_id(told)), b"online")
    home.receive(TOPICS.rig_state(rig_id(told)), orjson.dumps(document(snapshot)))
    return home, device.object_id


@pytest.mark.parametrize("family", FAMILIES)
def test_home_assistant_accepts_a_rig_of_every_family_with_all_values(farm, devices, family):
    snapshot, told = farm.rigs[family], farm.documents[family]
    device = devices.rig(snapshot, told)
    home = HomeAssistant()
    home.receive(topic_of(device.object_id), device.encoded())
    home.receive(STATUS, b"online")
    home.receive(TOPICS.rig_availability(rig_id(snapshot)), b"online")
    home.receive(TOPICS.rig_state(rig_id(snapshot)), orjson.dumps(told))
    states = {key: home.state(device.object_id, key) for key in device.components}
    assert "unknown" not in states.values()
    assert "unavailable" not in states.values()
    assert states["online"] is True
    assert states["state"] == snapshot.state
    algorithm = snapshot.reading.algorithm
    unit = 1e9 if algorithm == "scrypt" else 1e12
    assert states["hashrate_hashes_per_second"] == pytest.approx(snapshot.judged.hashrate / unit)
    if snapshot.judged.power is not None:
        assert states["energy_joules_total"] == pytest.approx(snapshot.counters.energy / 3.6e6)
    for part in snapshot.reading.boards:
        if part.temperature_chip is not None:
            assert states[f"boards_{part.index}_temperature_celsius_chip"] == part.temperature_chip
    assert sum(key.startswith("fans_") for key in states) == len(snapshot.reading.fans)
    assert device.head["dev"].get("mdl") == snapshot.reading.model


def test_site_totals_money_tariffs_and_market_are_one_device(farm, devices):
    device = devices.site(farm.site, 60.0)
    home = HomeAssistant()
    home.receive(topic_of(device.object_id), device.encoded())
    home.receive(STATUS, b"online")
    home.receive(TOPICS.site_state, orjson.dumps(farm.site))
    states = {key: home.state(device.object_id, key) for key in device.components}
    assert "unknown" not in states.values()
    assert "unavailable" not in states.values()
    assert states["agent"] is True
    assert states["power_watts"] == pytest.approx(sum(s.judged.power or 0 for s in farm.rigs.values()))
    assert states["rigs_hashing"] == sum(s.state == "hashing" for s in farm.rigs.values())
    assert states["market_btc_price"] > 0
    entity = home.of(device.object_id)["money_margin_fiat_per_day"].config
    assert entity["unit_of_measurement"] == "USD/d"
    assert "device_class" not in entity
    assert device.components["hashrate_hashes_per_second_scrypt"]["unit_of_meas"] == "GH/s"
    names = [component["name"] for component in device.components.values()]
    assert {"Hashrate", "Hashrate scrypt", "Power price average", "Power price night shift average"} <= set(names)
    home.receive(STATUS, b"offline")
    assert home.state(device.object_id, "power_watts") == "unavailable"
    assert home.state(device.object_id, "agent") is False


def test_document_that_is_too_long_drops_disabled_entities_first(devices):
    snapshot = antminer()
    large = replace(
        snapshot.reading, boards=tuple(map(board, range(16))), fans=tuple(Fan(index=at, rpm=5000) for at in range(32))
    )
    snapshot = replace(snapshot, reading=large)
    device = devices.rig(named(snapshot), document(snapshot))
    payload = device.encoded()
    _, kept = check(payload)
    assert len(payload) <= MAX_DOCUMENT_BYTES < len(orjson.dumps(device.components))
    lost = device.components.keys() - kept.keys()
    assert lost
    assert all(device.components[key].get("en") is False for key in lost)


def test_only_money_totals_are_monetary(farm, devices):
    parts = devices.rig(farm.rigs["antminer"], farm.documents["antminer"]).components
    earned, daily = parts["money_revenue_fiat_total"], parts["money_revenue_fiat_per_day"]
    assert (earned["dev_cla"], earned["unit_of_meas"], earned["stat_cla"]) == ("monetary", "USD", "total")
    assert ("dev_cla" in daily, daily["unit_of_meas"], daily["stat_cla"]) == (False, "USD/d", "measurement")


@pytest.mark.parametrize("make", [antminer, whatsminer, bitaxe])
def test_every_entity_of_a_device_has_its_own_name(devices, make):
    names = [part["name"] for part in devices.rig(named(make()), document(make())).components.values()]
    assert len(set(names)) == len(names)


def test_missing_key_is_unknown_and_not_the_previous_value(devices):
    home, at = shown(devices, antminer())
    assert home.state(at, "power_watts") == 3250.0
    home.receive(TOPICS.rig_state("020000000007"), b'{"state":"degraded","boards":{"0":{}},"money":{}}')
    left = {key: home.state(at, key) for key in home.of(at)}
    assert left.pop("state") == "degraded"
    assert left.pop("online") is True
    assert set(left.values()) == {"unknown"}


def test_every_template_treats_an_empty_document_as_unknown(farm, devices):
    for component in (
        *devices.rig(farm.rigs["vnish"], farm.documents["vnish"]).components.values(),
        *devices.site(farm.site, 60).components.values(),
    ):
        if component.get("stat_t") is None:
            assert rendered(component["val_tpl"], "{}") == "None"


def test_values_expire_while_state_and_connection_follow_the_agent(devices):
    home, at = shown(devices, antminer())
    home.now = 89.0
    assert home.state(at, "power_watts") == 3250.0
    home.now = 91.0
    assert home.state(at, "power_watts") == "unavailable"
    assert home.state(at, "state") == "hashing"
    home.receive(TOPICS.rig_availability("020000000007"), b"offline")
    assert home.state(at, "online") is False
    home.receive(STATUS, b"offline")
    assert home.state(at, "state") == home.state(at, "online") == "unavailable"


def test_suspect_rig_stays_available_after_a_restart_of_home_assistant(devices):
    told = named(antminer(state="suspect"))
    device = devices.rig(told, document(antminer(state="suspect")))
    home = HomeAssistant()
    home.receive(topic_of(device.object_id), device.encoded())
    home.receive(STATUS, b"online")
    home.receive(TOPICS.rig_availability(rig_id(told)), b"suspect")
    home.receive(TOPICS.rig_state(rig_id(told)), orjson.dumps(document(antminer(state="suspect"))))
    assert home.state(device.object_id, "state") == "suspect"
    assert home.state(device.object_id, "power_watts") == 3250.0


def test_reasons_and_faults_are_attributes_of_the_state(devices):
    home, at = shown(devices, whatsminer())
    attributes = home.of(at)["state"].attributes
    assert attributes["reasons"] == ["hashboard 2 does not hash", "the firmware reports 1 fault"]
    assert attributes["faults"] == [{"code": "110", "component": "fan"}]


def test_rig_without_a_poll_has_no_device_and_offline_rig_has_its_state(devices):
    assert devices.rig(offline(), RigDocuments().document(offline(), 1, NOW)) is None
    away = named(offline())
    assert devices.rig(away, RigDocuments().document(away, 1, NOW)).components.keys() == {"state", "online"}


def test_rarely_used_entities_are_disabled_or_diagnostic(devices):
    parts = devices.rig(named(antminer()), document(antminer())).components
    on = [key for key, part in parts.items() if part.get("en", True)]
    assert len(on) < 40 < len(parts)
    assert parts["uptime_seconds"]["ent_cat"] == "diagnostic"
    assert "ent_cat" not in parts["hashrate_hashes_per_second"]


def test_icons_are_set_only_without_a_device_class(farm, devices):
    for family, snapshot in farm.rigs.items():
        for part in devices.rig(snapshot, farm.documents[family]).components.values():
            assert "ic" not in part or part.get("dev_cla", "enum") == "enum"


def test_announces_only_read_only_entities(farm, devices):
    for family, snapshot in farm.rigs.items():
        text = devices.rig(snapshot, farm.documents[family]).encoded().decode()
        assert {part["p"] for part in json.loads(text)["cmps"].values()} == {"sensor", "binary_sensor"}
        assert "cmd_t" not in text


def test_rig_device_has_mac_model_and_the_site_as_parent(devices):
    device = devices.rig(named(antminer()), document(antminer())).head["dev"]
    assert device == {
        "ids": ["stratoscope_north_020000000007"],
        "cns": [["mac", "02:00:00:00:00:07"]],
        "name": "hall1-07",
        "mf": "Antminer",
        "mdl": "S19 Pro",
        "sw": "vnish 1.2.6",
        "cu": "http://10.1.0.7/",
        "via_device": devices.site_id,
    }


def test_rig_without_a_name_is_named_after_its_model(devices):
    snapshot = replace(named(antminer()), rig="02:00:00:00:00:07")
    made = devices.rig(snapshot, RigDocuments().document(snapshot, 1, NOW))
    assert made.head["dev"]["name"] == "Antminer S19 Pro 000007"
    assert made.components["power_watts"]["def_ent_id"] == "sensor.antminer_s19_pro_000007_power"


def test_sites_do_not_share_devices(devices):
    other = DeviceBuilder(Topics("stratoscope", "south"), "0.1.0")
    snapshot = named(antminer(), "address:10.1.0.7")
    ids = {d.rig(snapshot, document(antminer())).object_id for d in (devices, other)}
    assert len(ids) == 2


@pytest.mark.parametrize(
    ("address", "page"),
    [
        ("192.168.1.17", "http://192.168.1.17/"),
        ("10.0.0.7:4029", "http://10.0.0.7/"),
        ("[fd00::7]", "http://[fd00::7]/"),
        ("miner-3.lan", "http://miner-3.lan/"),
        ("bitaxe", "http://bitaxe/"),
        ("8.8.8.8", None),
        ("127.0.0.1", None),
        ("pool.example.com", None),
        ("169.254.169.254", None),
        ("x.lan/../y", None),
        ("javascript:alert(1)", None),
        ("user@10.0.0.7", None),
        ("0.0.0.0", None),
        ("::1", None),
        ("", None),
        ("a b.lan", None),
    ],
)
def test_only_local_addresses_become_links(address, page):
    assert local_page_url(address) == page


@given(st.text())
def test_document_is_valid_whatever_strings_a_rig_returns(words):
    snapshot = named(hostile("evil", words))
    told = RigDocuments().document(snapshot, 1, NOW)
    device = DeviceBuilder(TOPICS, "0.1.0").rig(snapshot, told)
    home = HomeAssistant()
    home.receive(topic_of(device.object_id), device.encoded())
    home.receive(TOPICS.rig_state(rig_id(snapshot)), orjson.dumps(told))
    assert all(entity.state is not None for key, entity in home.of(device.object_id).items() if key != "online")


keys = st.text(min_size=1, max_size=20)


@given(keys, keys, st.floats(allow_nan=False, allow_infinity=False))
def test_template_finds_its_value_with_any_key(place, key, value):
    payload = json.dumps({place: {key: value}})
    assert float(rendered(template((place, key), Shape.POWER), payload)) == value
    assert rendered(template((place, key + "x"), Shape.POWER), payload) == "None"
    assert math.isclose(float(rendered(template((place, key), Shape.ENERGY), payload)), value / 3.6e6)


@given(st.lists(st.text(min_size=1, max_size=12), min_size=1, max_size=5, unique=True))
def test_tariffs_with_any_name_have_separate_entities(names):
    told = {"tariffs": {name: {"power_watts": float(at), "currency": "EUR"} for at, name in enumerate(names)}}
    made = DeviceBuilder(TOPICS, "0.1.0").site(told, 60)
    home = HomeAssistant()
    home.receive(topic_of(made.object_id), made.encoded())
    home.receive(TOPICS.site_state, orjson.dumps(told))
    found = [entity.state for key, entity in home.of(made.object_id).items() if key != "agent"]
    assert sorted(found) == [float(at) for at in range(len(names))]
