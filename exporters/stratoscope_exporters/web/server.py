"""Serves the metrics page, health, service discovery and the status page over HTTP."""

import asyncio
import math
from concurrent.futures import ThreadPoolExecutor
from importlib.resources import files
from typing import Final

import orjson
from aiohttp import web
from aiohttp.typedefs import Handler

from stratoscope.exporter import Context
from stratoscope_exporters.exposition.config import PrometheusConfig, split_listen
from stratoscope_exporters.exposition.metrics import PageMetrics
from stratoscope_exporters.exposition.negotiate import accepts_gzip, choose_format
from stratoscope_exporters.exposition.page import MAX_PARTS, PageRequest, Pages, parse_part
from stratoscope_exporters.exposition.render import Renderer
from stratoscope_exporters.web.connections import KEEPALIVE_S, ConnectionLimiter, host_filter, host_of
from stratoscope_exporters.web.status.pages import StatusPages, TableQuery

PIECE_BYTES: Final = 1 << 18
"""Bytes passed to a connection at a time, so that fifty slow clients hold fifty pieces and not fifty pages."""
SECURITY: Final = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Server": "stratoscope",
}
STATIC: Final = {"style.css": "text/css", "icon.svg": "image/svg+xml"}


@web.middleware
async def add_security_headers(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Add the security headers: no framing, no content sniffing, no scripts, whatever strings a rig returns."""
    try:
        response = await handler(request)
    except web.HTTPException as refusal:
        refusal.headers.update(SECURITY)
        raise
    if not response.prepared:
        response.headers.update(SECURITY)
    return response


class WebSite:
    """Routes and their handlers."""

    def __init__(self, context: Context, renderer: Renderer, pages: Pages, settings: PrometheusConfig) -> None:
        self._context, self._renderer, self._pages, self._settings = context, renderer, pages, settings
        self._status = StatusPages(context, renderer, settings)
        self._threads = ThreadPoolExecutor(1, thread_name_prefix="status")
        folder = files("stratoscope_exporters.web.status") / "templates"
        self._static = {name: (folder / name).read_bytes() for name in STATIC}

    def close(self) -> None:
        """Stop the thread that renders status pages."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def app(self, guard: ConnectionLimiter, meters: PageMetrics) -> web.Application:
        """Return the application with all its routes."""
        own = [host_of(at) for at in (self._settings.listen, self._settings.advertise or "")]
        names = host_filter([name for name in (*own, *self._settings.allowed_hosts) if name], meters)
        app = web.Application(client_max_size=1024, middlewares=[guard.watch, add_security_headers, names])
        app.router.add_get("/metrics", self.metrics)
        app.router.add_get("/sd", self.discovery)
        app.router.add_get("/-/healthy", self.healthy)
        app.router.add_get("/-/ready", self.ready)
        app.router.add_get("/", self.overview)
        app.router.add_get("/rig/{rig:.+}", self.rig)
        app.router.add_get("/static/{name}", self.static)
        return app

    async def metrics(self, request: web.Request) -> web.StreamResponse:
        """Return the metrics page, or part k of n of it."""
        part = request.query.get("part")
        try:
            wanted = PageRequest(
                choose_format(request.headers.get("Accept")),
                accepts_gzip(request.headers.get("Accept-Encoding")),
                parse_part(part) if part is not None else None,
            )
        except ValueError as error:
            return web.Response(status=400, text=f"{error}\n")
        page = await self._pages.get(wanted)
        headers = {"Content-Type": wanted.form.value, "Vary": "Accept, Accept-Encoding", **SECURITY}
        if wanted.gzip:
            headers["Content-Encoding"] = "gzip"
        return await stream_response(request, page, headers)

    async def healthy(self, request: web.Request) -> web.Response:  # noqa: ARG002 — aiohttp passes the request to every handler
        """Report that the process and its event loop are alive."""
        return web.Response(text="healthy\n")

    async def ready(self, request: web.Request) -> web.Response:  # noqa: ARG002 — aiohttp passes the request to every handler
        """Report whether every configured rig was polled once; 503 until then and while stopping."""
        health = self._context.health
        if health.stopping:
            return web.Response(status=503, text="stopping\n")
        if not health.ready:
            return web.Response(status=503, text="starting: not every rig was polled yet\n")
        return web.Response(text="ready\n")

    async def discovery(self, request: web.Request) -> web.Response:
        """Return targets for Prometheus' HTTP service discovery: this page, or its parts if it would be too large."""
        target = self._settings.advertise or request.headers.get("Host") or self._settings.listen
        site = {"site": self._context.site} if self._context.site else {}
        parts = min(MAX_PARTS, math.ceil(len(self._context.fleet.snapshots) / self._settings.part_size))
        if parts <= 1:
            groups = [{"targets": [target], "labels": site}]
        else:  # a separate instance, or `up` of all parts would be one series
            groups = [
                {
                    "targets": [target],
                    "labels": {**site, "__param_part": f"{k}/{parts}", "instance": f"{target}/part-{k}-of-{parts}"},
                }
                for k in range(1, parts + 1)
            ]
        return web.Response(body=orjson.dumps(groups), headers={"Content-Type": "application/json"})

    async def overview(self, request: web.Request) -> web.Response:
        """Return the status page of the fleet."""
        await self._renderer.catch_up()
        snapshots = list(self._context.fleet.snapshots.values())
        query = TableQuery.of(request.query)
        economist = self._context.economist
        books = None if economist is None else economist.site_summation(self._context.clock.time())
        loop = asyncio.get_running_loop()
        return html_response(await loop.run_in_executor(self._threads, self._status.overview, query, snapshots, books))

    async def rig(self, request: web.Request) -> web.Response:
        """Return the status page of one rig."""
        await self._renderer.catch_up()
        name = request.match_info["rig"]
        snapshot = self._status.find(name)
        if snapshot is None:
            return html_response(self._status.missing(name[:128]), 404)
        past = list(self._context.fleet.history.get(snapshot.rig, ()))
        return html_response(self._status.rig(snapshot, past))

    async def static(self, request: web.Request) -> web.Response:
        """Return a static file from a fixed list, so that no other path can be read."""
        name = request.match_info["name"]
        if name not in self._static:
            raise web.HTTPNotFound
        headers = {"Content-Type": STATIC[name], "Cache-Control": "max-age=3600"}
        return web.Response(body=self._static[name], headers=headers)


def html_response(html: str, status: int = 200) -> web.Response:
    """Return `html` as a response; a lone surrogate, which UTF-8 cannot encode, becomes "?"."""
    body = html.encode("utf-8", "replace")
    headers = {"Content-Type": "text/html; charset=utf-8", "Cache-Control": "no-store"}
    return web.Response(body=body, status=status, headers=headers)


async def stream_response(request: web.Request, body: list[bytes], headers: dict[str, str]) -> web.StreamResponse:
    """Send `body` piece by piece, as fast as the client reads it."""
    response = web.StreamResponse(headers=headers)
    response.content_length = sum(map(len, body))
    await response.prepare(request)
    if request.method != "HEAD":
        for piece in body:
            view = memoryview(piece)
            for at in range(0, len(piece), PIECE_BYTES):
                await response.write(view[at : at + PIECE_BYTES])
    await response.write_eof()
    return response


async def listen(
    app: web.Application, guard: ConnectionLimiter, settings: PrometheusConfig
) -> tuple[web.AppRunner, asyncio.Server]:
    """Start serving `app`. Raises OSError if the address is not available."""
    runner = web.AppRunner(
        app,
        access_log=None,
        keepalive_timeout=KEEPALIVE_S,
        shutdown_timeout=2.0,
        max_line_size=4096,
        max_field_size=4096,
    )
    await runner.setup()
    if runner.server is None:
        raise RuntimeError("the runner has no server after setup()")
    host, port = split_listen(settings.listen)
    loop = asyncio.get_running_loop()
    try:
        return runner, await loop.create_server(guard.factory(runner.server), host, port, backlog=128)
    except OSError:
        await runner.cleanup()
        raise
