"""Prints endpoints as tables or JSON, once or continuously."""

import asyncio
import sys
from typing import TYPE_CHECKING, Any, Final

from stratoscope.text import quantities

if TYPE_CHECKING:
    from rich.console import Group
    from rich.table import Table

    from stratoscope.stratum.jobs.template import JobTemplate
    from stratoscope.stratum.watch.records import EndpointState, StratumState
    from stratoscope.stratum.watch.watcher import EndpointWatcher

REFRESH_S: Final = 1.0
MAX_RACES: Final = 5


def document(one: "EndpointState") -> dict[str, Any]:
    """Return an endpoint and its newest job as one JSON object; unknown values are null."""
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
        "reconnect_requests": dict(one.counts.reconnect_requests),
        **job,
    }


def print_endpoint(one: "EndpointState", *, as_json: bool) -> None:
    """Print the state of one endpoint."""
    from stratoscope.cli.output import console

    if as_json:
        _json_line(one)
    elif one.template is not None:
        console().print(_endpoint_table(one, one.template))


def _json_line(one: "EndpointState") -> None:
    import orjson

    sys.stdout.write(orjson.dumps(document(one), option=orjson.OPT_APPEND_NEWLINE).decode())
    sys.stdout.flush()


def _endpoint_table(one: "EndpointState", job: "JobTemplate") -> "Table":
    from stratoscope.cli.output import grid, text

    table = grid(one.url, show_header=False)
    table.add_column("what", no_wrap=True)
    table.add_column("value", overflow="fold")
    for name, cell in (_session_rows(one) | _job_rows(job)).items():
        table.add_row(text(name), text(cell))
    return table


def _session_rows(one: "EndpointState") -> dict[str, str]:
    rows = {phase.replace("_", " "): quantities.short_duration(seconds) for phase, seconds in one.phases.items()}
    kernel, configure = quantities.short_duration(one.rtt_tcp), quantities.short_duration(one.rtt_configure)
    rows["round trip"] = f"{kernel} measured by the kernel, {configure} by mining.configure"
    if one.certificate_end is not None:
        verified = "verified" if one.certificate_verified else "not verified"
        rows["certificate"] = f"expires {_day(one.certificate_end)}, {verified}"
    rows["share difficulty"] = quantities.count(one.difficulty)
    rows["extranonce"] = f"{one.extranonce1_size or 0} + {one.extranonce2_size or 0} bytes"
    rows["version rolling"] = "no" if one.version_mask is None else f"{one.version_mask:08x}"
    if one.message:
        rows["message"] = one.message
    return rows


def _job_rows(job: "JobTemplate") -> dict[str, str]:
    min_count, max_count = job.transactions
    payout = [
        f"{output.address or 'script ' + quantities.truncate(output.script, 40)}: {output.sat:,} sat"
        for output in job.payout
    ]
    return {
        "chain": f"{job.chain or 'unknown'} ({', '.join(job.chain_hints)})",
        "height": "–" if job.height is None else f"{job.height}",
        "previous block": job.prev_hash,
        "network difficulty": quantities.difficulty(job.network_difficulty),
        "coinbase": f"{quantities.satoshis(job.coinbase_value_sat)} = subsidy {quantities.satoshis(job.subsidy_sat)} "
        f"+ fees {quantities.satoshis(job.fees_sat)}",
        "transactions": "none (empty template)" if job.empty else f"{min_count} to {max_count}",
        "hashprice": quantities.with_unit(job.hashprice_sats_per_ph_day, "sat/PH/day", 1),
        "pays": "\n".join(payout[:20]) or "–",
        "tag": job.tag or "–",
        **({"defects": ", ".join(job.defects)} if job.defects else {}),
    }


def _day(at: float) -> str:
    from datetime import UTC, datetime

    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d")


async def print_job_lines(made: "EndpointWatcher") -> None:
    """Print a JSON line per job until cancelled."""
    seen: dict[str, tuple[Any, ...]] = {}
    while True:
        for url, one in made.comparison.snapshot({}).endpoints.items():
            key = (one.template and one.template.job_id, one.job_at, one.state)
            if one.state != "connecting" and seen.get(url) != key:
                seen[url] = key
                _json_line(one)
        await asyncio.sleep(0.2)


async def show_live_table(made: "EndpointWatcher") -> None:
    """Show a live table of the endpoints until cancelled."""
    from rich.live import Live

    from stratoscope.cli.output import console

    with Live(_live_view(made.now), console=console(), auto_refresh=False) as live:
        while True:
            live.update(_live_view(made.now), refresh=True)
            await asyncio.sleep(REFRESH_S)


def _live_view(now: "StratumState") -> "Group":
    from rich.console import Group

    from stratoscope.cli.output import text

    tables: list[Any] = [_endpoints_table(now)]
    if len(now.endpoints) > 1:
        tables.append(_races_table(now))
    tables += [text(f"! {alarm.text}", "bold") for alarm in now.alarms]
    return Group(*tables)


def _endpoints_table(now: "StratumState") -> "Table":
    from stratoscope.cli.output import grid, text

    table = grid(f"tip {now.height or '–'}")
    table.add_column("endpoint", overflow="fold", ratio=1)
    for name in ("height", "job age", "fees sat", "txs ≤", "RTT", "first", "late by"):
        table.add_column(name, justify="right", no_wrap=True)
    for one in now.endpoints.values():
        cells = _endpoint_cells(now, one) if one.template is not None else (one.why or one.state, *("–",) * 6)
        table.add_row(text(one.url.removeprefix("stratum+tcp://")), *(text(cell, max_length=60) for cell in cells))
    return table


def _endpoint_cells(now: "StratumState", one: "EndpointState") -> tuple[str, ...]:
    job, counts = one.template, one.counts
    if job is None:
        return ()
    rtt = one.rtt_tcp if one.rtt_tcp is not None else one.rtt_configure
    lag = f" −{one.lag}" if one.lag else ""
    other = f" {job.chain}" if one.chain_match is False else ""
    late = counts.delays.total / counts.delays.count if counts.delays.count else None
    return (
        f"{job.height or '–'}{lag}{other}",
        quantities.duration(None if one.job_at is None else max(0.0, now.at - one.job_at)),
        "empty" if job.empty else quantities.count(job.fees_sat),
        f"{job.transactions[1]}",
        quantities.short_duration(rtt),
        f"{counts.first} of {counts.raced}",
        quantities.short_duration(late),
    )


def _races_table(now: "StratumState") -> "Table":
    from stratoscope.cli.output import grid, text

    table = grid("blocks")
    for name in ("height", "age", "first", "then"):
        table.add_column(name, overflow="fold", justify="left")
    for race in now.races[:MAX_RACES]:
        (first, _), *rest = race.delays.items()
        then = ", ".join(f"{url.partition('://')[2]} +{quantities.short_duration(delay)}" for url, delay in rest)
        cells = (race.height, quantities.duration(max(0.0, now.at - race.at)), first.partition("://")[2], then or "–")
        table.add_row(*(text(cell, max_length=400) for cell in cells))
    return table
