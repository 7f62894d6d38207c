"""Orders tests so that parallel workers begin with those that wait longest; the rest keeps its order."""

from collections.abc import Callable, Sequence
from typing import TypeVar

T = TypeVar("T")


def dealt(items: Sequence[T], workers: int, seconds: Callable[[T], float]) -> list[T]:
    """Return `items` so that an even split among `workers` gives two thirds of them a share of `seconds` to begin with.

    The other workers use the processor meanwhile. `pytest -n 6 --dist worksteal` splits so, and lets workers without
    work take some of the others. Items of 0 s keep their order.
    """
    longest = sorted((item for item in items if seconds(item)), key=seconds, reverse=True)
    others = [item for item in items if not seconds(item)]
    shares: list[list[T]] = [[] for _ in range(workers)]
    for item in longest:
        min(shares[: max(1, workers * 2 // 3)], key=lambda share: sum(map(seconds, share))).append(item)
    ordered: list[T] = []
    for at, share in enumerate(shares):
        room = (at + 1) * len(items) // workers - len(ordered) - len(share)
        ordered += share + others[:room]
        del others[:room]
    return ordered + others
