"""Holds the rows of the metric table that describe the stratum endpoints: sessions, jobs, the race, what they cost.

The label `endpoint` is scheme, host and port. No user, payout address or job id is a label.
"""

from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from stratoscope.metrics.metric import Family, Kind, Labels, Metric, Spread, Stability
from stratoscope.metrics.unit import Unit
from stratoscope.stratum.jobs.template import Template
from stratoscope.stratum.watch.records import ENDS, LOSSES, TURNS, EndpointNow, Loss, StratumNow

ENDPOINT: Final = ("endpoint",)


class _Job(NamedTuple):
    now: float
    endpoint: EndpointNow
    template: Template


def _endpoints(now: StratumNow) -> Iterable[tuple[Labels, EndpointNow]]:
    return (((url,), one) for url, one in now.endpoints.items())


def _up(now: StratumNow) -> Iterable[tuple[Labels, _Job]]:
    return (((url,), _Job(now.at, one, one.template)) for url, one in now.endpoints.items() if one.template is not None)


def _phases(now: StratumNow) -> Iterator[tuple[Labels, float]]:
    for url, one in now.endpoints.items():
        for phase, seconds in one.phases.items():
            yield (url, phase), seconds


def _rtt(now: StratumNow) -> Iterator[tuple[Labels, float | None]]:
    for url, one in now.endpoints.items():
        yield (url, "tcp"), one.rtt_tcp
        yield (url, "configure"), one.rtt_configure


def _transactions(now: StratumNow) -> Iterator[tuple[Labels, float]]:
    for url, one in now.endpoints.items():
        if one.template is not None:
            least, most = one.template.transactions
            yield (url, "least"), least
            yield (url, "most"), most


def _chains(now: StratumNow) -> Iterable[tuple[Labels, EndpointNow]]:
    return (((url, one.chain), one) for url, one in now.endpoints.items() if one.chain is not None)


def _sessions(now: StratumNow) -> Iterator[tuple[Labels, float]]:
    for url, one in now.endpoints.items():
        for outcome in ENDS:
            if outcome in one.counts.sessions:
                yield (url, outcome), one.counts.sessions[outcome]


def _job_counts(now: StratumNow) -> Iterator[tuple[Labels, float]]:
    for url, one in now.endpoints.items():
        for clean in (True, False):
            yield (url, str(clean).lower()), one.counts.jobs.get(clean, 0)


def _turns(now: StratumNow) -> Iterator[tuple[Labels, float]]:
    for url, one in now.endpoints.items():
        for turn in TURNS:
            yield (url, turn), one.counts.turns.get(turn, 0)


def _losses(now: StratumNow) -> Iterator[tuple[Labels, Loss]]:
    for url, one in now.endpoints.items():
        for reason in LOSSES:
            yield (url, reason), one.counts.losses.get(reason, Loss())


def _tip(now: StratumNow) -> Iterable[tuple[Labels, StratumNow]]:
    return (((), now),)


def _unwatched(now: StratumNow) -> Iterable[tuple[Labels, float]]:
    return (((reason,), count) for reason, count in now.unwatched.items())


def _alarms(now: StratumNow) -> Iterable[tuple[Labels, float]]:
    return (((alarm.endpoint, alarm.kind), 1) for alarm in now.alarms)


def _delays(one: EndpointNow) -> Spread:
    delays = one.counts.delays
    return Spread(delays.buckets, delays.count, delays.total)


def _value(number: float | None) -> float | None:
    return number


def _flag(value: bool | None) -> float | None:
    return None if value is None else int(value)


def _age(job: _Job) -> float | None:
    return None if job.endpoint.job_at is None else max(0.0, job.now - job.endpoint.job_at)


def _offset(job: _Job) -> float | None:
    return None if job.endpoint.job_at is None else job.template.ntime - job.endpoint.job_at


