"""Makes the JSON documents that go to MQTT: of a rig, of the site, of an event; pure, all from the metric table.

Every document has `ts`, the UTC seconds of what it tells. Unknown is absent: never null, never zero.
"""

from collections.abc import Mapping
from typing import Any, Final, Literal

import orjson
from prometheus_client import CollectorRegistry

from stratoscope import __version__
from stratoscope.economics.site import SiteMoney
from stratoscope.events import Event
from stratoscope.exporter import AgentHealth
from stratoscope.fields import clean_text
from stratoscope.fleet import RigSnapshot
from stratoscope.metrics import (
    MARKET,
    NOBODY,
    RIG_MONEY,
    SITE,
    SITE_MONEY,
    TABLE,
    Identity,
    RigFamily,
    Section,
    Subject,
    Totals,
)
from stratoscope.metrics import rig as rig_rows
from stratoscope_exporters.exposition.text import rig_label
from stratoscope_exporters.mqtt.topics import rig_id
from stratoscope_exporters.mqtt.tree import Object, Tree, figure, word

Availability = Literal["online", "offline", "suspect"]
NEVER_MANY: Final = 1 << 16
"""Rows of a family of one rig; the table bounds them itself."""
LONGEST_TEXT: Final = 500


def availability(snapshot: RigSnapshot) -> Availability:
    """Return whether the rig's values may be believed: offline without a fresh reading, suspect as its state says."""
    if snapshot.reading is None:
        return "offline"
    return "suspect" if snapshot.state == "suspect" else "online"


class RigDocuments:
    """Makes the document of a rig, with the table's optional families in `options`.

    {"ts": 1700000000.0, "age_s": 0.2, "seq": 7, "rig": "hall1-03", "id": "aabbcc001122", "state": "hashing",
     "up": 1, "hashrate_hashes_per_second": 9.9e13, "power_watts": 3250.0, "shares_total": {"accepted": 10, …},
     "info": {"make": …, "model": …, "firmware": …, "address": …}, "tags": {"group": "hall1"},
     "fault": [{"code": "531", "component": "board 0"}],
     "boards": {"0": {"chips": 110, "temperature_celsius": {"board": 61.0, "chip": 74.0}, …}, …},
     "fans": {"0": {"speed_rpm": 4980}}, "pools": {"0": {"url": …, "active": 1, "alive": 1}},
     "money": {"currency": "USD", "revenue_fiat_per_day": 5.1, "gross_margin_ratio": 0.4, …}}

    `ts` is when the rig gave its reading, or when it was asked last while there is none; `age_s` is how old the reading
    was when the document was made. `seq` counts the rig's documents of this run: a gap is a document that a newer one
    overtook.
    """

    def __init__(self, options: frozenset[str] = frozenset()) -> None:
        chosen = [f for f in TABLE if f is not rig_rows.STATE and (f.option is None or f.option in options)]
        self._own = Tree.of((f for f in chosen if not _is_money(f)), None, "rig_")
        self._money = Tree.of((f for f in chosen if _is_money(f)), "money", "rig_")

    def document(self, snapshot: RigSnapshot, seq: int, now: float, identity: Identity = NOBODY) -> Object:
        """Return the document; `now` is UTC seconds, `identity` who the rig said it was when it was last heard."""
        reading = snapshot.reading
        at = snapshot.at if reading is not None else snapshot.polling.last_attempt
        document: Object = {"ts": round(now if at is None else at, 3)}
        if reading is not None:
            document["age_s"] = round(max(0.0, now - snapshot.at), 3)
        document |= {"seq": seq, "rig": rig_label(snapshot.rig), "state": snapshot.state}
        if (known := rig_id(snapshot)) is not None:
            document["id"] = known
        if snapshot.judged.reasons:
            document["reasons"] = [clean_text(reason) for reason in snapshot.judged.reasons]
        subject = Subject(snapshot, identity if reading is None else Identity.of(reading))
        self._own.grow(document, subject, NEVER_MANY)
        return self._money.grow(document, subject, NEVER_MANY)

    def encoded(self, snapshot: RigSnapshot, seq: int, now: float, identity: Identity = NOBODY) -> bytes:
        """Return the document as it is sent."""
        return orjson.dumps(self.document(snapshot, seq, now, identity))


def _is_money(family: RigFamily) -> bool:
    return any(family is one for one in RIG_MONEY)


