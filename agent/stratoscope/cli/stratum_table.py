"""Shows endpoints on a terminal or as JSON: one look, or a table that follows them."""

import asyncio
import sys
from typing import TYPE_CHECKING, Any, Final

from stratoscope.cli.human import duration, quantity, shortened
from stratoscope.units import MILLI, TERA

if TYPE_CHECKING:
    from rich.console import Group
    from rich.table import Table

    from stratoscope.stratum.jobs.template import Template
    from stratoscope.stratum.watch.records import EndpointNow, StratumNow
    from stratoscope.stratum.watch.watcher import Watch

REFRESH: Final = 1.0
RACES: Final = 5


def document(one: "EndpointNow") -> dict[str, Any]:
    """Return an endpoint and its newest job as one JSON object; null is what is not known."""
    from stratoscope.cli.stratum_job import document as job_document

    job = {} if one.template is None else job_document(one.template)
    return {
        "endpoint": one.url,
        "state": one.state,
        "why": one.why,
        "timings_seconds": dict(one.phases),
        "rtt_tcp_seconds": one.rtt_tcp,
        "rtt_configure_seconds": one.rtt_configure,
        "certificate_not_after": one.certificate_end,
        "certificate_verified": one.certificate_verified,
        "difficulty": one.difficulty,
        "extranonce1_size": one.extranonce1_size,
        "extranonce2_size": one.extranonce2_size,
        "version_mask": None if one.version_mask is None else f"{one.version_mask:08x}",
        "job_at": one.job_at,
        "message": one.message,
        "reconnect_requests": dict(one.counts.turns),
        **job,
    }


def print_one(one: "EndpointNow", *, as_json: bool) -> None:
    """Print what one endpoint said."""
    from stratoscope.cli.output import console

    if as_json:
        _json_line(one)
    elif one.template is not None:
        console().print(_one(one, one.template))


def _json_line(one: "EndpointNow") -> None:
    import orjson

    sys.stdout.write(orjson.dumps(document(one), option=orjson.OPT_APPEND_NEWLINE).decode())
    sys.stdout.flush()


def _one(one: "EndpointNow", job: "Template") -> "Table":
    from stratoscope.cli.output import grid, text

    table = grid(one.url, show_header=False)
    table.add_column("what", no_wrap=True)
    table.add_column("value", overflow="fold")
    for name, cell in (_session_rows(one) | _job_rows(job)).items():
        table.add_row(text(name), text(cell))
    return table


def _session_rows(one: "EndpointNow") -> dict[str, str]:
    rows = {phase.replace("_", " "): _ms(seconds) for phase, seconds in one.phases.items()}
    rows["round trip"] = f"{_ms(one.rtt_tcp)} by the kernel, {_ms(one.rtt_configure)} by mining.configure"
    if one.certificate_end is not None:
        verified = "verified" if one.certificate_verified else "nobody vouches for it"
        rows["certificate"] = f"ends {_day(one.certificate_end)}, {verified}"
    rows["share difficulty"] = quantity(one.difficulty, "").strip()
    rows["extranonce"] = f"{one.extranonce1_size or 0} + {one.extranonce2_size or 0} bytes"
    rows["version rolling"] = "no" if one.version_mask is None else f"{one.version_mask:08x}"
    if one.message:
        rows["message"] = one.message
    return rows


def _job_rows(job: "Template") -> dict[str, str]:
    least, most = job.transactions
    payout = [
        f"{output.address or 'script ' + shortened(output.script, 40)}: {output.sat:,} sat" for output in job.payout
    ]
    return {
        "chain": f"{job.chain or 'unknown'} ({', '.join(job.chain_hints)})",
        "height": "–" if job.height is None else f"{job.height}",
        "previous block": job.prev_hash,
        "network difficulty": "–" if job.network_difficulty is None else f"{job.network_difficulty / TERA:,.4g} T",
        "coinbase": f"{quantity(job.coinbase_value_sat, 'sat')} = subsidy {quantity(job.subsidy_sat, 'sat')} "
        f"+ fees {quantity(job.fees_sat, 'sat')}",
        "transactions": "none: an empty template" if job.empty else f"{least} to {most}",
        "hashprice": quantity(job.hashprice_sats_per_ph_day, "sat/PH/day", 1),
        "pays": "\n".join(payout[:20]) or "–",
        "tag": job.tag or "–",
        **({"wrong with it": ", ".join(job.defects)} if job.defects else {}),
    }


