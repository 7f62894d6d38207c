"""Lays out the page of the agent itself: whether what the other pages show can be trusted."""

from typing import Final

from grafana_foundation_sdk.models.dashboard import Dashboard

from stratoscope_dashboards.catalogue import Catalogue
from stratoscope_dashboards.choosers import SITE
from stratoscope_dashboards.page import Row, page
from stratoscope_dashboards.panels import TIMESTAMP, Placed, Query, lines, stat_of, timeline, words
from stratoscope_dashboards.states import YES_NO
from stratoscope_dashboards.tables import Key, Value, table_of

PER: Final = "[$__rate_interval]"
WHO: Final = "{{site}} {{instance}}"


def agent(book: Catalogue) -> Dashboard:
    """Return the dashboard."""
    rows = [
        Row("Now", _now(book)),
        Row("Polls", _polls(book)),
        Row("Loop, page and scrapes", _page(book)),
        Row("Sources of market, tariffs and pools", _sources(book)),
        Row("Process and ledger", _process(book)),
    ]
    text = "Whether what the other pages show can be trusted: polls, loop, page, scrapes, sources, ledger."
    return page("agent", "Agent", text, (SITE,), rows)


def _now(book: Catalogue) -> list[Placed]:
    select = book.select
    up, build = book["up"], book["stratoscope_build_info"]
    config = book["stratoscope_config_last_reload_successful"]
    loaded = book["stratoscope_config_last_reload_success_timestamp_seconds"]
    targets, series = book["stratoscope_targets"], book["stratoscope_page_series"]
    open_listen = book["stratoscope_insecure_listen"]
    return [
        stat_of("Scraped", up, Query(f"min({up.of()})"), mappings=YES_NO, width=3, graph=False),
        stat_of("Version", build, Query(f"max by (version) ({build.of()})", "{{version}}"), width=3, graph=False,
                name_only=True),
        stat_of("Config in force", config, Query(f"min({config.of()})"), width=3, graph=False,
                mappings=words((0, "the old one", "red"), (1, "the newest", "green"))),
        stat_of("Loaded", loaded, Query(f"max({loaded.of()}) * 1000"), unit=TIMESTAMP, width=3, graph=False),
        stat_of("Rigs polled", targets, Query(f"sum({targets.of()})"), width=3),
        stat_of("Series on the page", series, Query(f"sum({series.of()})"), width=3),
        stat_of("Running since", book["process_start_time_seconds"], Query(
            f"min({select('process_start_time_seconds')}) * 1000"
        ), unit=TIMESTAMP, width=3, graph=False),
        stat_of("Open to the network", open_listen, Query(f"max({open_listen.of()})"), width=3, graph=False,
                mappings=words((0, "no", "green"), (1, "no login", "orange"))),
    ]  # fmt: skip


def _polls(book: Catalogue) -> list[Placed]:
    select = book.select
    polls, took = book["stratoscope_polls_total"], book["stratoscope_poll_duration_seconds_bucket"]
    flight = book["stratoscope_polls_in_flight"]
    skipped = book["stratoscope_ticks_skipped_total"]
    defects = "stratoscope_defects_total"
    rate = f"sum by (outcome) (rate({polls.of()}{PER}))"
    failed = 'outcome!="ok"'
    buckets = f"sum by (le) (rate({took.of()}{PER}))"
    return [
        lines("Polls by outcome", polls, Query(rate, "{{outcome}}"), unit="cps", stack=True, zero=True,
              overrides=[("^ok$", {"color": {"mode": "fixed", "fixedColor": "green"}})],
              text="Per second."),
        lines("Failed polls by reason", polls, Query(f"sum by (outcome) (rate({polls.of(failed)}{PER})) > 0",
              "{{outcome}}"), unit="cps", zero=True,
              text="Per second; what each reason means stands in troubleshooting."),
        lines("Duration of a poll", took,
              *(Query(f"histogram_quantile({q}, {buckets})", f"{q * 100:g} %") for q in (0.5, 0.9, 0.99)),
              zero=True, width=8),
        lines("Polls under way", flight, Query(f"sum by (lane) ({flight.of()})", "{{lane}}"), width=8, zero=True),
        lines("Left out and unreadable", skipped, Query(f"sum(rate({skipped.of()}{PER}))", "polls left out"),
              Query(f"sum(rate({select(defects)}{PER}))", "unreadable fields"), width=8, unit="cps", zero=True),
    ]  # fmt: skip


