"""The topics of the site that the tests use."""

from stratoscope_exporters.mqtt.topics import Topics

TOPICS = Topics("stratoscope", "north")


def topic_of(object_id: str) -> str:
    """Return the discovery topic of a device."""
    return f"homeassistant/device/stratoscope_north/{object_id.removeprefix('stratoscope_north_')}/config"
