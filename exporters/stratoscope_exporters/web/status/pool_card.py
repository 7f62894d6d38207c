"""Prepares the card of a pool for the status page: credited ratio with its normal range, and the day's waterfall."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from stratoscope.reconcile.comparison import WindowComparison
from stratoscope.reconcile.pool_tracker import DAY_WINDOW, PoolReconciliation
from stratoscope.reconcile.waterfall import Waterfall

STEP_NAMES: Final[Mapping[str, str]] = {
    "downtime": "Downtime",
    "firmware_fee": "Firmware fee",
    "refused": "Rejected shares",
    "uncredited": "Not credited",
    "rate_method": "Payout rate",
    "pool_fee": "Pool fee",
    "luck": "Luck",
    "residual": "Unexplained",
}
WIDTH: Final = 100.0
MIN_SPAN: Final = 0.05
"""Minimum distance from 1 that the scale shows on either side, as a ratio of credited to due."""
MAX_SPAN: Final = 1.0


@dataclass(frozen=True, slots=True)
class WaterfallStep:
    """One loss of a waterfall (a gain if negative): satoshis, share of the theoretical earning, bar length of WIDTH."""

    name: str
    satoshis: float
    part: float
    bar: float


@dataclass(frozen=True, slots=True)
class BandScale:
    """Position of band and mark on a line of WIDTH; the scale covers 1 ± `span`."""

    left: float
    right: float
    mark: float
    span: float


@dataclass(frozen=True, slots=True)
class PoolCard:
    """One pool as shown on the page."""

    pool: PoolReconciliation
    compared: WindowComparison | None
    band: float | None
    scale: BandScale | None
    steps: tuple[WaterfallStep, ...]


def make_pool_card(pool: PoolReconciliation) -> PoolCard:
    """Return the card of a pool."""
    compared = pool.windows.get(DAY_WINDOW)
    band = None if compared is None else compared.band(pool.tolerance)
    scale = None if compared is None or band is None else band_scale(compared.ratio, band)
    return PoolCard(pool, compared, band, scale, () if pool.waterfall is None else waterfall_steps(pool.waterfall))


def band_scale(ratio: float, band: float) -> BandScale:
    """Return the positions of band and mark; a mark outside the scale is placed on its edge."""
    span = min(MAX_SPAN, max(MIN_SPAN, 1.3 * band, 1.3 * abs(ratio - 1)))

    def place(value: float) -> float:
        return min(WIDTH, max(0.0, WIDTH * (0.5 + (value - 1) / (2 * span))))

    return BandScale(place(1 - band), place(1 + band), place(ratio), span)


def waterfall_steps(fall: Waterfall) -> tuple[WaterfallStep, ...]:
    """Return the loss of each known factor in order; together they lead from theoretical to realised earning."""
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
        WaterfallStep(STEP_NAMES[name], fall.theoretical * part, part, WIDTH * abs(part) / most)
        for name, part in taken.items()
    )