ENDPOINTS: Family[StratumNow, EndpointNow] = Family("stratum endpoint", _endpoints, (
    Metric("stratum_up", Unit.NONE, "1 while a session stands and gives jobs, else 0.", lambda e: int(e.up)),
    Metric("stratum_session_start", Unit.TIMESTAMP, "When the session that stands began.", lambda e: e.since),
    Metric("stratum_rigs", Unit.NONE, "Rigs whose active pool slot is this endpoint.", lambda e: e.rigs),
    Metric("stratum_rigs_hashrate", Unit.HASHES_PER_SECOND, "Hashrate of the rigs whose active pool slot is this "
           "endpoint.", lambda e: e.hashrate),
    Metric("stratum_share_difficulty", Unit.NONE, "Share difficulty that the endpoint set for this silent session.",
           lambda e: e.difficulty),
    Metric("stratum_extranonce1_size", Unit.NONE, "Bytes of the extranonce that the endpoint fixes.",
           lambda e: e.extranonce1_size),
    Metric("stratum_extranonce2_size", Unit.NONE, "Bytes of the extranonce that a miner may choose.",
           lambda e: e.extranonce2_size),
    Metric("stratum_version_rolling_bits", Unit.NONE, "Bits of the block version that a miner may roll (BIP 310).",
           lambda e: None if e.version_mask is None else e.version_mask.bit_count()),
    Metric("stratum_certificate_not_after", Unit.TIMESTAMP, "When the endpoint's certificate (TLS or V2) expires.",
           lambda e: e.certificate_end),
    Metric("stratum_certificate_verified", Unit.NONE, "1 if the certificate is good for this host (TLS), or by the "
           "authority in the URL (V2), 0 if not; the session is held all the same, since it sends no secret.",
           lambda e: _flag(e.certificate_verified)),
    Metric("stratum_messages", Unit.NONE, "Messages for people that the endpoint sent (client.show_message).",
           lambda e: e.counts.messages, Kind.COUNTER),
    Metric("stratum_garbled_lines", Unit.NONE, "Lines of the endpoint that were no stratum message.",
           lambda e: e.counts.garbled, Kind.COUNTER),
), ENDPOINT)  # fmt: skip

PHASES: Family[StratumNow, float] = Family("stratum endpoint: opening a session", _phases, (
    Metric("stratum_phase", Unit.SECONDS, "How long each step of opening the newest session took: dns, connect, tls, "
           "subscribe, authorize, first_job (from the subscription to the first job).", _value),
), ("endpoint", "phase"))  # fmt: skip

RTT: Family[StratumNow, float | None] = Family("stratum endpoint: round trip", _rtt, (
    Metric("stratum_rtt", Unit.SECONDS, "Round trip to the endpoint: tcp is the kernel's smoothed figure, configure "
           "the least of the last answers to mining.configure, with the pool's own time in it.", _value),
), ("endpoint", "by"))  # fmt: skip

JOBS: Family[StratumNow, EndpointNow] = Family("stratum endpoint: jobs", _endpoints, (
    Metric("stratum_job_interval", Unit.SECONDS, "Mean time between the newest jobs.", lambda e: e.job_interval),
    Metric("stratum_height_lag", Unit.NONE, "Blocks by which the endpoint's work is behind the best endpoint of its "
           "chain.", lambda e: e.lag),
    Metric("stratum_empty_jobs", Unit.NONE, "Jobs that hold no transaction besides the coinbase.",
           lambda e: e.counts.empty_jobs, Kind.COUNTER),
    Metric("stratum_unreadable_jobs", Unit.NONE, "Jobs whose coinbase could not be read to its end.",
           lambda e: e.counts.unreadable_jobs, Kind.COUNTER),
), ENDPOINT)  # fmt: skip

JOB: Family[StratumNow, _Job] = Family("stratum endpoint: the newest job", _up, (
    Metric("stratum_job_age", Unit.SECONDS, "Time since the newest job came.", _age),
    Metric("stratum_job_height", Unit.NONE, "Height of the block that the job builds.", lambda j: j.template.height),
    Metric("stratum_job_network_difficulty", Unit.NONE, "Network difficulty in the job (from nbits).",
           lambda j: j.template.network_difficulty),
    Metric("stratum_job_coinbase_value", Unit.SATOSHIS, "What the job's coinbase pays: subsidy and fees.",
           lambda j: j.template.coinbase_value_sat),
    Metric("stratum_job_subsidy", Unit.SATOSHIS, "Subsidy at the job's height.", lambda j: j.template.subsidy_sat),
    Metric("stratum_job_fees", Unit.SATOSHIS, "Fees in the job; absent when its coinbase claims less than the subsidy.",
           lambda j: j.template.fees_sat),
    Metric("stratum_job_under_claimed", Unit.SATOSHIS, "Subsidy that the job's coinbase leaves unclaimed.",
           lambda j: j.template.under_claimed_sat),
    Metric("stratum_job_outputs", Unit.NONE, "Outputs of the job's coinbase.", lambda j: len(j.template.outputs)),
    Metric("stratum_job_empty", Unit.NONE, "1 if the job holds no transaction besides the coinbase, else 0.",
           lambda j: int(j.template.empty)),
    Metric("stratum_job_time_offset", Unit.SECONDS, "The job's time less ours when it came; above 0 it is ahead.",
           _offset),
), ENDPOINT)  # fmt: skip

TRANSACTIONS: Family[StratumNow, float] = Family("stratum endpoint: transactions", _transactions, (
    Metric("stratum_job_transactions", Unit.NONE, "Transactions in the newest job, with the coinbase: the least and "
           "the most that its merkle branches allow.", _value),
), ("endpoint", "bound"))  # fmt: skip

