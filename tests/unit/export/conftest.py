"""Starts the exporter's parts on the fixture fleet."""

import asyncio
import contextlib
import shutil

import pytest
from aiohttp import ClientSession

from fakes.addresses import free_port
from stratoscope.fleet import Fleet
from stratoscope.metrics import MARKET, Section
from stratoscope_exporters.exposition.config import PrometheusConfig
from stratoscope_exporters.exposition.metrics import PageMetrics
from stratoscope_exporters.exposition.page import PageRequest, Pages
from stratoscope_exporters.exposition.render import Renderer
from stratoscope_exporters.exposition.text import PageFormat
from stratoscope_exporters.web.exporter import serve
from unit.export.farm import HandClock, context


@pytest.fixture
def clock():
    return HandClock()


@pytest.fixture
async def exporter(clock):
    """Return a function that makes (renderer, pages, meters) for a fleet."""
    made = []

    def make(fleet: Fleet, market=None, economist=None, **settings):
        chosen, meters = PrometheusConfig(**settings), PageMetrics()
        renderer = Renderer(fleet, clock, meters, chosen)
        pages = Pages(
            renderer,
            context(fleet, clock).registry,
            clock,
            meters,
            () if market is None else (Section(MARKET, lambda: market.now),),
            economist,
        )
        made.append(pages)
        return renderer, pages, meters

    yield make
    for pages in made:
        pages.close()


@pytest.fixture
async def text_of(exporter):
    """Return a function that renders a fleet's whole page in one go."""

    async def text(fleet: Fleet, form: PageFormat = PageFormat.TEXT, part=None, **settings) -> str:
        _, pages, _ = exporter(fleet, **settings)
        return b"".join(await pages.get(PageRequest(form, part=part))).decode()

    return text


@contextlib.asynccontextmanager
async def running(context_, url: str):
    """Run serve() until the block ends; yield a client session on `url`."""
    task = asyncio.create_task(serve(context_))
    try:
        async with ClientSession(url) as session:
            for _ in range(3000):
                if task.done():
                    task.result()
                with contextlib.suppress(OSError):
                    async with session.get("/-/healthy"):
                        break
                await asyncio.sleep(0.02)
            yield session
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


@pytest.fixture
async def site(clock):
    """Return a function that serves a fleet; the value is (session, context)."""
    async with contextlib.AsyncExitStack() as stack:

        async def start(fleet: Fleet, name="north", market=None, economist=None, **settings):
            port = free_port()
            made = context(fleet, clock, {"listen": f"127.0.0.1:{port}", **settings}, name, market, economist)
            session = await stack.enter_async_context(running(made, f"http://127.0.0.1:{port}"))
            return session, made

        yield start


def program(name: str) -> str:
    """Return the path of a Debian program; the marker `needs` leaves the test out where it is missing."""
    return shutil.which(name) or pytest.skip(f"{name} is not installed")
