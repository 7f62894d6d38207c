"""Joins the finished lines of all rigs into one page per format, off the event loop, shared by all who ask at once."""

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
from stratoscope.economics.site import Books, SiteMoney
from stratoscope.metrics import SITE, SITE_MONEY, Family, Section, Totals, totals
from stratoscope_exporters.exposition.meters import Meters
from stratoscope_exporters.exposition.render import Renderer, Sheet
from stratoscope_exporters.exposition.text import Column, Form, columns, pairs

try:  # four times the speed of zlib level 1, and smaller
    fast_zlib: ModuleType = import_module("isal.isal_zlib")
except ImportError:
    fast_zlib = zlib

SHARED_SECONDS: Final = 1.0
"""How long an unchanged page is handed out again; the agent's own metrics in it are that old at most."""
MAX_RENDERS: Final = 2
MAX_PARTS: Final = 1000
MAX_KEPT: Final = 16
EOF: Final = b"# EOF\n"
PART: Final = re.compile(r"([1-9][0-9]{0,3})/([1-9][0-9]{0,3})")
SITE_COLUMNS: Final = columns(SITE)
MONEY_COLUMNS: Final = columns(SITE_MONEY)

log = structlog.get_logger(__name__)
Part = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a scraper asks for: format, compression, and part k of n."""

    form: Form
    gzip: bool = False
    part: Part | None = None


@dataclass(slots=True)
class Shared:
    """A page that is being made or was just made."""

    page: asyncio.Future[list[bytes]]
    generation: int
    at: float  # monotonic s


def parse_part(text: str) -> Part:
    """Return k and n of "k/n"; raise ValueError with the remedy when it is none."""
    match = PART.fullmatch(text)
    k, n = (int(match[1]), int(match[2])) if match else (0, 0)
    if not 1 <= k <= n <= MAX_PARTS:
        raise ValueError(f"part must be k/n with 1 <= k <= n <= {MAX_PARTS}, for example part=1/4")
    return k, n


def blocks(sheet: Sheet, rig_columns: list[Column], form: Form) -> Iterator[bytes]:
    """Yield header and lines of each family of the rigs, contiguous; families without samples are left out."""
    chunks = [row.chunks for row in sheet.rows]
    for at, column in enumerate(rig_columns):
        lines = b"".join(map(itemgetter(at), chunks))
        if lines:
            yield column.headers[form]
            yield lines


def site_blocks(sums: Totals, form: Form) -> Iterator[bytes]:
    """Yield each family of the whole site with its header."""
    return _blocks(SITE_COLUMNS, sums, form)


def money_blocks(money: SiteMoney, form: Form) -> Iterator[bytes]:
    """Yield each family of the site's money with its header."""
    return _blocks(MONEY_COLUMNS, money, form)


class SectionBlocks:
    """One section of the page, its headers made once."""

    def __init__(self, section: Section) -> None:
        self._columns, self._now = columns(section.families), section.now

    def blocks(self, form: Form) -> Iterator[bytes]:
        """Yield each family with its header, as of now."""
        now = self._now()
        return iter(()) if now is None else _blocks(self._columns, now, form)


def _blocks(
    families: tuple[tuple[Family[Any, Any], tuple[Column, ...]], ...],
    subject: Any,
    form: Form,
) -> Iterator[bytes]:
    for family, group in families:
        rows = [(f"{{{pairs(family.labels, labels)}}}" if labels else "", row) for labels, row in family.rows(subject)]
        for column in group:
            lines = "".join(column.sample(labels, row) for labels, row in rows)
            if lines:
                yield column.headers[form] + lines.encode()


def whole(sheet: Sheet, rig_columns: list[Column], wanted: Wanted, rest: bytes) -> list[bytes]:
    """Return the pieces of the page: the rigs' families, then `rest`, compressed where that is wanted."""
    if not wanted.gzip:
        return list(_pieces(sheet, rig_columns, wanted, rest))
    packer: Any = fast_zlib.compressobj(1, zlib.DEFLATED, 31)
    packed = [packer.compress(piece) for piece in _pieces(sheet, rig_columns, wanted, rest)]
    return [b"".join((*packed, packer.flush()))]


def _pieces(sheet: Sheet, rig_columns: list[Column], wanted: Wanted, rest: bytes) -> Iterator[bytes]:
    yield from blocks(sheet, rig_columns, wanted.form)
    yield rest
    if wanted.form is Form.OPENMETRICS:
        yield EOF


