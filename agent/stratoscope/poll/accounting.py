"""Settles a rig's accounts after a good reading: its sums, its money, what its shares prove, how fresh its work is."""

from dataclasses import replace

from stratoscope.fleet import RigSnapshot
from stratoscope.judgement.counters import NO_ACCRUAL, Sample, raw_counters
from stratoscope.judgement.judge import Nameplate
from stratoscope.poll.plan import Plan, PollDeps
from stratoscope.reading import Reading
from stratoscope.stratum.watch.behind import blocks_behind


def with_accounting(
    rooms: PollDeps,
    plan: Plan,
    key: str,
    snapshot: RigSnapshot,
    reading: Reading,
    nameplate: Nameplate,
    interval: float,
) -> RigSnapshot:
    """Return `snapshot` with its sums, and with what the rooms that are there know of it: money, proof, tip."""
    now, judged, money = rooms.clock.monotonic(), snapshot.judged, rooms.economist
    accrued = NO_ACCRUAL
    if money is not None:
        earns = not judged.flatline
        accrued = money.accrued(reading.algorithm, plan.tariff_group, now, snapshot.at, earns=earns)
    sample = Sample(raw_counters(reading), reading.uptime, now, judged.power, judged.hashrate, snapshot.at, accrued)
    last, before = rooms.book.sample(key), rooms.book.counters(key)
    after = rooms.book.advance(key, sample, interval)
    shown = rooms.book.shown(key, after)
    proof = None if rooms.prover is None else rooms.prover.advance(key, reading, judged, now)
    behind = None if rooms.stratum is None else blocks_behind(reading, rooms.stratum.now)
    if money is None:
        return replace(snapshot, counters=shown, proof=proof, behind=behind)
    begun = snapshot.at if last is None or last.at is None else snapshot.at - (now - last.at)
    money.settle(snapshot.rig, before, after, begun, snapshot.at)
    economics = money.assess(snapshot, reading, plan.tariff_group, nameplate, now)
    return replace(snapshot, counters=shown, economics=economics, proof=proof, behind=behind)
