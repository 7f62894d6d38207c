"""Reads the shipped dashboards for the tests: panels, queries, variables, and the queries as PromQL."""

import importlib.machinery
import importlib.util
import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import promql_parser as promql

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "grafana/dashboards"
FILES = sorted(FOLDER.glob("*.json"))
VARIABLE_VALUES = {
    "$__rate_interval": "7m",
    "$__range": "11h",
    "$job": "stratoscope",
    "$instance": ".+",
    "$site": ".*",
    "$make": ".*",
    "$model": ".*",
    "$algorithm": "sha256",
    "$currency": "USD",
    "$rig": "rig-00001",
    "$pool": ".*",
    "$endpoint": ".*",
}
"""Values of the variables; the two durations differ in length, so that tests can distinguish them."""


@cache
def dashboard(file: Path) -> dict[str, Any]:
    return json.loads(file.read_text("utf-8"))


def panels(file: Path) -> Iterator[dict[str, Any]]:
    """Yield all panels without the rows, including panels inside collapsed rows."""
    for panel in dashboard(file)["panels"]:
        if panel["type"] == "row":
            yield from panel.get("panels", ())
        else:
            yield panel


def queries(file: Path) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    for panel in panels(file):
        for target in panel["targets"]:
            yield panel, target


def variables(file: Path) -> dict[str, dict[str, Any]]:
    return {variable["name"]: variable for variable in dashboard(file)["templating"]["list"]}


def with_values(expr: str, **values: str) -> str:
    """Return the query with values instead of variables; an unknown variable stays, which is not valid PromQL."""
    known = {**VARIABLE_VALUES, **{f"${name}": value for name, value in values.items()}}
    return re.sub(r"\$\w+", lambda match: known.get(match[0], match[0]), expr)


def nodes(expr: str) -> list[tuple[Any, tuple[Any, ...]]]:
    """Return every node of a query with its ancestors, outermost first."""
    found: list[tuple[Any, tuple[Any, ...]]] = []

    def walk(node: Any, above: tuple[Any, ...]) -> None:
        found.append((node, above))
        for name in ("expr", "lhs", "rhs", "param", "args", "vector_selector"):
            below = getattr(node, name, None)
            for child in below if isinstance(below, list) else [below]:
                if child is not None:
                    walk(child, (*above, node))

    walk(promql.parse(expr), ())
    return found


def selectors(expr: str) -> list[tuple[Any, tuple[Any, ...]]]:
    return [(node, above) for node, above in nodes(expr) if isinstance(node, promql.VectorSelector)]


@cache
def scripts_docs() -> Any:
    """Return scripts/docs as a module; it lists every generated file."""
    loader = importlib.machinery.SourceFileLoader("scripts_docs", str(ROOT / "scripts/docs"))
    spec = importlib.util.spec_from_loader("scripts_docs", loader)
    assert spec
    module = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    return module
