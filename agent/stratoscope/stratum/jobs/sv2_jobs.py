"""Converts the jobs of a V2 connection to the equivalent V1 jobs, so that one decoder reads both protocols.

In V2, a job and the block that it builds on are separate messages. A future job waits here until its block is known.
"""

from typing import Final

from stratoscope.market.chain import difficulty_of
from stratoscope.stratum.jobs.template import Job
from stratoscope.stratum.protocol.messages import Notify
from stratoscope.stratum.protocol.sv2.messages import (
    ChannelOpened,
    ExtendedJob,
    Message,
    NewPrevHash,
    ProviderTemplate,
    SetExtranoncePrefix,
    SetTarget,
)

MAX_WAITING_JOBS: Final = 32
_NULL_OUTPOINT: Final = bytes(32) + b"\xff" * 4


class JobAssembler:
    """Assembles the jobs of one channel, or of a template provider."""

    def __init__(self) -> None:
        self.channel: int | None = None
        self.difficulty: float | None = None  # of a share
        self.prefix = b""
        self.extranonce_size = 0
        self._tip: NewPrevHash | None = None
        self._waiting: dict[int, ExtendedJob | ProviderTemplate] = {}

    def add(self, message: Message) -> Job | None:
        """Apply one message; return the job that it makes valid, if any."""
        if isinstance(message, ChannelOpened):
            self.channel, self.prefix = message.channel, message.extranonce_prefix
            self.extranonce_size = message.extranonce_size
            self._set_target(message.target)
        elif isinstance(message, SetTarget):
            self._set_target(message.target)
        elif isinstance(message, SetExtranoncePrefix):
            self.prefix = message.prefix
        elif isinstance(message, NewPrevHash):
            return self._add_prev_hash(message)
        elif isinstance(message, ExtendedJob):
            return self._add_job(message.job, message, future=message.min_ntime is None)
        elif isinstance(message, ProviderTemplate):
            return self._add_job(message.template, message, future=message.future)
        return None

    def _set_target(self, target: int) -> None:
        self.difficulty = difficulty_of(target) if target else None

    def _add_job(self, id_: int, job: ExtendedJob | ProviderTemplate, *, future: bool) -> Job | None:
        if not future and self._tip is not None:
            return self._assemble(job, self._tip, clean=False)
        self._waiting[id_] = job
        while len(self._waiting) > MAX_WAITING_JOBS:
            del self._waiting[next(iter(self._waiting))]
        return None

    def _add_prev_hash(self, tip: NewPrevHash) -> Job | None:
        self._tip = tip
        job = self._waiting.get(tip.job)
        self._waiting.clear()
        return None if job is None else self._assemble(job, tip, clean=True)

    def _assemble(self, job: ExtendedJob | ProviderTemplate, tip: NewPrevHash, *, clean: bool) -> Job:
        if isinstance(job, ProviderTemplate):
            return Job(_template_notify(job, tip, clean=clean), b"", 0)
        notify = Notify(
            job_id=str(job.job),
            prev_hash=tip.prev_hash,
            coinbase1=job.prefix,
            coinbase2=job.suffix,
            branches=job.branches,
            version=job.version,
            nbits=tip.nbits,
            ntime=job.min_ntime or tip.ntime,
            clean=clean,
        )
        return Job(notify, self.prefix, self.extranonce_size)


def _template_notify(template: ProviderTemplate, tip: NewPrevHash, *, clean: bool) -> Notify:
    """Convert a template to a job: one output without a script receives the value, before the template's outputs."""
    head = template.coinbase_version.to_bytes(4, "little") + b"\x01" + _NULL_OUTPOINT
    head += _compact_size(len(template.prefix)) + template.prefix + template.sequence.to_bytes(4, "little")
    tail = _compact_size(min(template.output_count, 0xFFFFFFFE) + 1)
    tail += template.value.to_bytes(8, "little") + b"\x00" + template.outputs
    tail += template.lock_time.to_bytes(4, "little")
    return Notify(
        job_id=str(template.template),
        prev_hash=tip.prev_hash,
        coinbase1=head,
        coinbase2=tail,
        branches=template.branches,
        version=template.version,
        nbits=tip.nbits,
        ntime=tip.ntime,
        clean=clean,
    )


def _compact_size(count: int) -> bytes:
    """Encode a number below 2**32 in Bitcoin's variable-length format."""
    if count < 0xFD:
        return bytes((count,))
    return b"\xfd" + count.to_bytes(2, "little") if count < 1 << 16 else b"\xfe" + count.to_bytes(4, "little")
