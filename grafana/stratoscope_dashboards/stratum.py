"""Lays out the page of the stratum endpoints: who is quick, who is first, what their work is worth, what is wrong."""

from typing import Final

from grafana_foundation_sdk.models.dashboard import Dashboard

from stratoscope.metrics.metric import BROKEN, FLAG
from stratoscope_dashboards.catalogue import Catalogue
from stratoscope_dashboards.choosers import ENDPOINT, SITE
from stratoscope_dashboards.page import Row, cell_link, page
from stratoscope_dashboards.panels import DASHED, TIMESTAMP, Placed, Query, bars, lines, stat_of, timeline
from stratoscope_dashboards.states import YES_NO
from stratoscope_dashboards.tables import Key, Value, table_of

THIS: Final = 'endpoint=~"$endpoint"'
PER: Final = "[$__rate_interval]"
WHOLE: Final = "[$__range]"
EACH: Final = "by (endpoint)"
NAME: Final = "{{endpoint}}"


def stratum(book: Catalogue) -> Dashboard:
    """Return the dashboard."""
    rows = [
        Row("Now", _now(book)),
        Row("Alarms", _alarms(book)),
        Row("Latency and jobs", _latency(book)),
        Row("Who announces first", _race(book)),
        Row("Templates and fees", _templates(book)),
        Row("Difficulty", _difficulty(book)),
        Row("Sessions", _sessions(book)),
    ]
    text = "The stratum endpoints that the rigs name: latency, job age, the race, templates, fees, difficulty, alarms."
    return page("stratum", "Stratum", text, (SITE, ENDPOINT), rows)


def _now(book: Catalogue) -> list[Placed]:
    up, alarm = book["mining_stratum_up"], book["mining_stratum_alarm"]
    tip, heard = book["mining_stratum_tip_height"], book["mining_stratum_tip_first_heard_timestamp_seconds"]
    fees, lost = book["mining_stratum_template_fees_satoshis"], book["mining_stratum_lost_satoshis_total"]
    return [
        stat_of("Endpoints up", up, Query(f"sum({up.of(THIS)})"), width=3),
        stat_of("Endpoints down", up, Query(f"count({up.of(THIS)}) - sum({up.of(THIS)})"), levels=BROKEN, width=3),
        stat_of("Alarms", alarm, Query(f"sum({alarm.of(THIS)}) or vector(0)"), levels=FLAG, width=3),
        stat_of("Tip", tip, Query(f"max({tip.of()})"), unit="locale", width=4, graph=False),
        stat_of("First heard", heard, Query(f"max({heard.of()}) * 1000"), unit=TIMESTAMP, width=4, graph=False),
        stat_of("Fees of a template", fees, Query(f"avg({fees.of()}) / 1e8", "BTC"), names=True, unit="short", width=4),
        stat_of("Lost in this time", lost, Query(f"sum(increase({lost.of(THIS)}{WHOLE}))", "sat"), names=True, width=3,
                graph=False, decimals=0),
        _endpoints(book),
    ]  # fmt: skip


def _endpoints(book: Catalogue) -> Placed:
    def now(name: str, *matchers: str) -> str:
        return f"max {EACH} ({book.select(name, THIS, *matchers)})"

    def column(header: str, name: str, **options: object) -> Value:
        return Value(header, book[name], now(name), **options)  # type: ignore[arg-type]

    rtt, first = book["mining_stratum_rtt_seconds"], book["mining_stratum_blocks_first_total"]
    raced = f"sum {EACH} (increase({book.select('mining_stratum_blocks_raced_total', THIS)}{WHOLE}))"
    only_this = cell_link("Only this endpoint", "stratum", "endpoint=Endpoint")
    return table_of("Endpoints", [Key("endpoint", "Endpoint", only_this, width=260)], [
        column("Up", "mining_stratum_up", mappings=YES_NO),
        column("Rigs", "mining_stratum_rigs"),
        column("Hashrate", "mining_stratum_rigs_hashrate_hashes_per_second"),
        Value("Round trip", rtt, now(rtt.name, 'by="tcp"')),
        column("Job age", "mining_stratum_job_age_seconds"),
        column("Blocks behind", "mining_stratum_height_lag", levels=FLAG),
        Value("First of raced", first, f"sum {EACH} (increase({first.of(THIS)}{WHOLE})) / ({raced} > 0)",
              unit="percentunit", decimals=0),
        column("Fees, sat", "mining_stratum_job_fees_satoshis", unit="locale"),
        Value("Certificate ends", book["mining_stratum_certificate_not_after_timestamp_seconds"],
              now("mining_stratum_certificate_not_after_timestamp_seconds") + " * 1000", unit=TIMESTAMP),
    ], text="A click narrows the page to one endpoint.", sort="Rigs", height=8)  # fmt: skip


