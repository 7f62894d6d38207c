"""Reads one rig once, from nothing but its address: what `stratoscope read`, `scan` and `record` do."""

from dataclasses import dataclass

from stratoscope.discover.identify import Identified, identify
from stratoscope.drivers.driver import Driver
from stratoscope.errors import Garbled
from stratoscope.poll.exchange import is_empty
from stratoscope.reading import Reading
from stratoscope.wire.ask import Wire
from stratoscope.wire.target import Answers, Limits, Session, Target


@dataclass(frozen=True, slots=True)
class Once:
    """One rig read once."""

    driver: Driver
    reading: Reading
    answers: Answers
    identified: Identified


async def read_once(wire: Wire, target: Target, *, driver: str | None = None, limits: Limits | None = None) -> Once:
    """Identify the rig at `target` (or take the named driver), ask all its commands, decode. Raises PollError."""
    found = await identify(wire, target, only=driver)
    answers = await wire.ask(target, found.driver.commands, Session(), login=found.driver.login, limits=limits)
    reading = found.driver.decode(answers.replies)
    if is_empty(reading):
        raise Garbled("decode", f"answered, but nothing that driver {found.driver.name} can read")
    return Once(found.driver, reading, answers, found)
