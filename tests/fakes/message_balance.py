"""Checks that the MQTT exporter accounts for every message."""

from stratoscope_exporters.mqtt.metrics import KINDS, MqttMetrics

__all__ = ["KINDS", "unaccounted"]


def unaccounted(counts: MqttMetrics, kind: str) -> int:
    """Return the messages of `kind` that were produced and are in no other count; always 0."""
    dropped = sum(count for (of, _), count in counts.dropped.items() if of == kind)
    known = counts.confirmed[kind] + counts.sent[kind] + counts.conflated[kind] + dropped + counts.waiting(kind)
    return counts.produced[kind] - known
