"""Tracks the shares that miners submit through the relay, and counts the pool's replies per worker."""

from bisect import bisect_left
from collections import deque
from dataclasses import dataclass, field
from typing import Final

from stratoscope.stratum.jobs.shares import HashrateEstimate, ShareWork, estimate_hashrate
from stratoscope.stratum.protocol.lines import LineSplitter
from stratoscope.stratum.protocol.messages import (
    Id,
    InvalidMessage,
    Message,
    Notify,
    SetDifficulty,
    StratumReply,
    StratumRequest,
    parse_line,
)
from stratoscope.stratum.tap.reasons import reject_reason
from stratoscope.units import MINUTE

MAX_TAP_LINE_BYTES: Final = 64 << 10
"""Longer lines are not parsed; such a line is a job with thousands of outputs."""
REPLY_BUCKETS_S: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
"""Upper bounds of the histogram of the time from a submit to its reply."""
HASHRATE_WINDOW_MINUTES: Final = 10
"""Minutes of shares from which the hashrate is estimated."""
REPLY_TIMEOUT_S: Final = 2 * MINUTE
"""A submit without a reply for this long counts as unanswered."""
MAX_PENDING: Final = 256
MAX_JOBS: Final = 64
MAX_WORKERS: Final = 5000
OTHER_WORKER: Final = "other"
"""Counts all workers above MAX_WORKERS, so that a rig that invents names cannot fill the memory."""
_MAX_NAME_CHARS: Final = 64


