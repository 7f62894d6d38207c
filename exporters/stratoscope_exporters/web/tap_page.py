"""Serves the metrics page of a relay: its own small server, since the relay is a program of its own."""

import asyncio
from collections.abc import Callable
from typing import Any

from aiohttp import web

from stratoscope.clock import Clock
from stratoscope.metrics import TAP, Section
from stratoscope_exporters.exposition.meters import Meters
from stratoscope_exporters.exposition.negotiate import form_of
from stratoscope_exporters.exposition.page import EOF, SectionBlocks
from stratoscope_exporters.exposition.settings import Settings
from stratoscope_exporters.exposition.text import Form
from stratoscope_exporters.web.connections import Guard, host_filter, host_of
from stratoscope_exporters.web.server import SECURITY, listen, secured


class TapPage:
    """`/metrics` and `/-/healthy` on `address`; `now` gives what the families of TAP read."""

    def __init__(self, address: str, now: Callable[[], Any], clock: Clock) -> None:
        self._settings = Settings(listen=address)
        self._blocks = SectionBlocks(Section(TAP, now))
        meters = Meters()
        self._guard = Guard(clock, meters)
        names = host_filter([host_of(address)], meters)
        self._app = web.Application(client_max_size=1024, middlewares=[self._guard.watch, secured, names])
        self._app.router.add_get("/metrics", self._metrics)
        self._app.router.add_get("/-/healthy", self._healthy)
        self._runner: web.AppRunner | None = None
        self._server: asyncio.Server | None = None
        self._sweeping: asyncio.Task[None] | None = None

    async def start(self) -> int:
        """Serve, and return the port; raise OSError where the address cannot be had."""
        self._runner, self._server = await listen(self._app, self._guard, self._settings)
        self._sweeping = asyncio.create_task(self._guard.run(), name="tap: page")
        return int(self._server.sockets[0].getsockname()[1])

    async def stop(self) -> None:
        """Stop serving."""
        if self._sweeping is not None:
            self._sweeping.cancel()
        if self._server is not None:
            self._server.close()
        if self._runner is not None:
            await self._runner.cleanup()

    async def _metrics(self, request: web.Request) -> web.Response:
        form = form_of(request.headers.get("Accept"))
        body = b"".join(self._blocks.blocks(form)) + (EOF if form is Form.OPENMETRICS else b"")
        return web.Response(body=body, headers={"Content-Type": form.value, "Vary": "Accept", **SECURITY})

    async def _healthy(self, request: web.Request) -> web.Response:  # noqa: ARG002 — a handler's signature
        return web.Response(text="healthy\n")
