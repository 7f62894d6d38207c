"""What Home Assistant is told, and when: paced, once, again at its birth, until the rig is gone."""

import asyncio
from dataclasses import replace

import pytest

from fakes.clock import StillClock, settle
from stratoscope.fleet import PollStatus
from stratoscope.units import DAY
from stratoscope_exporters.homeassistant.announcer import (
    BIRTH_SPREAD_S,
    MESSAGE_GAP_S,
    REMOVAL_DELAY_S,
    Announcer,
    DiscoveryMessage,
)
from stratoscope_exporters.homeassistant.config import HomeAssistantConfig as Settings
from stratoscope_exporters.homeassistant.documents import DeviceBuilder
from stratoscope_exporters.mqtt.documents import RigDocuments
from unit.export.farm import NOW, antminer, board, offline
from unit.homeassistant.announcer_stand import Stand
from unit.homeassistant.topics import TOPICS, topic_of

DOCUMENTS = RigDocuments()
ONE = "stratoscope_north_020000000001"


def rig(number: int, **over):
    return replace(antminer(f"rig-{number}", **over), identity=f"mac:02:00:00:00:00:{number:02X}")


def with_boards(number: int, *indexes: int):
    snapshot = rig(number)
    return replace(snapshot, reading=replace(snapshot.reading, boards=tuple(board(index) for index in indexes)))


def ids(*numbers):
    return [f"stratoscope_north_0200000000{number:02x}" for number in numbers]


def test_announces_nothing_before_a_connection_and_everything_on_every_connection():
    stand = Stand()
    stand.is_(rig(1), rig(2))
    stand.announcer.update_site({"power_watts": 1.0}, 10, 60)
    assert stand.run(5) == []
    stand.announcer.connected()
    assert stand.run(5) == ["stratoscope_north_site", *ids(1, 2)]
    stand.announcer.disconnected()
    stand.is_(with_boards(1, 0))
    assert stand.run(5) == []
    stand.announcer.connected()
    assert stand.run(5) == ["stratoscope_north_site", *ids(1, 2)]


def test_only_changed_devices_are_sent_again(stand):
    stand.is_(rig(1), rig(2))
    assert stand.run(5) == ids(1, 2)
    hotter = rig(1)
    hotter = replace(hotter, judged=replace(hotter.judged, power=3333.0), at=hotter.at + 30)
    stand.is_(hotter, rig(2))
    assert stand.run(5) == []
    stand.is_(with_boards(1, 0, 1, 2, 3))
    assert stand.run(5) == ids(1)
    assert "boards_3_chips" in stand.home.of(ONE)


def test_offline_rig_keeps_its_entities(stand):
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
    assert len(sent) == pytest.approx(0.1 / MESSAGE_GAP_S, abs=2)
    assert len(sent + stand.run(1)) == 200


@pytest.mark.parametrize("chance", [0.01, 0.5, 0.999])
def test_birth_message_triggers_one_announcement_within_half_a_minute(chance):
    stand = Stand(chance=chance)
    stand.announcer.connected()
    stand.is_(rig(1), rig(2))
    stand.run(5)
    for _ in range(3):
        stand.announcer.handle_message("homeassistant/status", b"online", stand.now)
    stand.announcer.handle_message("homeassistant/status", b"offline", stand.now)
    assert stand.run(chance * BIRTH_SPREAD_S - 0.01) == []
    assert stand.run(1) == ids(1, 2)
    assert stand.run(100) == []


def test_removed_rig_disappears_after_a_minute_unless_it_returns(stand):
    stand.is_(rig(1), rig(2))
    stand.run(5)
    stand.announcer.remove_rig("rig-1", stand.now)
    assert stand.run(REMOVAL_DELAY_S - 1) == []
    stand.is_(rig(1))
    assert stand.run(2 * REMOVAL_DELAY_S) == ids(1)
    stand.announcer.remove_rig("rig-1", stand.now)
    assert stand.run(REMOVAL_DELAY_S + 1) == ["-" + ONE]
    assert ONE not in stand.home.devices
    assert stand.run(1000) == []


