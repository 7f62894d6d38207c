"""What Home Assistant is told, and when: paced, once, again at its birth, until the rig is gone."""

import asyncio
import json
from dataclasses import replace

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakes.clock import StillClock, settle
from fakes.homeassistant import HomeAssistant
from stratoscope.fleet import PollStatus
from stratoscope.units import DAY
from stratoscope_exporters.homeassistant.announcer import BIRTH_SPREAD, LINGER, PACE, Announcer, Message
from stratoscope_exporters.homeassistant.documents import Devices
from stratoscope_exporters.homeassistant.settings import HomeAssistant as Settings
from stratoscope_exporters.mqtt.documents import RigDocuments
from unit.export.farm import NOW, antminer, board, offline
from unit.homeassistant.conftest import TOPICS, topic_of

DOCUMENTS = RigDocuments()
ONE = "stratoscope_north_020000000001"


def rig(number: int, **over):
    return replace(antminer(f"rig-{number}", **over), identity=f"mac:02:00:00:00:00:{number:02X}")


def with_boards(number: int, *indexes: int):
    snapshot = rig(number)
    return replace(snapshot, reading=replace(snapshot.reading, boards=tuple(board(index) for index in indexes)))


class Stand:
    """An announcer, a broker that retains, and a Home Assistant behind it."""

    def __init__(self, version="0.1.0", chance=0.5, **settings) -> None:
        self.announcer = Announcer(Devices(TOPICS, version), Settings(**settings), lambda: chance)
        self.now = 100.0
        self.home = HomeAssistant()
        self.retained: dict[str, bytes] = {}
        self.sent: list[str] = []

    def is_(self, *snapshots):
        for snapshot in snapshots:
            self.announcer.rig_is(snapshot, DOCUMENTS.document(snapshot, 1, NOW))

    def run(self, seconds: float = 0.0) -> list[str]:
        """Let time pass; return the object ids of what was sent, removals with a minus."""
        end, before = self.now + seconds, len(self.sent)
        while True:
            message = self.announcer.next(self.now)
            if message is not None:
                self.home.receive(message.topic, message.payload)
                self.sent.append(("" if message.payload else "-") + message.object_id)
                if message.payload:
                    self.retained[message.topic] = message.payload
                else:
                    self.retained.pop(message.topic)
                self.announcer.confirmed(message)
            wait = self.announcer.wait(self.now)
            if wait is None or self.now + wait > end:
                self.now = max(self.now, end)
                return self.sent[before:]
            self.now += wait

    def again(self, **settings) -> "Stand":
        """Return the stand of the agent's next run, on the same broker and the same Home Assistant."""
        other = Stand(**settings)
        other.home, other.retained = self.home, self.retained
        for topic, payload in list(self.retained.items()):
            other.announcer.heard(topic, payload, other.now)
        return other


@pytest.fixture
def stand():
    made = Stand()
    made.announcer.connected()
    return made


def ids(*numbers):
    return [f"stratoscope_north_0200000000{number:02x}" for number in numbers]


def test_nothing_is_said_before_the_broker_is_there_and_everything_at_every_connection():
    stand = Stand()
    stand.is_(rig(1), rig(2))
    stand.announcer.site_is({"power_watts": 1.0}, 10, 60)
    assert stand.run(5) == []
    stand.announcer.connected()
    assert stand.run(5) == ["stratoscope_north_site", *ids(1, 2)]
    stand.announcer.disconnected()
    stand.is_(with_boards(1, 0))
    assert stand.run(5) == []
    stand.announcer.connected()
    assert stand.run(5) == ["stratoscope_north_site", *ids(1, 2)]


def test_only_what_changed_is_sent_again(stand):
    stand.is_(rig(1), rig(2))
    assert stand.run(5) == ids(1, 2)
    hotter = rig(1)
    hotter = replace(hotter, judged=replace(hotter.judged, power=3333.0), at=hotter.at + 30)
    stand.is_(hotter, rig(2))
    assert stand.run(5) == []
    stand.is_(with_boards(1, 0, 1, 2, 3))
    assert stand.run(5) == ids(1)
    assert "boards_3_chips" in stand.home.of(ONE)


