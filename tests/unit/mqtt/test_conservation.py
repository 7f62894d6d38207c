"""No message is lost unseen: whatever happens in whatever order, produced equals what became of all of it."""

import asyncio
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stratoscope.errors import BrokerError
from stratoscope.ledger import Ledger, Outbox
from stratoscope.outside.broker import Incoming, Outgoing
from unit.mqtt.stage import Stage


class Moody:
    """A broker that takes, refuses, hangs up, or hangs, as its dice say; what it took counts."""

    def __init__(self, dice: random.Random, taken: list[Outgoing]) -> None:
        self._dice, self.taken = dice, taken

    async def connect(self, will: Outgoing | None = None) -> None:
        if self._dice.random() < 0.3:
            raise BrokerError("unreachable")

    async def publish(self, message: Outgoing) -> None:
        fate = self._dice.random()
        if fate < 0.3:
            await asyncio.sleep(0.001 * self._dice.random())
        if fate < 0.05:
            raise BrokerError("timeout")
        if fate < 0.10:
            raise BrokerError(self._dice.choice(["denied", "oversize", "busy"]), of_message=True)
        if 0.10 < fate < 0.13:
            self.taken.append(message)
            raise BrokerError("lost")  # it has the message and could not say so
        self.taken.append(message)

    async def subscribe(self, topics) -> None:
        pass

    async def receive(self) -> Incoming:
        await asyncio.sleep(0.05 * self._dice.random())
        raise BrokerError("lost")

    async def close(self, *, clean: bool) -> None:
        pass


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("batch", [False, True])
async def test_the_account_is_balanced_at_every_moment(seed: int, batch: bool, monkeypatch) -> None:
    monkeypatch.setattr("stratoscope_exporters.mqtt.sender.HELD", 0.02)
    dice, taken = random.Random(seed), []
    stage = Stage(lambda: Moody(dice, taken), chance=0.0, batch=batch, batch_interval=5)
    await stage.start()
    made = set()
    for step in range(400):
        number = dice.randrange(30)
        what = dice.random()
        if what < 0.6:
            stage.poll(number)
        elif what < 0.7:
            stage.poll(number, reading=None, state="offline")
        elif what < 0.8:
            stage.fleet.remove(f"r{number}")
        else:
            made.add(stage.happen(str(step)))
        if dice.random() < 0.4:
            await asyncio.sleep(0.002 * dice.random())
        stage.balanced()
    await stage.stop()  # checks once more, with everything cut off in the middle
    assert stage.counts.produced["event"] == len(made)
    told = {m.payload for m in taken if "/event/" in m.topic}
    assert stage.counts.confirmed["event"] <= len(told)  # acknowledged is had


ACTIONS = st.lists(
    st.one_of(
        st.tuples(st.just("put"), st.integers(0, 90)),
        st.tuples(st.just("take"), st.integers(1, 5)),
        st.tuples(st.just("done"), st.integers(0, 9)),
        st.tuples(st.just("drop"), st.integers(0, 9)),
        st.tuples(st.just("rewind"), st.just(0)),
    ),
    max_size=60,
)


@given(ACTIONS)
def test_an_outbox_forgets_only_what_it_counts_and_keeps_the_order(actions) -> None:
    async def play() -> None:
        box, out, done, last = Outbox(rows=12, size=600), [], 0, 0
        for what, number in actions:
            if what == "put":
                box.put("t", b"x" * number)
            elif what == "take":
                for _ in range(number):
                    row = await box.take()
                    if row is not None:
                        assert row.number > last
                        last = row.number
                        out.append(row)
            elif what == "rewind":
                box.rewind()
                last = 0
            elif out and what == "done":
                done += box.done(out.pop(number % len(out)))
            elif out:
                box.drop(out.pop(number % len(out)), "oversize")
            assert box.produced == done + sum(box.dropped.values()) + len(box)
            assert len(box) <= 12
            assert box.bytes <= 600
        box.rewind()
        left = 0
        while await box.take() is not None:
            left += 1
        assert left == len(box)

    asyncio.run(play())


async def test_an_outbox_on_the_disk_hands_out_what_is_no_longer_in_memory(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr("stratoscope.ledger.outbox.MAX_ROWS_IN_MEMORY", 10)
    ledger = Ledger(tmp_path)
    box = Outbox(ledger)
    for number in range(500):
        box.put("t", str(number).encode())
    ledger.close()
    ledger = Ledger(tmp_path)
    box = Outbox(ledger)
    found = [await box.take() for _ in range(500)]
    assert [row.payload for row in found] == [str(number).encode() for number in range(500)]
    assert await box.take() is None
    box.put("t", b"new")
    assert (await box.take()).number == 501
    ledger.close()


async def test_an_outbox_that_outgrows_its_cap_drops_the_oldest_on_the_disk_too(tmp_path) -> None:
    ledger = Ledger(tmp_path)
    box = Outbox(ledger, rows=100, size=1 << 20)
    for number in range(350):
        box.put("t", str(number).encode())
    assert (len(box), box.dropped["full"]) == (100, 250)
    ledger.close()
    ledger = Ledger(tmp_path)
    again = Outbox(ledger, rows=100)
    assert len(again) == 100
    assert (await again.take()).payload == b"250"
    ledger.close()


async def test_rows_that_the_disk_lost_are_counted_and_do_not_hold_up_the_rest() -> None:
    class Leaky:
        """A store that keeps nothing."""

        def queue_statement(self, statement, rows) -> None:
            pass

        def read_rows(self, statement, *values):
            return [(1, 10), (2, 10)] if "length" in statement else [(2, "t", b"2")]

    box = Outbox(Leaky())
    assert (await box.take()).number == 2
    assert box.dropped["disk"] == 1
    assert box.produced == box.dropped["disk"] + len(box)
