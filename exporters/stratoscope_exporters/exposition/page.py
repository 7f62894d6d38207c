"""Builds one page per format from the rendered lines of all rigs, in threads, shared by concurrent scrapers."""

import asyncio
import re
import zlib
from collections.abc import Awaitable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib import import_module
from operator import itemgetter
from types import ModuleType
from typing import Any, Final

import structlog
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.openmetrics import exposition as openmetrics

from stratoscope.clock import Clock
from stratoscope.economics.economist import Economist
from stratoscope.economics.site import SiteMoney, SiteSummation
from stratoscope.metrics import SITE, SITE_MONEY, MetricFamily, Section, Totals, totals
from stratoscope_exporters.exposition.metrics import PageMetrics
from stratoscope_exporters.exposition.render import RenderedFleet, Renderer
from stratoscope_exporters.exposition.text import MetricColumn, PageFormat, columns, label_pairs

try:  # four times the speed of zlib level 1, and smaller
    fast_zlib: ModuleType = import_module("isal.isal_zlib")
except ImportError:
    fast_zlib = zlib

SHARED_S: Final = 1.0
"""How long an unchanged page is reused; the agent's own metrics on it are at most this old."""
MAX_RENDERS: Final = 2
MAX_PARTS: Final = 1000
MAX_SHARED_PAGES: Final = 16
EOF: Final = b"# EOF\n"
PART: Final = re.compile(r"([1-9][0-9]{0,3})/([1-9][0-9]{0,3})")
SITE_COLUMNS: Final = columns(SITE)
MONEY_COLUMNS: Final = columns(SITE_MONEY)

log = structlog.get_logger(__name__)
Part = tuple[int, int]


@dataclass(frozen=True, slots=True)
class PageRequest:
    """What a scraper requests: format, compression and part k of n."""

    form: PageFormat
    gzip: bool = False
    part: Part | None = None


@dataclass(slots=True)
class SharedPage:
    """A page that is being built or was just built."""

    page: asyncio.Future[list[bytes]]
    generation: int
    at: float  # monotonic s


def parse_part(text: str) -> Part:
    """Return k and n of "k/n". Raises ValueError with the remedy."""
    match = PART.fullmatch(text)
    k, n = (int(match[1]), int(match[2])) if match else (0, 0)
    if not 1 <= k <= n <= MAX_PARTS:
        raise ValueError(f"part must be k/n with 1 <= k <= n <= {MAX_PARTS}, for example part=1/4")
    return k, n


def blocks(sheet: RenderedFleet, rig_columns: list[MetricColumn], form: PageFormat) -> Iterator[bytes]:
    """Yield header and lines of each metric of the rigs; metrics without samples are left out."""
    chunks = [row.chunks for row in sheet.rows]
    for at, column in enumerate(rig_columns):
        lines = b"".join(map(itemgetter(at), chunks))
        if lines:
            yield column.headers[form]
            yield lines


def site_blocks(sums: Totals, form: PageFormat) -> Iterator[bytes]:
    """Yield each family of the whole site with its header."""
    return _blocks(SITE_COLUMNS, sums, form)


def money_blocks(money: SiteMoney, form: PageFormat) -> Iterator[bytes]:
    """Yield each family of the site's money with its header."""
    return _blocks(MONEY_COLUMNS, money, form)


class SectionBlocks:
    """One section of the page with prepared headers."""

    def __init__(self, section: Section) -> None:
        self._columns, self._now = columns(section.families), section.now

    def blocks(self, form: PageFormat) -> Iterator[bytes]:
        """Return each metric with its header and current values."""
        now = self._now()
        return iter(()) if now is None else _blocks(self._columns, now, form)


def _blocks(
    families: tuple[tuple[MetricFamily[Any, Any], tuple[MetricColumn, ...]], ...],
    subject: Any,
    form: PageFormat,
) -> Iterator[bytes]:
    for family, group in families:
        rows = [
            (f"{{{label_pairs(family.labels, labels)}}}" if labels else "", row) for labels, row in family.rows(subject)
        ]
        for column in group:
            lines = "".join(column.sample(labels, row) for labels, row in rows)
            if lines:
                yield column.headers[form] + lines.encode()


def join_page(sheet: RenderedFleet, rig_columns: list[MetricColumn], wanted: PageRequest, rest: bytes) -> list[bytes]:
    """Return the pieces of the page: the metrics of the rigs, then `rest`, compressed if requested."""
    if not wanted.gzip:
        return list(_pieces(sheet, rig_columns, wanted, rest))
    packer: Any = fast_zlib.compressobj(1, zlib.DEFLATED, 31)
    packed = [packer.compress(piece) for piece in _pieces(sheet, rig_columns, wanted, rest)]
    return [b"".join((*packed, packer.flush()))]