def _page(book: Catalogue) -> list[Placed]:
    select = book.select
    lag, join = book["stratoscope_loop_lag_seconds"], "stratoscope_page_join_seconds"
    scrape, samples = book["scrape_duration_seconds"], book["scrape_samples_scraped"]
    dropped, refused = book["stratoscope_series_dropped_total"], book["stratoscope_http_refused_total"]
    events = book["stratoscope_events_total"]
    return [
        lines("Lag of the event loop", lag, Query(lag.of(), WHO), marks=True, zero=True, width=8),
        lines("Scrape and page", scrape, Query(scrape.of(), "scrape, " + WHO),
              Query(select(join), "page joined, " + WHO), zero=True, width=8),
        lines("Samples by page", samples, Query(samples.of(), WHO), zero=True, width=8),
        lines("Series left out of the page", dropped, Query(f"sum by (reason) (rate({dropped.of()}{PER}))",
              "{{reason}}"), unit="cps", zero=True, width=8, text="Per second; a full series budget shows here."),
        lines("Requests refused", refused, Query(f"sum by (reason) (rate({refused.of()}{PER}))", "{{reason}}"),
              unit="cps", zero=True, width=8, text="Per second."),
        lines("Events", events, Query(f"sum by (kind) (increase({events.of()}{PER})) > 0", "{{kind}}"), stack=True,
              bars=True,
              zero=True, width=8),
    ]  # fmt: skip


def _sources(book: Catalogue) -> list[Placed]:
    asked, age = book["stratoscope_source_requests_total"], book["mining_market_input_age_seconds"]
    usable, tariff = book["mining_market_input_usable"], book["mining_tariff_price_age_seconds"]
    prices = f'label_replace(label_replace({tariff.of()}, "source", "$1", "tariff", "(.+)"), "input", "power", "", "")'
    return [
        timeline("Usable inputs of the market", usable, Query(f"min by (input) ({usable.of()})", "{{input}}"),
                 mappings=YES_NO, width=12, height=8, text="What is not usable is left out of every figure."),
        lines("Requests by outcome", asked, Query(f"sum by (source, outcome) (rate({asked.of()}{PER})) * 60 > 0",
              "{{source}} {{outcome}}"), unit="cpm", zero=True, text="Per minute."),
        table_of("Age of what the sources said", [Key("input", "Input"), Key("source", "Source")], [
            Value("Age", age, f"max by (input, source) ({age.of()} or {prices})"),
        ], text="Since a source last confirmed it.", sort="Age"),
    ]  # fmt: skip


def _process(book: Catalogue) -> list[Placed]:
    select = book.select
    memory, cpu = book["process_resident_memory_bytes"], book["process_cpu_seconds_total"]
    files, most = book["process_open_fds"], "process_max_fds"
    written, lost, degraded = (
        book[f"stratoscope_ledger_{what}"] for what in ("rows_written_total", "rows_lost_total", "degraded")
    )
    return [
        lines("Memory", memory, Query(memory.of(), WHO), zero=True, width=6),
        lines("Processor", cpu, Query(f"rate({cpu.of()}{PER})", WHO), unit="percentunit", zero=True, width=6,
              text="Part of one core."),
        lines("Open files and sockets", files, Query(f"{files.of()} / {select(most)}", WHO), unit="percentunit",
              zero=True, width=6, text="Part of what it may open."),
        lines("Ledger", written, Query(f"sum(rate({written.of()}{PER}))", "rows written"),
              Query(f"sum(rate({lost.of()}{PER}))", "rows lost"), unit="cps", zero=True, width=3,
              text="Per second."),
        stat_of("Ledger degraded", degraded, Query(f"max({degraded.of()})"), width=3, height=8, graph=False,
                mappings=words((0, "no", "green"), (1, "YES", "red"))),
    ]  # fmt: skip
