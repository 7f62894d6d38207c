"""Defines the metrics of stratum endpoints: sessions, connection times, chain tip and alarms.

The label `endpoint` is scheme, host and port. Users, payout addresses and job ids are never labels.
"""

from collections.abc import Iterable, Iterator
from typing import Final

from stratoscope.metrics.metric import (
    Labels,
    MetricFamily,
    MetricsOf,
    counter,
    gauge,
)
from stratoscope.metrics.unit import Unit
from stratoscope.stratum.watch.records import RECONNECT_TARGETS, SESSION_OUTCOMES, EndpointState, StratumState

ENDPOINT: Final = ("endpoint",)


def _endpoints(now: StratumState) -> Iterable[tuple[Labels, EndpointState]]:
    return (((url,), one) for url, one in now.endpoints.items())


def _phases(now: StratumState) -> Iterator[tuple[Labels, float]]:
    for url, one in now.endpoints.items():
        for phase, seconds in one.phases.items():
            yield (url, phase), seconds


def _rtt(now: StratumState) -> Iterator[tuple[Labels, float | None]]:
    for url, one in now.endpoints.items():
        yield (url, "tcp"), one.rtt_tcp
        yield (url, "configure"), one.rtt_configure


def _sessions(now: StratumState) -> Iterator[tuple[Labels, float]]:
    for url, one in now.endpoints.items():
        for outcome in SESSION_OUTCOMES:
            if outcome in one.counts.sessions:
                yield (url, outcome), one.counts.sessions[outcome]


def _turns(now: StratumState) -> Iterator[tuple[Labels, float]]:
    for url, one in now.endpoints.items():
        for turn in RECONNECT_TARGETS:
            yield (url, turn), one.counts.reconnect_requests.get(turn, 0)


def _tip(now: StratumState) -> Iterable[tuple[Labels, StratumState]]:
    return (((), now),)


def _unwatched(now: StratumState) -> Iterable[tuple[Labels, float]]:
    return (((reason,), count) for reason, count in now.unwatched.items())


def _alarms(now: StratumState) -> Iterable[tuple[Labels, float]]:
    return (((alarm.endpoint, alarm.kind), 1) for alarm in now.alarms)


def _flag(value: bool | None) -> float | None:
    return None if value is None else int(value)


per_endpoint = MetricsOf[EndpointState]()
per_site = MetricsOf[StratumState]()

ENDPOINTS: MetricFamily[StratumState, EndpointState] = MetricFamily(
    "stratum endpoint", _endpoints, ENDPOINT
).with_metrics(
    per_endpoint.gauge("stratum_up", Unit.NONE, lambda e: int(e.up)).means(
        "1 while a session is open and receives jobs, else 0."
    ),
    per_endpoint.gauge("stratum_session_start", Unit.TIMESTAMP, lambda e: e.since).means(
        "Start of the current session."
    ),
    per_endpoint.gauge("stratum_rigs", Unit.NONE, lambda e: e.rigs).means(
        "Rigs whose active pool slot is this endpoint."
    ),
    per_endpoint.gauge("stratum_rigs_hashrate", Unit.HASHES_PER_SECOND, lambda e: e.hashrate).means(
        "Hashrate of the rigs whose active pool slot is this endpoint."
    ),
    per_endpoint.gauge("stratum_share_difficulty", Unit.NONE, lambda e: e.difficulty).means(
        "Share difficulty that the endpoint set for the agent's session, which submits no shares."
    ),
    per_endpoint.gauge("stratum_extranonce1_size", Unit.NONE, lambda e: e.extranonce1_size).means(
        "Bytes of the extranonce that the endpoint sets."
    ),
    per_endpoint.gauge("stratum_extranonce2_size", Unit.NONE, lambda e: e.extranonce2_size).means(
        "Bytes of the extranonce that a miner may choose."
    ),
    per_endpoint.gauge(
        "stratum_version_rolling_bits",
        Unit.NONE,
        lambda e: None if e.version_mask is None else e.version_mask.bit_count(),
    ).means("Bits of the block version that a miner may roll (BIP 310)."),
    per_endpoint.gauge("stratum_certificate_not_after", Unit.TIMESTAMP, lambda e: e.certificate_end).means(
        "Expiry time of the endpoint's certificate (TLS or Stratum V2)."
    ),
    per_endpoint.gauge("stratum_certificate_verified", Unit.NONE, lambda e: _flag(e.certificate_verified)).means(
        "1 if the certificate is valid for this host (TLS) or signed by the authority in the URL (V2), else 0. The "
        "session is kept in both cases, because it sends no secrets."
    ),
    per_endpoint.counter("stratum_messages", Unit.NONE, lambda e: e.counts.messages).means(
        "Messages for the operator sent by the endpoint (client.show_message)."
    ),
    per_endpoint.counter("stratum_garbled_lines", Unit.NONE, lambda e: e.counts.garbled).means(
        "Lines from the endpoint that are not valid stratum messages."
    ),
)

