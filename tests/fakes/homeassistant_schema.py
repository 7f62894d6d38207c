"""Validates discovery payloads as Home Assistant 2026 does: keys, device classes, units and state classes.

The rules are facts of its schema for the two read-only platforms, sensor and binary_sensor. Home Assistant ignores
unknown keys, or logs them and continues; this validator raises, because both are mistakes of the sender.
"""

import json
import re
from datetime import UTC, datetime
from functools import lru_cache
from urllib.parse import urlparse

from jinja2 import StrictUndefined, TemplateError
from jinja2.sandbox import ImmutableSandboxedEnvironment

TOPIC = re.compile(r"homeassistant/device/(?:([a-zA-Z0-9_-]+)/)?([a-zA-Z0-9_-]+)/config")
LONG = {
    "avty": "availability",
    "avty_mode": "availability_mode",
    "cmps": "components",
    "def_ent_id": "default_entity_id",
    "dev": "device",
    "dev_cla": "device_class",
    "en": "enabled_by_default",
    "ent_cat": "entity_category",
    "exp_aft": "expire_after",
    "ic": "icon",
    "json_attr_t": "json_attributes_topic",
    "json_attr_tpl": "json_attributes_template",
    "o": "origin",
    "ops": "options",
    "p": "platform",
    "stat_cla": "state_class",
    "stat_t": "state_topic",
    "sug_dsp_prc": "suggested_display_precision",
    "t": "topic",
    "uniq_id": "unique_id",
    "unit_of_meas": "unit_of_measurement",
    "val_tpl": "value_template",
    "pl_avail": "payload_available",
    "pl_not_avail": "payload_not_available",
    "pl_on": "payload_on",
    "pl_off": "payload_off",
    "e": "encoding",
    "name": "name",
    "qos": "qos",
    "cmd_t": "command_topic",
    "frc_upd": "force_update",
    "obj_id": "object_id",
}
LONG_DEVICE = {
    "ids": "identifiers",
    "cns": "connections",
    "mf": "manufacturer",
    "mdl": "model",
    "mdl_id": "model_id",
    "hw": "hw_version",
    "sw": "sw_version",
    "sn": "serial_number",
    "cu": "configuration_url",
    "sa": "suggested_area",
    "name": "name",
    "via_device": "via_device",
}
LONG_ORIGIN = {"name": "name", "sw": "sw_version", "url": "support_url"}
SHARED = {"availability", "availability_mode", "state_topic", "qos"}
TOP = SHARED | {"device", "origin", "components", "encoding"}
ENTITY = SHARED | {
    "platform",
    "unique_id",
    "default_entity_id",
    "name",
    "icon",
    "entity_category",
    "enabled_by_default",
    "json_attributes_topic",
    "json_attributes_template",
    "value_template",
    "expire_after",
    "device_class",
    "force_update",
    "encoding",
}
KEYS = {
    "sensor": ENTITY | {"unit_of_measurement", "state_class", "suggested_display_precision", "options"},
    "binary_sensor": ENTITY | {"payload_on", "payload_off"},
}
MEASURED, SUMMED = {"measurement"}, {"total", "total_increasing"}
CLASSES = {
    "power": ({"mW", "W", "kW", "MW", "GW", "TW"}, MEASURED),
    "energy": ({"J", "kJ", "MJ", "GJ", "mWh", "Wh", "kWh", "MWh", "GWh", "TWh", "cal", "kcal", "Mcal", "Gcal"}, SUMMED),
    "temperature": ({"°C", "°F", "K"}, MEASURED),
    "frequency": ({"Hz", "kHz", "MHz", "GHz"}, MEASURED),
    "voltage": ({"μV", "mV", "V", "kV", "MV"}, MEASURED),
    "duration": ({"d", "h", "min", "s", "ms", "μs"}, MEASURED | SUMMED),
    "data_rate": (
        {f"{p}{u}" for u in ("bit/s", "B/s") for p in ("", "k", "M", "G")} | {"KiB/s", "MiB/s", "GiB/s"},
        MEASURED,
    ),
    "monetary": (re.compile("[A-Z]{3}"), {"total"}),
    "timestamp": ({None}, set()),
    "date": ({None}, set()),
    "enum": ({None}, set()),
}
"""Device class of a sensor → units and state classes it takes; those that a miner could think of."""
STATE_CLASSES = MEASURED | SUMMED | {"measurement_angle"}
BINARY_CLASSES = {"connectivity", "problem", "running", "power", "heat", "safety", "tamper", "update", "plug"}


class Refused(Exception):
    """What Home Assistant would have dropped or warned of."""


def need(condition: object, why: str) -> None:
    if not condition:
        raise Refused(why)


def spelled_out(part: object, names: dict[str, str], allowed: set[str], where: str) -> dict:
    need(isinstance(part, dict), f"{where} is no object")
    whole = {names.get(key, key): value for key, value in part.items()}
    need(len(whole) == len(part), f"{where} has a key in both spellings")
    need(whole.keys() <= allowed, f"{where} has keys nobody knows: {sorted(whole.keys() - allowed)}")
    return whole


def text(value: object, what: str) -> str:
    need(isinstance(value, str) and value, f"{what} is no text")
    return value


def topic(value: object, what: str = "a topic") -> str:
    name = text(value, what)
    need(len(name.encode()) < 65536 and name.isprintable() and not set(name) & set("+#\0"), f"{what}: {name!r}")
    return name


def url(value: object) -> None:
    parts = urlparse(text(value, "a URL"))
    need(parts.scheme in ("http", "https", "homeassistant") and parts.netloc, f"URL {value!r}")


