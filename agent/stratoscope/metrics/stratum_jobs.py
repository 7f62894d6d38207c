"""Defines the metrics of the jobs that stratum endpoints send: content, timing, chain and block announcements."""

from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from stratoscope.metrics.metric import (
    Distribution,
    Labels,
    MetricFamily,
    MetricsOf,
    Stability,
    counter,
    gauge,
)
from stratoscope.metrics.unit import Unit
from stratoscope.stratum.jobs.template import JobTemplate
from stratoscope.stratum.watch.records import LOSS_REASONS, EndpointLoss, EndpointState, StratumState

ENDPOINT: Final = ("endpoint",)


class _Job(NamedTuple):
    now: float
    endpoint: EndpointState
    template: JobTemplate


def _endpoints(now: StratumState) -> Iterable[tuple[Labels, EndpointState]]:
    return (((url,), one) for url, one in now.endpoints.items())


def _up(now: StratumState) -> Iterable[tuple[Labels, _Job]]:
    return (((url,), _Job(now.at, one, one.template)) for url, one in now.endpoints.items() if one.template is not None)


def _transactions(now: StratumState) -> Iterator[tuple[Labels, float]]:
    for url, one in now.endpoints.items():
        if one.template is not None:
            least, most = one.template.transactions
            yield (url, "least"), least
            yield (url, "most"), most


def _chains(now: StratumState) -> Iterable[tuple[Labels, EndpointState]]:
    return (((url, one.chain), one) for url, one in now.endpoints.items() if one.chain is not None)


def _job_counts(now: StratumState) -> Iterator[tuple[Labels, float]]:
    for url, one in now.endpoints.items():
        for clean in (True, False):
            yield (url, str(clean).lower()), one.counts.jobs.get(clean, 0)


def _losses(now: StratumState) -> Iterator[tuple[Labels, EndpointLoss]]:
    for url, one in now.endpoints.items():
        for reason in LOSS_REASONS:
            yield (url, reason), one.counts.losses.get(reason, EndpointLoss())


def _delays(one: EndpointState) -> Distribution:
    delays = one.counts.delays
    return Distribution(delays.buckets, delays.count, delays.total)


def _flag(value: bool | None) -> float | None:
    return None if value is None else int(value)


def _age(job: _Job) -> float | None:
    return None if job.endpoint.job_at is None else max(0.0, job.now - job.endpoint.job_at)


def _offset(job: _Job) -> float | None:
    return None if job.endpoint.job_at is None else job.template.ntime - job.endpoint.job_at


per_endpoint = MetricsOf[EndpointState]()


per_job = MetricsOf[_Job]()


per_loss = MetricsOf[EndpointLoss]()


JOBS: MetricFamily[StratumState, EndpointState] = MetricFamily(
    "stratum endpoint: jobs", _endpoints, ENDPOINT
).with_metrics(
    per_endpoint.gauge("stratum_job_interval", Unit.SECONDS, lambda e: e.job_interval).means(
        "Mean time between the newest jobs."
    ),
    per_endpoint.gauge("stratum_height_lag", Unit.NONE, lambda e: e.lag).means(
        "Blocks by which the endpoint's work is behind the best endpoint of its chain."
    ),
    per_endpoint.counter("stratum_empty_jobs", Unit.NONE, lambda e: e.counts.empty_jobs).means(
        "Jobs without any transaction except the coinbase."
    ),
    per_endpoint.counter("stratum_unreadable_jobs", Unit.NONE, lambda e: e.counts.unreadable_jobs).means(
        "Jobs whose coinbase could not be decoded completely."
    ),
)


