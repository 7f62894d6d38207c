"""Follows the conversations between miners and a pool, and counts what became of each share."""

from bisect import bisect_left
from collections import deque
from dataclasses import dataclass, field
from typing import Final

from stratoscope.stratum.jobs.shares import Hashrate, Work, hashrate
from stratoscope.stratum.protocol.lines import Lines
from stratoscope.stratum.protocol.messages import (
    Id,
    Message,
    Noise,
    Notify,
    Reply,
    Request,
    SetDifficulty,
    parse,
)
from stratoscope.stratum.tap.reasons import reason_of
from stratoscope.units import MINUTE

LINE: Final = 64 << 10
"""Bytes of the longest line that is read; a longer one is a job with thousands of outputs."""
BUCKETS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
"""Bounds (s) of the time from a submit to its reply."""
WINDOW: Final = 10
"""Minutes of shares behind a hashrate."""
UNANSWERED: Final = 2 * MINUTE
"""A submit without a reply for so long is counted as unanswered."""
MOST_PENDING: Final = 256
MOST_JOBS: Final = 64
MOST_WORKERS: Final = 5000
OTHER: Final = "other"
"""The worker that all beyond MOST_WORKERS are counted as, so that a rig that makes names up fills no memory."""
_LONGEST_NAME: Final = 64


