"""Tracking of submits and replies on a relayed connection."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakes.stratum_recording import iter_recording
from stratoscope.stratum.tap.submits import (
    MAX_PENDING,
    MAX_WORKERS,
    OTHER_WORKER,
    SubmitTracker,
    TapCounts,
    TapWorker,
    worker_name,
)

JOB = ["0" * 64, "00", "00", [], "20000000", "1705ae3a", "647025b5", False]


class TrackedConnection:
    """A tracked connection with a manual clock."""

    def __init__(self, names: str = "full") -> None:
        self.counts = TapCounts(names)
        self.tracker = SubmitTracker(self.counts)
        self.now = 1000.0

    def miner(self, id_, method, *params):
        self._feed(document={"id": id_, "method": method, "params": list(params)})

    def submit(self, id_, worker="w", job="j1"):
        self.miner(id_, "mining.submit", worker, job, "00", "00", "00")

    def pool(self, **fields):
        self._feed(document=fields, from_pool=True)

    def difficulty(self, value):
        self.pool(method="mining.set_difficulty", params=[value])

    def job(self, id_):
        self.pool(method="mining.notify", params=[id_, *JOB])

    def _feed(self, document, from_pool=False):
        self.tracker.feed(self.now, json.dumps(document).encode() + b"\n", from_pool=from_pool)

    @property
    def worker(self) -> TapWorker:
        return self.counts.workers["w"]


def test_share_counts_with_the_difficulty_of_its_job_and_its_reply_time():
    connection = TrackedConnection()
    connection.difficulty(8)
    connection.job("j1")
    connection.difficulty(64)  # applies from the next job
    connection.submit(4)
    connection.now += 0.02
    connection.pool(id=4, result=True, error=None)
    assert (connection.worker.accepted, connection.worker.difficulty_accepted, connection.worker.difficulty) == (
        1,
        8.0,
        8.0,
    )
    assert connection.worker.reply_seconds == pytest.approx(0.02)
    assert connection.worker.replies[2] == 1  # up to 25 ms
    connection.job("j2")
    connection.submit(5, job="j2")
    connection.pool(id=5, result=True, error=None)
    assert connection.worker.difficulty_accepted == 72.0


def test_submits_with_the_same_id_are_matched_in_order():
    connection = TrackedConnection()
    connection.difficulty(1)
    connection.submit(4, "a")
    connection.submit(4, "b")
    connection.pool(id=4, result=True)
    connection.pool(id=4, result=False, error=[21, "stale"])
    assert (connection.counts.workers["a"].accepted, connection.counts.workers["a"].rejected) == (1, {})
    assert (connection.counts.workers["b"].accepted, connection.counts.workers["b"].rejected) == (0, {"stale": 1})


@pytest.mark.parametrize("id_", ["auth", 7, None, "7"])
def test_ids_of_any_kind_are_matched(id_):
    connection = TrackedConnection()
    connection.submit(id_)
    connection.pool(id=id_, result=True, error=None)
    assert connection.worker.accepted == 1
    assert connection.worker.difficulty_accepted == 0.0  # without a difficulty, no work is proved


def test_replies_to_other_requests_are_not_shares():
    connection = TrackedConnection()
    connection.miner(1, "mining.subscribe", "x")
    connection.submit(2)
    connection.pool(id=1, result=[[], "00", 4], error=None)
    connection.pool(id=9, result=True, error=None)
    assert (connection.worker.accepted, connection.counts.unmatched) == (0, 1)


def test_submit_without_a_reply_counts_as_unanswered():
    connection = TrackedConnection()
    connection.submit(1)
    connection.now += 121
    connection.submit(2)
    assert connection.worker.unanswered == 1
    connection.tracker.end()
    assert connection.worker.unanswered == 2
    for at in range(MAX_PENDING + 50):
        connection.submit(at)
    assert len(connection.tracker._pending) == MAX_PENDING


def test_invented_worker_names_do_not_fill_the_memory():
    connection = TrackedConnection()
    for at in range(MAX_WORKERS + 100):
        connection.submit(at, f"w{at}")
    assert len(connection.counts.workers) == MAX_WORKERS + 1
    connection.pool(id=MAX_WORKERS + 99, result=True)
    assert connection.counts.workers[OTHER_WORKER].accepted == 1


@pytest.mark.parametrize(
    ("user", "names", "name"),
    [
        ("bc1qaddress.rig7", "worker", "rig7"),
        ("account.a.b", "worker", "a.b"),
        ("bc1qaddress", "worker", "default"),
        ("account.", "worker", "default"),
        ("account.rig7", "full", "account.rig7"),
        ("account.rig7", "hidden", "all"),
        ("a." + "x" * 500, "worker", "x" * 64),
        ("", "full", "default"),
    ],
)
def test_worker_name_contains_no_account_by_default(user, names, name):
    assert worker_name(user, names) == name


def test_hashrate_covers_full_minutes_and_expires_without_shares():
    worker = TapWorker(since=30.0)
    worker.difficulty = 100.0
    for second in range(60, 660, 6):
        worker.add_accepted(second, 100.0)
    assert worker.hashrate(59.0) is None
    found = worker.hashrate(660.0)
    assert found is not None
    assert found.value == pytest.approx(100 * 2**32 / 6, rel=1e-4)
    assert found.low < found.value < found.high
    assert worker.hashrate(654 + 601) is None
    assert len(worker.minutes) <= 11


def test_reading_continues_with_the_next_line_after_a_gap():
    connection = TrackedConnection()
    connection.submit(1)
    connection.tracker.feed(connection.now, b'{"id":1,"resu', from_pool=True)
    connection.tracker.skip_gap(from_pool=True)
    connection.tracker.feed(connection.now, b'lt":true}\n{"id":2,"result":true,"error":null}\n', from_pool=True)
    connection.submit(3)
    connection.pool(id=3, result=True)
    assert connection.worker.accepted == 1


def test_binary_and_oversize_lines_are_counted_and_skipped():
    connection = TrackedConnection()
    connection.tracker.feed(0.0, b"\x16\x03\x01\x00\xff", from_pool=False)
    connection.submit(1)
    connection.tracker.feed(0.0, b"y" * 100_000 + b"\nnonsense\n", from_pool=False)
    connection.miner(2, "mining.submit", 7)
    connection.pool(id=1, result=True)
    assert connection.worker.accepted == 1
    assert connection.counts.invalid_lines == {"oversize": 1, "not_json": 1, "params": 1}


@given(st.lists(st.tuples(st.booleans(), st.binary(max_size=60))))
def test_no_bytes_raise(pieces):
    tracker = SubmitTracker(TapCounts())
    for at, (from_pool, piece) in enumerate(pieces):
        tracker.feed(float(at), piece, from_pool=from_pool)
    tracker.end()


@pytest.mark.shelf
def test_recorded_miners_have_their_recorded_shares(shelf):
    counts, open_now = TapCounts("worker"), {}
    for line in iter_recording(shelf / "captures-stratum" / "stratum_ckpool-lhr_core.jsonl"):
        connection = open_now.setdefault(line.connection, SubmitTracker(counts))
        connection.feed(line.time, line.raw + b"\n", from_pool=line.from_pool)
    accepted = {name: worker.accepted for name, worker in counts.workers.items()}
    assert sum(accepted.values()) == 101
    assert set(accepted) == {"minerd1", "bfg1"}
    assert counts.workers["minerd1"].difficulty == 0.003  # the pool raised it once
    assert all(worker.difficulty_accepted > 0 for worker in counts.workers.values())
    assert all(not worker.rejected for worker in counts.workers.values())