PHASES: MetricFamily[StratumState, float] = MetricFamily(
    "stratum endpoint: opening a session", _phases, ("endpoint", "phase")
).with_metrics(
    gauge("stratum_phase", Unit.SECONDS).means(
        "Duration of each step of opening the newest session: dns, connect, tls, subscribe, authorize, first_job (from "
        "subscription to first job)."
    ),
)

RTT: MetricFamily[StratumState, float | None] = MetricFamily(
    "stratum endpoint: round-trip time", _rtt, ("endpoint", "by")
).with_metrics(
    gauge("stratum_rtt", Unit.SECONDS).means(
        "Round-trip time to the endpoint: tcp is the kernel's smoothed value, configure is the minimum of the last "
        "mining.configure responses and includes the pool's processing time."
    ),
)


SESSIONS: MetricFamily[StratumState, float] = MetricFamily(
    "stratum endpoint: sessions", _sessions, ("endpoint", "outcome")
).with_metrics(
    counter("stratum_sessions", Unit.NONE).means("Ended sessions by outcome."),
)


ASKED: MetricFamily[StratumState, float] = MetricFamily(
    "stratum endpoint: reconnect requests", _turns, ("endpoint", "to")
).with_metrics(
    counter("stratum_reconnect_requests", Unit.NONE).means(
        "client.reconnect requests: to the same host, within the same registered domain, or to a foreign host "
        "(abroad). Requests to a foreign host are never followed."
    ),
)

TIP: MetricFamily[StratumState, StratumState] = MetricFamily("stratum: chain tip", _tip).with_metrics(
    per_site.gauge("stratum_tip_height", Unit.NONE, lambda n: n.height).means(
        "Height of the newest block on which the endpoints of the majority chain build."
    ),
    per_site.gauge("stratum_tip_first_heard", Unit.TIMESTAMP, lambda n: n.tip_at).means(
        "Time of the first announcement of that block by any endpoint."
    ),
    per_site.gauge("stratum_template_fees", Unit.SATOSHIS, lambda n: n.median_fees).means(
        "Median fees of the newest non-empty templates, one for each of the last heights."
    ),
)

ALARM: MetricFamily[StratumState, float] = MetricFamily("stratum: alarms", _alarms, ("endpoint", "alarm")).with_metrics(
    gauge("stratum_alarm", Unit.NONE).means(
        "1 for each active alarm: down, no_work (the endpoint requires a user), chain (not the majority chain), behind "
        "(over a minute on a block that others have left), redirect (asked to reconnect to a foreign host within the "
        "last hour), certificate (expires within 14 days; V2: invalid), empty (empty templates for over two minutes), "
        "unreadable (coinbase)."
    ),
)

UNWATCHED: MetricFamily[StratumState, float] = MetricFamily(
    "stratum: endpoints that are not monitored", _unwatched, ("reason",)
).with_metrics(
    gauge("stratum_unwatched_endpoints", Unit.NONE).means(
        "Endpoints named by rigs that are not monitored: above the limit, unsupported protocol, excluded by allow or "
        "skip, or unreadable URL."
    ),
)
