"""Holds the rows of the metric table that describe a whole rig: health, polling, identity, output and power."""

from collections.abc import Iterable, Iterator
from typing import Final

from stratoscope.errors import POLL_REASONS
from stratoscope.fleet import STATES, RigSnapshot
from stratoscope.metrics.metric import BROKEN, FLAG, WORKS, Family, Kind, Labels, Metric, Stability, Subject, one
from stratoscope.metrics.unit import Unit
from stratoscope.reading import WINDOWS

OUTCOMES: Final = frozenset(("ok", *POLL_REASONS))
MAX_FAULTS: Final = 8
MAX_TAGS: Final = 8
MAX_COMMANDS: Final = 16
AGE: Final = (
    "Polled in the background: as old as mining_rig_last_success_timestamp_seconds says, "
    "absent once that is over 2.5 poll intervals (at least 90 s) ago."
)


def _always(subject: Subject) -> Iterable[tuple[Labels, RigSnapshot]]:
    return (((), subject.snapshot),)


def _measured(subject: Subject) -> Iterable[tuple[Labels, RigSnapshot]]:
    return (((), subject.snapshot),) if subject.snapshot.reading is not None else ()


def _identity(subject: Subject) -> Iterable[tuple[Labels, RigSnapshot]]:
    *known, algorithm = subject.identity
    return (((*known, subject.snapshot.polling.address, algorithm), subject.snapshot),)


def _states(subject: Subject) -> Iterator[tuple[Labels, float]]:
    now = subject.snapshot.state
    return (((state,), 1 if state == now else 0) for state in STATES)


def _polls(subject: Subject) -> Iterable[tuple[Labels, float]]:
    counts = {"ok": 0}
    for outcome, count in subject.snapshot.polling.polls.items():
        known = outcome if outcome in OUTCOMES else "other"
        counts[known] = counts.get(known, 0) + count
    return (((outcome,), count) for outcome, count in counts.items())


def _refused(subject: Subject) -> Iterable[tuple[Labels, float]]:
    refused = subject.snapshot.polling.missing
    return (((command,), refused[command]) for command in sorted(refused)[:MAX_COMMANDS])


def _tags(subject: Subject) -> Iterable[tuple[Labels, RigSnapshot]]:
    snapshot = subject.snapshot
    return (((tag, snapshot.tags[tag]), snapshot) for tag in sorted(snapshot.tags)[:MAX_TAGS])


def _power_source(subject: Subject) -> Iterable[tuple[Labels, RigSnapshot]]:
    source = subject.snapshot.judged.power_source
    return (((source,), subject.snapshot),) if source is not None and subject.snapshot.reading is not None else ()


def _shares(subject: Subject) -> Iterable[tuple[Labels, float | None]]:
    if subject.snapshot.reading is None:
        return ()
    counters = subject.snapshot.counters
    return (("accepted",), counters.accepted), (("rejected",), counters.rejected), (("stale",), counters.stale)


def _faults(subject: Subject) -> Iterable[tuple[Labels, RigSnapshot]]:
    reading = subject.snapshot.reading
    faults = (reading.faults or ())[:MAX_FAULTS] if reading is not None else ()
    named = dict.fromkeys((str(fault.code)[:40], fault.component or "") for fault in faults)
    return ((labels, subject.snapshot) for labels in named)


def _air(subject: Subject) -> Iterable[tuple[Labels, float | None]]:
    reading = subject.snapshot.reading
    if reading is None:
        return ()
    return (("inlet",), reading.temperature_inlet), (("outlet",), reading.temperature_outlet)


def _windows(subject: Subject) -> Iterable[tuple[Labels, float | None]]:
    reading = subject.snapshot.reading
    return (((window,), reading.hashrate.get(window)) for window in WINDOWS) if reading is not None else ()


def _reported_faults(snapshot: RigSnapshot) -> float | None:
    reading = snapshot.reading
    return None if reading is None or reading.faults is None else len(reading.faults)


def _value(number: float | None) -> float | None:
    return number


HEALTH: Family[Subject, RigSnapshot] = Family("rig: health", _always, (
    Metric("rig_up", Unit.NONE, "1 if the rig answered the last poll with a reading that is still fresh, else 0. "
           "Rigs are polled in the background, not at scrape.",
           lambda s: int(s.up and s.reading is not None), levels=WORKS),
    Metric("rig_last_success", Unit.TIMESTAMP, "When the rig last gave a good answer, in seconds since 1970 UTC.",
           lambda s: s.polling.last_success),
))  # fmt: skip

INFO: Family[Subject, RigSnapshot] = Family("rig: identity", _identity, (
    Metric("rig", Unit.NONE, "Who the rig is, as it said last; value 1. Held while the rig is away.", one, Kind.INFO),
), ("make", "model", "firmware", "firmware_version", "driver", "address", "algorithm"),
   free=("make", "model", "firmware", "firmware_version", "driver", "address"))  # fmt: skip

STATE: Family[Subject, float] = Family("rig: state", _states, (
    Metric("rig_state", Unit.NONE, "1 for the state the rig is in, 0 for the others.", _value),
), ("state",))  # fmt: skip

