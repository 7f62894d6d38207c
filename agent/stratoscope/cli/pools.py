"""Asks the configured pools once and says what came: `stratoscope pools check`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from rich.table import Table

    from stratoscope.pools.poller import AskedPool, Kept
    from stratoscope.pools.pool import Part
    from stratoscope.pools.report import PoolReport
    from stratoscope.pools.service import LivePools
    from stratoscope.pools.settings import PoolSettings

pools = typer.Typer(rich_markup_mode=None, no_args_is_help=True)


@pools.callback()
def _pools() -> None:
    """Look at what pools say of the accounts there."""


@pools.command("check", short_help="Ask the configured pools once and say what came.")
def check(
    config: Annotated[
        Path, typer.Option("--config", "-c", metavar="FILE", help="The config file.", show_default=False)
    ],
    only: Annotated[
        list[str] | None, typer.Option("--pool", metavar="NAME", help="Ask this pool only; may be given again.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")] = False,
) -> None:
    """Ask every pool of a config once, within its limits, and say what it told or what to do about what it did not.

    Exit code 1 where a pool did not answer what it must. Keys, and workers' names, are never shown.
    """
    from stratoscope.cli.output import console, note, print_json, run_loop, say

    settings = _settings(config, only or [])
    seconds = _patience(settings)
    if seconds >= 10 and not as_json:
        note(f"asking takes up to {seconds:.0f} s, since pools want requests apart")
    live = run_loop(_ask(settings))
    found = [_document(asked) for asked in live.asked.values()]
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
        raise ConfigError(f"{config} has no pools: add an entry to `pools:`; docs/pools.md lists the kinds")
    names = {one.name for one in settings}
    for name in only:
        if name not in names:
            raise UsageError(f"--pool {name!r} is not in {config}: {nearest(name, names)}")
    return [one for one in settings if not only or one.name in only]


def _patience(settings: "list[PoolSettings]") -> float:
    """Return how long the slowest pool takes for the sake of its limits, in s."""
    from stratoscope.pools.adapters import BY_KIND

    kinds = [BY_KIND[one.kind] for one in settings]
    return max(max(0, len(pool.calls) - pool.burst) * pool.spacing for pool in kinds)


async def _ask(settings: "list[PoolSettings]") -> "LivePools":
    import random

    from stratoscope.clock import SystemClock
    from stratoscope.pools.service import LivePools

    live = LivePools(settings, SystemClock(), chance=random.random)
    try:
        await live.once()
    finally:
        await live.close()
    return live


def _document(asked: "AskedPool") -> dict[str, Any]:
    report = asked.report
    return {
        "name": asked.settings.name,
        "kind": asked.settings.kind,
        "ok": bool(asked.up),
        "calls": [_call(asked, kept) for kept in asked.calls],
        "stands_still": asked.stands_still,
        "told": {} if report is None else _told(report),
    }


def _call(asked: "AskedPool", kept: "Kept") -> dict[str, Any]:
    from stratoscope.pools.remedy import remedy

    if kept.wrong is not None:
        why = {"reason": kept.wrong.reason, "detail": kept.wrong.detail, "remedy": remedy(asked.pool, kept.wrong)}
        return {"call": kept.call.name, "ok": False, "must": not kept.call.extra, **why}
    if kept.part is None:  # left alone after another call failed
        why = {"reason": "waiting", "detail": "not asked after the others failed", "remedy": ""}
        return {"call": kept.call.name, "ok": False, "must": not kept.call.extra, **why}
    unreadable = list(kept.part.get("defects", ()))
    return {"call": kept.call.name, "ok": True, "got": _got(kept.part), "unreadable": unreadable}


def _got(part: "Part") -> list[str]:
    """Return what a call told, in words: names of fields, and how many of what there are several of."""
    words = []
    for key, value in part.items():
        if value is None or value == {} or key in ("at", "defects", "more"):
            continue
        name = key.removesuffix("_sat").replace("_", " ")
        words.append(f"{len(value)} {name}" if isinstance(value, tuple) and key != "work" else name)
    return words


def _told(report: "PoolReport") -> dict[str, Any]:
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
    from stratoscope.cli.human import hashrate, quantity
    from stratoscope.cli.output import grid, text

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
            table.add_row(text(name), text(""), text(quantity(told[key], "sat")))
    for state, count in told.get("workers_by_state", {}).items():
        table.add_row(text("workers"), text(state), text(count))
    return table


def _advice(one: dict[str, Any]) -> list[str]:
    """Return the remedies, each once, and the fields that made no sense."""
    from stratoscope.logs import clean

    remedies = dict.fromkeys(call["remedy"] for call in one["calls"] if not call["ok"] and call["remedy"])
    fields = [field for call in one["calls"] if call["ok"] for field in call["unreadable"]]
    lines = list(remedies)
    if one["stands_still"]:
        lines.append(f"Not shown: {one['stands_still']}.")
    if fields:
        more = f" and {len(fields) - 5} more" if len(fields) > 5 else ""
        lines.append(f"Not readable: {'; '.join(fields[:5])}{more}.")
    return [clean(f"{one['name']}: {line}", 1000) for line in lines]
