"""Reads one rig once, from nothing but its address: what `stratoscope read`, `scan` and `record` do."""

from dataclasses import dataclass

from stratoscope.discover.identify import Identification, identify
from stratoscope.drivers.driver import Driver
from stratoscope.errors import Garbled
from stratoscope.poll.exchange import is_empty
from stratoscope.reading import Reading
from stratoscope.wire.client import Wire
from stratoscope.wire.target import Answers, Limits, RigSession, Target


@dataclass(frozen=True, slots=True)
class ReadResult:
    """One rig read once."""

    driver: Driver
    reading: Reading
    answers: Answers
    identified: Identification


async def read_once(
    wire: Wire, target: Target, *, driver: str | None = None, limits: Limits | None = None
) -> ReadResult:
    """Identify the rig at `target` (or take the named driver), ask all its commands, decode. Raises PollError."""
    found = await identify(wire, target, only=driver)
    answers = await wire.query(target, found.driver.commands, RigSession(), login=found.driver.login, limits=limits)
    reading = found.driver.decode(answers.replies)
    if is_empty(reading):
        raise Garbled("decode", f"answered, but nothing that driver {found.driver.name} can read")
    return ReadResult(found.driver, reading, answers, found)
