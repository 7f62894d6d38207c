"""Implements `stratoscope check-config`: checks a config and shows where each mistake is."""

import os
from pathlib import Path
from typing import Annotated, Any

import typer

from stratoscope.cli.options import AsJson


def check_config(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Config file.", show_default=False)],
    strict: Annotated[bool, typer.Option("--strict", help="Also fail on warnings.")] = False,
    as_json: AsJson = False,
) -> None:
    """Check a config, its rig lists and its references to secrets, without running the agent."""
    from stratoscope.cli.output import note, print_json, say

    report = _report(file)
    failed = bool(report["problems"]) or (strict and bool(report["warnings"]))
    if as_json:
        print_json({"ok": not failed, **report})
    else:
        for problem in report["problems"]:
            note(problem)
        for warning in report["warnings"]:
            note(f"warning: {warning}")
        if not failed:
            say(_summary(file, report))
    raise typer.Exit(1 if failed else 0)


def _report(file: Path) -> dict[str, Any]:
    from stratoscope.config import InvalidConfig, expand, load

    try:
        config = load(file, os.environ)
        entries = expand(config)
    except InvalidConfig as error:
        return {"problems": list(error.problems), "warnings": []}
    return {
        "problems": [],
        "warnings": list(config.warnings),
        "site": config.site,
        "rigs": sum(entry.expected for entry in entries),
        "addresses": sum(not entry.expected for entry in entries),
        "exporters": list(config.exporters),
    }


def _summary(file: Path, report: dict[str, Any]) -> str:
    rigs, addresses = report["rigs"], report["addresses"]
    line = f"{file} is fine: {rigs} rig{'' if rigs == 1 else 's'}"
    if addresses:
        line += f" and {addresses} address{'' if addresses == 1 else 'es'} to search for rigs"
    return f"{line}; exporters: {', '.join(report['exporters']) or 'none'}"
