"""Reads one rig once, given only its address, for `stratoscope read`, `scan` and `record`."""

from dataclasses import dataclass

from stratoscope.discover.identify import identify
from stratoscope.drivers.driver import Driver
from stratoscope.errors import Garbled
from stratoscope.poll.exchange import is_empty
from stratoscope.reading import Reading
from stratoscope.wire.client import Wire
from stratoscope.wire.target import Answers, Limits, RigSession, Target


@dataclass(frozen=True, slots=True)
class ReadResult:
    """The result of reading one rig once."""

    driver: Driver
    reading: Reading
    answers: Answers


async def read_once(
    wire: Wire, target: Target, *, driver: str | None = None, limits: Limits | None = None
) -> ReadResult:
    """Identify the rig at `target` (or use the named driver), send all its commands, decode. Raises PollError."""
    found = await identify(wire, target, only=driver)
    answers = await wire.query(target, found.driver.commands, RigSession(), login=found.driver.login, limits=limits)
    reading = found.driver.decode(answers.replies)
    if is_empty(reading):
        raise Garbled(
            "decode", f"the rig answered, but driver {found.driver.name} found no values: try another `driver`"
        )
    return ReadResult(found.driver, reading, answers)