def test_a_rig_that_is_away_keeps_its_entities(stand):
    stand.is_(rig(1))
    stand.run(5)
    before = set(stand.home.of(ONE))
    stand.is_(replace(offline(), rig="rig-1", identity="mac:02:00:00:00:00:01"))
    assert stand.run(5) == []
    assert set(stand.home.of(ONE)) == before


def test_five_hundred_messages_a_second_at_most():
    stand = Stand(max_rigs=200)
    stand.announcer.connected()
    stand.is_(*(rig(number) for number in range(200)))
    sent = stand.run(0.1)
    assert len(sent) == pytest.approx(0.1 / PACE, abs=2)
    assert len(sent + stand.run(1)) == 200


@pytest.mark.parametrize("chance", [0.01, 0.5, 0.999])
def test_the_birth_message_is_answered_once_within_half_a_minute(chance):
    stand = Stand(chance=chance)
    stand.announcer.connected()
    stand.is_(rig(1), rig(2))
    stand.run(5)
    for _ in range(3):
        stand.announcer.heard("homeassistant/status", b"online", stand.now)
    stand.announcer.heard("homeassistant/status", b"offline", stand.now)
    assert stand.run(chance * BIRTH_SPREAD - 0.01) == []
    assert stand.run(1) == ids(1, 2)
    assert stand.run(100) == []


def test_a_rig_that_left_is_removed_after_a_minute_and_one_that_came_back_is_not(stand):
    stand.is_(rig(1), rig(2))
    stand.run(5)
    stand.announcer.rig_left("rig-1", stand.now)
    assert stand.run(LINGER - 1) == []
    stand.is_(rig(1))
    assert stand.run(2 * LINGER) == ids(1)
    stand.announcer.rig_left("rig-1", stand.now)
    assert stand.run(LINGER + 1) == ["-" + ONE]
    assert ONE not in stand.home.devices
    assert stand.run(1000) == []


def test_a_renamed_rig_keeps_its_entities(stand):
    stand.is_(rig(1))
    stand.run(5)
    stand.announcer.rig_left("rig-1", stand.now)
    stand.is_(replace(rig(1), rig="attic"))
    assert stand.run(2 * LINGER) == ids(1)
    assert stand.home.devices[ONE]["name"] == "attic"
    assert stand.home.removed == []


def test_a_removal_that_the_broker_did_not_confirm_is_sent_again(stand):
    stand.is_(rig(1))
    stand.run(5)
    stand.announcer.rig_left("rig-1", stand.now)
    stand.now += LINGER
    message = stand.announcer.next(stand.now)
    assert (message.payload, message.object_id) == (b"", ONE)
    stand.now += 1
    assert stand.announcer.next(stand.now) is None
    stand.announcer.disconnected()
    stand.announcer.connected()
    assert stand.run(1) == ["-" + ONE]
    stand.announcer.connected()
    assert stand.run(1000) == []


def test_another_machine_under_the_same_name_is_another_device(stand):
    stand.is_(rig(1))
    stand.run(5)
    stand.is_(replace(rig(2), rig="rig-1"))
    assert sorted(stand.run(5)) == ["-" + ONE, *ids(2)]
    assert list(stand.home.devices) == ids(2)


def test_two_rigs_that_show_one_identity_do_not_fight_over_the_device(stand):
    stand.is_(rig(1), replace(rig(1), rig="rig-1@10.0.0.9"))
    assert stand.run(5) == ids(1)
    stand.is_(replace(rig(1), rig="rig-1@10.0.0.9"), rig(1))
    assert stand.run(5) == []


