"""Adds up a rig's counters across its restarts: sums never decrease, gaps are never filled.

A rig counts from its own start. A counter that decreased, or an uptime shorter than the time since the last sample,
means a restart: everything that the rig shows now was counted since. Energy and hashes are integrals over observed
time; over a gap longer than 2.5 intervals nothing is added, because nothing is known about it. Money is hashrate and
power integrated over what one H/s earned and one W cost in the same time.
"""

from dataclasses import dataclass
from typing import Final, NamedTuple

from stratoscope.fleet import Counters
from stratoscope.reading import Reading

MAX_GAP_INTERVALS: Final = 2.5
"""Polling intervals between two samples over which power and hashrate are still integrated."""
UPTIME_SLACK_S: Final = 30.0
"""Seconds by which an uptime may differ from its expected value; beyond it the rig restarted or was replaced."""

UPTIME_ROUNDING_S: Final = 2.0
MAX_CLOCK_DRIFT_RATIO: Final = 1e-3
"""A rig reports whole seconds of uptime, and its clock is off by less than one part in a thousand."""

COUNTER_NAMES: Final = ("accepted", "rejected", "stale", "hardware_errors")


class Accrued(NamedTuple):
    """What one H/s earned and one W cost since the agent started, at the rates of each moment; None: not computed.

    The difference of two of them is the value of the time between, whatever rates changed in it. An amount and its
    seconds grow only while the rates are known.
    """

    sat: float | None = None  # sat per H/s, after fees
    worth: float | None = None  # millionths of fiat per H/s
    cost: float | None = None  # millionths of fiat per W drawn by the rig, while the price is above zero
    credit: float | None = (
        None  # the same while the price is below zero; a separate sum, because counters must not decrease
    )
    worth_seconds: float = 0.0
    cost_seconds: float = 0.0
    currency: str | None = None


NO_ACCRUAL: Final = Accrued()


@dataclass(frozen=True, slots=True)
class Sample:
    """The rig's own values at one time (`at`: monotonic s; None after a restart of the agent)."""

    raw: tuple[int | None, int | None, int | None, int | None] = (None, None, None, None)
    uptime: float | None = None  # s
    at: float | None = None  # monotonic s
    power: float | None = None  # W
    hashrate: float | None = None  # H/s
    time: float = 0.0  # UTC s, for the time while the agent was down
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
    """Tell whether the uptime does not continue the previous one: a restart, or another rig at this address."""
    if before.uptime is None or now.uptime is None or before.at is None or now.at is None:
        return False
    return abs((now.uptime - before.uptime) - (now.at - before.at)) > UPTIME_SLACK_S


def _added(total: int | None, before: int | None, now: int | None, *, reset: bool) -> int | None:
    if now is None:
        return total
    if total is None:
        return now
    if before is None:
        return total  # not reported last time: the increase is unknown
    return total + (now if reset or now < before else now - before)


def _integral(total: float | None, before: float | None, now: float | None, seconds: float) -> float | None:
    if before is None or now is None:
        return total if total is not None or now is None else 0.0
    return (total or 0.0) + 0.5 * (before + now) * seconds


def _observed_seconds(before: Sample, now: Sample, interval: float, *, reset: bool) -> float:
    """Return how many seconds up to `now` the rig was observed; 0 over a gap or a restart."""
    if before.at is None or now.at is None or reset:
        return 0.0
    seconds = now.at - before.at
    return seconds if 0 <= seconds <= MAX_GAP_INTERVALS * interval else 0.0


def advance(counters: Counters, before: Sample | None, now: Sample, interval: float) -> Counters:
    """Return the counters after `now`; gaps longer than MAX_GAP_INTERVALS of `interval` (s) are not integrated."""
    if before is None:
        before = Sample()
    reset = restarted(before, now)
    totals = [
        _added(getattr(counters, name), old, new, reset=reset)
        for name, old, new in zip(COUNTER_NAMES, before.raw, now.raw, strict=True)
    ]
    seconds = _observed_seconds(before, now, interval, reset=reset)
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
    """Return the mean of two rates times what one unit accrued between them; None where a value is unknown."""
    if before is None or now is None or start is None or end is None:
        return None
    return 0.5 * (before + now) * (end - start)


def _sum(total: float | None, more: float | None) -> float | None:
    return total if more is None else (total or 0.0) + more
