"""Adds up a rig's counters across its restarts: sums never decrease, gaps are never filled.

A rig counts from its own start. A restart shows by a counter that went down, or by an uptime shorter than the time
since we last looked; then everything it shows now was counted since. Energy and hashes are integrals of what was
seen; over a gap longer than 2.5 intervals nothing is added, because nothing is known of it. Money is hashrate and
power integrated over what a H/s earned and a W cost in the same time.
"""

from dataclasses import dataclass
from typing import Final, NamedTuple

from stratoscope.fleet import Counters
from stratoscope.reading import Reading

MAX_GAP_INTERVALS: Final = 2.5
UPTIME_SLACK_S: Final = 30.0
"""Seconds by which an uptime may miss its expected value before it is another machine's or a restart."""

UPTIME_ROUNDING_S: Final = 2.0
MAX_CLOCK_DRIFT_RATIO: Final = 1e-3
"""A rig's clock against ours: whole seconds, and a quartz that is off by less than a part in a thousand."""

COUNTER_NAMES: Final = ("accepted", "rejected", "stale", "hardware_errors")


class Accrued(NamedTuple):
    """What one H/s earned and one W cost at the rates of every moment since the agent started; None: not reckoned.

    Two of them tell what the time between was worth, whatever changed in it. A part grows only while its rates are
    known, and so do the seconds beside it.
    """

    sat: float | None = None  # sat per H/s, after the fees
    worth: float | None = None  # millionths of fiat per H/s
    cost: float | None = None  # millionths of fiat per W drawn by the rig, while the price is above zero
    credit: float | None = None  # the same while it is below: sums that never decrease can be counters
    worth_seconds: float = 0.0
    cost_seconds: float = 0.0
    currency: str | None = None


NO_ACCRUAL: Final = Accrued()


@dataclass(frozen=True, slots=True)
class Sample:
    """The raw values last seen, and when (monotonic s; None after a restart of the agent)."""

    raw: tuple[int | None, int | None, int | None, int | None] = (None, None, None, None)
    uptime: float | None = None  # s
    at: float | None = None  # monotonic s
    power: float | None = None  # W
    hashrate: float | None = None  # H/s
    time: float = 0.0  # UTC s, for the time that passed while the agent was down
    accrued: Accrued = NO_ACCRUAL  # as of `at`


def raw_counters(reading: Reading) -> tuple[int | None, int | None, int | None, int | None]:
    """Return the rig's own counters in the order of NAMES."""
    shares = reading.shares
    return shares.accepted, shares.rejected, shares.stale, reading.hardware_errors


def restarted(before: Sample, now: Sample) -> bool:
    """Tell whether the rig restarted between the two samples."""
    if before.uptime is not None and now.uptime is not None:
        passed = now.at - before.at if before.at is not None and now.at is not None else now.time - before.time
        if now.uptime < before.uptime or now.uptime + UPTIME_ROUNDING_S < passed * (1 - MAX_CLOCK_DRIFT_RATIO):
            return True
    accepted, seen = now.raw[0], before.raw[0]
    return accepted is not None and seen is not None and accepted < seen


def discontinuous(before: Sample, now: Sample) -> bool:
    """Tell whether the uptime does not continue the one before: a restart, or another rig at this address."""
    if before.uptime is None or now.uptime is None or before.at is None or now.at is None:
        return False
    return abs((now.uptime - before.uptime) - (now.at - before.at)) > UPTIME_SLACK_S


def _added(total: int | None, before: int | None, now: int | None, *, reset: bool) -> int | None:
    if now is None:
        return total
    if total is None:
        return now
    if before is None:
        return total  # it was not reported last time: how much is new is unknown
    return total + (now if reset or now < before else now - before)


def _integral(total: float | None, before: float | None, now: float | None, seconds: float) -> float | None:
    if before is None or now is None:
        return total if total is not None or now is None else 0.0
    return (total or 0.0) + 0.5 * (before + now) * seconds


def _watched(before: Sample, now: Sample, interval: float, *, reset: bool) -> float:
    """Return for how many seconds up to `now` the rig was under observation; 0 over a gap or a restart."""
    if before.at is None or now.at is None or reset:
        return 0.0
    seconds = now.at - before.at
    return seconds if 0 <= seconds <= MAX_GAP_INTERVALS * interval else 0.0


def advance(counters: Counters, before: Sample | None, now: Sample, interval: float) -> Counters:
    """Return the sums after `now`. `interval` in s bounds the gap over which power and hashrate are integrated."""
    if before is None:
        before = Sample()
    reset = restarted(before, now)
    totals = [
        _added(getattr(counters, name), old, new, reset=reset)
        for name, old, new in zip(COUNTER_NAMES, before.raw, now.raw, strict=True)
    ]
    seconds = _watched(before, now, interval, reset=reset)
    start, end = (before.accrued, now.accrued) if seconds else (NO_ACCRUAL, NO_ACCRUAL)
    worth = _accrued(before.hashrate, now.hashrate, start.worth, end.worth)
    cost = _accrued(before.power, now.power, start.cost, end.cost)
    return Counters(
        accepted=totals[0],
        rejected=totals[1],
        stale=totals[2],
        hardware_errors=totals[3],
        energy=_integral(counters.energy, before.power, now.power, seconds),
        hashes=_integral(counters.hashes, before.hashrate, now.hashrate, seconds),
        resets=counters.resets + reset,
        revenue_sat=_sum(counters.revenue_sat, _accrued(before.hashrate, now.hashrate, start.sat, end.sat)),
        revenue_micro=_sum(counters.revenue_micro, worth),
        cost_micro=_sum(counters.cost_micro, cost),
        credit_micro=_sum(counters.credit_micro, _accrued(before.power, now.power, start.credit, end.credit)),
        revenue_seconds=counters.revenue_seconds + (0.0 if worth is None else end.worth_seconds - start.worth_seconds),
        cost_seconds=counters.cost_seconds + (0.0 if cost is None else end.cost_seconds - start.cost_seconds),
        currency=now.accrued.currency or counters.currency,
    )


def _accrued(before: float | None, now: float | None, start: float | None, end: float | None) -> float | None:
    """Return the mean of two rates times what a unit of it accrued meanwhile; None where one of them is unknown."""
    if before is None or now is None or start is None or end is None:
        return None
    return 0.5 * (before + now) * (end - start)


def _sum(total: float | None, more: float | None) -> float | None:
    return total if more is None else (total or 0.0) + more
