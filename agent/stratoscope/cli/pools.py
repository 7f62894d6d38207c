"""Implements `stratoscope pools check`: queries the configured pools once and shows the results."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from stratoscope.cli.options import AsJson

if TYPE_CHECKING:
    from rich.table import Table

    from stratoscope.pools.poller import CallState, PoolPoller
    from stratoscope.pools.pool import PartialReport
    from stratoscope.pools.report import PoolReport
    from stratoscope.pools.service import PoolService
    from stratoscope.pools.settings import PoolSettings

pools = typer.Typer(rich_markup_mode=None, no_args_is_help=True)


@pools.callback()
def _pools() -> None:
    """Query the configured pools."""


@pools.command("check", short_help="Query every configured pool once and show the results.")
def check(
    config: Annotated[Path, typer.Option("--config", "-c", metavar="FILE", help="Config file.", show_default=False)],
    only: Annotated[
        list[str] | None,
        typer.Option("--pool", metavar="NAME", help="Query only this pool, repeatable [default: all]."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Query every configured pool once, within its rate limits, and show the result or how to fix it.

    The exit code is 1 if a required call failed. Keys and worker names are never shown.
    """
    from stratoscope.cli.output import console, note, print_json, run_loop, say

    settings = _settings(config, only or [])
    seconds = _expected_duration(settings)
    if seconds >= 10 and not as_json:
        note(f"querying takes up to {seconds:.0f} s because of the rate limits of the pools")
    live = run_loop(_query(settings))
    found = [_document(asked) for asked in live.pollers.values()]
    if as_json:
        print_json({"ok": all(one["ok"] for one in found), "pools": found})
    else:
        for one in found:
            console().print(_table(one))
            for line in _advice(one):
                say(line)
    raise typer.Exit(0 if all(one["ok"] for one in found) else 1)


def _settings(config: Path, only: list[str]) -> "list[PoolSettings]":
    import os

    from stratoscope.config import load
    from stratoscope.config.problems import nearest
    from stratoscope.errors import ConfigError, UsageError

    settings = [pool.settings() for pool in load(config, os.environ).pools]
    if not settings:
        raise ConfigError(f"{config} has no pools: add an entry to `pools:` (docs/pools.md lists the kinds)")
    names = {one.name for one in settings}
    for name in only:
        if name not in names:
            raise UsageError(f"--pool {name!r} is not in {config}: {nearest(name, names)}")
    return [one for one in settings if not only or one.name in only]


def _expected_duration(settings: "list[PoolSettings]") -> float:
    """Return how long the rate limit of the slowest pool takes, in s."""
    from stratoscope.pools.adapters import BY_KIND

    kinds = [BY_KIND[one.kind] for one in settings]
    return max(max(0, len(pool.calls) - pool.burst) * pool.spacing for pool in kinds)


async def _query(settings: "list[PoolSettings]") -> "PoolService":
    import random

    from stratoscope.clock import SystemClock
    from stratoscope.pools.service import PoolService

    live = PoolService(settings, SystemClock(), random01=random.random)
    try:
        await live.poll_once()
    finally:
        await live.close()
    return live


def _document(asked: "PoolPoller") -> dict[str, Any]:
    report = asked.report
    return {
        "name": asked.settings.name,
        "kind": asked.settings.kind,
        "ok": bool(asked.up),
        "calls": [_call(asked, state) for state in asked.calls],
        "stands_still": asked.stale_reason,
        "told": {} if report is None else _report_document(report),
    }


def _call(asked: "PoolPoller", state: "CallState") -> dict[str, Any]:
    from stratoscope.pools.remedy import remedy

    if state.error is not None:
        why = {"reason": state.error.reason, "detail": state.error.detail, "remedy": remedy(asked.pool, state.error)}
        return {"call": state.call.name, "ok": False, "must": not state.call.optional, **why}
    if state.result is None:  # skipped after another call failed
        why = {"reason": "waiting", "detail": "not queried after the others failed", "remedy": ""}
        return {"call": state.call.name, "ok": False, "must": not state.call.optional, **why}
    unreadable = list(state.result.get("defects", ()))
    return {"call": state.call.name, "ok": True, "got": _got(state.result), "unreadable": unreadable}


def _got(result: "PartialReport") -> list[str]:
    """Return what a call returned: the names of fields, with the number of entries of lists."""
    words = []
    for key, value in result.items():
        if value is None or value == {} or key in ("at", "defects", "more"):
            continue
        name = key.removesuffix("_sat").replace("_", " ")
        words.append(f"{len(value)} {name}" if isinstance(value, tuple) and key != "work" else name)
    return words


def _report_document(report: "PoolReport") -> dict[str, Any]:
    newest = report.earnings[-1] if report.earnings else None
    return {
        "hashrate_hashes_per_second": {f"{window:.0f}": rate for window, rate in sorted(report.hashrate.items())},
        "workers": None if report.workers is None else len(report.workers),
        "workers_by_state": dict(report.workers_by_state),
        "last_share": report.last_share,
        "balance_satoshis": report.balance_sat,
        "paid_satoshis": report.paid_sat,
        "newest_earning_satoshis": newest and newest.sat,
        "newest_earning_end": newest and newest.end,
        "scheme": report.scheme,
        "fee_ratio": report.fee_ratio,
    }


def _table(one: dict[str, Any]) -> "Table":
    from stratoscope.cli.output import grid, text
    from stratoscope.text.quantities import hashrate, satoshis

    table = grid(f"{one['name']} ({one['kind']})", show_header=False)
    for call in one["calls"]:
        words = ", ".join(call["got"]) if call["ok"] else f"{call['reason']}: {call['detail']}"
        table.add_row(
            text(call["call"]), text("ok" if call["ok"] else "failed", "" if call["ok"] else "bold"), text(words)
        )
    told = one["told"]
    rates = told.get("hashrate_hashes_per_second", {})
    for window, rate in rates.items():
        table.add_row(text("hashrate"), text(f"{window} s" if window != "0" else "now"), text(hashrate(rate)))
    for name, key in (("balance", "balance_satoshis"), ("newest earning", "newest_earning_satoshis")):
        if told.get(key) is not None:
            table.add_row(text(name), text(""), text(satoshis(told[key])))
    for state, count in told.get("workers_by_state", {}).items():
        table.add_row(text("workers"), text(state), text(count))
    return table


def _advice(one: dict[str, Any]) -> list[str]:
    """Return each remedy once, and the unreadable fields."""
    from stratoscope.logs import clean

    remedies = dict.fromkeys(call["remedy"] for call in one["calls"] if not call["ok"] and call["remedy"])
    fields = [field for call in one["calls"] if call["ok"] for field in call["unreadable"]]
    lines = list(remedies)
    if one["stands_still"]:
        lines.append(f"Not shown: {one['stands_still']}.")
    if fields:
        more = f" and {len(fields) - 5} more" if len(fields) > 5 else ""
        lines.append(f"Unreadable fields: {'; '.join(fields[:5])}{more}.")
    return [clean(f"{one['name']}: {line}", 1000) for line in lines]
