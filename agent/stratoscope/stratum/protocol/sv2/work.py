"""Follows the jobs of a V2 connection and gives each, once it can be worked on, as the V1 job it equals.

So one decoder reads both protocols. In V2 a job and the block it builds on come apart: a job for a later block waits
here until that block is named.
"""

from typing import Final

from stratoscope.market.chain import difficulty_of
from stratoscope.stratum.jobs.template import Job
from stratoscope.stratum.protocol.messages import Notify
from stratoscope.stratum.protocol.sv2.messages import (
    ExtendedJob,
    Message,
    NewPrevHash,
    Opened,
    ProviderTemplate,
    SetPrefix,
    SetTarget,
)

MOST: Final = 32
"""Jobs that wait for their block."""
_NO_INPUT: Final = bytes(32) + b"\xff" * 4


class Work:
    """The jobs of one channel, or of a template provider."""

    def __init__(self) -> None:
        self.channel: int | None = None
        self.difficulty: float | None = None  # of a share
        self.prefix = b""
        self.extranonce_size = 0
        self._tip: NewPrevHash | None = None
        self._waiting: dict[int, ExtendedJob | ProviderTemplate] = {}

    def take(self, message: Message) -> Job | None:
        """Follow one message; return the job that can be worked on now, if the message brought one."""
        if isinstance(message, Opened):
            self.channel, self.prefix, self.extranonce_size = (
                message.channel,
                message.extranonce_prefix,
                message.extranonce_size,
            )
            self._share(message.target)
        elif isinstance(message, SetTarget):
            self._share(message.target)
        elif isinstance(message, SetPrefix):
            self.prefix = message.prefix
        elif isinstance(message, NewPrevHash):
            return self._moved(message)
        elif isinstance(message, ExtendedJob):
            return self._brought(message.job, message, future=message.min_ntime is None)
        elif isinstance(message, ProviderTemplate):
            return self._brought(message.template, message, future=message.future)
        return None

    def _share(self, target: int) -> None:
        self.difficulty = difficulty_of(target) if target else None

    def _brought(self, id_: int, job: ExtendedJob | ProviderTemplate, *, future: bool) -> Job | None:
        if not future and self._tip is not None:
            return self._job(job, self._tip, clean=False)
        self._waiting[id_] = job
        while len(self._waiting) > MOST:
            del self._waiting[next(iter(self._waiting))]
        return None

    def _moved(self, tip: NewPrevHash) -> Job | None:
        self._tip = tip
        job = self._waiting.get(tip.job)
        self._waiting.clear()
        return None if job is None else self._job(job, tip, clean=True)

    def _job(self, job: ExtendedJob | ProviderTemplate, tip: NewPrevHash, *, clean: bool) -> Job:
        if isinstance(job, ProviderTemplate):
            return Job(_of_template(job, tip, clean=clean), b"", 0)
        notify = Notify(
            str(job.job),
            tip.prev_hash,
            job.prefix,
            job.suffix,
            job.branches,
            job.version,
            tip.nbits,
            job.min_ntime or tip.ntime,
            clean,
        )
        return Job(notify, self.prefix, self.extranonce_size)


def _of_template(template: ProviderTemplate, tip: NewPrevHash, *, clean: bool) -> Notify:
    """Return a template as a job: what is left for outputs is one output without a script, before those it names."""
    head = template.coinbase_version.to_bytes(4, "little") + b"\x01" + _NO_INPUT
    head += _compact(len(template.prefix)) + template.prefix + template.sequence.to_bytes(4, "little")
    tail = (
        _compact(min(template.output_count, 0xFFFFFFFE) + 1)
        + template.value.to_bytes(8, "little")
        + b"\x00"
        + template.outputs
    )
    tail += template.lock_time.to_bytes(4, "little")
    return Notify(
        str(template.template),
        tip.prev_hash,
        head,
        tail,
        template.branches,
        template.version,
        tip.nbits,
        tip.ntime,
        clean,
    )


def _compact(count: int) -> bytes:
    """Return Bitcoin's variable-length form of a number below 2**32."""
    if count < 0xFD:
        return bytes((count,))
    return b"\xfd" + count.to_bytes(2, "little") if count < 1 << 16 else b"\xfe" + count.to_bytes(4, "little")
