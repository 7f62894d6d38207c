"""Stratum endpoints on the page in both formats, and on the status page in a browser."""

from dataclasses import replace

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as modern
from prometheus_client.parser import text_string_to_metric_families as plain

from fakes.addresses import free_port
from stratoscope.metrics import STRATUM, Section
from stratoscope.stratum.jobs.template import decode_job
from stratoscope.stratum.protocol.messages import Notify
from stratoscope.stratum.watch.race import with_delay
from stratoscope.stratum.watch.records import (
    BestJob,
    BlockDelays,
    DelayHistogram,
    EndpointAlarm,
    EndpointCounts,
    EndpointLoss,
    EndpointState,
    StratumState,
)
from stratoscope_exporters.exposition.page import SectionBlocks
from stratoscope_exporters.exposition.text import PageFormat
from unit.export.conftest import program, running
from unit.export.farm import NOW, context, farm

JOB = replace(
    decode_job(Notify("1", b"\x01" * 32, b"", b"", (b"\x02" * 32,) * 12, 0x20000000, 0x1701E2A0, int(NOW), clean=True)),
    height=932_001,
    coinbase_value_sat=314_000_000,
    subsidy_sat=312_500_000,
    fees_sat=1_500_000,
    under_claimed_sat=0,
    tag="/pool/",
    chain="BTC",
    defects=(),
)
A, B, C = (f"stratum+tcp://{host}:3333" for host in ("a.pool.com", "b.pool.com", "c.pool.com"))
GOOD = EndpointState(
    url=A,
    state="working",
    configured=True,
    since=NOW - 600,
    phases={"dns": 0.02, "connect": 0.03, "tls": 0.04, "subscribe": 0.05, "authorize": 0.06, "first_job": 0.07},
    rtt_tcp=0.0312,
    rtt_configure=0.0354,
    certificate_end=NOW + 5e6,
    certificate_verified=True,
    template=JOB,
    job_at=NOW - 12.5,
    job_interval=30.25,
    difficulty=8192.0,
    extranonce1_size=4,
    extranonce2_size=8,
    version_mask=0x1FFFE000,
    chain="bitcoin",
    chain_match=True,
    lag=0,
    hashrate=3.7e15,
    rigs=29,
    tip_at=NOW - 99,
    counts=EndpointCounts(
        sessions={"closed": 2, "reset": 1},
        jobs={True: 11, False: 290},
        empty_jobs=3,
        unreadable_jobs=1,
        blocks=11,
        raced=10,
        first=7,
        missed=1,
        delays=with_delay(with_delay(DelayHistogram(), 0.0), 0.35),
        reconnect_requests={"same": 1, "abroad": 2},
        messages=4,
        garbled=5,
        losses={"empty": EndpointLoss(42.5, 17.25), "late": EndpointLoss(0.35, 2.5)},
    ),
)
LATE = replace(GOOD, url=B, chain_match=False, chain="bitcoin_cash", certificate_verified=False, lag=None)
DOWN = EndpointState(url=C, state="waiting", why="nothing listens at c.pool.com port 3333")
FULL = StratumState(
    at=NOW,
    endpoints={A: GOOD, B: LATE, C: DOWN},
    unwatched={"limit": 3},
    height=932_000,
    tip="00" * 32,
    tip_at=NOW - 99,
    best_job=BestJob(endpoint=A, at=NOW - 12.5, template=JOB),
    median_fees=1_400_000.0,
    races=(BlockDelays(prev_hash="00" * 32, height=932_000, at=NOW - 99, delays={A: 0.0, B: 0.35}),),
    alarms=(
        EndpointAlarm(kind="chain", endpoint=B, since=NOW - 60, text=f"{B} gives work on another chain (bitcoin_cash)"),
    ),
)


def page(now: StratumState, form: PageFormat = PageFormat.TEXT) -> str:
    return b"".join(SectionBlocks(Section(STRATUM, lambda: now)).blocks(form)).decode()


def samples(now: StratumState, form: PageFormat = PageFormat.TEXT) -> dict:
    families = modern(page(now, form) + "# EOF\n") if form is PageFormat.OPENMETRICS else plain(page(now, form))
    return {(s.name, frozenset(s.labels.items())): s.value for family in families for s in family.samples}


def test_every_stratum_metric_appears_in_both_formats():
    found = samples(FULL)
    names = {name.removesuffix("_count") for name, _ in found}
    table = {metric.series for family in STRATUM for metric in family.metrics}
    assert table <= names, sorted(table - names)
    assert samples(FULL, PageFormat.OPENMETRICS) == found