OUTPUT: Family[Subject, RigSnapshot] = Family("rig: output and power", _measured, (
    Metric("rig_hashrate", Unit.HASHES_PER_SECOND, "Hashrate reported by the rig over one steady window, chosen per "
           f"driver. {AGE}", lambda s: s.judged.hashrate),
    Metric("rig_nameplate", Unit.HASHES_PER_SECOND, "Hashrate of the model's data sheet.",
           lambda s: s.judged.nameplate),
    Metric("rig_expected", Unit.HASHES_PER_SECOND, "Hashrate the firmware expects at its present settings.",
           lambda s: s.reading.hashrate_expected if s.reading else None),
    Metric("rig_power", Unit.WATTS, "Power drawn, from the best known source (mining_rig_power_source_info). "
           f"{AGE}", lambda s: s.judged.power),
    Metric("rig_efficiency", Unit.JOULES_PER_TERAHASH, "Power over hashrate; lower is better.",
           lambda s: s.judged.efficiency),
    Metric("rig_uptime", Unit.SECONDS, "Time since the mining process started.",
           lambda s: s.reading.uptime if s.reading else None),
    Metric("rig_hardware_errors", Unit.NONE, "Hardware errors since the rig was first seen, corrected for resets.",
           lambda s: s.counters.hardware_errors, Kind.COUNTER),
    Metric("rig_energy", Unit.JOULES, "Energy drawn since the rig was first seen: power integrated over time.",
           lambda s: s.counters.energy, Kind.COUNTER),
    Metric("rig_work", Unit.HASHES, "Hashes done since the rig was first seen: hashrate integrated over time.",
           lambda s: s.counters.hashes, Kind.COUNTER),
    Metric("rig_flatline", Unit.NONE, "1 if the rig reports hashrate while its accepted shares stand still, else 0; "
           "absent where shares are not counted.",
           lambda s: None if s.counters.accepted is None else int(s.judged.flatline), levels=BROKEN),
    Metric("rig_faults", Unit.NONE, "Faults the firmware reports now; absent where it does not tell.",
           _reported_faults, levels=FLAG),
))  # fmt: skip

SHARES: Family[Subject, float | None] = Family("rig: shares", _shares, (
    Metric("rig_shares", Unit.NONE, "Shares since the rig was first seen, as the rig counts them, corrected for "
           "resets.", _value, Kind.COUNTER),
), ("result",))  # fmt: skip

POWER_SOURCE: Family[Subject, RigSnapshot] = Family("rig: power source", _power_source, (
    Metric("rig_power_source", Unit.NONE, "How the power figure is known: measured (a meter), reported (the firmware's "
           "estimate), configured or nameplate; value 1.", one, Kind.INFO),
), ("source",))  # fmt: skip

FAULTS: Family[Subject, RigSnapshot] = Family("rig: faults", _faults, (
    Metric("rig_fault", Unit.NONE, f"A fault the firmware reports now (at most {MAX_FAULTS}), with the vendor's code; "
           "value 1.", one, Kind.INFO),
), ("code", "component"), free=("code", "component"))  # fmt: skip

AIR: Family[Subject, float | None] = Family("rig: air or coolant", _air, (
    Metric("rig_temperature", Unit.CELSIUS, "Temperature of the air or coolant that enters or leaves the rig.", _value),
), ("sensor",))  # fmt: skip

POLLS: Family[Subject, float] = Family("polling: outcomes", _polls, (
    Metric("rig_polls", Unit.NONE, "Polls of the rig by outcome: ok, or the reason of the failure.",
           _value, Kind.COUNTER),
), ("outcome",))  # fmt: skip

POLLING: Family[Subject, RigSnapshot] = Family("polling", _always, (
    Metric("rig_poll_duration", Unit.SECONDS, "How long the last exchange with the rig took.",
           lambda s: s.polling.duration),
    Metric("rig_polls_skipped", Unit.NONE, "Polls left out because the one before was still running.",
           lambda s: s.polling.skipped, Kind.COUNTER),
    Metric("rig_defects", Unit.NONE, "Fields of the rig's answers that were there but could not be read.",
           lambda s: s.polling.defects, Kind.COUNTER),
))  # fmt: skip

REFUSED: Family[Subject, float] = Family("polling: refused commands", _refused, (
    Metric("rig_commands_refused", Unit.NONE, "Optional commands the rig refused or does not know.",
           _value, Kind.COUNTER, Stability.EXPERIMENTAL),
), ("command",))  # fmt: skip

TAGS: Family[Subject, RigSnapshot] = Family("rig: tags", _tags, (
    Metric("rig_tag", Unit.NONE, f"A tag from the config (at most {MAX_TAGS}); value 1.", one, Kind.INFO,
           Stability.EXPERIMENTAL),
), ("tag", "value"))  # fmt: skip

HASHRATE_WINDOWS: Family[Subject, float | None] = Family("rig: hashrate windows", _windows, (
    Metric("rig_hashrate_window", Unit.HASHES_PER_SECOND, "Hashrate over each window the firmware averages itself; "
           "off by default, since avg_over_time() of the canonical hashrate says the same.", _value),
), ("window",), option="windows")  # fmt: skip
