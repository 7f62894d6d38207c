import os
import pathlib

import pytest

from stratoscope.wire.ask import Wire
from stratoscope.wire.target import Limits

SHELF = pathlib.Path(os.environ.get("STRATOSCOPE_SHELF", pathlib.Path(__file__).parents[4] / "shared"))


class HandClock:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now

    def time(self) -> float:
        return self.now + 1.8e9

    async def sleep(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
async def wire(clock):
    wire = Wire(clock=clock, limits=Limits(connect=5.0, exchange=10.0))
    yield wire
    await wire.close()


@pytest.fixture
def shelf() -> pathlib.Path:
    """The reference shelf beside the repository; left out where it is absent, never when CI=true."""
    if not SHELF.is_dir():
        if os.environ.get("CI") == "true":
            pytest.fail(f"{SHELF} is absent")
        pytest.skip(f"{SHELF} is absent")
    return SHELF
