"""Prepares for the status page what was found of each pool: a band with its mark, and the day's waterfall in steps."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from stratoscope.reconcile.book import DAY_WINDOW, Reconciled
from stratoscope.reconcile.comparison import Comparison
from stratoscope.reconcile.waterfall import Waterfall

WORDS: Final[Mapping[str, str]] = {
    "downtime": "Downtime",
    "firmware_fee": "Firmware's fee",
    "refused": "Refused shares",
    "uncredited": "Not credited",
    "rate_method": "Rate for fees",
    "pool_fee": "Pool's fee",
    "luck": "Luck",
    "residual": "Unexplained",
}
WIDTH: Final = 100.0
LEAST_SPAN: Final = 0.05
"""Of credit over due, to either side of 1, that the band's scale shows at least."""
MOST_SPAN: Final = 1.0


@dataclass(frozen=True, slots=True)
class Step:
    """One loss (or gain, below zero) of a waterfall: satoshis, part of the theoretical, length of its bar of WIDTH."""

    words: str
    satoshis: float
    part: float
    bar: float


@dataclass(frozen=True, slots=True)
class Scale:
    """Where the band and the mark lie on a line of WIDTH; the scale reaches `span` to either side of 1."""

    left: float
    right: float
    mark: float
    span: float


@dataclass(frozen=True, slots=True)
class Paid:
    """One pool as the page shows it."""

    pool: Reconciled
    compared: Comparison | None
    band: float | None
    scale: Scale | None
    steps: tuple[Step, ...]


def paid(pool: Reconciled) -> Paid:
    """Return what the page shows of a pool."""
    compared = pool.windows.get(DAY_WINDOW)
    band = None if compared is None else compared.band(pool.tolerance)
    scale = None if compared is None or band is None else scaled(compared.ratio, band)
    return Paid(pool, compared, band, scale, () if pool.waterfall is None else steps(pool.waterfall))


def scaled(ratio: float, band: float) -> Scale:
    """Return the places of band and mark; a mark beyond the scale lies on its edge."""
    span = min(MOST_SPAN, max(LEAST_SPAN, 1.3 * band, 1.3 * abs(ratio - 1)))

    def place(value: float) -> float:
        return min(WIDTH, max(0.0, WIDTH * (0.5 + (value - 1) / (2 * span))))

    return Scale(place(1 - band), place(1 + band), place(ratio), span)


def steps(fall: Waterfall) -> tuple[Step, ...]:
    """Return what each known factor took, in order: together they lead from theoretical to realised."""
    factors, parts = fall.factors, fall.parts
    chain = {
        "downtime": factors["uptime"],
        "firmware_fee": parts["firmware_fee"] if factors["acceptance"] is not None else None,
        "refused": parts["refused"] if factors["acceptance"] is not None else None,
        "uncredited": parts["credit"],
        **{name: factors[name] for name in ("rate_method", "pool_fee", "luck", "residual")},
    }
    rest, taken = 1.0, {}
    for name, factor in chain.items():
        if factor is not None:
            taken[name] = rest * (1 - factor)
            rest *= factor
    most = max(map(abs, taken.values()), default=0.0) or 1.0
    return tuple(
        Step(WORDS[name], fall.theoretical * part, part, WIDTH * abs(part) / most) for name, part in taken.items()
    )
