"""Decides which devices Home Assistant is told of, and when: at connect, at its birth message, when one changes."""

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
from stratoscope_exporters.homeassistant.documents import Device, Devices
from stratoscope_exporters.homeassistant.settings import HomeAssistant
from stratoscope_exporters.mqtt.tree import Object

PACE: Final = 1 / 500  # s between messages
BIRTH_SPREAD: Final = 30.0  # s over which agents answer the birth message
LINGER: Final = MINUTE
"""How long a device outlives its rig: a reload that renames a rig takes it away and brings it back."""
KEPT: Final = DAY
"""How long a rig must have been heard without a value before its entity goes: a dead board is unknown, not gone."""
MOST_STRANGERS: Final = 4096


class Message(NamedTuple):
    """One retained message; an empty payload removes the device."""

    topic: str
    payload: bytes
    object_id: str
    rig: RigId | None = None  # of a device that is there


@dataclass(slots=True)
class _Known:
    """One device that is announced."""

    rig: RigId | None  # None: the site
    device: Device
    heard: float = 0.0  # s for which its rig was heard while announced
    last: dict[str, float] = field(default_factory=dict)  # component → value of `heard` when it was known last


class Announcer:
    """Knows every device of one site; pure but for `run`. Times are monotonic seconds.

    Rigs beyond the cap are withheld in the order they come; those that were announced in an earlier run, as the broker
    retained it, keep their place. What an earlier run announced and nobody claims until `settled` is removed.
    """

    def __init__(self, devices: Devices, settings: HomeAssistant, chance: Callable[[], float]) -> None:
        self._settings = settings
        self.withheld: dict[RigId, None] = {}
        self._devices, self._chance = devices, chance
        patterns = "|".join(map(translate, settings.rigs))
        self._wanted = re.compile(patterns) if patterns else None
        self._known: dict[str, _Known] = {}
        self._at: dict[RigId, str] = {}  # rig → object id
        self._strangers: dict[str, Device] = {}  # retained from an earlier run, not claimed so far
        self._due: dict[str, None] = {}
        self._gone: dict[str, float] = {}  # object id → when its removal is due; infinite while it is under way
        self._birth = math.inf
        self._free = -math.inf
        self._connected = self._settled = False
        self._changed = asyncio.Event()

    @property
    def announced(self) -> int:
        """Return how many rigs are announced."""
        return len(self._at)

    def site_is(self, document: Object, seconds: float, expire: float) -> None:
        """Take the site's document, `seconds` after the one before; its values hold for `expire` seconds."""
        device = self._devices.site(document, expire)
        known = self._known.get(device.object_id)
        if known is None:
            known = self._welcome(device, None)
        self._follow(known, device, seconds)

    def rig_is(self, snapshot: RigSnapshot, document: Object) -> None:
        """Take the newest snapshot of a rig and its document."""
        rig, object_id = snapshot.rig, self._devices.object_of(snapshot)
        if object_id is None:
            return
        if self._at.get(rig, object_id) != object_id:
            self._release(rig, 0.0)  # another machine under the same name
        known = self._known.get(object_id)
        if known is None and not self._admits(rig, object_id):
            self.withheld[rig] = None
        elif known is None or (known.rig == rig and snapshot.reading is not None):
            device = self._devices.rig(snapshot, document)
            if device is None:
                return
            known = known or self._welcome(device, rig)
            if snapshot.reading is not None:
                self._follow(known, device, snapshot.polling.interval)

    def rig_left(self, rig: RigId, now: float) -> None:
        """Note that `rig` is no longer in the fleet."""
        self.withheld.pop(rig, None)
        self._release(rig, now + LINGER)

    @property
    def listens(self) -> tuple[str, ...]:
        """Return the topic filters to subscribe to: the birth message, and what is retained of earlier runs."""
        return self._settings.birth, self._topic("+")

    def heard(self, topic: str, payload: bytes, now: float) -> None:
        """Take a message on one of the topics of `listens`; what is not meant for this site is left alone."""
        if topic == self._settings.birth:
            if payload == self._settings.birth_payload.encode():
                self.born(now)
            return
        begin, _, end = self._topic("+").partition("+")
        place = topic.removeprefix(begin).removesuffix(end)
        object_id = self._devices.object_id(place)
        if object_id in self._known or object_id in self._gone or len(self._strangers) >= MOST_STRANGERS:
            return
        device = self._devices.recognised(object_id, payload)
        if device is not None and topic == self._topic(place):
            self._strangers[object_id] = device
            if self._settled:
                self.settled(now)

    def settled(self, now: float) -> None:
        """Note that every rig of the config was tried: what nobody claimed since is gone."""
        self._settled = True
        for object_id in self._strangers:
            self._remove(object_id, now + LINGER)
        self._strangers.clear()

    def connected(self) -> None:
        """Note that the broker is there: everything is told anew, since it may have forgotten."""
        self._connected = True
        self._gone = {object_id: 0.0 if math.isinf(due) else due for object_id, due in self._gone.items()}
        self._all_due()

    def disconnected(self) -> None:
        """Note that the broker is away."""
        self._connected = False

    def born(self, now: float) -> None:
        """Note that Home Assistant has started: everything is told anew, within half a minute."""
        self._birth = min(self._birth, now + BIRTH_SPREAD * self._chance())
        self._changed.set()

    def next(self, now: float) -> Message | None:
        """Return what to send at `now`, if anything; whoever takes a removal says when it is `confirmed`."""
        if not self._connected or now < self._free:
            return None
        if now >= self._birth:
            self._birth = math.inf
            self._all_due()
        message = self._removal(now) or self._announcement()
        if message is not None:
            self._free = now + PACE
        return message

    def confirmed(self, message: Message) -> None:
        """Note that the broker has `message`."""
        if not message.payload and math.isinf(self._gone.get(message.object_id, 0.0)):
            del self._gone[message.object_id]

    def wait(self, now: float) -> float | None:
        """Return after how many seconds to ask `next` again; None while nothing is to come."""
        if not self._connected:
            return None
        first = -math.inf if self._due else min((self._birth, *self._gone.values()))
        return None if first == math.inf else max(0.0, first - now, self._free - now)

    async def run(self, publish: Callable[[Message], Awaitable[bool]], clock: Clock) -> None:
        """Announce for as long as one connection lasts; `publish` returns whether the broker took the message."""
        self.connected()
        try:
            while True:
                message = self.next(clock.monotonic())
                if message is None:
                    await self._pause(clock)
                elif await publish(message):
                    self.confirmed(message)
        finally:
            self.disconnected()

    async def _pause(self, clock: Clock) -> None:
        self._changed.clear()
        waits: list[asyncio.Future[Any]] = [asyncio.ensure_future(self._changed.wait())]
        seconds = self.wait(clock.monotonic())
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

    def _admits(self, rig: RigId, object_id: str) -> bool:
        if not self._listed(rig, object_id):
            return False
        most, held = self._settings.max_rigs, len(self._at)
        if object_id in self._strangers:
            return held < most
        return held + len(self._strangers.keys() - {self._devices.site_id}) < most

    def _welcome(self, device: Device, rig: RigId | None) -> _Known:
        """Announce a device; one that was announced in an earlier run goes on from there."""
        known = _Known(rig, self._strangers.pop(device.object_id, device))
        self._known[device.object_id] = known
        self._gone.pop(device.object_id, None)
        if rig is not None:
            self._at[rig] = device.object_id
            self.withheld.pop(rig, None)
        self._tell(device.object_id)
        return known

    def _follow(self, known: _Known, device: Device, seconds: float) -> None:
        """Make `known` what `device` says now; an entity whose value is unknown stays for a while."""
        known.heard += seconds
        known.last |= dict.fromkeys(device.components, known.heard)
        components = dict(device.components)
        same = _product(known.device) == _product(device)
        for key, component in known.device.components.items():
            if key in components:
                continue
            age = known.heard - known.last.setdefault(key, known.heard)
            components[key] = component if same and age < KEPT else {"p": component["p"]}
        newer = Device(device.object_id, device.head, components)
        if newer != known.device:
            known.device = newer
            self._tell(device.object_id)

    def _release(self, rig: RigId, due: float) -> None:
        object_id = self._at.pop(rig, None)
        if object_id is not None:
            del self._known[object_id]
            self._remove(object_id, due)

    def _remove(self, object_id: str, due: float) -> None:
        self._due.pop(object_id, None)
        self._gone[object_id] = due
        self._changed.set()

    def _tell(self, object_id: str) -> None:
        self._due[object_id] = None
        self._changed.set()

    def _all_due(self) -> None:
        self._due = dict.fromkeys(sorted(self._known, key=lambda object_id: self._known[object_id].rig is not None))
        self._changed.set()

    def _removal(self, now: float) -> Message | None:
        for object_id, due in self._gone.items():
            if due <= now:
                self._gone[object_id] = math.inf
                return self._message(object_id, b"")
        return None

    def _announcement(self) -> Message | None:
        if not self._due:
            return None
        object_id = next(iter(self._due))
        del self._due[object_id]
        return self._message(object_id, self._known[object_id].device.encoded())

    def _topic(self, place: str) -> str:
        return f"{self._settings.prefix}/device/{self._devices.node}/{place}/config"

    def _message(self, object_id: str, payload: bytes) -> Message:
        known = self._known.get(object_id)
        topic = self._topic(object_id.removeprefix(f"{self._devices.node}_"))
        return Message(topic, payload, object_id, None if known is None else known.rig)


def _product(device: Device) -> tuple[object, ...]:
    """Return what makes a device another product when it changes."""
    told = device.head["dev"]
    return told.get("mf"), told.get("mdl"), str(told.get("sw", "")).partition(" ")[0]
