"""Offers a site for polling loops; the loops that a test starts are stopped at its end."""

import pytest

from unit.poll.site import Site


@pytest.fixture
async def site():
    made = Site()
    yield made
    await made.stop()
