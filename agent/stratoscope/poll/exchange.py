"""Runs one exchange with a rig: which commands are due, which earlier responses are kept, and the decoded reading."""

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
"""Replaces a response whose decoded content is kept."""


def due_commands(driver: Driver, tick: int, salt: int, refused: Container[str] = ()) -> tuple[Command, ...]:
    """Return the commands to send on `tick`; `salt` keeps rigs from sending their slow commands all at once.

    A substitute is due only while the rig refuses (`refused`) the command that it replaces.
    """
    return tuple(
        command
        for command in driver.commands
        if (tick + salt) % command.every == 0 and (command.instead_of is None or command.instead_of in refused)
    )


def is_empty(reading: Reading) -> bool:
    """Tell whether a reading holds nothing measured: the rig responded, but not as this driver expects."""
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
    """The exchanges with one rig: its driver, what the wire knows of it, and the responses to slow commands."""

    __slots__ = ("_decoded", "_deps", "_last", "_slow", "driver", "plan", "refusals", "salt", "session")

    def __init__(self, plan: Plan, deps: PollDeps) -> None:
        self.plan = plan
        self.driver: Driver | None = None
        self.session = Session()
        self.salt = crc32(plan.target.address.encode()) >> 8
        self.refusals: dict[str, int] = {}  # command key → how often the rig refused it
        self._deps = deps
        self._slow: dict[str, object] = {}  # command key → last response to a slow command, or DECODED
        self._decoded: Kept = {}
        self._last = Sample()

    def forget_driver(self) -> None:
        """Forget the driver and everything learned with it; the next exchange identifies the rig again."""
        self.driver = None
        self.session = Session()
        self.drop_responses()

    def drop_responses(self) -> None:
        """Drop kept responses, so that the next exchange sends every command: the rig may be another one now."""
        self._slow.clear()
        self._decoded.clear()
        self._last = Sample()

    async def read(self, tick: int) -> tuple[Driver, Reading]:
        """Return the driver and the rig's reading; raises PollError.

        When the uptime does not continue the last one, the rig restarted or another machine has this address:
        all kept responses are dropped, and every command is sent again before anything is used.
        """
        driver = self.driver
        if driver is None:
            driver = self.driver = await self._deps.access.identify(self.plan.target, self.plan.driver)
        everything = not self._slow and not self._last.at
        reading = await self._query(
            driver, driver.commands if everything else due_commands(driver, tick, self.salt, self.session.refused)
        )
        now = self._deps.clock.monotonic()
        sample = Sample(uptime=reading.uptime, at=now)
        if not everything and discontinuous(self._last, sample):
            self.drop_responses()
            reading = await self._query(driver, driver.commands)
            now = self._deps.clock.monotonic()
        self._last = Sample(uptime=reading.uptime, at=now)
        if is_empty(reading):
            raise Garbled("decode", f"the rig responded, but driver {driver.name} can read nothing of it")
        return driver, reading

    async def _query(self, driver: Driver, commands: tuple[Command, ...]) -> Reading:
        deps = self._deps
        answers = await deps.access.wire.ask(
            self.plan.target, commands, self.session, login=driver.login, limits=deps.settings.limits
        )
        deps.metrics.received += answers.received
        self._keep_slow(commands, answers)
        reading = driver.decode(Replies(self._slow | answers.replies, kept=self._decoded))
        self._drop_decoded()
        deps.metrics.defects += len(reading.defects)
        return reading

    def _keep_slow(self, commands: tuple[Command, ...], answers: Answers) -> None:
        """Keep the responses to slow commands until those are sent again, and count refusals."""
        for command in commands:
            if command.every > 1:
                if command.key in answers.replies:
                    self._slow[command.key] = answers.replies[command.key]
                else:
                    self._slow.pop(command.key, None)
        for key in answers.refused:
            self.refusals[key] = self.refusals.get(key, 0) + 1

    def _drop_decoded(self) -> None:
        """Free responses whose content is kept decoded: they are most of the memory that a rig would take."""
        for key, (answer, value, defects) in self._decoded.items():
            if key in self._slow and answer is not DECODED:
                self._slow[key] = DECODED
                self._decoded[key] = (DECODED, value, defects)