def _alarms(book: Catalogue) -> list[Placed]:
    up, alarm = book["mining_stratum_up"], book["mining_stratum_alarm"]
    chain, left = book["mining_stratum_chain_match"], book["mining_stratum_unwatched_endpoints"]
    return [
        table_of("Alarms that stand", [Key("endpoint", "Endpoint"), Key("alarm", "Alarm", width=130)], [
            Value("", alarm, f"max by (endpoint, alarm) ({alarm.of(THIS)})"),
        ], text="Empty while all is well.", sort="Endpoint", width=8, height=6, figures=False),
        table_of("Chains", [Key("endpoint", "Endpoint"), Key("chain", "Chain", width=90)], [
            Value("The majority's", chain, f"min by (endpoint, chain) ({chain.of(THIS)})", mappings=YES_NO, width=110),
        ], text="Which chain each endpoint works on.", sort="The majority's", falling=False, width=9, height=6),
        table_of("Named by rigs and not watched", [Key("reason", "Reason")], [
            Value("Endpoints", left, f"sum by (reason) ({left.of()})", width=90),
        ], text="Empty while all are watched.", sort="Endpoints", width=7, height=6),
        timeline("Sessions", up, Query(f"max {EACH} ({up.of(THIS)})", NAME), mappings=YES_NO, height=5,
                 text="While a session stands and gives jobs."),
    ]  # fmt: skip


def _latency(book: Catalogue) -> list[Placed]:
    rtt, age = book["mining_stratum_rtt_seconds"], book["mining_stratum_job_age_seconds"]
    interval, phase = book["mining_stratum_job_interval_seconds"], book["mining_stratum_phase_seconds"]
    return [
        lines("Round trip", rtt, Query(f"max by (endpoint, by) ({rtt.of(THIS)})", NAME + " {{by}}"), zero=True,
              width=8),
        lines("Age of the newest job", age, Query(f"max {EACH} ({age.of(THIS)})", NAME), zero=True, width=8),
        lines("Time between jobs", interval, Query(f"max {EACH} ({interval.of(THIS)})", NAME), zero=True, width=8),
        bars("Opening the newest session", phase, Query(f"topk(24, max by (endpoint, phase) ({phase.of(THIS)}))",
             NAME + " {{phase}}"), width=24, height=9, above=True),
    ]  # fmt: skip


def _race(book: Catalogue) -> list[Placed]:
    first, raced, missed = (book[f"mining_stratum_blocks_{what}_total"] for what in ("first", "raced", "missed"))
    delay, lag = book["mining_stratum_block_delay_seconds_bucket"], book["mining_stratum_height_lag"]
    buckets = f"sum by (endpoint, le) (increase({delay.of(THIS)}{WHOLE}))"
    won = f"sum {EACH} (increase({first.of(THIS)}{WHOLE}))"
    ran = f"sum {EACH} (increase({raced.of(THIS)}{WHOLE}))"
    total, count = (book.select(f"mining_stratum_block_delay_seconds_{end}", THIS) for end in ("sum", "count"))
    mean = f"sum {EACH} (increase({total}{WHOLE})) / sum {EACH} (increase({count}{WHOLE}))"
    return [
        bars("First of the raced blocks", first, Query(f"{won} / ({ran} > 0)", NAME), unit="percentunit", highest=1,
             width=8, decimals=0, above=True, text="Over the time shown."),
        bars("Delay behind the first", delay, Query(mean, NAME), width=8, above=True, text="Mean over the time shown."),
        bars("Nine of ten blocks come within", delay, Query(f"histogram_quantile(0.9, {buckets})", NAME), width=8,
             above=True, text="Over the time shown, behind the first endpoint."),
        lines("Blocks behind the best", lag, Query(f"max {EACH} ({lag.of(THIS)})", NAME), zero=True),
        lines("Blocks that were never announced", missed, Query(f"sum {EACH} (increase({missed.of(THIS)}{PER}))", NAME),
              zero=True),
    ]  # fmt: skip