class Pages:
    """Makes pages and shares them: everyone who asks while one is made, or before anything changed, gets the same."""

    def __init__(
        self,
        renderer: Renderer,
        registry: CollectorRegistry,
        clock: Clock,
        meters: Meters,
        sections: tuple[Section, ...] = (),
        economist: Economist | None = None,
    ) -> None:
        self._renderer, self._registry, self._clock, self._meters = renderer, registry, clock, meters
        self._sections, self._economist = tuple(map(SectionBlocks, sections)), economist
        self._columns = renderer.columns
        self._threads = ThreadPoolExecutor(MAX_RENDERS, thread_name_prefix="page")
        self._shared: dict[Wanted, Shared] = {}

    async def get(self, wanted: Wanted) -> list[bytes]:
        """Return the pieces, in order, of a page that holds everything published before the call, or of one that was
        being made just then.
        """
        await self._renderer.catch_up()
        return await asyncio.shield(self._share(wanted))

    def close(self) -> None:
        """Stop the threads; pages under way are finished by nobody."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _share(self, wanted: Wanted) -> Awaitable[list[bytes]]:
        now = self._clock.monotonic()
        self._forget(now)
        shared = self._shared.get(wanted)
        if shared is None or (shared.page.done() and shared.generation != self._renderer.generation):
            shared = self._shared[wanted] = Shared(self._begin(wanted), self._renderer.generation, now)
            loop = asyncio.get_running_loop()
            shared.page.add_done_callback(lambda _: loop.call_later(2 * SHARED_SECONDS, self._expire))
        return shared.page

    def _begin(self, wanted: Wanted) -> asyncio.Future[list[bytes]]:
        """Start a page in a thread; the site and the agent's own metrics stand on the first part only."""
        sheet = self._renderer.sheet(wanted.part)
        loop = asyncio.get_running_loop()
        if wanted.part is not None and wanted.part[0] != 1:
            return loop.run_in_executor(self._threads, self._make, sheet, wanted, None, b"", None)
        everything = sheet if wanted.part is None else self._renderer.sheet()
        rest = b"".join((*self._beside(wanted.form), self._own(wanted.form)))
        books = None if self._economist is None else self._economist.books(self._clock.time())
        return loop.run_in_executor(self._threads, self._make, sheet, wanted, everything, rest, books)

    def _beside(self, form: Form) -> Iterator[bytes]:
        """Yield the sections; one that raises takes only itself off the page, and is counted."""
        for section in self._sections:
            try:
                yield b"".join(section.blocks(form))
            except Exception:  # the fleet must stay visible when a section has a bug
                self._meters.errors.labels("section").inc()
                log.exception("cannot render a section of the page")

    def _make(
        self, sheet: Sheet, wanted: Wanted, everything: Sheet | None, own: bytes, books: Books | None
    ) -> list[bytes]:
        started = self._clock.monotonic()
        site: list[bytes] = []
        if everything is not None:
            tallies = [row.tally for row in everything.rows]
            site += site_blocks(totals(tallies, everything.energy), wanted.form)
            if books is not None:
                site += money_blocks(books(tally.money for tally in tallies), wanted.form)
        page = whole(sheet, self._columns, wanted, b"".join((*site, own)))
        self._meters.join.set(self._clock.monotonic() - started)
        return page

    def _own(self, form: Form) -> bytes:
        """Return the agent's own metrics; a collector that raises takes only them off the page, and is counted."""
        try:
            if form is Form.TEXT:
                return generate_latest(self._registry)
            page: bytes = openmetrics.generate_latest(self._registry)  # type: ignore[no-untyped-call]  # it is not annotated
            return page.removesuffix(EOF)
        except Exception:  # the fleet must stay visible when a collector of ours has a bug
            self._meters.errors.labels("own").inc()
            log.exception("cannot render the agent's own metrics")
            return b""

    def _expire(self) -> None:
        self._forget(self._clock.monotonic())

    def _forget(self, now: float) -> None:
        old = [key for key, s in self._shared.items() if s.page.done() and now - s.at > SHARED_SECONDS]
        for key in (*old, *list(self._shared)[: max(0, len(self._shared) - MAX_KEPT)]):
            self._shared.pop(key, None)
