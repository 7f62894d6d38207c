"""Builds the status pages: fleet totals, a sortable and filterable table of rigs, and one page per rig."""

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final
from urllib.parse import quote, urlencode

from jinja2 import Environment, PackageLoader, StrictUndefined

from stratoscope.clock import Clock
from stratoscope.economics.site import Books
from stratoscope.exporter import Context
from stratoscope.fleet import STATES, RigEconomics, RigSnapshot
from stratoscope.metrics import Identity, Tally, redacted_url, totals
from stratoscope.tamper.detector import Alarm
from stratoscope.text import quantities
from stratoscope.units import joules_per_terahash
from stratoscope_exporters.exposition.render import Renderer
from stratoscope_exporters.exposition.settings import Settings
from stratoscope_exporters.exposition.text import rig_label
from stratoscope_exporters.web.status.pool_card import paid
from stratoscope_exporters.web.status.pool_windows import credited_hashrates, window_label
from stratoscope_exporters.web.status.sparkline import Sparkline, sparkline

PAGE_ROWS: Final = 100
MAX_QUERY: Final = 100
PIECES: Final = re.compile(r"[0-9]+|[^0-9]+")


@lru_cache(1 << 15)  # the same names are sorted at every visit
def natural(text: str) -> tuple[tuple[int, int, str], ...]:
    """Return a sort key that puts rig-9 before rig-10."""
    return tuple(
        (0, int(piece), "") if "0" <= piece[0] <= "9" else (1, 0, piece) for piece in PIECES.findall(text.lower())
    )


@dataclass(frozen=True, slots=True)
class Line:
    """One rig as the table shows it."""

    snapshot: RigSnapshot
    identity: Identity

    @property
    def name(self) -> str:
        """Return the rig's name."""
        return rig_label(self.snapshot.rig)

    @property
    def href(self) -> str:
        """Return the address of the rig's page."""
        return f"/rig/{quote(self.name, safe='')}"

    @property
    def product(self) -> str:
        """Return make and model as far as known."""
        return f"{self.identity.make} {self.identity.model}".strip()

    @property
    def share_of_nameplate(self) -> float | None:
        """Return hashrate over nameplate, or None."""
        judged = self.snapshot.judged
        return judged.hashrate / judged.nameplate if judged.hashrate is not None and judged.nameplate else None

    @property
    def money(self) -> RigEconomics | None:
        """Return the rig's economics while its reading is fresh."""
        return self.snapshot.economics if self.snapshot.reading is not None else None

    @property
    def hottest(self) -> float | None:
        """Return the hottest chip, or the hottest board where chips are not reported, in °C."""
        boards = self.snapshot.reading.boards if self.snapshot.reading is not None else ()
        chips = [b.temperature_chip for b in boards if b.temperature_chip is not None]
        return max(chips or [b.temperature_board for b in boards if b.temperature_board is not None], default=None)

    @property
    def words(self) -> str:
        """Return everything the search looks at, in lower case."""
        tags = " ".join(f"{key}={value}" for key, value in self.snapshot.tags.items())
        identity = " ".join(self.identity)
        return f"{self.name} {self.product} {identity} {self.snapshot.polling.address} {tags}".lower()


SORTS: Final[Mapping[str, tuple[str, Callable[[Line], Any]]]] = {
    "name": ("Rig", lambda line: natural(line.name)),
    "state": ("State", lambda line: STATES.index(line.snapshot.state) if line.snapshot.state in STATES else 99),
    "model": ("Make and model", lambda line: line.product.lower() or None),
    "hashrate": ("Hashrate", lambda line: line.snapshot.judged.hashrate),
    "nameplate": ("Of nameplate", lambda line: line.share_of_nameplate),
    "power": ("Power", lambda line: line.snapshot.judged.power),
    "efficiency": ("Efficiency", lambda line: line.snapshot.judged.efficiency),
    "revenue": ("Revenue a day", lambda line: line.money.revenue_per_day if line.money else None),
    "margin": ("Margin", lambda line: line.money.gross_margin_ratio if line.money else None),
    "temperature": ("Hottest", lambda line: line.hottest),
    "age": ("Read", lambda line: -line.snapshot.polling.last_success if line.snapshot.polling.last_success else None),
    "address": ("Address", lambda line: natural(line.snapshot.polling.address)),
}
"""Columns of the table in order: key → heading and what to sort by (None sorts last, whatever the order)."""


MONEY_SORTS: Final = frozenset({"revenue", "margin"})
"""Columns that are left out where money is not reckoned."""


@dataclass(frozen=True, slots=True)
class Query:
    """What the visitor wants to see; unknown words fall back to the default."""

    sort: str = "name"
    order: str = "asc"
    state: str = ""
    q: str = ""
    page: int = 1

    @classmethod
    def of(cls, wanted: Mapping[str, str]) -> "Query":
        """Return the query in the parameters of a URL."""
        page = wanted.get("page", "1")
        return cls(
            sort=wanted.get("sort", "") if wanted.get("sort") in SORTS else "name",
            order="desc" if wanted.get("order") == "desc" else "asc",
            state=wanted.get("state", "") if wanted.get("state") in STATES else "",
            q=wanted.get("q", "").strip()[:MAX_QUERY],
            page=max(1, int(page)) if page.isascii() and page.isdigit() and len(page) < 7 else 1,
        )

    def href(self, **changed: Any) -> str:
        """Return the address of the table with `changed` parameters; defaults are left out."""
        kept = {"sort": self.sort, "order": self.order, "state": self.state, "q": self.q, "page": self.page, **changed}
        plain = {"sort": "name", "order": "asc", "state": "", "q": "", "page": 1}
        text = urlencode({key: value for key, value in kept.items() if value != plain[key]}, errors="replace")
        return f"/?{text}" if text else "/"


