"""Joins families of the table with what they tell of now: a section of the page beside the rigs and the site."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from stratoscope.metrics.metric import Family


@dataclass(frozen=True, slots=True)
class Section:
    """Families over one subject, and where to take that subject; None is nothing to tell.

    `now` is called on the event loop at every page and must be quick: a record that is at hand, not one to be made.
    """

    families: tuple[Family[Any, Any], ...]
    now: Callable[[], Any]