def _pieces(sheet: RenderedFleet, rig_columns: list[MetricColumn], wanted: PageRequest, rest: bytes) -> Iterator[bytes]:
    yield from blocks(sheet, rig_columns, wanted.form)
    yield rest
    if wanted.form is PageFormat.OPENMETRICS:
        yield EOF


class Pages:
    """Builds and shares pages: all requests during a build, or before the next change, get the same page."""

    def __init__(
        self,
        renderer: Renderer,
        registry: CollectorRegistry,
        clock: Clock,
        meters: PageMetrics,
        sections: tuple[Section, ...] = (),
        economist: Economist | None = None,
    ) -> None:
        self._renderer, self._registry, self._clock, self._meters = renderer, registry, clock, meters
        self._sections, self._economist = tuple(map(SectionBlocks, sections)), economist
        self._columns = renderer.columns
        self._threads = ThreadPoolExecutor(MAX_RENDERS, thread_name_prefix="page")
        self._shared: dict[PageRequest, SharedPage] = {}

    async def get(self, wanted: PageRequest) -> list[bytes]:
        """Return the pieces of a page with everything published before the call, or of the page that is being built."""
        await self._renderer.catch_up()
        return await asyncio.shield(self._share(wanted))

    def close(self) -> None:
        """Stop the threads; unfinished pages are abandoned."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _share(self, wanted: PageRequest) -> Awaitable[list[bytes]]:
        now = self._clock.monotonic()
        self._forget(now)
        shared = self._shared.get(wanted)
        if shared is None or (shared.page.done() and shared.generation != self._renderer.generation):
            shared = self._shared[wanted] = SharedPage(self._begin(wanted), self._renderer.generation, now)
            loop = asyncio.get_running_loop()
            shared.page.add_done_callback(lambda _: loop.call_later(2 * SHARED_S, self._expire))
        return shared.page

    def _begin(self, wanted: PageRequest) -> asyncio.Future[list[bytes]]:
        """Start to build a page in a thread. Only the first part has the site and the agent's own metrics."""
        sheet = self._renderer.sheet(wanted.part)
        loop = asyncio.get_running_loop()
        if wanted.part is not None and wanted.part[0] != 1:
            return loop.run_in_executor(self._threads, self._build, sheet, wanted, None, b"", None)
        everything = sheet if wanted.part is None else self._renderer.sheet()
        rest = b"".join((*self._section_pieces(wanted.form), self._own(wanted.form)))
        books = None if self._economist is None else self._economist.site_summation(self._clock.time())
        return loop.run_in_executor(self._threads, self._build, sheet, wanted, everything, rest, books)

    def _section_pieces(self, form: PageFormat) -> Iterator[bytes]:
        """Yield the sections. A section that raises is left out, counted and logged."""
        for section in self._sections:
            try:
                yield b"".join(section.blocks(form))
            except Exception:  # an internal error in one section must not hide the fleet
                self._meters.count_error("section")
                log.exception("page section failed: internal error, please report (section left out)")

    def _build(
        self,
        sheet: RenderedFleet,
        wanted: PageRequest,
        everything: RenderedFleet | None,
        own: bytes,
        books: SiteSummation | None,
    ) -> list[bytes]:
        started = self._clock.monotonic()
        site: list[bytes] = []
        if everything is not None:
            contributions = [row.contribution for row in everything.rows]
            site += site_blocks(totals(contributions, everything.energy), wanted.form)
            if books is not None:
                site += money_blocks(books(one.money for one in contributions), wanted.form)
        page = join_page(sheet, self._columns, wanted, b"".join((*site, own)))
        self._meters.join = self._clock.monotonic() - started
        return page

    def _own(self, form: PageFormat) -> bytes:
        """Return the agent's own metrics. If a collector raises, they are left out, counted and logged."""
        try:
            if form is PageFormat.TEXT:
                return generate_latest(self._registry)
            page: bytes = openmetrics.generate_latest(self._registry)  # type: ignore[no-untyped-call]  # the library has no annotation
            return page.removesuffix(EOF)
        except Exception:  # an internal error in a collector must not hide the fleet
            self._meters.count_error("own")
            log.exception("own metrics failed: internal error, please report (own metrics left out)")
            return b""

    def _expire(self) -> None:
        self._forget(self._clock.monotonic())

    def _forget(self, now: float) -> None:
        old = [key for key, s in self._shared.items() if s.page.done() and now - s.at > SHARED_S]
        for key in (*old, *list(self._shared)[: max(0, len(self._shared) - MAX_SHARED_PAGES)]):
            self._shared.pop(key, None)