CHAIN: Family[StratumNow, EndpointNow] = Family("stratum endpoint: chain", _chains, (
    Metric("stratum_chain_match", Unit.NONE, "1 if the endpoint works on the chain of the majority, 0 if on another.",
           lambda e: _flag(e.chain_match)),
), ("endpoint", "chain"))  # fmt: skip

RACE: Family[StratumNow, EndpointNow] = Family("stratum endpoint: the race", _endpoints, (
    Metric("stratum_blocks", Unit.NONE, "New blocks that the endpoint announced while its session stood.",
           lambda e: e.counts.blocks, Kind.COUNTER),
    Metric("stratum_blocks_raced", Unit.NONE, "Of those, the blocks that another endpoint announced too.",
           lambda e: e.counts.raced, Kind.COUNTER),
    Metric("stratum_blocks_first", Unit.NONE, "Of the raced blocks, those that this endpoint announced first, "
           "corrected for the way of the message (half a round trip).", lambda e: e.counts.first, Kind.COUNTER),
    Metric("stratum_blocks_missed", Unit.NONE, "Blocks that other endpoints announced within a minute and this one "
           "never did, though its session stood.", lambda e: e.counts.missed, Kind.COUNTER),
    Metric("stratum_block_delay", Unit.SECONDS, "How long after the first endpoint this one announced each raced "
           "block, corrected for the way of the message; 0 for the first.", lambda e: e.counts.delays.count,
           Kind.HISTOGRAM, spread=_delays),
), ENDPOINT)  # fmt: skip

COSTS: Family[StratumNow, Loss] = Family("stratum endpoint: what poor work cost", _losses, (
    Metric("stratum_poor_work", Unit.SECONDS, "Time in which the endpoint gave empty templates, or late work on a "
           "block that others had left.", lambda r: r.seconds, Kind.COUNTER),
    Metric("stratum_lost", Unit.SATOSHIS, "What the site's hashrate at this endpoint would have earned more in that "
           "time: the fees for empty templates, everything for late work. Who bears it, the payout scheme says.",
           lambda r: r.satoshis, Kind.COUNTER, Stability.EXPERIMENTAL),
), ("endpoint", "reason"))  # fmt: skip

SESSIONS: Family[StratumNow, float] = Family("stratum endpoint: sessions", _sessions, (
    Metric("stratum_sessions", Unit.NONE, "Sessions that ended, by outcome.", _value, Kind.COUNTER),
), ("endpoint", "outcome"))  # fmt: skip

JOB_COUNTS: Family[StratumNow, float] = Family("stratum endpoint: job counts", _job_counts, (
    Metric("stratum_jobs", Unit.NONE, "Jobs, by whether the endpoint asked miners to drop older work.", _value,
           Kind.COUNTER),
), ("endpoint", "clean"))  # fmt: skip

ASKED: Family[StratumNow, float] = Family("stratum endpoint: requests to go elsewhere", _turns, (
    Metric("stratum_reconnect_requests", Unit.NONE, "client.reconnect requests: to the same host, within its "
           "registered domain, or abroad. Those abroad are never followed.", _value, Kind.COUNTER),
), ("endpoint", "to"))  # fmt: skip

TIP: Family[StratumNow, StratumNow] = Family("stratum: the tip", _tip, (
    Metric("stratum_tip_height", Unit.NONE, "Height of the newest block that the endpoints of the majority's chain "
           "build on.", lambda n: n.height),
    Metric("stratum_tip_first_heard", Unit.TIMESTAMP, "When the first endpoint announced that block.",
           lambda n: n.tip_at),
    Metric("stratum_template_fees", Unit.SATOSHIS, "Median fees of the newest templates that hold transactions, one "
           "for each of the last heights.", lambda n: n.mean_fees),
))  # fmt: skip

ALARM: Family[StratumNow, float] = Family("stratum: alarms", _alarms, (
    Metric("stratum_alarm", Unit.NONE, "1 for each alarm that stands: down, no_work (the endpoint wants a user), chain "
           "(not the majority's), behind (over a minute on a block that others left), redirect (asked to go abroad "
           "within the last hour), certificate (expires within 14 days; V2: not good), empty (templates for over "
           "two minutes), unreadable (coinbase).", _value),
), ("endpoint", "alarm"))  # fmt: skip

UNWATCHED: Family[StratumNow, float] = Family("stratum: endpoints not watched", _unwatched, (
    Metric("stratum_unwatched_endpoints", Unit.NONE, "Endpoints that rigs name and that are not watched: above the "
           "limit, of a protocol not spoken here, switched off by allow or skip, or unreadable.",
           _value),
), ("reason",))  # fmt: skip
