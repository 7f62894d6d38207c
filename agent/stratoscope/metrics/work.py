"""Holds the rows of the metric table that hold a rig's claim against its shares, and its work against the tip."""

from collections.abc import Iterable
from typing import Final

from stratoscope.fleet import RigSnapshot, ShareProof
from stratoscope.metrics.metric import Family, Labels, Metric, Stability, Subject
from stratoscope.metrics.unit import Unit

HOUR: Final = "over the last full hour; absent before there is one, and where a rig does not count accepted difficulty"


def _proof(subject: Subject) -> Iterable[tuple[Labels, ShareProof]]:
    proof = subject.snapshot.proof
    return () if proof is None else (((), proof),)


def _bounds(subject: Subject) -> Iterable[tuple[Labels, float]]:
    proof = subject.snapshot.proof
    return () if proof is None else ((("lower",), proof.low), (("upper",), proof.high))


def _work(subject: Subject) -> Iterable[tuple[Labels, RigSnapshot]]:
    return (((), subject.snapshot),) if subject.snapshot.reading is not None else ()


def _value(number: float) -> float:
    return number


PROOF: Family[Subject, ShareProof] = Family("rig: hashrate from shares", _proof, (
    Metric("rig_share_hashrate", Unit.HASHES_PER_SECOND, f"Hashrate that the rig's accepted shares stand for, {HOUR}.",
           lambda p: p.hashrate),
    Metric("rig_share_shortfall", Unit.NONE, "1 if the hashrate reported over an hour was above the 95 % interval of "
           "its shares two hours in a row, else 0.", lambda p: int(p.alarm == "missing")),
    Metric("rig_unaccounted", Unit.RATIO, "Part of the reported work that no accepted share stands for, over up to 24 "
           "hours: fees of the firmware, rejected and stale shares, claims; with its standard error beside it.",
           lambda p: p.unaccounted, stability=Stability.EXPERIMENTAL),
    Metric("rig_unaccounted_standard_error", Unit.RATIO, "One standard error of mining_rig_unaccounted_ratio, from the "
           "number of shares.", lambda p: p.unaccounted_error, stability=Stability.EXPERIMENTAL),
))  # fmt: skip

BOUNDS: Family[Subject, float] = Family("rig: interval of the hashrate from shares", _bounds, (
    Metric("rig_share_hashrate_bound", Unit.HASHES_PER_SECOND, f"Ends of its 95 % interval, {HOUR}.", _value),
), ("bound",))  # fmt: skip

TIP: Family[Subject, RigSnapshot] = Family("rig: work and tip", _work, (
    Metric("rig_behind_tip_blocks", Unit.NONE, "Blocks by which the rig's work is behind the newest block that any "
           "watched endpoint announced; firmwares count differently by one. Absent where the rig does not tell the "
           "block it works on, and where no endpoint is watched.", lambda s: s.behind),
))  # fmt: skip
