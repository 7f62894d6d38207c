"""Starts the Prometheus exporter: renders the fleet as it changes and serves the pages until cancelled."""

import asyncio
import contextlib

import structlog
from aiohttp import web

from stratoscope.errors import ConfigError
from stratoscope.exporter import Context
from stratoscope_exporters.exposition.meters import Meters
from stratoscope_exporters.exposition.page import Pages
from stratoscope_exporters.exposition.render import Renderer
from stratoscope_exporters.exposition.settings import Settings
from stratoscope_exporters.web.connections import Guard
from stratoscope_exporters.web.server import Site, listen

__all__ = ["Settings", "serve"]

log = structlog.get_logger(__name__)


async def serve(context: Context) -> None:
    """Serve until cancelled. `context.settings` is a Settings, a mapping of its fields, or None for the defaults.

    Raises ConfigError when the address cannot be had.
    """
    settings = Settings.model_validate(context.settings if context.settings is not None else {})
    meters = Meters()
    meters.register(context.registry)
    renderer = Renderer(context.fleet, context.clock, meters, settings)
    pages = Pages(renderer, context.registry, context.clock, meters, context.sections, context.economist)
    site = Site(context, renderer, pages, settings)
    try:
        async with contextlib.AsyncExitStack() as stack:
            guard = Guard(context.clock, meters)
            await _open(stack, site.app(guard, meters), guard, settings)
            _announce(settings, meters)
            async with asyncio.TaskGroup() as group:
                group.create_task(renderer.run(), name="render")
                group.create_task(guard.run(), name="guard")
    finally:
        site.close()
        pages.close()
        meters.unregister(context.registry)


async def _open(stack: contextlib.AsyncExitStack, app: web.Application, guard: Guard, settings: Settings) -> None:
    try:
        runner, server = await listen(app, guard, settings)
    except OSError as error:
        raise ConfigError(
            f"exporters.prometheus.listen: cannot serve at {settings.listen} ({error.strerror}); set another address"
        ) from error
    stack.push_async_callback(runner.cleanup)
    stack.callback(server.close)


def _announce(settings: Settings, meters: Meters) -> None:
    meters.insecure.set(settings.insecure)
    if settings.insecure:
        log.warning(
            "pages are served beyond this machine without a login; put a proxy with TLS and login before them",
            listen=settings.listen,
        )
    log.info("serving metrics and status page", url=f"http://{settings.listen}/")
