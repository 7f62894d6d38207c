"""Builds the discovery documents of a rig or the site: a device with its entities. Pure functions.

An entity is announced once the MQTT document contains its value, so that both always match.
"""

import ipaddress
import math
import re
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import orjson

from stratoscope.config.addresses import host_and_port
from stratoscope.fleet import STATES, RigSnapshot
from stratoscope.metrics import freshness_seconds
from stratoscope_exporters.exposition.text import rig_label
from stratoscope_exporters.homeassistant.patterns import RIG, SITE_AND_MARKET, Pattern, title
from stratoscope_exporters.homeassistant.shapes import CURRENCY, Flag, Shape, scaled
from stratoscope_exporters.homeassistant.templates import ATTRIBUTES, AVAILABLE, CONNECTED, STATE, template
from stratoscope_exporters.mqtt.topics import Topics, rig_id, topic_level
from stratoscope_exporters.mqtt.tree import Object

ORIGIN: Final = "Stratoscope"
MAX_DOCUMENT_BYTES: Final = 60_000
"""Below the maximum message that the agent can receive (broker.MOST_RECEIVED); a normal rig needs half of it."""
PLATFORMS: Final = ("sensor", "binary_sensor")
"""Announced platforms: read-only ones."""
NOT_IN_KEY: Final = re.compile(r"[^a-z0-9]+")
NOT_IN_ID: Final = re.compile(r"[^a-zA-Z0-9_-]+")
MAC_DIGITS: Final = re.compile("[0-9a-f]{12}")
HOST: Final = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?){0,4}")
LOCAL_SUFFIXES: Final = (".local", ".lan", ".internal", ".home.arpa")