JOB: MetricFamily[StratumState, _Job] = MetricFamily("stratum endpoint: the newest job", _up, ENDPOINT).with_metrics(
    per_job.gauge("stratum_job_age", Unit.SECONDS, _age).means("Time since the newest job arrived."),
    per_job.gauge("stratum_job_height", Unit.NONE, lambda j: j.template.height).means(
        "Height of the block that the job builds."
    ),
    per_job.gauge("stratum_job_network_difficulty", Unit.NONE, lambda j: j.template.network_difficulty).means(
        "Network difficulty in the job (from nbits)."
    ),
    per_job.gauge("stratum_job_coinbase_value", Unit.SATOSHIS, lambda j: j.template.coinbase_value_sat).means(
        "Coinbase value of the job: subsidy plus fees."
    ),
    per_job.gauge("stratum_job_subsidy", Unit.SATOSHIS, lambda j: j.template.subsidy_sat).means(
        "Subsidy at the job's height."
    ),
    per_job.gauge("stratum_job_fees", Unit.SATOSHIS, lambda j: j.template.fees_sat).means(
        "Transaction fees in the job; absent if its coinbase claims less than the subsidy."
    ),
    per_job.gauge("stratum_job_under_claimed", Unit.SATOSHIS, lambda j: j.template.under_claimed_sat).means(
        "Part of the subsidy that the job's coinbase does not claim."
    ),
    per_job.gauge("stratum_job_outputs", Unit.NONE, lambda j: len(j.template.outputs)).means(
        "Outputs of the job's coinbase."
    ),
    per_job.gauge("stratum_job_empty", Unit.NONE, lambda j: int(j.template.empty)).means(
        "1 if the job contains no transaction except the coinbase, else 0."
    ),
    per_job.gauge("stratum_job_time_offset", Unit.SECONDS, _offset).means(
        "The job's time minus the agent's time at arrival; positive means that the job is ahead."
    ),
)


TRANSACTIONS: MetricFamily[StratumState, float] = MetricFamily(
    "stratum endpoint: transactions", _transactions, ("endpoint", "bound")
).with_metrics(
    gauge("stratum_job_transactions", Unit.NONE).means(
        "Transactions in the newest job, including the coinbase: minimum and maximum that its merkle branches allow."
    ),
)


CHAIN: MetricFamily[StratumState, EndpointState] = MetricFamily(
    "stratum endpoint: chain", _chains, ("endpoint", "chain")
).with_metrics(
    per_endpoint.gauge("stratum_chain_match", Unit.NONE, lambda e: _flag(e.chain_match)).means(
        "1 if the endpoint works on the majority chain, 0 if on another chain."
    ),
)


RACE: MetricFamily[StratumState, EndpointState] = MetricFamily(
    "stratum endpoint: block announcements", _endpoints, ENDPOINT
).with_metrics(
    per_endpoint.counter("stratum_blocks", Unit.NONE, lambda e: e.counts.blocks).means(
        "New blocks announced by the endpoint during a session."
    ),
    per_endpoint.counter("stratum_blocks_raced", Unit.NONE, lambda e: e.counts.raced).means(
        "Blocks announced by this endpoint and at least one other."
    ),
    per_endpoint.counter("stratum_blocks_first", Unit.NONE, lambda e: e.counts.first).means(
        "Blocks that this endpoint announced before all others, corrected for network latency (half the round-trip "
        "time)."
    ),
    per_endpoint.counter("stratum_blocks_missed", Unit.NONE, lambda e: e.counts.missed).means(
        "Blocks that other endpoints announced within one minute and this endpoint never announced, although its "
        "session was open."
    ),
    per_endpoint.histogram("stratum_block_delay", Unit.SECONDS, _delays).means(
        "Delay of this endpoint's announcement of each raced block after the first endpoint, corrected for network "
        "latency; 0 for the first."
    ),
)


COSTS: MetricFamily[StratumState, EndpointLoss] = MetricFamily(
    "stratum endpoint: cost of empty and late work", _losses, ("endpoint", "reason")
).with_metrics(
    per_loss.counter("stratum_poor_work", Unit.SECONDS, lambda r: r.seconds).means(
        "Time during which the endpoint sent empty templates, or work on a block that other endpoints had already left."
    ),
    per_loss.counter("stratum_lost", Unit.SATOSHIS, lambda r: r.satoshis, stability=Stability.EXPERIMENTAL).means(
        "Earnings that the site's hashrate at this endpoint lost in that time: the fees for empty templates, "
        "everything for late work. The payout scheme decides who bears the loss."
    ),
)


JOB_COUNTS: MetricFamily[StratumState, float] = MetricFamily(
    "stratum endpoint: job counts", _job_counts, ("endpoint", "clean")
).with_metrics(
    counter("stratum_jobs", Unit.NONE).means("Jobs, by whether the endpoint told miners to drop older work."),
)