def test_a_renamed_rig_keeps_its_entities(stand):
    stand.is_(rig(1))
    stand.run(5)
    stand.announcer.remove_rig("rig-1", stand.now)
    stand.is_(replace(rig(1), rig="attic"))
    assert stand.run(2 * REMOVAL_DELAY_S) == ids(1)
    assert stand.home.devices[ONE]["name"] == "attic"
    assert stand.home.removed == []


def test_unconfirmed_removal_is_sent_again(stand):
    stand.is_(rig(1))
    stand.run(5)
    stand.announcer.remove_rig("rig-1", stand.now)
    stand.now += REMOVAL_DELAY_S
    message = stand.announcer.next_message(stand.now)
    assert (message.payload, message.object_id) == (b"", ONE)
    stand.now += 1
    assert stand.announcer.next_message(stand.now) is None
    stand.announcer.disconnected()
    stand.announcer.connected()
    assert stand.run(1) == ["-" + ONE]
    stand.announcer.connected()
    assert stand.run(1000) == []


def test_different_machine_with_the_same_name_is_a_different_device(stand):
    stand.is_(rig(1))
    stand.run(5)
    stand.is_(replace(rig(2), rig="rig-1"))
    assert sorted(stand.run(5)) == ["-" + ONE, *ids(2)]
    assert list(stand.home.devices) == ids(2)


def test_two_rigs_with_the_same_identity_do_not_alternate(stand):
    stand.is_(rig(1), replace(rig(1), rig="rig-1@10.0.0.9"))
    assert stand.run(5) == ids(1)
    stand.is_(replace(rig(1), rig="rig-1@10.0.0.9"), rig(1))
    assert stand.run(5) == []


def test_dead_board_is_unknown_for_a_day_online_and_then_removed(stand):
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


def test_model_change_removes_old_entities_immediately(stand):
    stand.is_(with_boards(1, 0, 1, 2))
    stand.run(5)
    other = with_boards(1, 0)
    stand.is_(replace(other, reading=replace(other.reading, model="S9")))
    stand.run(5)
    assert not [key for key in stand.home.of(ONE) if key.startswith(("boards_1", "boards_2"))]


async def test_run_publishes_changes_and_ends_with_the_connection():
    clock, sent = StillClock(), []
    announcer = Announcer(DeviceBuilder(TOPICS, "0.1.0"), Settings(), lambda: 0.5)

    async def publish(message: DiscoveryMessage) -> bool:
        sent.append((message.topic, bool(message.payload)))
        return True

    run = asyncio.create_task(announcer.run(publish, clock))
    await settle()
    snapshot = rig(1)
    announcer.update_rig(snapshot, DOCUMENTS.document(snapshot, 1, NOW))
    await clock.advance(1)
    topic = topic_of(ONE)
    assert sent == [(topic, True)]
    announcer.schedule_announcements(clock.monotonic())
    await clock.advance(16)
    announcer.remove_rig("rig-1", clock.monotonic())
    await clock.advance(REMOVAL_DELAY_S + 1)
    assert sent == [(topic, True), (topic, True), (topic, False)]
    run.cancel()
    with pytest.raises(asyncio.CancelledError):
        await run
    assert announcer.next_message(clock.monotonic()) is None


def test_prefix_and_birth_message_are_configurable():
    stand = Stand(prefix="ha/discovery", birth_topic="ha/state", birth_payload="up", chance=0.0)
    assert stand.announcer.topic_filters == ("ha/state", "ha/discovery/device/stratoscope_north/+/config")
    stand.announcer.connected()
    stand.is_(rig(1))
    assert stand.announcer.next_message(stand.now).topic == "ha/discovery/device/stratoscope_north/020000000001/config"
    stand.announcer.handle_message("ha/state", b"up", stand.now + 1)
    assert stand.announcer.next_message(stand.now + 2).object_id == ONE


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
def test_invalid_config_is_rejected(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        Settings(**wrong)