class StatusPages:
    """Renders the pages from the newest snapshots; call `overview` and `rig` off the event loop, on a copy."""

    def __init__(self, context: Context, renderer: Renderer, settings: Settings) -> None:
        self._context, self._renderer, self._settings = context, renderer, settings
        self._clock: Clock = context.clock
        loader = PackageLoader("stratoscope_exporters.web.status", "templates")
        self._templates = Environment(
            loader=loader,
            autoescape=True,
            undefined=StrictUndefined,
            auto_reload=False,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._templates.globals.update(
            quantities=quantities,
            credited_hashrates=credited_hashrates,
            window_label=window_label,
            site=context.site,
            health=context.health,
        )

    def overview(self, query: Query, snapshots: list[RigSnapshot], books: Books | None = None) -> str:
        """Return the page of the whole fleet; `books` sums its money up."""
        lines = [self._line(snapshot) for snapshot in snapshots]
        tallies = [Tally.of(line.snapshot) for line in lines]
        sums = totals(tallies)
        words = query.q.lower()
        found = [line for line in lines if not query.state or line.snapshot.state == query.state]
        found = [line for line in found if words in line.words] if words else found
        pages = max(1, math.ceil(len(found) / PAGE_ROWS))
        page = min(query.page, pages)
        shown = arranged(found, query)[(page - 1) * PAGE_ROWS : page * PAGE_ROWS]
        return self._templates.get_template("overview.html").render(
            sums=sums,
            query=query,
            lines=shown,
            found=len(found),
            page=page,
            pages=pages,
            states=STATES,
            sorts={key: sort for key, sort in SORTS.items() if books is not None or key not in MONEY_SORTS},
            money=books(tally.money for tally in tallies) if books is not None else None,
            efficiency=_efficiency(tallies, sums.algorithm),
            now=self._clock.time(),
            first=(page - 1) * PAGE_ROWS + 1,
            market=self._context.market.now if self._context.market is not None else None,
            paid=[paid(pool) for pool in self._context.reckoner.now] if self._context.reckoner is not None else [],
            pools=self._context.pools.now if self._context.pools is not None else (),
            stratum=self._context.stratum.now if self._context.stratum is not None else None,
            guard=self._context.guard(),
        )

    def rig(self, snapshot: RigSnapshot, history: list[tuple[float, float, float, float]]) -> str:
        """Return the page of one rig; `history` has rows of UTC s, H/s, W and °C."""
        line = self._line(snapshot)
        return self._templates.get_template("rig.html").render(
            line=line,
            rig=line.snapshot,
            reading=line.snapshot.reading,
            polling=line.snapshot.polling,
            charts=_charts(history),
            now=self._clock.time(),
            users=self._settings.privacy == "full",
            redacted_url=redacted_url,
            alarms=self._alarms(snapshot.rig),
        )

    def _alarms(self, rig: str) -> list[Alarm]:
        guard = self._context.guard()
        return [] if guard is None else [alarm for alarm in guard.alarms if alarm.rig == rig]

    def missing(self, name: str) -> str:
        """Return the page that says that there is no such rig."""
        return self._templates.get_template("missing.html").render(name=name, now=self._clock.time())

    def find(self, name: str) -> RigSnapshot | None:
        """Return the snapshot of the rig called `name` on the pages, or None."""
        snapshots = self._context.fleet.snapshots
        if name in snapshots and rig_label(name) == name:
            return snapshots[name]
        return next((s for rig, s in snapshots.items() if rig_label(rig) == name), None)

    def _line(self, snapshot: RigSnapshot) -> Line:
        current = self._renderer.as_of_now(snapshot)
        known = self._renderer.identity(snapshot.rig)
        return Line(current, Identity.of(current.reading) if current.reading is not None else known)


def arranged(lines: list[Line], query: Query) -> list[Line]:
    """Return `lines` in the wanted order, those without the figure last in either direction."""
    key = SORTS[query.sort][1]
    keyed = [(key(line), line) for line in lines]
    known = sorted((pair for pair in keyed if pair[0] is not None), key=lambda p: p[0], reverse=query.order == "desc")
    return [line for _, line in known] + [line for value, line in keyed if value is None]


def _efficiency(tallies: list[Tally], algorithm: str) -> float | None:
    """Return J/TH over the rigs of `algorithm` of which both power and hashrate are known."""
    both = [(tally.power, tally.hashrate) for tally in tallies if tally.algorithm == algorithm]
    watts = sum(power for power, rate in both if power is not None and rate)
    rate = sum(rate for power, rate in both if power is not None and rate)
    return joules_per_terahash(watts, rate) if rate else None


def _charts(history: list[tuple[float, float, float, float]]) -> list[Sparkline]:
    drawn = (
        sparkline("Hashrate", ((row[0], row[1]) for row in history), quantities.hashrate),
        sparkline("Power", ((row[0], row[2]) for row in history), quantities.power),
        sparkline("Hottest chip", ((row[0], row[3]) for row in history), quantities.celsius),
    )
    return [chart for chart in drawn if chart is not None]
