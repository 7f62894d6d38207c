"""Runs one exchange with a rig: which commands are due, what is kept from earlier ones, and the decoded reading."""

from collections.abc import Container
from typing import Final
from zlib import crc32

from stratoscope.drivers.driver import Command, Driver, Kept, Replies
from stratoscope.errors import Garbled
from stratoscope.judgement.counters import Sample, discontinuous
from stratoscope.poll.plan import Plan, PollDeps
from stratoscope.reading import Reading
from stratoscope.wire.target import Answers, Session

DECODED: Final = object()
"""Stands for an answer that was read and let go."""


def due_commands(driver: Driver, tick: int, salt: int, refused: Container[str] = ()) -> tuple[Command, ...]:
    """Return the commands to ask on `tick`; `salt` keeps rigs from asking their slow commands all at once.

    A substitute is due only while what it stands in for is `refused`.
    """
    return tuple(
        command
        for command in driver.commands
        if (tick + salt) % command.every == 0 and (command.instead_of is None or command.instead_of in refused)
    )


def is_empty(reading: Reading) -> bool:
    """Tell whether a reading holds nothing measured: the rig answered, but not as this driver expects."""
    return not (
        reading.hashrate
        or reading.boards
        or reading.fans
        or reading.pools
        or reading.power is not None
        or reading.uptime is not None
        or reading.shares.accepted is not None
        or reading.hashing is not None
    )


class RigExchange:
    """The conversation with one rig: its driver, what the wire knows of it, and the answers of slow commands."""

    __slots__ = ("_kept", "_last", "_slow", "driver", "missing", "plan", "rooms", "salt", "session")

    def __init__(self, plan: Plan, rooms: PollDeps) -> None:
        self.plan = plan
        self.rooms = rooms
        self.driver: Driver | None = None
        self.session = Session()
        self.salt = crc32(plan.target.address.encode()) >> 8
        self.missing: dict[str, int] = {}
        self._slow: dict[str, object] = {}
        self._kept: Kept = {}
        self._last = Sample()

    def forget(self) -> None:
        """Forget the driver and everything learned with it; the next exchange identifies the rig anew."""
        self.driver = None
        self.session = Session()
        self.refresh()

    def refresh(self) -> None:
        """Ask everything anew next time: the rig was away, or may be another one."""
        self._slow.clear()
        self._kept.clear()
        self._last = Sample()

    async def read(self, tick: int) -> tuple[Driver, Reading]:
        """Return the driver and the rig's reading; raises PollError.

        When the uptime does not continue the last one, the rig restarted or another machine has this address:
        whatever is kept from earlier answers is thrown away and everything is asked again before anything is used.
        """
        driver = self.driver
        if driver is None:
            driver = self.driver = await self.rooms.identify(self.plan.target, self.plan.driver)
        full = not self._slow and not self._last.at
        reading = await self._ask(
            driver, driver.commands if full else due_commands(driver, tick, self.salt, self.session.refused)
        )
        now = self.rooms.clock.monotonic()
        sample = Sample(uptime=reading.uptime, at=now)
        if not full and discontinuous(self._last, sample):
            self.refresh()
            reading = await self._ask(driver, driver.commands)
            now = self.rooms.clock.monotonic()
        self._last = Sample(uptime=reading.uptime, at=now)
        if is_empty(reading):
            raise Garbled("decode", f"answered, but nothing that driver {driver.name} can read")
        return driver, reading

    async def _ask(self, driver: Driver, commands: tuple[Command, ...]) -> Reading:
        rooms = self.rooms
        answers = await rooms.wire.ask(
            self.plan.target, commands, self.session, login=driver.login, limits=rooms.limits
        )
        rooms.tally.received += answers.received
        self._keep(commands, answers)
        reading = driver.decode(Replies(self._slow | answers.replies, kept=self._kept))
        self._drop_read()
        rooms.tally.defects += len(reading.defects)
        return reading

    def _drop_read(self) -> None:
        """Let go of answers whose content is kept decoded: they are the larger part of what a rig would occupy."""
        for key, (answer, value, defects) in self._kept.items():
            if key in self._slow and answer is not DECODED:
                self._slow[key] = DECODED
                self._kept[key] = (DECODED, value, defects)

    def _keep(self, commands: tuple[Command, ...], answers: Answers) -> None:
        for command in commands:
            if command.every > 1:
                if command.key in answers.replies:
                    self._slow[command.key] = answers.replies[command.key]
                else:
                    self._slow.pop(command.key, None)
        for key in answers.refused:
            self.missing[key] = self.missing.get(key, 0) + 1
