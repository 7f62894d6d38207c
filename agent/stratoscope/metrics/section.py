"""Defines a section of the page: metric families with the function that returns their current subject."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from stratoscope.metrics.metric import MetricFamily


@dataclass(frozen=True, slots=True)
class Section:
    """Families over one subject. `now` returns the subject, or None if there is nothing to show.

    `now` is called on the event loop for every page and must be fast: return an existing record, do not compute one.
    """

    families: tuple[MetricFamily[Any, Any], ...]
    now: Callable[[], Any]
