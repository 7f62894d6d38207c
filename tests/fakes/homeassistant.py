"""A fake Home Assistant: discovers devices from MQTT and keeps the state of their entities."""

import contextlib
import json
import math
from dataclasses import dataclass, field
from datetime import datetime

from jinja2 import TemplateError

from fakes.homeassistant_schema import TOPIC, Refused, check, need, template


@dataclass
class Entity:
    """One entity: `state` None is unknown."""

    config: dict
    device: dict
    state: str | float | bool | None = None
    attributes: dict = field(default_factory=dict)
    heard: float | None = None  # when a state came last
    online: dict[str, bool] = field(default_factory=dict)  # by availability topic

    def take(self, name: str, payload: str, now: float) -> None:
        for entry in self.config.get("availability", ()):
            if entry["topic"] == name:
                said = rendered(entry.get("value_template"), payload)
                if said in ("online", "offline"):
                    self.online[name] = said == "online"
        if self.config.get("json_attributes_topic") == name:
            self.attributes = json.loads(rendered(self.config["json_attributes_template"], payload))
        if self.config["state_topic"] == name:
            self.heard = now
            self.state = self._meaning(rendered(self.config.get("value_template"), payload))

    def _meaning(self, said: str) -> str | float | bool | None:
        need(said.strip(), f"{self.config['unique_id']}: an empty rendering keeps the old value")
        if said == "None":
            return None
        if self.config["platform"] == "binary_sensor":
            need(said in ("ON", "OFF"), f"{said!r} is neither ON nor OFF")
            return said == "ON"
        kind = self.config.get("device_class")
        if kind == "enum":
            need(said in self.config["options"], f"{said!r} is no option")
            return said
        if kind == "timestamp":
            need(datetime.fromisoformat(said).tzinfo is not None, f"{said!r} has no time zone")
            return said
        try:
            number = float(said)
        except ValueError:
            raise Refused(f"{self.config['unique_id']}: {said!r} is no number") from None
        need(math.isfinite(number), f"{said!r} is not finite")
        return number

    def available(self, now: float) -> bool:
        topics = [entry["topic"] for entry in self.config.get("availability", ())]
        told = [self.online.get(name, False) for name in topics]
        if topics and not (all(told) if self.config.get("availability_mode") == "all" else told[-1]):
            return False
        expire = self.config.get("expire_after")
        return not expire or (self.heard is not None and now - self.heard <= expire)


def rendered(source: str | None, payload: str) -> str:
    if source is None:
        return payload
    known = {"value": payload}
    with contextlib.suppress(ValueError):
        known["value_json"] = json.loads(payload)
    try:
        return template(source).render(known).strip()
    except (TemplateError, TypeError, ValueError, AttributeError) as error:
        raise Refused(f"template {source!r} on {payload[:200]!r}: {error}") from None


class HomeAssistant:
    """Knows devices and entities by what it was told; `now` is moved by the test."""

    def __init__(self) -> None:
        self.now = 0.0
        self.devices: dict[str, dict] = {}  # node and object id → device
        self.entities: dict[str, Entity] = {}  # unique id → entity
        self.removed: list[str] = []
        self.taken = 0
        self._components: dict[str, dict[str, str]] = {}  # the same → component → unique id

    def receive(self, name: str, payload: bytes) -> None:
        """Take one message."""
        if name.startswith("homeassistant/") and name != "homeassistant/status":
            match = TOPIC.fullmatch(name)
            need(match, f"illegal discovery topic {name}")
            return self._discover("_".join(filter(None, match.groups())), payload)
        for entity in self.entities.values():
            entity.take(name, payload.decode(), self.now)
        return None

    def of(self, object_id: str) -> dict[str, Entity]:
        """Return the entities of a device by component."""
        return {key: self.entities[unique] for key, unique in self._components.get(object_id, {}).items()}

    def state(self, object_id: str, component: str) -> str | float | bool | None:
        """Return an entity's state as its card shows it: unavailable, unknown or the value."""
        entity = self.of(object_id)[component]
        if not entity.available(self.now):
            return "unavailable"
        return "unknown" if entity.state is None else entity.state

    def _discover(self, object_id: str, payload: bytes) -> None:
        known = self._components.setdefault(object_id, {})
        if not payload:
            for key in list(known):
                self._drop(known.pop(key))
            self.devices.pop(object_id, None)
            return
        device, components = check(payload)
        self.taken += 1
        self.devices[object_id] = device
        for key, config in components.items():
            if config is None:
                if key in known:
                    self._drop(known.pop(key))
                continue
            owner = {unique: one for one, unique in known.items()}.get(config["unique_id"])
            need(config["unique_id"] not in self.entities or owner == key, f"{config['unique_id']} is taken")
            known[key] = config["unique_id"]
            before = self.entities.get(config["unique_id"])
            self.entities[config["unique_id"]] = entity = before or Entity(config, device)
            entity.config, entity.device = config, device

    def _drop(self, unique: str) -> None:
        del self.entities[unique]
        self.removed.append(unique)