def test_a_board_that_died_is_unknown_for_a_day_of_answers_and_then_gone(stand):
    stand.is_(with_boards(1, 0, 1, 2))
    stand.run(5)
    hourly = PollStatus(address="10.1.0.7", interval=3600.0, last_reason="ok")
    stand.is_(replace(with_boards(1, 0, 1), polling=hourly))
    stand.run(5)
    assert "boards_2_chips" in stand.home.of(ONE)
    for _ in range(int(DAY / 3600)):
        stand.is_(replace(with_boards(1, 0, 1), polling=hourly))
    stand.run(5)
    assert "boards_2_chips" not in stand.home.of(ONE)
    assert "boards_1_chips" in stand.home.of(ONE)
    assert f"{ONE}_boards_2_chips" in stand.home.removed
    stand.is_(with_boards(1, 0, 1, 2))
    stand.run(5)
    assert "boards_2_chips" in stand.home.of(ONE)


def test_another_model_takes_the_entities_of_the_old_one_away_at_once(stand):
    stand.is_(with_boards(1, 0, 1, 2))
    stand.run(5)
    other = with_boards(1, 0)
    stand.is_(replace(other, reading=replace(other.reading, model="S9")))
    stand.run(5)
    assert not [key for key in stand.home.of(ONE) if key.startswith(("boards_1", "boards_2"))]


def test_the_cap_withholds_who_comes_late_and_a_place_that_is_free_is_taken():
    stand = Stand(max_rigs=2)
    stand.announcer.connected()
    stand.is_(rig(1), rig(2), rig(3))
    assert stand.run(5) == ids(1, 2)
    assert (stand.announcer.announced, list(stand.announcer.withheld)) == (2, ["rig-3"])
    stand.announcer.rig_left("rig-1", stand.now)
    stand.is_(rig(3))
    assert stand.run(2 * LINGER) == [*ids(3), "-" + ONE]
    assert (stand.announcer.announced, list(stand.announcer.withheld)) == (2, [])


def test_more_rigs_than_the_cap_leave_the_site_and_as_many_devices():
    stand = Stand()
    stand.announcer.connected()
    stand.announcer.site_is({"power_watts": 1.0}, 10, 60)
    stand.is_(*(rig(number) for number in range(250)))
    stand.run(10)
    assert len(stand.home.devices) == 201
    assert (stand.announcer.announced, len(stand.announcer.withheld)) == (200, 50)


@pytest.mark.parametrize(
    ("wanted", "numbers"),
    [(("rig-2",), [2]), (("rig-*",), [1, 2, 3]), (("020000000003",), [3]), (("hall*",), []), ((), [1, 2, 3])],
)
def test_the_list_admits_names_ids_and_patterns(wanted, numbers):
    stand = Stand(rigs=wanted)
    stand.announcer.connected()
    stand.is_(rig(1), rig(2), rig(3))
    assert stand.run(5) == ids(*numbers)


def test_after_a_restart_the_same_rigs_keep_their_places_and_the_gone_ones_are_removed():
    first = Stand(max_rigs=2)
    first.announcer.connected()
    first.is_(rig(3), rig(2))
    first.run(5)
    second = first.again(max_rigs=2)
    second.announcer.connected()
    second.is_(rig(1), rig(2))
    assert second.run(5) == ids(2)
    second.announcer.settled(second.now)
    second.is_(rig(1))
    assert second.run(2 * LINGER) == [*ids(1), *("-" + one for one in ids(3))]
    assert sorted(second.home.devices) == ids(1, 2)


def test_a_lower_cap_or_another_list_removes_devices_after_the_restart():
    first = Stand()
    first.announcer.connected()
    first.is_(rig(1), rig(2), rig(3))
    first.run(5)
    second = first.again(rigs=("rig-2",))
    second.announcer.connected()
    second.is_(rig(1), rig(2), rig(3))
    second.announcer.settled(second.now)
    second.run(2 * LINGER)
    assert list(second.home.devices) == ids(2)