def whole(value: object, what: str) -> None:
    need(isinstance(value, int) and not isinstance(value, bool) and value >= 0, f"{what} is {value!r}")


def check_device(part: object) -> dict:
    device = spelled_out(part, LONG_DEVICE, set(LONG_DEVICE.values()), "device")
    ids, connections = device.get("identifiers", []), device.get("connections", [])
    need(ids or connections, "a device needs identifiers or connections")
    need(all(isinstance(one, str) for one in ids), "identifiers are texts")
    need(all(len(pair) == 2 and all(isinstance(one, str) for one in pair) for pair in connections), "connections")
    for key in device.keys() - {"identifiers", "connections"}:
        text(device[key], key)
    if "configuration_url" in device:
        url(device["configuration_url"])
    return device


def check_availability(entries: object) -> list[dict]:
    need(isinstance(entries, list), "availability is a list here")
    allowed = {"topic", "value_template", "payload_available", "payload_not_available"}
    found = [spelled_out(entry, LONG, allowed, "availability") for entry in entries]
    for entry in found:
        topic(entry.get("topic"))
        template(entry.get("value_template", ""))
    return found


ENVIRONMENT = ImmutableSandboxedEnvironment(undefined=StrictUndefined)
ENVIRONMENT.filters["timestamp_utc"] = lambda value: datetime.fromtimestamp(value, UTC).isoformat()


@lru_cache(1 << 14)
def template(source: object):
    need(isinstance(source, str), "a template is text")
    try:
        return ENVIRONMENT.from_string(source)
    except TemplateError as error:
        raise Refused(f"template {source!r}: {error}") from None


def check_sensor(made: dict) -> None:
    kind, unit, state = (made.get(key) for key in ("device_class", "unit_of_measurement", "state_class"))
    need(unit is None or (isinstance(unit, str) and unit.strip() and len(unit) < 32), f"unit {unit!r}")
    need(state is None or state in STATE_CLASSES, f"state class {state!r}")
    need(state != "measurement_angle" or unit == "°", "angles are in °")
    if "options" in made:
        options = made["options"]
        need(isinstance(options, list) and options and all(isinstance(o, str) for o in options), "options")
        need(unit is None and state is None, "options go with neither unit nor state class")
        need(kind == "enum", "options are for enum")
    if kind is not None:
        need(kind in CLASSES, f"device class {kind!r}")
        units, states = CLASSES[kind]
        fits = units.fullmatch(unit or "") if isinstance(units, re.Pattern) else unit in units
        need(fits, f"unit {unit!r} is not for device class {kind}")
        need(state is None or state in states, f"state class {state} is impossible with {kind}")
    if "suggested_display_precision" in made:
        whole(made["suggested_display_precision"], "precision")


def check_component(key: str, part: object, shared: dict) -> dict | None:
    """Return the entity's full config, or None where the component is being removed."""
    platform = part.get("p", part.get("platform")) if isinstance(part, dict) else None
    need(platform in KEYS, f"{key}: platform {platform!r}")
    if len(part) == 1:
        return None
    made = spelled_out(part, LONG, KEYS[platform], key)
    text(made.get("unique_id"), f"{key}: unique_id")
    name = text(made.get("name"), f"{key}: name")
    domain, _, entity = text(made.get("default_entity_id"), f"{key}: default_entity_id").partition(".")
    need(domain == platform and re.fullmatch("[a-z0-9_]+", entity), f"{key}: {domain}.{entity}")
    need(made.get("entity_category", "diagnostic") == "diagnostic", f"{key}: a sensor configures nothing")
    need(re.fullmatch(r"mdi:[a-z0-9-]+", made.get("icon", "mdi:x")), f"{key}: icon")
    need(isinstance(made.get("enabled_by_default", True), bool), f"{key}: enabled_by_default")
    if "expire_after" in made:
        whole(made["expire_after"], f"{key}: expire_after")
    if "availability" in made:
        made["availability"] = check_availability(made["availability"])
    made = {**shared, **made}
    topic(made.get("state_topic"), f"{key}: state_topic")
    for source in ("value_template", "json_attributes_template"):
        template(made.get(source, ""))
    if platform == "sensor":
        check_sensor(made)
    else:
        need(made.get("device_class") in BINARY_CLASSES | {None}, f"{key}: {made.get('device_class')}")
    need(len(name) < 256, f"{key}: name")
    return made


def check(payload: bytes) -> tuple[dict, dict[str, dict | None]]:
    """Return device and components of a discovery document; raises Refused where Home Assistant would not take it."""
    try:
        document = json.loads(payload)
    except ValueError as error:
        raise Refused(f"no JSON: {error}") from None
    top = spelled_out(document, LONG, TOP, "document")
    device = check_device(top.get("device"))
    origin = spelled_out(top.get("origin"), LONG_ORIGIN, set(LONG_ORIGIN.values()), "origin")
    text(origin.get("name"), "origin name")
    need(top.get("qos", 0) in (0, 1, 2), "qos")
    need(top.get("availability_mode", "latest") in ("all", "any", "latest"), "availability_mode")
    if "availability" in top:
        top["availability"] = check_availability(top["availability"])
    shared = {key: top[key] for key in SHARED & top.keys()}
    need(isinstance(top.get("components"), dict) and top["components"], "no components")
    made = {key: check_component(key, part, shared) for key, part in top["components"].items()}
    ids = [one["unique_id"] for one in made.values() if one]
    need(len(set(ids)) == len(ids), "a unique_id twice")
    return device, made
