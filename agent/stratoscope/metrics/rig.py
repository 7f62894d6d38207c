"""Defines the metrics of a whole rig: health, polling, identity, output and power."""

from collections.abc import Iterable, Iterator
from typing import Final

from stratoscope.errors import POLL_REASONS
from stratoscope.fleet import STATES, RigSnapshot
from stratoscope.metrics.metric import (
    BROKEN,
    FLAG,
    WORKS,
    Labels,
    MetricFamily,
    MetricsOf,
    Stability,
    Subject,
    counter,
    gauge,
    info,
)
from stratoscope.metrics.unit import Unit
from stratoscope.reading import WINDOWS

OUTCOMES: Final = frozenset(("ok", *POLL_REASONS))
MAX_FAULTS: Final = 8
MAX_TAGS: Final = 8
MAX_COMMANDS: Final = 16
AGE: Final = (
    "Rigs are polled in the background: the value is as old as mining_rig_last_success_timestamp_seconds and is "
    "removed after 2.5 poll intervals (at least 90 s)."
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


per_rig = MetricsOf[RigSnapshot]()

HEALTH: MetricFamily[Subject, RigSnapshot] = MetricFamily("rig: health", _always).with_metrics(
    per_rig.gauge("rig_up", Unit.NONE, lambda s: int(s.up and s.reading is not None), levels=WORKS).means(
        "1 if the last poll of the rig succeeded and its reading is still fresh, else 0. Rigs are polled in the "
        "background, not at scrape time."
    ),
    per_rig.gauge("rig_last_success", Unit.TIMESTAMP, lambda s: s.polling.last_success).means(
        "Time of the last successful poll."
    ),
)

INFO: MetricFamily[Subject, RigSnapshot] = MetricFamily(
    "rig: identity",
    _identity,
    ("make", "model", "firmware", "firmware_version", "driver", "address", "algorithm"),
    free=("make", "model", "firmware", "firmware_version", "driver", "address"),
).with_metrics(
    info("rig").means("Identity of the rig as last reported; value 1. Kept while the rig is offline."),
)

STATE: MetricFamily[Subject, float] = MetricFamily("rig: state", _states, ("state",)).with_metrics(
    gauge("rig_state", Unit.NONE).means("1 for the current state of the rig, 0 for all other states."),
)

OUTPUT: MetricFamily[Subject, RigSnapshot] = MetricFamily("rig: output and power", _measured).with_metrics(
    per_rig.gauge("rig_hashrate", Unit.HASHES_PER_SECOND, lambda s: s.judged.hashrate).means(
        f"Hashrate reported by the rig, averaged over one window that is fixed per driver. {AGE}"
    ),
    per_rig.gauge("rig_nameplate", Unit.HASHES_PER_SECOND, lambda s: s.judged.nameplate).means(
        "Hashrate in the model's data sheet."
    ),
    per_rig.gauge(
        "rig_expected", Unit.HASHES_PER_SECOND, lambda s: s.reading.hashrate_expected if s.reading else None
    ).means("Hashrate that the firmware expects at its current settings."),
    per_rig.gauge("rig_power", Unit.WATTS, lambda s: s.judged.power).means(
        f"Power draw from the best available source (see mining_rig_power_source_info). {AGE}"
    ),
    per_rig.gauge("rig_efficiency", Unit.JOULES_PER_TERAHASH, lambda s: s.judged.efficiency).means(
        "Power divided by hashrate; lower is better."
    ),
    per_rig.gauge("rig_uptime", Unit.SECONDS, lambda s: s.reading.uptime if s.reading else None).means(
        "Time since the mining process started."
    ),
    per_rig.counter("rig_hardware_errors", Unit.NONE, lambda s: s.counters.hardware_errors).means(
        "Hardware errors since the rig was first seen, corrected for counter resets."
    ),
    per_rig.counter("rig_energy", Unit.JOULES, lambda s: s.counters.energy).means(
        "Energy used since the rig was first seen: power integrated over time."
    ),
    per_rig.counter("rig_work", Unit.HASHES, lambda s: s.counters.hashes).means(
        "Hashes computed since the rig was first seen: hashrate integrated over time."
    ),
    per_rig.gauge(
        "rig_flatline",
        Unit.NONE,
        lambda s: None if s.counters.accepted is None else int(s.judged.flatline),
        levels=BROKEN,
    ).means(
        "1 if the rig reports hashrate but its accepted shares do not increase, else 0; absent if the rig does not "
        "count shares."
    ),
    per_rig.gauge("rig_faults", Unit.NONE, _reported_faults, levels=FLAG).means(
        "Number of faults that the firmware reports; absent if the firmware does not report faults."
    ),
)

SHARES: MetricFamily[Subject, float | None] = MetricFamily("rig: shares", _shares, ("result",)).with_metrics(
    counter("rig_shares", Unit.NONE).means(
        "Shares since the rig was first seen, as counted by the rig and corrected for counter resets."
    ),
)

POWER_SOURCE: MetricFamily[Subject, RigSnapshot] = MetricFamily(
    "rig: power source", _power_source, ("source",)
).with_metrics(
    info("rig_power_source").means(
        "Source of the power figure: measured (meter), reported (firmware estimate), configured or nameplate; value 1."
    ),
)

FAULTS: MetricFamily[Subject, RigSnapshot] = MetricFamily(
    "rig: faults", _faults, ("code", "component"), free=("code", "component")
).with_metrics(
    info("rig_fault").means(
        f"A fault that the firmware reports (at most {MAX_FAULTS}), with the vendor's code; value 1."
    ),
)

AIR: MetricFamily[Subject, float | None] = MetricFamily("rig: air or coolant", _air, ("sensor",)).with_metrics(
    gauge("rig_temperature", Unit.CELSIUS).means(
        "Temperature of the air or coolant at the inlet or outlet of the rig."
    ),
)

POLLS: MetricFamily[Subject, float] = MetricFamily("polling: outcomes", _polls, ("outcome",)).with_metrics(
    counter("rig_polls", Unit.NONE).means("Polls of the rig by outcome: ok, or the reason of the failure."),
)

POLLING: MetricFamily[Subject, RigSnapshot] = MetricFamily("polling", _always).with_metrics(
    per_rig.gauge("rig_poll_duration", Unit.SECONDS, lambda s: s.polling.duration).means("Duration of the last poll."),
    per_rig.counter("rig_polls_skipped", Unit.NONE, lambda s: s.polling.skipped).means(
        "Scheduled polls skipped because the previous one was still running."
    ),
    per_rig.counter("rig_defects", Unit.NONE, lambda s: s.polling.defects).means(
        "Fields of the rig's responses that were present but could not be read."
    ),
)

REFUSED: MetricFamily[Subject, float] = MetricFamily("polling: refused commands", _refused, ("command",)).with_metrics(
    counter("rig_commands_refused", Unit.NONE, stability=Stability.EXPERIMENTAL).means(
        "Optional commands that the rig refused or does not support."
    ),
)

TAGS: MetricFamily[Subject, RigSnapshot] = MetricFamily("rig: tags", _tags, ("tag", "value")).with_metrics(
    info("rig_tag", stability=Stability.EXPERIMENTAL).means(f"A tag from the config (at most {MAX_TAGS}); value 1."),
)

HASHRATE_WINDOWS: MetricFamily[Subject, float | None] = MetricFamily(
    "rig: hashrate windows", _windows, ("window",), option="windows"
).with_metrics(
    gauge("rig_hashrate_window", Unit.HASHES_PER_SECOND).means(
        "Hashrate over each averaging window of the firmware. Off by default, because avg_over_time() of "
        "mining_rig_hashrate_hashes_per_second gives the same."
    ),
)