def test_a_rig_that_is_away_at_a_restart_keeps_its_entities():
    first = Stand()
    first.announcer.connected()
    first.is_(rig(1))
    first.run(5)
    before = set(first.home.of(ONE))
    second = first.again()
    second.announcer.connected()
    second.is_(replace(offline(), rig="rig-1", identity="mac:02:00:00:00:00:01"))
    second.announcer.settled(second.now)
    second.run(2 * LINGER)
    assert set(second.home.of(ONE)) == before
    retained = json.loads(second.retained[topic_of(ONE)])
    assert retained["dev"]["mdl"] == "S19 Pro"
    assert before == retained["cmps"].keys()


def test_a_value_not_yet_known_after_a_restart_does_not_take_its_entity_away():
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
def test_devices_of_others_are_never_removed(stand, object_id, document):
    topic = object_id if "/" in object_id else topic_of(object_id)
    stand.announcer.heard(topic, orjson.dumps(document), stand.now)
    stand.announcer.settled(stand.now)
    assert stand.run(2 * LINGER) == []


@given(st.text(max_size=80), st.binary(max_size=200))
def test_whatever_is_retained_at_the_broker_is_survived(topic, payload):
    stand = Stand()
    stand.announcer.connected()
    for name in (topic, topic_of(topic), topic_of(ONE)):
        stand.announcer.heard(name, payload, stand.now)
    stand.announcer.settled(stand.now)
    assert stand.run(2 * LINGER) == []


def test_a_forged_switch_is_not_carried_on(stand):
    stand.is_(rig(1))
    stand.run(5)
    topic = topic_of(ONE)
    forged = json.loads(stand.retained[topic])
    forged["cmps"]["evil"] = {"p": "switch", "cmd_t": "garage/door", "uniq_id": "evil"}
    second = Stand()
    second.announcer.heard(topic, json.dumps(forged).encode(), second.now)
    second.announcer.connected()
    second.is_(replace(offline(), rig="rig-1", identity="mac:02:00:00:00:00:01"))
    second.run(5)
    assert b"evil" not in second.retained[topic]


async def test_run_publishes_as_things_happen_and_ends_with_the_connection():
    clock, sent = StillClock(), []
    announcer = Announcer(Devices(TOPICS, "0.1.0"), Settings(), lambda: 0.5)

    async def publish(message: Message) -> bool:
        sent.append((message.topic, bool(message.payload)))
        return True

    run = asyncio.create_task(announcer.run(publish, clock))
    await settle()
    snapshot = rig(1)
    announcer.rig_is(snapshot, DOCUMENTS.document(snapshot, 1, NOW))
    await clock.advance(1)
    topic = topic_of(ONE)
    assert sent == [(topic, True)]
    announcer.born(clock.monotonic())
    await clock.advance(16)
    announcer.rig_left("rig-1", clock.monotonic())
    await clock.advance(LINGER + 1)
    assert sent == [(topic, True), (topic, True), (topic, False)]
    run.cancel()
    with pytest.raises(asyncio.CancelledError):
        await run
    assert announcer.next(clock.monotonic()) is None


def test_the_prefix_and_the_birth_message_are_settings():
    stand = Stand(prefix="ha/discovery", birth_topic="ha/state", birth_payload="up", chance=0.0)
    assert stand.announcer.listens == ("ha/state", "ha/discovery/device/stratoscope_north/+/config")
    stand.announcer.connected()
    stand.is_(rig(1))
    assert stand.announcer.next(stand.now).topic == "ha/discovery/device/stratoscope_north/020000000001/config"
    stand.announcer.heard("ha/state", b"up", stand.now + 1)
    assert stand.announcer.next(stand.now + 2).object_id == ONE


@pytest.mark.parametrize(
    "wrong",
    [
        {"prefix": "a/#"},
        {"prefix": ""},
        {"prefix": "/a"},
        {"max_rigs": -1},
        {"max_rigs": 10**6},
        {"cap": 3},
        {"birth_topic": "a/+"},
        {"rigs": ("",)},
    ],
)
def test_settings_that_cannot_be_are_refused(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        Settings(**wrong)