def _templates(book: Catalogue) -> list[Placed]:
    fees, empty = book["mining_stratum_job_fees_satoshis"], book["mining_stratum_empty_jobs_total"]
    jobs = f"sum {EACH} (rate({book.select('mining_stratum_jobs_total', THIS)}{PER}))"
    most, under = book["mining_stratum_job_transactions"], book["mining_stratum_job_under_claimed_satoshis"]
    lost, poor = book["mining_stratum_lost_satoshis_total"], book["mining_stratum_poor_work_seconds_total"]
    bound = 'bound="most"'
    return [
        lines("Fees in the newest template", fees, Query(f"max {EACH} ({fees.of(THIS)}) / 1e8", NAME), zero=True,
              unit="short", text="In bitcoin.", width=8),
        lines("Transactions at most", most, Query(f"max {EACH} ({most.of(THIS, bound)})", NAME), zero=True, width=8),
        lines("Empty templates", empty, Query(f"sum {EACH} (rate({empty.of(THIS)}{PER})) / {jobs}", NAME), zero=True,
              unit="percentunit", text="Part of all jobs.", width=8),
        lines("Time with poor work", poor, Query(f"sum by (endpoint, reason) (rate({poor.of(THIS)}{PER}))",
              NAME + " {{reason}}"), unit="percentunit", zero=True, text="Part of the time.", width=8),
        lines("What it cost", lost, Query(f"sum by (endpoint, reason) (increase({lost.of(THIS)}{PER}))",
              NAME + " {{reason}}"), zero=True, text="Satoshis; who bears it, the payout scheme says.", width=8),
        lines("Subsidy left unclaimed", under, Query(f"max {EACH} ({under.of(THIS)})", NAME), zero=True, width=8,
              text="Satoshis."),
    ]  # fmt: skip


def _difficulty(book: Catalogue) -> list[Placed]:
    share, network = book["mining_stratum_share_difficulty"], book["mining_stratum_job_network_difficulty"]
    market, offset = "mining_network_difficulty", book["mining_stratum_job_time_offset_seconds"]
    return [
        lines("Difficulty of the network in the job", network, Query(f"max {EACH} ({network.of(THIS)})", NAME),
              Query(f"max({book.select(market)})", "by the market's sources"), width=8,
              overrides=[("^by the market.*", DASHED)]),
        lines("Share difficulty of the silent session", share, Query(f"max {EACH} ({share.of(THIS)})", NAME), width=8,
              zero=True),
        lines("Time in the job beside ours", offset, Query(f"max {EACH} ({offset.of(THIS)})", NAME), width=8),
    ]  # fmt: skip


def _sessions(book: Catalogue) -> list[Placed]:
    ended, turned = book["mining_stratum_sessions_total"], book["mining_stratum_reconnect_requests_total"]
    said, garbled = book["mining_stratum_messages_total"], "mining_stratum_garbled_lines_total"
    unreadable = "mining_stratum_unreadable_jobs_total"
    return [
        lines("Sessions that ended", ended, Query(f"sum by (endpoint, outcome) (increase({ended.of(THIS)}{PER}))",
              NAME + " {{outcome}}"), zero=True, width=8),
        lines("Requests to go elsewhere", turned, Query(f"sum by (endpoint, to) (increase({turned.of(THIS)}{PER}))",
              NAME + " {{to}}"), zero=True, width=8),
        lines("Messages and what could not be read", said,
              Query(f"sum(increase({said.of(THIS)}{PER}))", "messages for people"),
              Query(f"sum(increase({book.select(garbled, THIS)}{PER}))", "garbled lines"),
              Query(f"sum(increase({book.select(unreadable, THIS)}{PER}))", "unreadable jobs"), zero=True, width=8),
    ]  # fmt: skip
