"""Finds the chain that most endpoints work on, and the endpoints that work on another. Pure.

Two endpoints work on the same chain if they recently built on the same block, or if their jobs have the same target and
nearly the same height. If two chains have equally many endpoints, the one with the higher difficulty is the majority's:
a fork has only part of the hashrate.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final

from stratoscope.stratum.jobs.template import JobTemplate

MAX_HEIGHT_GAP: Final = 6
"""Blocks between two endpoints on the same chain, if they have no recent block in common."""
MAX_DIFFICULTY_RATIO: Final = 4.0
"""Ratio of two difficulties of the same chain; one difficulty adjustment is always smaller."""
CHAIN_NAMES: Final = {"BTC": "bitcoin", "BCH": "bitcoin_cash", "other": "other"}
TEST_CHAIN: Final = "test"


@dataclass(frozen=True, slots=True)
class ChainEvidence:
    """What one endpoint works on: its newest job, and the blocks that it recently built on."""

    template: JobTemplate
    recent_blocks: Collection[str]


@dataclass(frozen=True, slots=True)
class ChainVerdict:
    """The name of the chain an endpoint works on, and whether it is the majority's (None: nothing to compare with)."""

    chain: str | None
    match: bool | None


def chain_name(template: JobTemplate) -> str | None:
    """Return the chain that a single job identifies: a closed set, so it can be a label."""
    return None if template.chain is None else CHAIN_NAMES.get(template.chain, TEST_CHAIN)


def find_majority(evidence: Mapping[str, ChainEvidence], difficulty: float | None) -> dict[str, ChainVerdict]:
    """Return the verdict for each endpoint. `difficulty` is Bitcoin's from the market data, if known."""
    groups = _group_by_chain(evidence)
    if not groups:
        return {}
    main = max(groups, key=lambda group: (len(group), _difficulty(evidence, group)))
    found: dict[str, ChainVerdict] = {}
    for group in groups:
        name = _group_name(evidence, group)
        match: bool | None = group is main
        if len(groups) == 1 and len(group) == 1:
            match = None if name is None else name == "bitcoin"
        if difficulty is not None and name not in (TEST_CHAIN, None):
            ratio = _difficulty(evidence, group) / difficulty
            match = 1 / MAX_DIFFICULTY_RATIO < ratio < MAX_DIFFICULTY_RATIO
        found.update(dict.fromkeys(group, ChainVerdict(name, match)))
    return found


def _group_by_chain(evidence: Mapping[str, ChainEvidence]) -> list[list[str]]:
    groups: list[list[str]] = []
    for url, own in evidence.items():
        matching = [group for group in groups if any(_same_chain(own, evidence[other]) for other in group)]
        if not matching:
            groups.append([url])
            continue
        first, *others = matching
        first.append(url)
        for group in others:
            first += group
        if others:
            groups = [group for group in groups if group not in others]
    return groups


def _same_chain(one: ChainEvidence, other: ChainEvidence) -> bool:
    first, second = one.template, other.template
    if first.prev_hash in other.recent_blocks or second.prev_hash in one.recent_blocks:
        return True
    if first.height is None or second.height is None:
        return False
    return first.nbits == second.nbits and abs(first.height - second.height) <= MAX_HEIGHT_GAP


def _difficulty(evidence: Mapping[str, ChainEvidence], group: Collection[str]) -> float:
    return max(evidence[url].template.network_difficulty or 0.0 for url in group)


def _group_name(evidence: Mapping[str, ChainEvidence], group: Collection[str]) -> str | None:
    """Return the chain that most jobs of the group identify."""
    names = [name for url in group if (name := chain_name(evidence[url].template)) is not None]
    return max(names, key=names.count) if names else None
