"""The announcer after a restart: limits, places of earlier runs, foreign and forged devices."""

import json
from dataclasses import replace

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stratoscope_exporters.homeassistant.announcer import (
    REMOVAL_DELAY_S,
)
from stratoscope_exporters.mqtt.documents import RigDocuments
from unit.export.farm import antminer, offline
from unit.homeassistant.announcer_stand import Stand
from unit.homeassistant.topics import topic_of

DOCUMENTS = RigDocuments()


ONE = "stratoscope_north_020000000001"


def rig(number: int, **over):
    return replace(antminer(f"rig-{number}", **over), identity=f"mac:02:00:00:00:00:{number:02X}")


def ids(*numbers):
    return [f"stratoscope_north_0200000000{number:02x}" for number in numbers]


def test_limit_withholds_later_rigs_and_free_places_are_reused():
    stand = Stand(max_rigs=2)
    stand.announcer.connected()
    stand.is_(rig(1), rig(2), rig(3))
    assert stand.run(5) == ids(1, 2)
    assert (stand.announcer.announced, list(stand.announcer.withheld)) == (2, ["rig-3"])
    stand.announcer.remove_rig("rig-1", stand.now)
    stand.is_(rig(3))
    assert stand.run(2 * REMOVAL_DELAY_S) == [*ids(3), "-" + ONE]
    assert (stand.announcer.announced, list(stand.announcer.withheld)) == (2, [])


def test_more_rigs_than_the_limit_announce_the_site_and_the_limit_of_rigs():
    stand = Stand()
    stand.announcer.connected()
    stand.announcer.update_site({"power_watts": 1.0}, 10, 60)
    stand.is_(*(rig(number) for number in range(250)))
    stand.run(10)
    assert len(stand.home.devices) == 201
    assert (stand.announcer.announced, len(stand.announcer.withheld)) == (200, 50)


@pytest.mark.parametrize(
    ("wanted", "numbers"),
    [(("rig-2",), [2]), (("rig-*",), [1, 2, 3]), (("020000000003",), [3]), (("hall*",), []), ((), [1, 2, 3])],
)
def test_list_of_rigs_accepts_names_ids_and_patterns(wanted, numbers):
    stand = Stand(rigs=wanted)
    stand.announcer.connected()
    stand.is_(rig(1), rig(2), rig(3))
    assert stand.run(5) == ids(*numbers)


def test_after_a_restart_the_same_rigs_stay_and_removed_ones_disappear():
    first = Stand(max_rigs=2)
    first.announcer.connected()
    first.is_(rig(3), rig(2))
    first.run(5)
    second = first.again(max_rigs=2)
    second.announcer.connected()
    second.is_(rig(1), rig(2))
    assert second.run(5) == ids(2)
    second.announcer.remove_unclaimed(second.now)
    second.is_(rig(1))
    assert second.run(2 * REMOVAL_DELAY_S) == [*ids(1), *("-" + one for one in ids(3))]
    assert sorted(second.home.devices) == ids(1, 2)


def test_lower_limit_or_different_list_removes_devices_after_a_restart():
    first = Stand()
    first.announcer.connected()
    first.is_(rig(1), rig(2), rig(3))
    first.run(5)
    second = first.again(rigs=("rig-2",))
    second.announcer.connected()
    second.is_(rig(1), rig(2), rig(3))
    second.announcer.remove_unclaimed(second.now)
    second.run(2 * REMOVAL_DELAY_S)
    assert list(second.home.devices) == ids(2)


def test_rig_offline_at_a_restart_keeps_its_entities():
    first = Stand()
    first.announcer.connected()
    first.is_(rig(1))
    first.run(5)
    before = set(first.home.of(ONE))
    second = first.again()
    second.announcer.connected()
    second.is_(replace(offline(), rig="rig-1", identity="mac:02:00:00:00:00:01"))
    second.announcer.remove_unclaimed(second.now)
    second.run(2 * REMOVAL_DELAY_S)
    assert set(second.home.of(ONE)) == before
    retained = json.loads(second.retained[topic_of(ONE)])
    assert retained["dev"]["mdl"] == "S19 Pro"
    assert before == retained["cmps"].keys()


def test_value_unknown_after_a_restart_keeps_its_entity():
    first = Stand()
    first.announcer.connected()
    first.is_(rig(1))
    first.run(5)
    second = first.again()
    second.announcer.connected()
    second.is_(rig(1, economics=None))
    second.run(5)
    assert "money_margin_fiat_per_day" in second.home.of(ONE)
    assert second.home.removed == []


OURS = {"name": "Stratoscope"}


FOREIGN = {
    "dev": {"ids": ["x"]},
    "o": {"name": "zigbee2mqtt"},
    "stat_t": "zigbee2mqtt/x",
    "cmps": {"a": {"p": "sensor"}},
}


@pytest.mark.parametrize(
    ("object_id", "document"),
    [
        ("homeassistant/device/0x00124b/config", FOREIGN),
        (ONE, FOREIGN),
        (ONE, {**FOREIGN, "o": OURS, "stat_t": "stratoscope/v1/south/rig/1/state"}),
        (
            "homeassistant/device/stratoscope_south/1/config",
            {**FOREIGN, "o": OURS, "stat_t": "stratoscope/v1/north/rig/1/state"},
        ),
        (ONE, []),
        (ONE, {}),
        (ONE, {"o": 1, "stat_t": 1, "cmps": 1, "dev": 1}),
        (ONE, None),
        (ONE, {"o": {"name": 1}}),
    ],
)
def test_foreign_devices_are_never_removed(stand, object_id, document):
    topic = object_id if "/" in object_id else topic_of(object_id)
    stand.announcer.handle_message(topic, orjson.dumps(document), stand.now)
    stand.announcer.remove_unclaimed(stand.now)
    assert stand.run(2 * REMOVAL_DELAY_S) == []


@given(st.text(max_size=80), st.binary(max_size=200))
def test_any_retained_message_is_handled_without_error(topic, payload):
    stand = Stand()
    stand.announcer.connected()
    for name in (topic, topic_of(topic), topic_of(ONE)):
        stand.announcer.handle_message(name, payload, stand.now)
    stand.announcer.remove_unclaimed(stand.now)
    assert stand.run(2 * REMOVAL_DELAY_S) == []


def test_forged_switch_is_not_kept(stand):
    stand.is_(rig(1))
    stand.run(5)
    topic = topic_of(ONE)
    forged = json.loads(stand.retained[topic])
    forged["cmps"]["evil"] = {"p": "switch", "cmd_t": "garage/door", "uniq_id": "evil"}
    second = Stand()
    second.announcer.handle_message(topic, json.dumps(forged).encode(), second.now)
    second.announcer.connected()
    second.is_(replace(offline(), rig="rig-1", identity="mac:02:00:00:00:00:01"))
    second.run(5)
    assert b"evil" not in second.retained[topic]
