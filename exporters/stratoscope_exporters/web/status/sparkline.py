"""Computes the points of an SVG polyline for a short history, with gaps for unknown values."""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

WIDTH: Final = 300.0
HEIGHT: Final = 56.0
MARGIN: Final = 3.0
GAP_STEPS: Final = 3.0
"""A pause of more than three usual steps between two points breaks the line."""


@dataclass(frozen=True, slots=True)
class Sparkline:
    """One chart: polylines as "x,y …" points, and lowest, highest and last value as text."""

    title: str
    lines: tuple[str, ...]
    low: str
    high: str
    last: str
    width: float = WIDTH
    height: float = HEIGHT


def sparkline(title: str, points: Iterable[tuple[float, float]], show: Callable[[float], str]) -> Sparkline | None:
    """Return the chart of (UTC s, value) points; NaN is unknown. None with fewer than two known values."""
    known = [(at, value) for at, value in points if not math.isnan(value)]
    if len(known) < 2:
        return None
    values = [value for _, value in known]
    low, high = min(values), max(values)
    room = max(high - low, abs(high) * 0.02) or 1.0  # a steady line stays in the middle instead of showing noise
    floor = (low + high - room) / 2
    start, length = known[0][0], (known[-1][0] - known[0][0]) or 1.0
    placed = [
        (
            MARGIN + (WIDTH - 2 * MARGIN) * (at - start) / length,
            HEIGHT - MARGIN - (HEIGHT - 2 * MARGIN) * (value - floor) / room,
        )
        for at, value in known
    ]
    lines = tuple(" ".join(f"{x:.1f},{y:.1f}" for x, y in run) for run in _runs(known, placed))
    return Sparkline(title, lines, show(low), show(high), show(values[-1]))


def _runs(
    known: Sequence[tuple[float, float]], placed: Sequence[tuple[float, float]]
) -> list[list[tuple[float, float]]]:
    """Split `placed` at pauses in `known` that are much longer than the usual step."""
    steps = sorted(later[0] - earlier[0] for earlier, later in pairwise(known))
    usual = steps[len(steps) // 2]
    runs = [[placed[0]]]
    for at in range(1, len(placed)):
        if known[at][0] - known[at - 1][0] > GAP_STEPS * max(usual, 1.0):
            runs.append([])
        runs[-1].append(placed[at])
    return runs
