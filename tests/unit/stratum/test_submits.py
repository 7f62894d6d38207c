"""The conversation between miner and pool is followed share by share, whatever else goes over the wire."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakes.stratum_recording import recorded
from stratoscope.stratum.tap.submits import (
    MOST_PENDING,
    MOST_WORKERS,
    OTHER,
    Book,
    Conversation,
    Worker,
    worker_name,
)

JOB = ["0" * 64, "00", "00", [], "20000000", "1705ae3a", "647025b5", False]


class Talk:
    """A conversation with a clock that is moved by hand."""

    def __init__(self, names: str = "full") -> None:
        self.book = Book(names)
        self.conversation = Conversation(self.book)
        self.now = 1000.0

    def miner(self, id_, method, *params):
        self._say(document={"id": id_, "method": method, "params": list(params)})

    def submit(self, id_, worker="w", job="j1"):
        self.miner(id_, "mining.submit", worker, job, "00", "00", "00")

    def pool(self, **fields):
        self._say(document=fields, from_pool=True)

    def difficulty(self, value):
        self.pool(method="mining.set_difficulty", params=[value])

    def job(self, id_):
        self.pool(method="mining.notify", params=[id_, *JOB])

    def _say(self, document, from_pool=False):
        self.conversation.hear(self.now, json.dumps(document).encode() + b"\n", from_pool=from_pool)

    @property
    def worker(self) -> Worker:
        return self.book.workers["w"]


def test_a_share_counts_with_the_difficulty_of_its_job_and_the_time_to_its_reply():
    talk = Talk()
    talk.difficulty(8)
    talk.job("j1")
    talk.difficulty(64)  # from the next job on
    talk.submit(4)
    talk.now += 0.02
    talk.pool(id=4, result=True, error=None)
    assert (talk.worker.accepted, talk.worker.difficulty_accepted, talk.worker.difficulty) == (1, 8.0, 8.0)
    assert talk.worker.reply_seconds == pytest.approx(0.02)
    assert talk.worker.replies[2] == 1  # up to 25 ms
    talk.job("j2")
    talk.submit(5, job="j2")
    talk.pool(id=5, result=True, error=None)
    assert talk.worker.difficulty_accepted == 72.0


def test_submits_that_share_an_id_are_answered_in_their_order():
    talk = Talk()
    talk.difficulty(1)
    talk.submit(4, "a")
    talk.submit(4, "b")
    talk.pool(id=4, result=True)
    talk.pool(id=4, result=False, error=[21, "stale"])
    assert (talk.book.workers["a"].accepted, talk.book.workers["a"].rejected) == (1, {})
    assert (talk.book.workers["b"].accepted, talk.book.workers["b"].rejected) == (0, {"stale": 1})


@pytest.mark.parametrize("id_", ["auth", 7, None, "7"])
def test_ids_of_any_kind_are_matched(id_):
    talk = Talk()
    talk.submit(id_)
    talk.pool(id=id_, result=True, error=None)
    assert talk.worker.accepted == 1
    assert talk.worker.difficulty_accepted == 0.0  # no difficulty was set: nothing is proved


def test_replies_to_other_requests_are_no_shares():
    talk = Talk()
    talk.miner(1, "mining.subscribe", "x")
    talk.submit(2)
    talk.pool(id=1, result=[[], "00", 4], error=None)
    talk.pool(id=9, result=True, error=None)
    assert (talk.worker.accepted, talk.book.unmatched) == (0, 1)


def test_a_submit_without_a_reply_is_counted_as_unanswered():
    talk = Talk()
    talk.submit(1)
    talk.now += 121
    talk.submit(2)
    assert talk.worker.unanswered == 1
    talk.conversation.ended(talk.now)
    assert talk.worker.unanswered == 2
    for at in range(MOST_PENDING + 50):
        talk.submit(at)
    assert len(talk.conversation._pending) == MOST_PENDING


def test_rigs_that_make_up_names_fill_no_memory():
    talk = Talk()
    for at in range(MOST_WORKERS + 100):
        talk.submit(at, f"w{at}")
    assert len(talk.book.workers) == MOST_WORKERS + 1
    talk.pool(id=MOST_WORKERS + 99, result=True)
    assert talk.book.workers[OTHER].accepted == 1


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
def test_a_worker_is_named_without_its_account_unless_asked(user, names, name):
    assert worker_name(user, names) == name


def test_the_hashrate_is_that_of_whole_minutes_and_vanishes_with_the_shares():
    worker = Worker(since=30.0)
    worker.difficulty = 100.0
    for second in range(60, 660, 6):
        worker.accept(second, 100.0)
    assert worker.hashrate(59.0) is None
    found = worker.hashrate(660.0)
    assert found is not None
    assert found.value == pytest.approx(100 * 2**32 / 6, rel=1e-4)
    assert found.low < found.value < found.high
    assert worker.hashrate(654 + 601) is None
    assert len(worker.minutes) <= 11


def test_after_a_piece_that_was_not_heard_reading_goes_on_with_the_next_line():
    talk = Talk()
    talk.submit(1)
    talk.conversation.hear(talk.now, b'{"id":1,"resu', from_pool=True)
    talk.conversation.missed(from_pool=True)
    talk.conversation.hear(talk.now, b'lt":true}\n{"id":2,"result":true,"error":null}\n', from_pool=True)
    talk.submit(3)
    talk.pool(id=3, result=True)
    assert talk.worker.accepted == 1


def test_binary_and_oversize_lines_are_counted_and_passed_over():
    talk = Talk()
    talk.conversation.hear(0.0, b"\x16\x03\x01\x00\xff", from_pool=False)
    talk.submit(1)
    talk.conversation.hear(0.0, b"y" * 100_000 + b"\nnonsense\n", from_pool=False)
    talk.miner(2, "mining.submit", 7)
    talk.pool(id=1, result=True)
    assert talk.worker.accepted == 1
    assert talk.book.noise == {"oversize": 1, "not_json": 1, "params": 1}


@given(st.lists(st.tuples(st.booleans(), st.binary(max_size=60))))
def test_no_bytes_raise(pieces):
    conversation = Conversation(Book())
    for at, (from_pool, piece) in enumerate(pieces):
        conversation.hear(float(at), piece, from_pool=from_pool)
    conversation.ended(1e6)


@pytest.mark.shelf
def test_the_recorded_miners_have_their_recorded_shares(shelf):
    book, open_now = Book("worker"), {}
    for line in recorded(shelf / "captures-stratum" / "stratum_ckpool-lhr_core.jsonl"):
        talk = open_now.setdefault(line.connection, Conversation(book))
        talk.hear(line.time, line.raw + b"\n", from_pool=line.from_pool)
    accepted = {name: worker.accepted for name, worker in book.workers.items()}
    assert sum(accepted.values()) == 101
    assert set(accepted) == {"minerd1", "bfg1"}
    assert book.workers["minerd1"].difficulty == 0.003  # the pool raised it once
    assert all(worker.difficulty_accepted > 0 for worker in book.workers.values())
    assert all(not worker.rejected for worker in book.workers.values())
