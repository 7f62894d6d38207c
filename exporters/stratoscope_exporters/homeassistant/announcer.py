"""Decides which devices are announced to Home Assistant and when: on connect, on its birth message, on a change."""

import asyncio
import math
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from fnmatch import translate
from typing import Any, Final, NamedTuple

from stratoscope.clock import Clock
from stratoscope.fleet import RigId, RigSnapshot
from stratoscope.units import DAY, MINUTE
from stratoscope_exporters.exposition.text import rig_label
from stratoscope_exporters.homeassistant.config import HomeAssistantConfig
from stratoscope_exporters.homeassistant.documents import Device, DeviceBuilder
from stratoscope_exporters.mqtt.tree import Object

MESSAGE_GAP_S: Final = 1 / 500  # s between messages
BIRTH_SPREAD_S: Final = 30.0  # s over which agents answer the birth message
REMOVAL_DELAY_S: Final = MINUTE
"""Delay before a device of a removed rig is removed: a reload that renames a rig removes it and adds it again."""
KEEP_UNKNOWN_S: Final = DAY
"""Time online without a value before its entity is removed: a dead hashboard is unknown, not removed."""
MAX_UNCLAIMED: Final = 4096


class DiscoveryMessage(NamedTuple):
    """One retained discovery message; an empty payload removes the device."""

    topic: str
    payload: bytes
    object_id: str
    rig: RigId | None = None  # only of an announced device


@dataclass(slots=True)
class _AnnouncedDevice:
    """One announced device."""

    rig: RigId | None  # None: the site
    device: Device
    online: float = 0.0  # s for which its rig was online while announced
    last: dict[str, float] = field(default_factory=dict)  # component → `online` when its value was last known


