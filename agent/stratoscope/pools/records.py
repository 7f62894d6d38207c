"""Holds what is known of every pool at one moment, as the metric table and the pages read it."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from stratoscope.fields import clean_text
from stratoscope.pools.reader import added_up
from stratoscope.pools.report import PoolReport, Scheme, WorkerReport

UNNAMED: Final = ""
RigOf = Callable[[str, str], str | None]
"""Returns the rig behind a worker: (name of the pool, worker as the pool writes it) → rig, None where unknown."""


class WorkerRow(NamedTuple):
    """A worker with series of its own: the rig behind it, and its name where that may be shown."""

    rig: str
    worker: str
    report: WorkerReport


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolNow:
    """One pool: what it says, how old each part of that is, and how the asking fares."""

    name: str
    kind: str
    title: str
    scheme: Scheme | None = None
    report: PoolReport | None = None
    ages: Mapping[str, float] = field(default_factory=dict)  # call → s
    outcomes: Mapping[str, int] = field(default_factory=dict)  # since the start
    unreadable: int = 0  # fields, since the start
    up: bool | None = None
    last_success: float | None = None  # UTC s
    wrong: str | None = None  # the newest failure, for people
    workers: tuple[WorkerRow, ...] = ()
    left_out: int = 0  # workers beyond the limit


def worker_rows(report: PoolReport, rig_of: RigOf, *, named: bool, most: int) -> tuple[tuple[WorkerRow, ...], int]:
    """Return the workers that get series, and how many are left out by the limit `most`.

    Without names only workers with a known rig are there, those of one rig added up: a pool's worker name often is a
    payout address.
    """
    groups: dict[tuple[str, str], list[WorkerReport]] = {}
    for worker in report.workers or ():
        rig = rig_of(report.pool, worker.name) or ""
        name = clean_text(worker.name) if named else UNNAMED
        if rig or name:
            groups.setdefault((rig, name), []).append(worker)
    rows = [WorkerRow(rig, name, _together(same)) for (rig, name), same in list(groups.items())[:most]]
    return tuple(rows), max(0, len(groups) - most)


def _together(same: Iterable[WorkerReport]) -> WorkerReport:
    workers = list(same)
    if len(workers) == 1:
        return workers[0]
    first = workers[0].name
    alike = (
        WorkerReport(name=first, hashrate=w.hashrate, work=w.work, last_share=w.last_share, state=w.state)
        for w in workers
    )
    return added_up(alike)[0]
