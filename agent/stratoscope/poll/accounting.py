"""Adds the accounts to a judged snapshot: counters, money, the hashrate that shares prove, blocks behind the tip."""

from dataclasses import replace

from stratoscope.fleet import RigSnapshot
from stratoscope.judgement.counters import NO_ACCRUAL, Sample, raw_counters
from stratoscope.judgement.judge import Nameplate
from stratoscope.poll.plan import Accounts, Plan
from stratoscope.reading import Reading
from stratoscope.stratum.watch.behind import blocks_behind


def with_accounting(
    accounts: Accounts,
    plan: Plan,
    key: str,
    snapshot: RigSnapshot,
    reading: Reading,
    nameplate: Nameplate,
    interval: float,
    now: float,
) -> RigSnapshot:
    """Advance the accounts of the machine by one good reading at monotonic `now`; return `snapshot` with them.

    `key` is the machine's identity key.
    """
    judged, economist, store = snapshot.judged, accounts.economist, accounts.counters
    accrued = NO_ACCRUAL
    if economist is not None:
        accrued = economist.accrued(reading.algorithm, plan.tariff_group, now, snapshot.at, earns=not judged.flatline)
    sample = Sample(raw_counters(reading), reading.uptime, now, judged.power, judged.hashrate, snapshot.at, accrued)
    last, before = store.sample(key), store.counters(key)
    after = store.advance(key, sample, interval)
    exported = store.exportable(key, after)
    proof = None if accounts.prover is None else accounts.prover.advance(key, reading, judged, now)
    behind = None if accounts.stratum is None else blocks_behind(reading, accounts.stratum.now)
    if economist is None:
        return replace(snapshot, counters=exported, proof=proof, behind=behind)
    since = snapshot.at if last is None or last.at is None else snapshot.at - (now - last.at)
    economist.settle(snapshot.rig, before, after, since, snapshot.at)
    economics = economist.assess(snapshot, reading, plan.tariff_group, nameplate, now)
    return replace(snapshot, counters=exported, economics=economics, proof=proof, behind=behind)