def _ms(seconds: float | None) -> str:
    return "–" if seconds is None else f"{seconds / MILLI:.{1 if seconds >= MILLI else 2}f} ms"


def _day(at: float) -> str:
    from datetime import UTC, datetime

    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d")


async def lines(made: "Watch") -> None:
    """Print a JSON line for every job until cancelled."""
    seen: dict[str, tuple[Any, ...]] = {}
    while True:
        for url, one in made.standing.record({}).endpoints.items():
            key = (one.template and one.template.job_id, one.job_at, one.state)
            if one.state != "connecting" and seen.get(url) != key:
                seen[url] = key
                _json_line(one)
        await asyncio.sleep(0.2)


async def show(made: "Watch") -> None:
    """Show a table that follows the endpoints until cancelled."""
    from rich.live import Live

    from stratoscope.cli.output import console

    with Live(_all(made.now), console=console(), auto_refresh=False) as live:
        while True:
            live.update(_all(made.now), refresh=True)
            await asyncio.sleep(REFRESH)


def _all(now: "StratumNow") -> "Group":
    from rich.console import Group

    from stratoscope.cli.output import text

    parts: list[Any] = [_endpoints(now)]
    if len(now.endpoints) > 1:
        parts.append(_races(now))
    parts += [text(f"! {alarm.text}", "bold") for alarm in now.alarms]
    return Group(*parts)


def _endpoints(now: "StratumNow") -> "Table":
    from stratoscope.cli.output import grid, text

    table = grid(f"tip {now.height or '–'}")
    table.add_column("endpoint", overflow="fold", ratio=1)
    for name in ("height", "job age", "fees sat", "txs ≤", "RTT", "first", "late by"):
        table.add_column(name, justify="right", no_wrap=True)
    for one in now.endpoints.values():
        cells = _cells(now, one) if one.template is not None else (one.why or one.state, *("–",) * 6)
        table.add_row(text(one.url.removeprefix("stratum+tcp://")), *(text(cell, longest=60) for cell in cells))
    return table


def _cells(now: "StratumNow", one: "EndpointNow") -> tuple[str, ...]:
    job, counts = one.template, one.counts
    if job is None:
        return ()
    rtt = one.rtt_tcp if one.rtt_tcp is not None else one.rtt_configure
    lag = f" −{one.lag}" if one.lag else ""
    other = f" {job.chain}" if one.chain_match is False else ""
    late = counts.delays.total / counts.delays.count if counts.delays.count else None
    return (
        f"{job.height or '–'}{lag}{other}",
        duration(None if one.job_at is None else max(0.0, now.at - one.job_at)),
        "empty" if job.empty else quantity(job.fees_sat, "").strip(),
        f"{job.transactions[1]}",
        _ms(rtt),
        f"{counts.first} of {counts.raced}",
        _ms(late),
    )


def _races(now: "StratumNow") -> "Table":
    from stratoscope.cli.output import grid, text

    table = grid("blocks")
    for name in ("height", "age", "first", "then"):
        table.add_column(name, overflow="fold", justify="left")
    for race in now.races[:RACES]:
        (first, _), *rest = race.delays.items()
        then = ", ".join(f"{url.partition('://')[2]} +{_ms(delay)}" for url, delay in rest)
        cells = (race.height, duration(max(0.0, now.at - race.at)), first.partition("://")[2], then or "–")
        table.add_row(*(text(cell, longest=400) for cell in cells))
    return table