@pytest.mark.parametrize(
    ("name", "labels", "value"),
    [
        ("up", {"endpoint": A}, 1),
        ("up", {"endpoint": C}, 0),
        ("job_age_seconds", {"endpoint": A}, 12.5),
        ("job_fees_satoshis", {"endpoint": A}, 1_500_000),
        ("version_rolling_bits", {"endpoint": A}, 16),
        ("job_transactions", {"endpoint": A, "bound": "least"}, 2049),
        ("job_transactions", {"endpoint": A, "bound": "most"}, 4096),
        ("chain_match", {"endpoint": B, "chain": "bitcoin_cash"}, 0),
        ("blocks_first_total", {"endpoint": A}, 7),
        ("sessions_total", {"endpoint": A, "outcome": "reset"}, 1),
        ("jobs_total", {"endpoint": A, "clean": "false"}, 290),
        ("reconnect_requests_total", {"endpoint": A, "to": "abroad"}, 2),
        ("reconnect_requests_total", {"endpoint": A, "to": "within"}, 0),
        ("lost_satoshis_total", {"endpoint": A, "reason": "empty"}, 17.25),
        ("poor_work_seconds_total", {"endpoint": C, "reason": "late"}, 0),
        ("rtt_seconds", {"endpoint": A, "by": "tcp"}, 0.0312),
        ("block_delay_seconds_bucket", {"endpoint": A, "le": "0.25"}, 1),
        ("block_delay_seconds_bucket", {"endpoint": A, "le": "0.5"}, 2),
        ("block_delay_seconds_bucket", {"endpoint": A, "le": "+Inf"}, 2),
        ("block_delay_seconds_sum", {"endpoint": A}, 0.35),
        ("block_delay_seconds_count", {"endpoint": A}, 2),
        ("alarm", {"endpoint": B, "alarm": "chain"}, 1),
        ("unwatched_endpoints", {"reason": "limit"}, 3),
        ("template_fees_satoshis", {}, 1_400_000),
        ("tip_height", {}, 932_000),
    ],
)
def test_values_of_the_record_are_on_the_page(name, labels, value):
    assert samples(FULL)[f"mining_stratum_{name}", frozenset(labels.items())] == value


def test_unknown_stratum_values_have_no_series():
    found = {name for name, labels in samples(FULL) if ("endpoint", C) in labels}
    assert not [name for name in found if "job_" in name and "jobs" not in name and "unreadable" not in name]
    assert "mining_stratum_rtt_seconds" not in found
    assert "mining_stratum_chain_match" not in found
    assert samples(StratumState(at=NOW)) == {}


def test_a_histogram_is_one_family_with_its_type():
    text = page(FULL)
    assert text.count("# TYPE mining_stratum_block_delay_seconds histogram") == 1
    assert text.count("# TYPE mining_stratum_block_delay_seconds") == 1


class Watching:
    """Knows what it was given."""

    def __init__(self, now: StratumState) -> None:
        self.now = now


@pytest.mark.needs("chromium")
@pytest.mark.parametrize("width", [1440, 390])
async def test_status_page_shows_endpoints_races_and_alarms_and_fits(clock, width):
    from playwright.async_api import async_playwright

    bad = "<script>window.ran=1</script>"
    tagged = replace(GOOD, template=replace(JOB, tag=bad))
    watching = Watching(replace(FULL, endpoints={**FULL.endpoints, A: tagged, C: replace(DOWN, why=bad)}))
    url = f"http://127.0.0.1:{free_port()}"
    given = replace(context(farm(), clock, {"listen": url.removeprefix("http://")}), stratum=watching)
    async with running(given, url), async_playwright() as play:
        chromium = await play.chromium.launch(executable_path=program("chromium"), args=["--no-sandbox"])
        shown = await chromium.new_page(viewport={"width": width, "height": 900})
        await shown.goto(url)
        text = await shown.inner_text("body")
        assert await shown.evaluate("window.ran") is None
        assert await shown.evaluate("document.documentElement.scrollWidth") <= width
        await chromium.close()
    for words in (
        A,
        "932001",
        "7 of 10",
        "on another chain: bitcoin_cash",
        "+350",
        "certificate not verified",
        bad,
        "1 missed",
        "3 (limit)",
        "20 sat",
    ):
        assert words in text, words
