"""Defines the agent's own metrics (`stratoscope_*`) about MQTT: exporter, input and Home Assistant discovery."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final, Protocol

from stratoscope.metrics.metric import Labels, MetricFamily, MetricsOf, same_value
from stratoscope.metrics.own import OWN_NAMESPACE, Families, counted
from stratoscope.metrics.unit import Unit
from stratoscope.outside.inbox import Inbox

EXPORTER: Final = "the MQTT exporter"
INPUT: Final = "a source that reads from MQTT"


class MqttCounts(Protocol):
    """What the MQTT exporter counts: messages by kind, and the state of its connection."""

    produced: dict[str, int]
    confirmed: dict[str, int]
    sent: dict[str, int]
    conflated: dict[str, int]
    dropped: dict[tuple[str, str], int]  # by kind and reason
    failures: dict[str, int]  # by reason
    connects: int
    connected: bool
    outbox_bytes: Callable[[], int]

    def waiting_by_kind(self) -> Mapping[str, int]:
        """Return the number of messages that wait or are being sent."""
        ...


def _exporter(counts: MqttCounts) -> Iterable[tuple[Labels, MqttCounts]]:
    return (((), counts),)


def _inbox(inbox: Inbox) -> Iterable[tuple[Labels, Inbox]]:
    return (((), inbox),)


def _inbox_messages(inbox: Inbox) -> Iterable[tuple[Labels, float]]:
    return ((("yes",), inbox.received), (("no",), inbox.unsolicited))


def _messages(counts: MqttCounts) -> Iterator[tuple[Labels, tuple[MqttCounts, str]]]:
    return (((kind,), (counts, kind)) for kind in counts.produced)


def _dropped(counts: MqttCounts) -> Iterable[tuple[Labels, float]]:
    return sorted(counts.dropped.items())


per_exporter = MetricsOf[MqttCounts](OWN_NAMESPACE)
per_kind = MetricsOf[tuple[MqttCounts, str]](OWN_NAMESPACE)
per_inbox = MetricsOf[Inbox](OWN_NAMESPACE)
per_series = MetricsOf[float](OWN_NAMESPACE)

CONNECTION: MetricFamily[MqttCounts, MqttCounts] = MetricFamily(
    "MQTT exporter: connection", _exporter, condition=EXPORTER
).with_metrics(
    per_exporter.gauge("mqtt_connected", Unit.NONE, lambda c: c.connected).means(
        "1 while the exporter is connected to the broker, else 0."
    ),
    per_exporter.counter("mqtt_connects", Unit.NONE, lambda c: c.connects).means("Connections made to the broker."),
    per_exporter.gauge("mqtt_outbox", Unit.BYTES, lambda c: c.outbox_bytes()).means(
        "Size of the events that the broker has not acknowledged."
    ),
)

FAILURES: MetricFamily[MqttCounts, float] = MetricFamily(
    "MQTT exporter: failures", lambda c: counted(c.failures), ("reason",), condition=EXPORTER
).with_metrics(
    per_series.counter("mqtt_failures", Unit.NONE, same_value).means(
        "Failed and lost connections to the broker, by reason."
    )
)

MESSAGES: MetricFamily[MqttCounts, tuple[MqttCounts, str]] = MetricFamily(
    "MQTT exporter: messages", _messages, ("kind",), condition=EXPORTER
).with_metrics(
    per_kind.counter("mqtt_messages_produced", Unit.NONE, lambda m: m[0].produced[m[1]]).means(
        "Messages created, by kind: state, site, retained, event. At any time this is the sum of confirmed, "
        "sent_unconfirmed, conflated, dropped and queued."
    ),
    per_kind.counter("mqtt_messages_confirmed", Unit.NONE, lambda m: m[0].confirmed[m[1]]).means(
        "Messages acknowledged by the broker (QoS 1)."
    ),
    per_kind.counter("mqtt_messages_sent_unconfirmed", Unit.NONE, lambda m: m[0].sent[m[1]]).means(
        "Messages sent without acknowledgement (QoS 0)."
    ),
    per_kind.counter("mqtt_messages_conflated", Unit.NONE, lambda m: m[0].conflated[m[1]]).means(
        "Messages replaced by a newer one of the same topic before they were sent."
    ),
    per_kind.gauge("mqtt_messages_queued", Unit.NONE, lambda m: m[0].waiting_by_kind()[m[1]]).means(
        "Messages that wait or are being sent."
    ),
)

DROPPED: MetricFamily[MqttCounts, float] = MetricFamily(
    "MQTT exporter: dropped messages", _dropped, ("kind", "reason"), condition=EXPORTER
).with_metrics(
    per_series.counter("mqtt_messages_dropped", Unit.NONE, same_value).means(
        "Dropped messages by reason: oversize, denied, protocol, busy (rejected by the broker), full (outbox), disk "
        "(not written to the ledger), bug (internal error)."
    )
)

ANNOUNCED: MetricFamily[Mapping[str, float], float] = MetricFamily(
    "Home Assistant: rigs", counted, ("outcome",), condition="Home Assistant discovery"
).with_metrics(
    per_series.gauge("homeassistant_rigs", Unit.NONE, same_value).means(
        "Rigs announced to Home Assistant, and rigs withheld because of max_rigs or the list of rigs in "
        "exporters.mqtt.homeassistant."
    )
)

INBOX: MetricFamily[Inbox, Inbox] = MetricFamily("MQTT input: connection", _inbox, condition=INPUT).with_metrics(
    per_inbox.gauge("mqtt_inbox_connected", Unit.NONE, lambda i: i.connected).means(
        "1 while the broker for MQTT input is connected, else 0."
    )
)

INBOX_MESSAGES: MetricFamily[Inbox, float] = MetricFamily(
    "MQTT input: messages", _inbox_messages, ("asked",), condition=INPUT
).with_metrics(
    per_series.counter("mqtt_inbox_messages", Unit.NONE, same_value).means(
        "Received messages: of topics that a source reads (yes), and of other topics (no)."
    )
)

INBOX_FAILURES: MetricFamily[Inbox, float] = MetricFamily(
    "MQTT input: failures", lambda i: counted(i.failures), ("reason",), condition=INPUT
).with_metrics(
    per_series.counter("mqtt_inbox_failures", Unit.NONE, same_value).means(
        "Failed and lost connections for MQTT input, by reason."
    )
)

MQTT_FAMILIES: Final[Families] = (CONNECTION, FAILURES, MESSAGES, DROPPED)
HOMEASSISTANT_FAMILIES: Final[Families] = (ANNOUNCED,)
INBOX_FAMILIES: Final[Families] = (INBOX, INBOX_MESSAGES, INBOX_FAILURES)
