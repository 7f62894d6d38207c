"""Defines the current state of every pool, as the metric table and the web pages read it."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final, NamedTuple

from stratoscope.fields import clean_text
from stratoscope.pools.reader import sum_by_name
from stratoscope.pools.report import PoolReport, Scheme, WorkerReport

UNNAMED: Final = ""
FindRig = Callable[[str, str], str | None]
"""Returns the rig behind a worker: (name of the pool, worker as the pool writes it) → rig; None if unknown."""


class WorkerRow(NamedTuple):
    """A worker with its own series: the rig behind it, and its name if names may be shown."""

    rig: str
    worker: str
    report: WorkerReport


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolState:
    """One pool: its report, the age of each result, and how polling it goes."""

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
    error: str | None = None  # the current failure as text
    workers: tuple[WorkerRow, ...] = ()
    left_out: int = 0  # workers over the limit


def worker_rows(report: PoolReport, find_rig: FindRig, *, named: bool, limit: int) -> tuple[tuple[WorkerRow, ...], int]:
    """Return at most `limit` rows of workers, and the number of rows left out.

    Unless `named`, only workers of a known rig get a row, one per rig: a worker's name is often a payout address.
    """
    groups: dict[tuple[str, str], list[WorkerReport]] = {}
    for worker in report.workers or ():
        rig = find_rig(report.pool, worker.name) or ""
        name = clean_text(worker.name) if named else UNNAMED
        if rig or name:
            groups.setdefault((rig, name), []).append(worker)
    rows = [WorkerRow(rig, name, _merge(same)) for (rig, name), same in list(groups.items())[:limit]]
    return tuple(rows), max(0, len(groups) - limit)


def _merge(workers: Iterable[WorkerReport]) -> WorkerReport:
    first, *others = workers
    if not others:
        return first
    return sum_by_name([first, *(replace(worker, name=first.name) for worker in others)])[0]
