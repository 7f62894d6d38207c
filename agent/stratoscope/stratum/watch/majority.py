"""Finds the chain that most endpoints work on, and who works on another. Pure.

Two endpoints work on one chain when they lately built on the same block, or when their jobs have the same target and
nearly the same height. Of two chains with equally many endpoints the one with the higher difficulty counts as the
majority's, since a fork lives on a part of the hashrate.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final

from stratoscope.stratum.jobs.template import Template

NEAR: Final = 6
"""Blocks between two endpoints of one chain at most, while no block of both is known."""
LIKE: Final = 4.0
"""Factor between two difficulties of one chain: an adjustment changes it by less."""
NAMES: Final = {"BTC": "bitcoin", "BCH": "bitcoin_cash", "other": "other"}
TEST: Final = "test"


@dataclass(frozen=True, slots=True)
class View:
    """What one endpoint works on: its newest job, and the blocks it built on lately."""

    template: Template
    recent: Collection[str]


@dataclass(frozen=True, slots=True)
class Verdict:
    """The chain an endpoint works on, by name; whether it is the majority's (None: there is nothing to compare)."""

    chain: str | None
    match: bool | None


def chain_name(template: Template) -> str | None:
    """Return the name of the chain that a job tells by itself: a closed set, fit for a label."""
    return None if template.chain is None else NAMES.get(template.chain, TEST)


def verdicts(views: Mapping[str, View], difficulty: float | None) -> dict[str, Verdict]:
    """Return what each endpoint works on; `difficulty` is Bitcoin's as the market knows it, where it does."""
    groups = _groups(views)
    if not groups:
        return {}
    main = max(groups, key=lambda group: (len(group), _difficulty(views, group)))
    found: dict[str, Verdict] = {}
    for group in groups:
        name = _name(views, group)
        match: bool | None = group is main
        if len(groups) == 1 and len(group) == 1:
            match = None if name is None else name == "bitcoin"
        if difficulty is not None and name not in (TEST, None):
            match = 1 / LIKE < _difficulty(views, group) / difficulty < LIKE
        found.update(dict.fromkeys(group, Verdict(name, match)))
    return found


def _groups(views: Mapping[str, View]) -> list[list[str]]:
    groups: list[list[str]] = []
    for url, view in views.items():
        near = [group for group in groups if any(_together(view, views[other]) for other in group)]
        if not near:
            groups.append([url])
            continue
        first, *others = near
        first.append(url)
        for group in others:
            first += group
        if others:
            groups = [group for group in groups if group not in others]
    return groups


def _together(one: View, other: View) -> bool:
    first, second = one.template, other.template
    if first.prev_hash in other.recent or second.prev_hash in one.recent:
        return True
    if first.height is None or second.height is None:
        return False
    return first.nbits == second.nbits and abs(first.height - second.height) <= NEAR


def _difficulty(views: Mapping[str, View], group: Collection[str]) -> float:
    return max(views[url].template.network_difficulty or 0.0 for url in group)


def _name(views: Mapping[str, View], group: Collection[str]) -> str | None:
    """Return the name that most of the group's jobs tell."""
    told = [name for url in group if (name := chain_name(views[url].template)) is not None]
    return max(told, key=told.count) if told else None
