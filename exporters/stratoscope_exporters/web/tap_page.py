"""Serves the metrics page of a relay on its own server, because the relay runs without the agent."""

import asyncio
from collections.abc import Callable
from typing import Any

from aiohttp import web

from stratoscope.clock import Clock
from stratoscope.metrics import TAP, Section
from stratoscope_exporters.exposition.config import PrometheusConfig
from stratoscope_exporters.exposition.metrics import PageMetrics
from stratoscope_exporters.exposition.negotiate import choose_format
from stratoscope_exporters.exposition.page import EOF, SectionBlocks
from stratoscope_exporters.exposition.text import PageFormat
from stratoscope_exporters.web.connections import ConnectionLimiter, host_filter, host_of
from stratoscope_exporters.web.server import SECURITY, add_security_headers, listen


class TapPage:
    """Serves `/metrics` and `/-/healthy` on `address`; `now` returns the state for the families of TAP."""

    def __init__(self, address: str, now: Callable[[], Any], clock: Clock) -> None:
        self._settings = PrometheusConfig(listen=address)
        self._blocks = SectionBlocks(Section(TAP, now))
        meters = PageMetrics()
        self._guard = ConnectionLimiter(clock, meters)
        names = host_filter([host_of(address)], meters)
        self._app = web.Application(client_max_size=1024, middlewares=[self._guard.watch, add_security_headers, names])
        self._app.router.add_get("/metrics", self._metrics)
        self._app.router.add_get("/-/healthy", self._healthy)
        self._runner: web.AppRunner | None = None
        self._server: asyncio.Server | None = None
        self._sweeping: asyncio.Task[None] | None = None

    async def start(self) -> int:
        """Start serving and return the port. Raises OSError if the address is not available."""
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
        form = choose_format(request.headers.get("Accept"))
        body = b"".join(self._blocks.blocks(form)) + (EOF if form is PageFormat.OPENMETRICS else b"")
        return web.Response(body=body, headers={"Content-Type": form.value, "Vary": "Accept", **SECURITY})

    async def _healthy(self, request: web.Request) -> web.Response:  # noqa: ARG002 — aiohttp passes the request to every handler
        return web.Response(text="healthy\n")