class Announcer:
    """Tracks every device of one site; pure except `run`. Times are monotonic seconds.

    Rigs above the limit are withheld in the order in which they appear; rigs that an earlier run announced (as retained
    by the broker) keep their place. Devices of earlier runs without a rig are removed by `remove_unclaimed`.
    """

    def __init__(self, devices: DeviceBuilder, settings: HomeAssistantConfig, chance: Callable[[], float]) -> None:
        self._settings = settings
        self.withheld: dict[RigId, None] = {}
        self._devices, self._chance = devices, chance
        patterns = "|".join(map(translate, settings.rigs))
        self._wanted = re.compile(patterns) if patterns else None
        self._known: dict[str, _AnnouncedDevice] = {}
        self._at: dict[RigId, str] = {}  # rig → object id
        self._unclaimed: dict[str, Device] = {}  # retained from an earlier run, without a rig so far
        self._due: dict[str, None] = {}
        self._removals: dict[str, float] = {}  # object id → when its removal is due; infinite while it is being sent
        self._birth = math.inf
        self._free = -math.inf
        self._connected = self._settled = False
        self._changed = asyncio.Event()

    @property
    def announced(self) -> int:
        """Return the number of announced rigs."""
        return len(self._at)

    def update_site(self, document: Object, seconds: float, expire: float) -> None:
        """Update the site from its document, `seconds` after the previous one; values expire after `expire` s."""
        device = self._devices.site(document, expire)
        known = self._known.get(device.object_id)
        if known is None:
            known = self._add_device(device, None)
        self._update_device(known, device, seconds)

    def update_rig(self, snapshot: RigSnapshot, document: Object) -> None:
        """Update a rig's device from its newest snapshot and document."""
        rig, object_id = snapshot.rig, self._devices.device_id(snapshot)
        if object_id is None:
            return
        if self._at.get(rig, object_id) != object_id:
            self._release(rig, 0.0)  # a different machine has this name now
        known = self._known.get(object_id)
        if known is None and not self._accepts(rig, object_id):
            self.withheld[rig] = None
        elif known is None or (known.rig == rig and snapshot.reading is not None):
            device = self._devices.rig(snapshot, document)
            if device is None:
                return
            known = known or self._add_device(device, rig)
            if snapshot.reading is not None:
                self._update_device(known, device, snapshot.polling.interval)

    def remove_rig(self, rig: RigId, now: float) -> None:
        """Remove the device of a rig that left the fleet, after a delay."""
        self.withheld.pop(rig, None)
        self._release(rig, now + REMOVAL_DELAY_S)

    @property
    def topic_filters(self) -> tuple[str, ...]:
        """Return the topics to subscribe to: the birth message, and the announcements retained from earlier runs."""
        return self._settings.birth, self._topic("+")

    def handle_message(self, topic: str, payload: bytes, now: float) -> None:
        """Handle a message on one of the `topic_filters`; messages for other sites are ignored."""
        if topic == self._settings.birth:
            if payload == self._settings.birth_payload.encode():
                self.schedule_announcements(now)
            return
        begin, _, end = self._topic("+").partition("+")
        place = topic.removeprefix(begin).removesuffix(end)
        object_id = self._devices.object_id(place)
        if object_id in self._known or object_id in self._removals or len(self._unclaimed) >= MAX_UNCLAIMED:
            return
        device = self._devices.parse_announced(object_id, payload)
        if device is not None and topic == self._topic(place):
            self._unclaimed[object_id] = device
            if self._settled:
                self.remove_unclaimed(now)

    def remove_unclaimed(self, now: float) -> None:
        """Remove the devices of earlier runs that have no rig; call this once every configured rig was polled."""
        self._settled = True
        for object_id in self._unclaimed:
            self._remove(object_id, now + REMOVAL_DELAY_S)
        self._unclaimed.clear()

    def connected(self) -> None:
        """Announce every device again, because the broker may have lost its retained messages."""
        self._connected = True
        self._removals = {object_id: 0.0 if math.isinf(due) else due for object_id, due in self._removals.items()}
        self._all_due()

    def disconnected(self) -> None:
        """Stop announcing until the next connection."""
        self._connected = False

    def schedule_announcements(self, now: float) -> None:
        """Announce every device again within 30 s, because Home Assistant has started."""
        self._birth = min(self._birth, now + BIRTH_SPREAD_S * self._chance())
        self._changed.set()

    def next_message(self, now: float) -> DiscoveryMessage | None:
        """Return the next message to send at `now`, if any, and remove it from the schedule.

        Call `confirm_removal` once the broker has it.
        """
        if not self._connected or now < self._free:
            return None
        if now >= self._birth:
            self._birth = math.inf
            self._all_due()
        message = self._removal(now) or self._announcement()
        if message is not None:
            self._free = now + MESSAGE_GAP_S
        return message

    def confirm_removal(self, message: DiscoveryMessage) -> None:
        """Forget a removed device once the broker has its removal message."""
        if not message.payload and math.isinf(self._removals.get(message.object_id, 0.0)):
            del self._removals[message.object_id]

    def seconds_until_next(self, now: float) -> float | None:
        """Return the seconds until `next_message` may return a message; None while nothing is scheduled."""
        if not self._connected:
            return None
        first = -math.inf if self._due else min((self._birth, *self._removals.values()))
        return None if first == math.inf else max(0.0, first - now, self._free - now)

    async def run(self, publish: Callable[[DiscoveryMessage], Awaitable[bool]], clock: Clock) -> None:
        """Announce during one connection; `publish` returns whether the broker accepted the message."""
        self.connected()
        try:
            while True:
                message = self.next_message(clock.monotonic())
                if message is None:
                    await self._pause(clock)
                elif await publish(message):
                    self.confirm_removal(message)
        finally:
            self.disconnected()

    async def _pause(self, clock: Clock) -> None:
        self._changed.clear()
        waits: list[asyncio.Future[Any]] = [asyncio.ensure_future(self._changed.wait())]
        seconds = self.seconds_until_next(clock.monotonic())
        if seconds is not None:
            waits.append(asyncio.ensure_future(clock.sleep(seconds)))
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()

    def _listed(self, rig: RigId, object_id: str) -> bool:
        if self._wanted is None:
            return True
        names = (rig_label(rig), object_id.removeprefix(f"{self._devices.node}_"))
        return any(self._wanted.fullmatch(name) for name in names)

    def _accepts(self, rig: RigId, object_id: str) -> bool:
        if not self._listed(rig, object_id):
            return False
        most, held = self._settings.max_rigs, len(self._at)
        if object_id in self._unclaimed:
            return held < most
        return held + len(self._unclaimed.keys() - {self._devices.site_id}) < most

    def _add_device(self, device: Device, rig: RigId | None) -> _AnnouncedDevice:
        """Add a device and schedule its announcement; a device from an earlier run keeps its entities."""
        known = _AnnouncedDevice(rig, self._unclaimed.pop(device.object_id, device))
        self._known[device.object_id] = known
        self._removals.pop(device.object_id, None)
        if rig is not None:
            self._at[rig] = device.object_id
            self.withheld.pop(rig, None)
        self._schedule(device.object_id)
        return known

    def _update_device(self, known: _AnnouncedDevice, device: Device, seconds: float) -> None:
        """Update `known` to `device`; an entity whose value is unknown is kept for KEEP_UNKNOWN_S."""
        known.online += seconds
        known.last |= dict.fromkeys(device.components, known.online)
        components = dict(device.components)
        same = _product(known.device) == _product(device)
        for key, component in known.device.components.items():
            if key in components:
                continue
            age = known.online - known.last.setdefault(key, known.online)
            components[key] = component if same and age < KEEP_UNKNOWN_S else {"p": component["p"]}
        newer = Device(device.object_id, device.head, components)
        if newer != known.device:
            known.device = newer
            self._schedule(device.object_id)

    def _release(self, rig: RigId, due: float) -> None:
        object_id = self._at.pop(rig, None)
        if object_id is not None:
            del self._known[object_id]
            self._remove(object_id, due)

    def _remove(self, object_id: str, due: float) -> None:
        self._due.pop(object_id, None)
        self._removals[object_id] = due
        self._changed.set()

    def _schedule(self, object_id: str) -> None:
        self._due[object_id] = None
        self._changed.set()

    def _all_due(self) -> None:
        self._due = dict.fromkeys(sorted(self._known, key=lambda object_id: self._known[object_id].rig is not None))
        self._changed.set()

    def _removal(self, now: float) -> DiscoveryMessage | None:
        for object_id, due in self._removals.items():
            if due <= now:
                self._removals[object_id] = math.inf
                return self._message(object_id, b"")
        return None

    def _announcement(self) -> DiscoveryMessage | None:
        if not self._due:
            return None
        object_id = next(iter(self._due))
        del self._due[object_id]
        return self._message(object_id, self._known[object_id].device.encoded())

    def _topic(self, place: str) -> str:
        return f"{self._settings.prefix}/device/{self._devices.node}/{place}/config"

    def _message(self, object_id: str, payload: bytes) -> DiscoveryMessage:
        known = self._known.get(object_id)
        topic = self._topic(object_id.removeprefix(f"{self._devices.node}_"))
        return DiscoveryMessage(topic, payload, object_id, None if known is None else known.rig)


def _product(device: Device) -> tuple[object, ...]:
    """Return the fields that make a device a different product when they change."""
    info = device.head["dev"]
    return info.get("mf"), info.get("mdl"), str(info.get("sw", "")).partition(" ")[0]
