"""Defines what is known of one session of an endpoint; it is discarded with the session."""

from dataclasses import dataclass, field

from stratoscope.stratum.jobs.template import JobTemplate


@dataclass(slots=True)
class SessionFacts:
    """The facts of one session; times are monotonic s unless noted otherwise."""

    since: float | None = None
    phases: dict[str, float] = field(default_factory=dict)  # step of opening → s
    rtt_tcp: float | None = None  # s
    rtt_configure: float | None = None  # s
    certificate_end: float | None = None  # UTC s
    certificate_verified: bool | None = None
    template: JobTemplate | None = None  # the newest job
    received: float | None = None  # when the newest job arrived
    empty_from: float | None = None  # start of the empty templates that are not counted as a loss yet
    tip_received: float | None = None  # when the block that it builds on was announced
    difficulty: float | None = None  # of shares
    extranonce1_size: int | None = None  # bytes
    extranonce2_size: int | None = None  # bytes
    version_mask: int | None = None

    @property
    def one_way_delay(self) -> float:
        """Return the estimated latency of a message in s: half a round trip."""
        return (self.rtt_tcp or self.rtt_configure or 0.0) / 2

    def uncounted_empty_seconds(self, now: float) -> float:
        """Return how long templates have been empty until `now`, without the time that is counted already."""
        return 0.0 if self.empty_from is None else max(0.0, now - self.empty_from)