@dataclass(frozen=True, slots=True)
class Device:
    """One device: its discovery document without components, and the components by key."""

    object_id: str
    head: Object
    components: dict[str, Object]

    def encoded(self) -> bytes:
        """Return the document as bytes; if it is too long, disabled entities are dropped first."""
        keys = sorted(self.components, key=lambda key: self.components[key].get("en", True) is False)
        while True:
            document = orjson.dumps({**self.head, "cmps": {key: self.components[key] for key in keys}})
            if len(document) <= MAX_DOCUMENT_BYTES or not keys:
                return document
            del keys[-max(1, len(keys) // 16) :]


@lru_cache(1 << 14)
def slug(text: str) -> str:
    """Return `text` as part of an entity id."""
    return NOT_IN_KEY.sub("_", text.lower()).strip("_") or "x"


@lru_cache(1 << 14)
def key_of(path: tuple[str, ...]) -> str:
    """Return the key of the component for the value at `path`, with a checksum if characters had to be replaced."""
    key = "_".join(map(slug, path))
    return key if key == "_".join(path) else f"{key}_{zlib.crc32(repr(path).encode()):08x}"


def local_page_url(address: str) -> str | None:
    """Return the URL of the rig's web page; None unless `address` is in a private network or has a local name."""
    try:
        host, _ = host_and_port(address)
    except ValueError:
        return None
    try:
        ip = ipaddress.ip_address(host)
    except ValueError:
        local = HOST.fullmatch(host) and ("." not in host or host.endswith(LOCAL_SUFFIXES))
        return f"http://{host}/" if local else None
    if not ip.is_private or ip.is_loopback or ip.is_link_local or ip.is_unspecified or ip.is_reserved:
        return None
    return f"http://[{ip}]/" if ip.version == 6 else f"http://{ip}/"


@dataclass(frozen=True, slots=True)
class _Entities:
    """Common properties of the entities of one device."""

    object_id: str
    name: str  # of the device
    expire: int  # s
    currency: str = ""
    algorithm: str | None = None

    def component(self, platform: str, key: str, name: str, id_name: str | None = None) -> Object:
        """Return the fields of every entity."""
        return {
            "p": platform,
            "uniq_id": f"{self.object_id}_{key}",
            "def_ent_id": f"{platform}.{slug(self.name)}_{slug(id_name or name)}",
            "name": name,
        }

    def all(self, patterns: tuple[Pattern, ...], document: Object) -> dict[str, Object]:
        """Return the components of all values in `document`."""
        return {
            (key := key_of(path)): self._shown(pattern, key, path, labels)
            for pattern in patterns
            for path, labels in pattern.found(document)
        }

    def _shown(self, pattern: Pattern, key: str, path: tuple[str, ...], labels: Mapping[str, str]) -> Object:
        shape, entity = pattern.shape, pattern.entity
        name, id_name = title(entity.name, labels), title(entity.id_name or entity.name, labels)
        if isinstance(shape, Flag):
            made = self.component("binary_sensor", key, name, id_name) | _flag(shape)
        else:
            shape = scaled(shape, labels.get("algorithm", self.algorithm))
            made = self.component("sensor", key, name, id_name) | _shape(shape, self.currency)
        if entity.options:
            made["ops"] = list(entity.options)
        made["val_tpl"] = template(path, shape)
        made["exp_aft"] = self.expire
        if entity.diagnostic:
            made["ent_cat"] = "diagnostic"
        if not entity.on:
            made["en"] = False
        if entity.icon is not None:
            made["ic"] = entity.icon
        return made


def _shape(shape: Shape, currency: str) -> Object:
    made: Object = {}
    if shape.device_class is not None:
        made["dev_cla"] = shape.device_class
    if shape.unit is not None:
        made["unit_of_meas"] = shape.unit.replace(CURRENCY, currency)
    if shape.state_class is not None:
        made["stat_cla"] = shape.state_class
    if shape.decimals is not None:
        made["sug_dsp_prc"] = shape.decimals
    return made


def _flag(flag: Flag) -> Object:
    return {} if flag.value is None else {"dev_cla": flag.value}


class DeviceBuilder:
    """Builds the devices of one site for an agent of `version`."""

    def __init__(self, topics: Topics, version: str) -> None:
        self._topics = topics
        self._origin = {"name": ORIGIN, "sw": version}
        self.node = f"{NOT_IN_ID.sub('-', topics.root)}_{topic_level(topics.site)}"
        """The level of this site in discovery topics."""
        self.site_id = self.object_id("site")

    def object_id(self, rig: str) -> str:
        """Return the object id of the rig with topic id `rig` (MAC digits, `serial-…` or `address-…`)."""
        return f"{self.node}_{rig}"

    def device_id(self, snapshot: RigSnapshot) -> str | None:
        """Return the object id of a rig; None before its first successful poll."""
        rig = rig_id(snapshot)
        return None if rig is None else self.object_id(rig)

    def rig(self, snapshot: RigSnapshot, document: Object) -> Device | None:
        """Return the device of a rig from its snapshot and document; None before its first successful poll."""
        rig = rig_id(snapshot)
        if rig is None:
            return None
        reading, info = snapshot.reading, document.get("info", {})
        device = self._device_info(snapshot, rig, info)
        common = _Entities(
            object_id=self.object_id(rig),
            name=device["name"],
            expire=math.ceil(freshness_seconds(snapshot)),
            currency=_currency(document, "money"),
            algorithm=None if reading is None else reading.algorithm,
        )
        state, availability = self._topics.rig_state(rig), self._topics.rig_availability(rig)
        agent = {"t": self._topics.status}
        head = {
            "dev": device,
            "o": self._origin,
            "stat_t": state,
            "qos": 1,
            "avty_mode": "all",
            "avty": [agent, {"t": availability, "val_tpl": AVAILABLE}],
        }
        return Device(common.object_id, head, _health(common, state, availability, agent) | common.all(RIG, document))

    def parse_announced(self, object_id: str, payload: bytes) -> Device | None:
        """Return the device in a retained `payload`; None unless this site announced it, now or in an earlier run."""
        try:
            document = orjson.loads(payload)
            head = {key: value for key, value in document.items() if key != "cmps"}
            ours = head["o"]["name"] == ORIGIN and head["stat_t"].startswith(f"{self._topics.prefix}/")
            components = {
                key: dict(component) for key, component in document["cmps"].items() if component["p"] in PLATFORMS
            }
            product = {**head["dev"]}
        except (ValueError, KeyError, TypeError, AttributeError):
            return None
        return Device(object_id, head | {"dev": product}, components) if ours else None

    def _device_info(self, snapshot: RigSnapshot, rig: str, info: Object) -> Object:
        """Return the device block with everything known about the machine."""
        device: Object = {"ids": [self.object_id(rig)]}
        if MAC_DIGITS.fullmatch(rig):
            device["cns"] = [["mac", ":".join(rig[at : at + 2] for at in range(0, 12, 2))]]
        device["name"] = _name(snapshot, rig, info)
        firmware = " ".join(filter(None, (info.get("firmware"), info.get("firmware_version"))))
        serial = None if snapshot.reading is None else snapshot.reading.serial
        page = local_page_url(snapshot.polling.address)
        more = {"mf": info.get("make"), "mdl": info.get("model"), "sw": firmware, "sn": serial, "cu": page}
        return device | {key: text for key, text in more.items() if text} | {"via_device": self.site_id}

    def site(self, document: Object, expire: float) -> Device:
        """Return the device of the site from its document; its values expire after `expire` seconds."""
        site = self._topics.site
        name = "Mining site" if site == "default" else f"Mining site {site}"
        currency = _currency(document, "money") or _currency(document, "market") or _tariffs_currency(document)
        common = _Entities(self.site_id, name, math.ceil(expire), currency)
        head = {
            "dev": {"ids": [self.site_id], "name": name, "mdl": "Site"},
            "o": self._origin,
            "stat_t": self._topics.site_state,
            "qos": 1,
            "avty": [{"t": self._topics.status}],
        }
        agent = common.component("binary_sensor", "agent", "Agent") | _flag(Flag.CONNECTIVITY)
        agent |= {"stat_t": self._topics.status, "val_tpl": CONNECTED, "avty": [], "ent_cat": "diagnostic"}
        return Device(self.site_id, head, {"agent": agent, **common.all(SITE_AND_MARKET, document)})


def _health(common: _Entities, state: str, availability: str, agent: Object) -> dict[str, Object]:
    """Return the entities that are also available while the rig is offline; they do not expire."""
    words = common.component("sensor", "state", "State") | _shape(Shape.WORDS, "")
    words |= {
        "ops": list(STATES),
        "val_tpl": STATE,
        "json_attr_t": state,
        "json_attr_tpl": ATTRIBUTES,
        "avty": [agent],
        "ic": "mdi:pickaxe",
    }
    online = common.component("binary_sensor", "online", "Online") | _flag(Flag.CONNECTIVITY)
    online |= {"stat_t": availability, "val_tpl": CONNECTED, "avty": [agent]}
    return {"state": words, "online": online}


def _name(snapshot: RigSnapshot, rig: str, info: Object) -> str:
    """Return the rig's name, or its model with part of its id if it has no name."""
    label = rig_label(snapshot.rig)
    named = label != (snapshot.identity or "").partition(":")[2]
    product = " ".join(filter(None, (info.get("make"), info.get("model"))))
    return label if named or not product else f"{product} {rig[-6:]}"


def _currency(document: Object, place: str) -> str:
    return str(document.get(place, {}).get("currency", ""))


def _tariffs_currency(document: Object) -> str:
    return next(
        (str(tariff["currency"]) for tariff in document.get("tariffs", {}).values() if "currency" in tariff), ""
    )
