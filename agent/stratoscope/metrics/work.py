"""Defines the metrics that compare a rig's reported hashrate with its shares, and its work with the chain tip."""

from collections.abc import Iterable
from typing import Final

from stratoscope.fleet import RigSnapshot, ShareProof
from stratoscope.metrics.metric import Labels, MetricFamily, MetricsOf, Stability, Subject, gauge
from stratoscope.metrics.unit import Unit

HOUR: Final = (
    "over the last full hour; absent before the first full hour and if the rig does not count accepted difficulty"
)


def _proof(subject: Subject) -> Iterable[tuple[Labels, ShareProof]]:
    proof = subject.snapshot.proof
    return () if proof is None else (((), proof),)


def _bounds(subject: Subject) -> Iterable[tuple[Labels, float]]:
    proof = subject.snapshot.proof
    return () if proof is None else ((("lower",), proof.low), (("upper",), proof.high))


def _work(subject: Subject) -> Iterable[tuple[Labels, RigSnapshot]]:
    return (((), subject.snapshot),) if subject.snapshot.reading is not None else ()


per_proof = MetricsOf[ShareProof]()
per_rig = MetricsOf[RigSnapshot]()

PROOF: MetricFamily[Subject, ShareProof] = MetricFamily("rig: hashrate from shares", _proof).with_metrics(
    per_proof.gauge("rig_share_hashrate", Unit.HASHES_PER_SECOND, lambda p: p.hashrate).means(
        f"Hashrate computed from the rig's accepted shares {HOUR}."
    ),
    per_proof.gauge("rig_share_shortfall", Unit.NONE, lambda p: int(p.alarm == "missing")).means(
        "1 if the reported hashrate was above the 95 % confidence interval of the accepted shares in two consecutive "
        "hours, else 0."
    ),
    per_proof.gauge("rig_unaccounted", Unit.RATIO, lambda p: p.unaccounted, stability=Stability.EXPERIMENTAL).means(
        "Share of the reported work without accepted shares, over up to 24 hours: firmware fees, rejected and stale "
        "shares, overstated hashrate. mining_rig_unaccounted_standard_error_ratio gives its standard error."
    ),
    per_proof.gauge(
        "rig_unaccounted_standard_error", Unit.RATIO, lambda p: p.unaccounted_error, stability=Stability.EXPERIMENTAL
    ).means("Standard error of mining_rig_unaccounted_ratio, from the number of shares."),
)

BOUNDS: MetricFamily[Subject, float] = MetricFamily(
    "rig: confidence interval of the hashrate from shares", _bounds, ("bound",)
).with_metrics(
    gauge("rig_share_hashrate_bound", Unit.HASHES_PER_SECOND).means(
        f"Bounds of the 95 % confidence interval of mining_rig_share_hashrate_hashes_per_second {HOUR}."
    ),
)

TIP: MetricFamily[Subject, RigSnapshot] = MetricFamily("rig: work and chain tip", _work).with_metrics(
    per_rig.gauge("rig_behind_tip_blocks", Unit.NONE, lambda s: s.behind).means(
        "Blocks by which the rig's work is behind the newest block announced by any monitored endpoint; some firmware "
        "counts one block differently. Absent if the rig does not report its block height or no endpoint is monitored."
    ),
)
