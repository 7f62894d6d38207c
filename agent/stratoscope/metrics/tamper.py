"""Holds the rows of the metric table about theft and tampering: alarms, what was learned, where the work went."""

from collections.abc import Iterable, Iterator
from typing import Final

from stratoscope.metrics.metric import Family, Kind, Labels, Metric
from stratoscope.metrics.unit import Unit
from stratoscope.tamper.detector import KINDS, Alarm, GuardNow
from stratoscope.units import HASHES_PER_DIFFICULTY_1

MOST: Final = 1000
"""Alarms of rigs that are exported one by one; the counts hold all of them."""


def _rig_alarms(now: GuardNow) -> Iterator[tuple[Labels, Alarm]]:
    ours = [alarm for alarm in now.alarms if alarm.rig is not None]
    for alarm in ours[:MOST]:
        yield (alarm.rig or "", str(alarm.slot), alarm.kind), alarm


def _endpoint_alarms(now: GuardNow) -> Iterable[tuple[Labels, Alarm]]:
    return (((alarm.endpoint or "", alarm.kind), alarm) for alarm in now.alarms if alarm.rig is None)


def _counts(now: GuardNow) -> Iterator[tuple[Labels, float]]:
    for kind in KINDS:
        yield (kind,), sum(alarm.kind == kind for alarm in now.alarms)


def _pins(now: GuardNow) -> Iterable[tuple[Labels, float]]:
    return (((subject,), count) for subject, count in now.pins.items())


def _learning(now: GuardNow) -> Iterable[tuple[Labels, float]]:
    return (((subject,), int(learning)) for subject, learning in now.learning.items())


def _accepted(now: GuardNow) -> Iterable[tuple[Labels, float]]:
    return (((endpoint,), difficulty * HASHES_PER_DIFFICULTY_1) for endpoint, difficulty in now.accepted.items())


def _value(number: float) -> float:
    return number


RIGS: Family[GuardNow, Alarm] = Family("tamper: rigs", _rig_alarms, (
    Metric("tamper_rig_alarm", Unit.NONE, "1 while a pool slot of the rig names an endpoint or an account that is not "
           "known here. Which, the event in the log and on MQTT tells.", lambda _: 1),
), ("rig", "slot", "kind"))  # fmt: skip

ENDPOINTS: Family[GuardNow, Alarm] = Family("tamper: endpoints", _endpoint_alarms, (
    Metric("tamper_endpoint_alarm", Unit.NONE, "1 while the endpoint's coinbase pays none of the known addresses "
           "(payout), its work is of another chain (chain), or it sent its miners abroad (redirect).", lambda _: 1),
), ("endpoint", "kind"))  # fmt: skip

COUNTS: Family[GuardNow, float] = Family("tamper: counts", _counts, (
    Metric("tamper_alarms", Unit.NONE, "Alarms that stand, by kind.", _value),
), ("kind",))  # fmt: skip

PINS: Family[GuardNow, float] = Family("tamper: pins", _pins, (
    Metric("tamper_pins", Unit.NONE, "What is pinned: endpoints, accounts, payout addresses.", _value),
), ("subject",))  # fmt: skip

LEARNING: Family[GuardNow, float] = Family("tamper: learning", _learning, (
    Metric("tamper_learning", Unit.NONE, "1 while what is seen is still pinned, 0 once it raises an alarm; absent "
           "where the config lists what is allowed.", _value),
), ("subject",))  # fmt: skip

ACCEPTED: Family[GuardNow, float] = Family("site: work by endpoint", _accepted, (
    Metric("site_accepted_work", Unit.HASHES, "Hashes that accepted shares stand for, by the host and port that they "
           "went to, since the agent started: the site's hash share by pool, by what the rigs count.", _value,
           Kind.COUNTER),
), ("endpoint",), free=("endpoint",))  # fmt: skip
