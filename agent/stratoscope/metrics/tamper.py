"""Defines the metrics about theft and tampering: alarms, trusted items and accepted work by endpoint."""

from collections.abc import Iterable, Iterator
from typing import Final

from stratoscope.metrics.metric import Labels, MetricFamily, MetricsOf, always_one, counter, gauge
from stratoscope.metrics.unit import Unit
from stratoscope.tamper.detector import TAMPER_KINDS, TamperAlarm, TamperState
from stratoscope.units import HASHES_PER_DIFFICULTY_1

MAX_RIG_ALARMS: Final = 1000
"""Limit of rig alarms with their own series; the counts include all alarms."""


def _rig_alarms(now: TamperState) -> Iterator[tuple[Labels, TamperAlarm]]:
    ours = [alarm for alarm in now.alarms if alarm.rig is not None]
    for alarm in ours[:MAX_RIG_ALARMS]:
        yield (alarm.rig or "", str(alarm.slot), alarm.kind), alarm


def _endpoint_alarms(now: TamperState) -> Iterable[tuple[Labels, TamperAlarm]]:
    return (((alarm.endpoint or "", alarm.kind), alarm) for alarm in now.alarms if alarm.rig is None)


def _counts(now: TamperState) -> Iterator[tuple[Labels, float]]:
    for kind in TAMPER_KINDS:
        yield (kind,), sum(alarm.kind == kind for alarm in now.alarms)


def _pins(now: TamperState) -> Iterable[tuple[Labels, float]]:
    return (((subject,), count) for subject, count in now.pins.items())


def _learning(now: TamperState) -> Iterable[tuple[Labels, float]]:
    return (((subject,), int(learning)) for subject, learning in now.learning.items())


def _accepted(now: TamperState) -> Iterable[tuple[Labels, float]]:
    return (((endpoint,), difficulty * HASHES_PER_DIFFICULTY_1) for endpoint, difficulty in now.accepted.items())


per_alarm = MetricsOf[TamperAlarm]()

RIGS: MetricFamily[TamperState, TamperAlarm] = MetricFamily(
    "tamper: rigs", _rig_alarms, ("rig", "slot", "kind")
).with_metrics(
    per_alarm.gauge("tamper_rig_alarm", Unit.NONE, always_one).means(
        "1 while a pool slot of the rig names an unknown endpoint or account. The event in the log and on MQTT names "
        "it."
    ),
)

ENDPOINTS: MetricFamily[TamperState, TamperAlarm] = MetricFamily(
    "tamper: endpoints", _endpoint_alarms, ("endpoint", "kind")
).with_metrics(
    per_alarm.gauge("tamper_endpoint_alarm", Unit.NONE, always_one).means(
        "1 while the endpoint's coinbase pays none of the known addresses (payout), its work is for another chain "
        "(chain), or it redirected its miners to a foreign host (redirect)."
    ),
)

COUNTS: MetricFamily[TamperState, float] = MetricFamily("tamper: alarm counts", _counts, ("kind",)).with_metrics(
    gauge("tamper_alarms", Unit.NONE).means("Active alarms by kind."),
)

PINS: MetricFamily[TamperState, float] = MetricFamily("tamper: trusted items", _pins, ("subject",)).with_metrics(
    gauge("tamper_pins", Unit.NONE).means("Number of trusted items: endpoints, accounts, payout addresses."),
)

LEARNING: MetricFamily[TamperState, float] = MetricFamily("tamper: learning", _learning, ("subject",)).with_metrics(
    gauge("tamper_learning", Unit.NONE).means(
        "1 while new items are trusted automatically, 0 once they raise an alarm; absent if the config lists what is "
        "allowed."
    ),
)

ACCEPTED: MetricFamily[TamperState, float] = MetricFamily(
    "site: accepted work by endpoint", _accepted, ("endpoint",), free=("endpoint",)
).with_metrics(
    counter("site_accepted_work", Unit.HASHES).means(
        "Hashes proven by accepted shares, by the host and port of the pool, since the agent started. Based on the "
        "rigs' own share counters."
    ),
)