SITE_TREE: Final = Tree.of(SITE, None, "site_")
MONEY_TREE: Final = Tree.of(SITE_MONEY, "money", "site_")


class SiteDocuments:
    """Makes the document of the whole site, with the sections that stand beside rigs, site and money.

    {"ts": …, "site": "farm1", "expected": 24, "fresh": 23, "coverage_ratio": 0.96, "rigs": {"hashing": 22, …},
     "hashrate_hashes_per_second": {"sha256": 2.1e15}, "power_watts": 71000.0, "energy_joules_total": …,
     "money": {"currency": "USD", "revenue_fiat_per_day": 118.2, "money_coverage_ratio": {"revenue": 0.96}, …},
     "tariffs": {"default": {"currency": "USD", "price_fiat_per_kwh": {"average": 0.05, "marginal": 0.04}, …}},
     "market": {"currency": "USD", "network_height": 931392, "btc_price": 91000.0, …}}

    Sums stand for `fresh` of `expected` rigs. A family of more than 256 rows is left to Prometheus.
    """

    def __init__(self, site: str, sections: tuple[Section, ...] = ()) -> None:
        self._site = site
        self._sections = [
            (Tree.of(section.families, "market" if section.families == MARKET else None, ""), section.now)
            for section in sections
        ]

    def document(self, sums: Totals, money: SiteMoney | None, now: float) -> Object:
        """Return the document of the sums at UTC `now`."""
        document: Object = {
            "ts": round(now, 3),
            "site": clean_text(self._site),
            "expected": sums.expected,
            "fresh": sums.fresh,
        }
        SITE_TREE.grow(document, sums)
        if money is not None:
            MONEY_TREE.grow(document, money)
        for tree, subject_now in self._sections:
            subject = subject_now()
            if subject is not None:
                tree.grow(document, subject)
        return document


def health_document(registry: CollectorRegistry, health: AgentHealth, now: float) -> Object:
    """Return how the agent fares: its own metrics (stratoscope_*) with labels as levels, histograms by sum and count.

    {"ts": …, "version": "0.1.0", "ready": true, "uptime_s": 86400.0, "targets": 24, "loop_lag_seconds": 0.002,
     "events_total": {"rig_down": 3}, "mqtt_messages_dropped_total": {"event": {"full": 0, …}, …}, …}
    """
    document: Object = {
        "ts": round(now, 3),
        "version": __version__,
        "ready": health.ready,
        "uptime_s": round(max(0.0, now - health.started), 1),
    }
    for family in registry.collect():
        if not family.name.startswith("stratoscope_"):
            continue
        for sample in family.samples:
            value = figure(float(sample.value))
            if value is None or "le" in sample.labels or "version" in sample.labels:
                continue
            *levels, key = (sample.name.removeprefix("stratoscope_"), *sample.labels.values())
            place = document
            for level in levels:
                place = place.setdefault(word(level), {})
            place[word(key)] = value
    return document


def event_document(event: Event, site: str, rig: str | None = None) -> Object:
    """Return the document of an event: one schema for every kind. `rig` is the topic id of the rig it is about.

    {"event_id": …, "ts": …, "kind": "rig_down", "site": "farm1", "rig": "hall1-03", "id": "aabbcc001122",
     "text": "hall1-03 is offline, was hashing: timeout: …", "details": {…}}
    """
    document: Object = {
        "event_id": event.event_id,
        "ts": round(event.at, 3),
        "kind": event.kind,
        "site": clean_text(site),
    }
    if event.rig is not None:
        document["rig"] = rig_label(event.rig)
    if rig is not None:
        document["id"] = rig
    document["text"] = clean_text(event.text, LONGEST_TEXT)
    if details := _plain(event.details):
        document["details"] = details
    return document


def _plain(value: Any) -> Any:
    """Return `value` as JSON holds it, None for what is unknown or no number; unknown parts are left out."""
    if isinstance(value, Mapping):
        pairs = ((clean_text(str(key)), _plain(item)) for key, item in value.items())
        return {key: item for key, item in pairs if item is not None}
    if isinstance(value, list | tuple):
        return [item for item in map(_plain, value) if item is not None]
    if value is None or isinstance(value, bool):
        return value
    return figure(value) if isinstance(value, int | float) else clean_text(str(value), LONGEST_TEXT)