@dataclass(slots=True)
class TapWorker:
    """The shares of one worker since the start; difficulties as set by the pool, times as measured at the relay."""

    since: float  # monotonic s
    accepted: int = 0
    difficulty_accepted: float = 0.0
    rejected: dict[str, int] = field(default_factory=dict)  # one of REJECT_REASONS → shares
    unanswered: int = 0
    difficulty: float | None = None  # of the newest share
    last: float | None = None  # monotonic s of the newest accepted share
    replies: list[int] = field(default_factory=lambda: [0] * (len(REPLY_BUCKETS_S) + 1))  # per bucket, not cumulative
    reply_seconds: float = 0.0
    minutes: deque[tuple[int, ShareWork]] = field(default_factory=lambda: deque(maxlen=HASHRATE_WINDOW_MINUTES + 1))

    def add_accepted(self, at: float, difficulty: float | None) -> None:
        """Count an accepted share; without a known difficulty it does not contribute to the hashrate."""
        self.accepted += 1
        self.last = at
        if difficulty is None:
            return
        self.difficulty_accepted += difficulty
        minute = int(at // MINUTE)
        work = self.minutes.pop()[1] if self.minutes and self.minutes[-1][0] == minute else ShareWork()
        self.minutes.append((minute, work.plus(difficulty)))

    def add_rejected(self, reason: str) -> None:
        """Count a rejected share."""
        self.rejected[reason] = self.rejected.get(reason, 0) + 1

    def add_reply_time(self, seconds: float) -> None:
        """Count the time from a submit to its reply."""
        self.replies[bisect_left(REPLY_BUCKETS_S, seconds)] += 1
        self.reply_seconds += seconds

    def hashrate(self, now: float) -> HashrateEstimate | None:
        """Return the hashrate of the last full minutes (H/s) with its interval.

        None before the first full minute, and after a whole window without an accepted share.
        """
        end = int(now // MINUTE)
        start = max(end - HASHRATE_WINDOW_MINUTES, int(-(-self.since // MINUTE)))
        work = sum((work for minute, work in self.minutes if start <= minute < end), ShareWork())
        if start >= end or self.last is None or now - self.last > HASHRATE_WINDOW_MINUTES * MINUTE:
            return None
        return estimate_hashrate(work, (end - start) * MINUTE, self.difficulty)


@dataclass(slots=True)
class TapCounts:
    """The counts of all workers, and of the data that could not be read. `worker_names` is as in `worker_name`."""

    worker_names: str = "worker"
    workers: dict[str, TapWorker] = field(default_factory=dict)
    jobs: int = 0
    invalid_lines: dict[str, int] = field(default_factory=dict)  # one of INVALID_REASONS → lines
    unmatched: int = 0  # replies to requests that were not seen
    skipped_bytes: int = 0
    faults: int = 0

    def worker(self, user: str, now: float) -> TapWorker:
        """Return the counts of the worker that `user` names; add it if it is new."""
        name = worker_name(user, self.worker_names)
        if name not in self.workers and len(self.workers) >= MAX_WORKERS:
            name = OTHER_WORKER
        found = self.workers.get(name)
        if found is None:
            found = self.workers[name] = TapWorker(now)
        return found

    def add_invalid_line(self, reason: str) -> None:
        """Count a line that is not a valid message."""
        self.invalid_lines[reason] = self.invalid_lines.get(reason, 0) + 1


def worker_name(user: str, names: str) -> str:
    """Return the value of the label `worker`.

    `names` is "worker" (the part after the first dot, which contains neither account nor payout address), "full" (the
    whole user name) or "hidden" (one value for all).
    """
    if names == "hidden":
        return "all"
    name = user if names == "full" else user.partition(".")[2]
    return name[:_MAX_NAME_CHARS] or "default"


def _id_key(id_: Id) -> str:
    """Return a request id as text: some pools send a number back as text."""
    return str(id_)[:_MAX_NAME_CHARS]


class SubmitTracker:
    """Tracks the submits on one miner's connection. `feed` takes data that was relayed already."""

    def __init__(self, counts: TapCounts) -> None:
        self._counts = counts
        self._lines = {False: LineSplitter(MAX_TAP_LINE_BYTES), True: LineSplitter(MAX_TAP_LINE_BYTES)}
        self._pending: deque[tuple[str, float, TapWorker, float | None]] = deque()  # id, sent, worker, difficulty
        self._difficulty: float | None = None
        self._job_difficulties: dict[str, float | None] = {}
        self._other_requests: deque[str] = deque(maxlen=MAX_PENDING)

    def feed(self, at: float, piece: bytes, *, from_pool: bool) -> None:
        """Read a piece of one direction that was received at the monotonic second `at`."""
        lines = self._lines[from_pool]
        oversize = lines.oversize
        for line in lines.feed(piece):
            message = parse_line(line)
            if isinstance(message, InvalidMessage):
                self._counts.add_invalid_line(message.reason)
            elif from_pool:
                self._on_pool_message(at, message)
            elif isinstance(message, StratumRequest):
                self._on_miner_request(at, message)
        if lines.oversize > oversize:
            self._counts.add_invalid_line("oversize")

    def skip_gap(self, *, from_pool: bool) -> None:
        """Restart after data of one direction was skipped: the pending submits are unknown."""
        self._lines[from_pool] = LineSplitter(MAX_TAP_LINE_BYTES)
        self._pending.clear()

    def end(self) -> None:
        """Count all pending submits as unanswered."""
        for _, _, worker, _ in self._pending:
            worker.unanswered += 1
        self._pending.clear()

    def expire(self, now: float) -> None:
        """Count submits without a reply for REPLY_TIMEOUT_S as unanswered."""
        while self._pending and (now - self._pending[0][1] > REPLY_TIMEOUT_S or len(self._pending) > MAX_PENDING):
            self._pending.popleft()[2].unanswered += 1

    def _on_miner_request(self, at: float, request: StratumRequest) -> None:
        params = request.params
        if request.method != "mining.submit":
            if request.id is not None:
                self._other_requests.append(_id_key(request.id))
        elif isinstance(params, list) and len(params) >= 2 and isinstance(params[0], str):
            worker = self._counts.worker(params[0], at)
            difficulty = self._job_difficulties.get(str(params[1]), self._difficulty)
            worker.difficulty = difficulty if difficulty is not None else worker.difficulty
            self._pending.append((_id_key(request.id), at, worker, difficulty))
            self.expire(at)
        else:
            self._counts.add_invalid_line("params")

    def _on_pool_message(self, at: float, message: Message) -> None:
        if isinstance(message, StratumReply):
            self._on_reply(at, message)
        elif isinstance(message, SetDifficulty):
            self._difficulty = message.difficulty
        elif isinstance(message, Notify):
            self._counts.jobs += 1
            self._job_difficulties[message.job_id] = self._difficulty  # a new difficulty applies from the next job
            while len(self._job_difficulties) > MAX_JOBS:
                del self._job_difficulties[next(iter(self._job_difficulties))]

    def _on_reply(self, at: float, reply: StratumReply) -> None:
        """Match the oldest pending submit with that id: cpuminer uses the same id for all its submits."""
        key = _id_key(reply.id)
        for index, (id_, sent_at, worker, difficulty) in enumerate(self._pending):
            if id_ == key:
                del self._pending[index]
                worker.add_reply_time(max(0.0, at - sent_at))
                if reply.ok:
                    worker.add_accepted(at, difficulty)
                else:
                    worker.add_rejected(reject_reason(reply.error))
                return
        if key in self._other_requests:
            self._other_requests.remove(key)
        else:
            self._counts.unmatched += 1