@dataclass(slots=True)
class Worker:
    """What one worker's shares came to since the start; difficulties as the pool set them, seconds from the relay."""

    since: float  # monotonic s
    accepted: int = 0
    difficulty_accepted: float = 0.0
    rejected: dict[str, int] = field(default_factory=dict)
    unanswered: int = 0
    difficulty: float | None = None  # of the newest share
    last: float | None = None  # monotonic s of the newest accepted share
    replies: list[int] = field(default_factory=lambda: [0] * (len(BUCKETS) + 1))
    reply_seconds: float = 0.0
    minutes: deque[tuple[int, Work]] = field(default_factory=lambda: deque(maxlen=WINDOW + 1))

    def accept(self, at: float, difficulty: float | None) -> None:
        """Count a share that the pool took; without a known difficulty it proves no hashrate."""
        self.accepted += 1
        self.last = at
        if difficulty is None:
            return
        self.difficulty_accepted += difficulty
        minute = int(at // MINUTE)
        work = self.minutes.pop()[1] if self.minutes and self.minutes[-1][0] == minute else Work()
        self.minutes.append((minute, work.plus(difficulty)))

    def took(self, seconds: float) -> None:
        """Count the time from a submit to its reply."""
        self.replies[bisect_left(BUCKETS, seconds)] += 1
        self.reply_seconds += seconds

    def hashrate(self, now: float) -> Hashrate | None:
        """Return the hashrate of the last whole minutes (H/s) with its interval.

        None before the first whole minute, and once nothing was submitted for the whole window.
        """
        end = int(now // MINUTE)
        start = max(end - WINDOW, int(-(-self.since // MINUTE)))
        work = Work()
        for minute, part in self.minutes:
            if start <= minute < end:
                work = Work(work.count + part.count, work.difficulty + part.difficulty, work.squares + part.squares)
        if start >= end or self.last is None or now - self.last > WINDOW * MINUTE:
            return None
        return hashrate(work, (end - start) * MINUTE, self.difficulty)


@dataclass(slots=True)
class Book:
    """All workers, and what of the traffic could not be understood."""

    names: str = "worker"
    workers: dict[str, Worker] = field(default_factory=dict)
    jobs: int = 0
    noise: dict[str, int] = field(default_factory=dict)
    unmatched: int = 0  # refusals or grants without a request that we saw
    skipped_bytes: int = 0
    faults: int = 0

    def worker(self, user: str, now: float) -> Worker:
        """Return the counts of the worker that `user` names."""
        name = worker_name(user, self.names)
        if name not in self.workers and len(self.workers) >= MOST_WORKERS:
            name = OTHER
        found = self.workers.get(name)
        if found is None:
            found = self.workers[name] = Worker(now)
        return found


def worker_name(user: str, names: str) -> str:
    """Return what a worker is called on the page.

    `names` is "worker" (what follows the first dot of the user, so that neither account nor payout address shows),
    "full" (the whole user) or "hidden" (all are one).
    """
    if names == "hidden":
        return "all"
    name = user if names == "full" else user.partition(".")[2]
    return name[:_LONGEST_NAME] or "default"


def _key(id_: Id) -> str:
    """Return an id to match by: a pool may send a number back as a text."""
    return str(id_)[:_LONGEST_NAME]


class Conversation:
    """One miner's connection through the relay, followed line by line; `hear` is given what was already passed on."""

    def __init__(self, book: Book) -> None:
        self._book = book
        self._lines = {False: Lines(LINE), True: Lines(LINE)}
        self._pending: deque[tuple[str, float, Worker, float | None]] = deque()
        self._difficulty: float | None = None
        self._jobs: dict[str, float | None] = {}
        self._asked: deque[str] = deque(maxlen=MOST_PENDING)

    def hear(self, at: float, piece: bytes, *, from_pool: bool) -> None:
        """Read a piece of the stream in one direction that was received at the monotonic second `at`."""
        lines = self._lines[from_pool]
        before = lines.oversize
        for line in lines.feed(piece):
            message = parse(line)
            if isinstance(message, Noise):
                self._noise(message.reason)
            elif from_pool:
                self._from_pool(at, message)
            elif isinstance(message, Request):
                self._from_miner(at, message)
        if lines.oversize > before:
            self._noise("oversize")

    def missed(self, *, from_pool: bool) -> None:
        """Begin anew after a piece that was not heard: what was under way in that direction is unknown."""
        self._lines[from_pool] = Lines(LINE)
        self._pending.clear()

    def ended(self, now: float) -> None:
        """Count what will not be answered any more."""
        for _, _, worker, _ in self._pending:
            worker.unanswered += 1
        self._pending.clear()
        self.forget(now)

    def forget(self, now: float) -> None:
        """Count submits without a reply for UNANSWERED seconds."""
        while self._pending and (now - self._pending[0][1] > UNANSWERED or len(self._pending) > MOST_PENDING):
            self._pending.popleft()[2].unanswered += 1

    def _from_miner(self, at: float, request: Request) -> None:
        params = request.params
        if request.method != "mining.submit":
            if request.id is not None:
                self._asked.append(_key(request.id))
        elif isinstance(params, list) and len(params) >= 2 and isinstance(params[0], str):
            worker = self._book.worker(params[0], at)
            difficulty = self._jobs.get(str(params[1]), self._difficulty)
            worker.difficulty = difficulty if difficulty is not None else worker.difficulty
            self._pending.append((_key(request.id), at, worker, difficulty))
            self.forget(at)
        else:
            self._noise("params")

    def _from_pool(self, at: float, message: Message) -> None:
        if isinstance(message, Reply):
            self._reply(at, message)
        elif isinstance(message, SetDifficulty):
            self._difficulty = message.difficulty
        elif isinstance(message, Notify):
            self._book.jobs += 1
            self._jobs[message.job_id] = self._difficulty  # a new difficulty counts from the next job on
            while len(self._jobs) > MOST_JOBS:
                del self._jobs[next(iter(self._jobs))]

    def _reply(self, at: float, reply: Reply) -> None:
        """Settle the oldest submit of that id: cpuminer gives all of its submits the same one."""
        for place, (id_, asked_at, worker, difficulty) in enumerate(self._pending):
            if id_ == _key(reply.id):
                del self._pending[place]
                worker.took(max(0.0, at - asked_at))
                if reply.ok:
                    worker.accept(at, difficulty)
                else:
                    reason = reason_of(reply.error)
                    worker.rejected[reason] = worker.rejected.get(reason, 0) + 1
                return
        if _key(reply.id) in self._asked:
            self._asked.remove(_key(reply.id))
        else:
            self._book.unmatched += 1

    def _noise(self, reason: str) -> None:
        self._book.noise[reason] = self._book.noise.get(reason, 0) + 1
