"""Starts the Prometheus exporter: renders rigs as they change and serves the pages until cancelled."""

import asyncio
import contextlib

import structlog
from aiohttp import web

from stratoscope.errors import ConfigError
from stratoscope.exporter import Context
from stratoscope_exporters.exposition.config import PrometheusConfig
from stratoscope_exporters.exposition.metrics import PageMetrics
from stratoscope_exporters.exposition.page import Pages
from stratoscope_exporters.exposition.render import Renderer
from stratoscope_exporters.web.connections import ConnectionLimiter
from stratoscope_exporters.web.server import WebSite, listen

__all__ = ["Settings", "serve"]

Settings = PrometheusConfig
"""The model of the exporter's config section; `config/load.py` looks it up by this name."""

log = structlog.get_logger(__name__)


async def serve(context: Context) -> None:
    """Serve until cancelled. `context.settings` is a `Settings`, a mapping of its fields, or None for the defaults.

    Raises ConfigError if the listen address is not available.
    """
    settings = PrometheusConfig.model_validate(context.settings if context.settings is not None else {})
    meters = PageMetrics()
    context.registry.register(meters)
    renderer = Renderer(context.fleet, context.clock, meters, settings)
    pages = Pages(renderer, context.registry, context.clock, meters, context.sections, context.economist)
    site = WebSite(context, renderer, pages, settings)
    try:
        async with contextlib.AsyncExitStack() as stack:
            guard = ConnectionLimiter(context.clock, meters)
            await _open(stack, site.app(guard, meters), guard, settings)
            _announce(settings, meters)
            async with asyncio.TaskGroup() as group:
                group.create_task(renderer.run(), name="render")
                group.create_task(guard.run(), name="guard")
    finally:
        site.close()
        pages.close()
        context.registry.unregister(meters)


async def _open(
    stack: contextlib.AsyncExitStack, app: web.Application, guard: ConnectionLimiter, settings: PrometheusConfig
) -> None:
    try:
        runner, server = await listen(app, guard, settings)
    except OSError as error:
        raise ConfigError(
            f"exporters.prometheus.listen: cannot listen on {settings.listen}: {error.strerror}; set another address"
        ) from error
    stack.push_async_callback(runner.cleanup)
    stack.callback(server.close)


def _announce(settings: PrometheusConfig, meters: PageMetrics) -> None:
    meters.insecure = settings.insecure
    if settings.insecure:
        log.warning(
            "status pages are open to other machines without a login: use a reverse proxy with TLS and login",
            listen=settings.listen,
        )
    log.info("serving metrics and status pages", url=f"http://{settings.listen}/")
