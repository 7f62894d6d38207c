"""An announcer with rigs of a test's own, and the Home Assistant that reads its messages."""

import pytest

from fakes.homeassistant import HomeAssistant
from stratoscope_exporters.homeassistant.announcer import (
    Announcer,
)
from stratoscope_exporters.homeassistant.config import HomeAssistantConfig as Settings
from stratoscope_exporters.homeassistant.documents import DeviceBuilder
from stratoscope_exporters.mqtt.documents import RigDocuments
from unit.export.farm import NOW
from unit.homeassistant.topics import TOPICS

DOCUMENTS = RigDocuments()


class Stand:
    """An announcer, a broker that retains, and a Home Assistant behind it."""

    def __init__(self, version="0.1.0", chance=0.5, **settings) -> None:
        self.announcer = Announcer(DeviceBuilder(TOPICS, version), Settings(**settings), lambda: chance)
        self.now = 100.0
        self.home = HomeAssistant()
        self.retained: dict[str, bytes] = {}
        self.sent: list[str] = []

    def is_(self, *snapshots):
        for snapshot in snapshots:
            self.announcer.update_rig(snapshot, DOCUMENTS.document(snapshot, 1, NOW))

    def run(self, seconds: float = 0.0) -> list[str]:
        """Let time pass; return the object ids of what was sent, removals with a minus."""
        end, before = self.now + seconds, len(self.sent)
        while True:
            message = self.announcer.next_message(self.now)
            if message is not None:
                self.home.receive(message.topic, message.payload)
                self.sent.append(("" if message.payload else "-") + message.object_id)
                if message.payload:
                    self.retained[message.topic] = message.payload
                else:
                    self.retained.pop(message.topic)
                self.announcer.confirm_removal(message)
            wait = self.announcer.seconds_until_next(self.now)
            if wait is None or self.now + wait > end:
                self.now = max(self.now, end)
                return self.sent[before:]
            self.now += wait

    def again(self, **settings) -> "Stand":
        """Return the stand of the agent's next run, on the same broker and the same Home Assistant."""
        other = Stand(**settings)
        other.home, other.retained = self.home, self.retained
        for topic, payload in list(self.retained.items()):
            other.announcer.handle_message(topic, payload, other.now)
        return other


@pytest.fixture
def stand():
    made = Stand()
    made.announcer.connected()
    return made
