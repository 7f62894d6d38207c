"""Writes SI values the way people at a mine read them: TH/s, kW, J/TH, °C, "12 s ago". For the status page only."""

from typing import Final

from stratoscope.pools.report import PoolReport
from stratoscope.units import DAY, EH, GH, HOUR, KH, KILOWATT, MEGA, MH, MILLI, MINUTE, PH, TERA, TH

NONE: Final = "–"
HASHRATES: Final = ((EH, "EH/s"), (PH, "PH/s"), (TH, "TH/s"), (GH, "GH/s"), (MH, "MH/s"), (KH, "kH/s"))
J_PER_MH_FROM: Final = 10_000.0  # J/TH; the worst SHA-256 rig needs a hundredth of it
MEGAHASHES_PER_TERAHASH: Final = TH / MH
YEAR: Final = 365.25 * DAY
AGES: Final = ((DAY, "d"), (HOUR, "h"), (MINUTE, "min"))


def _digits(value: float) -> str:
    """Return `value` with three or four significant digits, never in scientific notation."""
    size = abs(value)
    return f"{value:.0f}" if size >= 999.5 else f"{value:.1f}" if size >= 9.995 else f"{value:.2f}"


def hashrate(value: float | None) -> str:
    """Return H/s as the largest unit that leaves a figure of at least 1."""
    if value is None:
        return NONE
    for factor, unit in HASHRATES:
        if value >= factor * 0.9995:
            return f"{_digits(value / factor)} {unit}"
    return f"{value:.0f} H/s"


def power(value: float | None) -> str:
    """Return watts as W, kW or MW."""
    if value is None:
        return NONE
    if value >= MEGA:
        return f"{_digits(value / MEGA)} MW"
    return f"{_digits(value / KILOWATT)} kW" if value >= 10 * KILOWATT else f"{value:.0f} W"


def efficiency(value: float | None) -> str:
    """Return J/TH, or J/MH for rigs whose hashes are dear."""
    if value is not None and value > J_PER_MH_FROM:
        return f"{_digits(value / MEGAHASHES_PER_TERAHASH)} J/MH"  # scrypt rigs
    return NONE if value is None else f"{_digits(value)} J/TH"


def celsius(value: float | None) -> str:
    """Return °C without decimals."""
    return NONE if value is None else f"{value:.0f} °C"


def percent(value: float | None) -> str:
    """Return a ratio as per cent; never "100 %" for anything less."""
    if value is None:
        return NONE
    shown = min(99, round(value * 100)) if 0.5 < value < 1 else round(value * 100)
    return f"{shown} %".replace("-", "−")


def change(value: float | None) -> str:
    """Return a ratio as a change: +1.2 %, −0.4 %."""
    return NONE if value is None else f"{value * 100:+.1f} %".replace("-", "−")


def share(value: float | None) -> str:
    """Return a small ratio as per cent with a decimal: 0.9 %."""
    return NONE if value is None else f"{value * 100:.1f} %"


def exact(value: float | None) -> str:
    """Return a ratio as per cent with two decimals, for what is known to a thousandth: 96.91 %."""
    return NONE if value is None else f"{value * 100:.2f} %"


def chance(value: float | None) -> str:
    """Return a probability, as one in so many where per cent would be all zeros."""
    if value is None:
        return NONE
    return f"{value * 100:.1f} %" if value >= 0.001 else f"1 in {count(1 / value)}" if value > 0 else "0 %"


def signed(satoshis: float) -> str:
    """Return satoshis with their sign: +120, −3 210."""
    if abs(satoshis) < 0.5:
        return "0"
    return f"{satoshis:+,.0f}".replace(",", "\u202f").replace("-", "−")


def trillions(value: float | None) -> str:
    """Return a difficulty as people quote it: 146.47 T."""
    return NONE if value is None else f"{value / TERA:.2f} T"


def hertz(value: float | None) -> str:
    """Return Hz as MHz."""
    return NONE if value is None else f"{value / MEGA:.0f} MHz"


def volts(value: float | None) -> str:
    """Return V with two decimals."""
    return NONE if value is None else f"{value:.2f} V"


def span(seconds: float | None) -> str:
    """Return a duration as its one or two largest units: 12 s, 3 min, 5 h 20 min, 12 d 4 h."""
    if seconds is None:
        return NONE
    left = max(0.0, seconds)
    for at, (size, unit) in enumerate(AGES):
        if left >= size:
            whole, rest = divmod(left, size)
            smaller = AGES[at + 1] if at + 1 < len(AGES) else None
            second = int(rest // smaller[0]) if smaller else 0
            return f"{whole:.0f} {unit}" + (f" {second} {smaller[1]}" if smaller and second else "")
    return f"{left:.0f} s"


def milliseconds(seconds: float | None) -> str:
    """Return a short time as ms below a second, else as s: 0.24 ms, 31 ms, 1.5 s."""
    if seconds is None:
        return NONE
    if seconds >= 1:
        return f"{_digits(seconds)} s"
    return f"{_digits(seconds / MILLI)} ms" if seconds > 0 else "0 ms"


def years(seconds: float) -> str:
    """Return a duration in years where it is more than two, else as `span` does."""
    return span(seconds) if seconds < 2 * YEAR else f"{count(seconds / YEAR)} years"


def ago(then: float | None, now: float) -> str:
    """Return how long ago `then` was; both UTC s."""
    return "never" if then is None else f"{span(now - then)} ago"


def count(value: float | None) -> str:
    """Return a whole number with thin spaces between thousands."""
    return NONE if value is None else f"{value:,.0f}".replace(",", "\u202f")


def fiat(value: float | None, currency: str) -> str:
    """Return money with cents below a thousand: 7.71 USD, 12 345 USD, −0.42 USD."""
    if value is None:
        return NONE
    amount = f"{value:.2f}" if abs(value) < 999.995 else count(value)
    return f"{amount.replace('-0.00', '0.00').replace('-', '−')} {currency}"


def per_kwh(value: float | None, currency: str) -> str:
    """Return the price of a kWh."""
    return NONE if value is None else f"{value:.4f} {currency}/kWh".replace("-", "−")


def satoshis(value: float | None) -> str:
    """Return whole satoshis."""
    return NONE if value is None else f"{count(value)} sat"


def credited(report: PoolReport | None) -> list[tuple[float, float]]:
    """Return window (s) and hashrate of what a pool credits: the window nearest to an hour, and a day where told."""
    told = {} if report is None else dict(report.hashrate)
    if not told:
        return []
    nearest = min(told, key=lambda window: (abs(window - HOUR), window))
    return [(window, told[window]) for window in dict.fromkeys((nearest, DAY)) if window in told]


def window(seconds: float) -> str:
    """Return the span of a mean: 1 h, 10 min; now where it is not told."""
    return f"in {span(seconds)}" if seconds else "now"


def yes(value: bool | None) -> str:
    """Return yes, no, or a dash for unknown."""
    return NONE if value is None else "yes" if value else "no"
