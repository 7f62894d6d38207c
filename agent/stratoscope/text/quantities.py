"""Formats SI values as miners read them: TH/s, kW, J/TH, °C, "12 s ago". Used by the status page and the terminal."""

from typing import Final

from stratoscope.units import DAY, EH, GH, HOUR, KH, KILOWATT, MEGA, MH, MILLI, MINUTE, PH, TERA, TH

UNKNOWN: Final = "–"
HASHRATES: Final = ((EH, "EH/s"), (PH, "PH/s"), (TH, "TH/s"), (GH, "GH/s"), (MH, "MH/s"), (KH, "kH/s"))
J_PER_MH_FROM: Final = 10_000.0  # J/TH; the worst SHA-256 rig needs a hundredth of it
MEGAHASHES_PER_TERAHASH: Final = TH / MH
YEAR: Final = 365.25 * DAY
AGES: Final = ((DAY, "d"), (HOUR, "h"), (MINUTE, "min"))


def _digits(value: float) -> str:
    """Return `value` with three or four significant digits, without scientific notation."""
    size = abs(value)
    return f"{value:.0f}" if size >= 999.5 else f"{value:.1f}" if size >= 9.995 else f"{value:.2f}"


def hashrate(value: float | None) -> str:
    """Return a hashrate in H/s with the largest unit that gives a number of at least 1."""
    if value is None:
        return UNKNOWN
    for factor, unit in HASHRATES:
        if value >= factor * 0.9995:
            return f"{_digits(value / factor)} {unit}"
    return f"{value:.0f} H/s"


def power(value: float | None) -> str:
    """Return watts as W, kW or MW."""
    if value is None:
        return UNKNOWN
    if value >= MEGA:
        return f"{_digits(value / MEGA)} MW"
    return f"{_digits(value / KILOWATT)} kW" if value >= 10 * KILOWATT else f"{value:.0f} W"


def efficiency(value: float | None) -> str:
    """Return J/TH, or J/MH if J/TH would be an unreadable number (scrypt rigs)."""
    if value is not None and value > J_PER_MH_FROM:
        return f"{_digits(value / MEGAHASHES_PER_TERAHASH)} J/MH"
    return UNKNOWN if value is None else f"{_digits(value)} J/TH"


def celsius(value: float | None) -> str:
    """Return °C without decimals."""
    return UNKNOWN if value is None else f"{value:.0f} °C"


def percent(value: float | None) -> str:
    """Return a ratio as a percentage; a ratio below 1 is never shown as "100 %"."""
    if value is None:
        return UNKNOWN
    shown = min(99, round(value * 100)) if 0.5 < value < 1 else round(value * 100)
    return f"{shown} %".replace("-", "−")


def percent_change(value: float | None) -> str:
    """Return a ratio as a change: +1.2 %, −0.4 %."""
    return UNKNOWN if value is None else f"{value * 100:+.1f} %".replace("-", "−")


def percent_tenths(value: float | None) -> str:
    """Return a small ratio as a percentage with one decimal: 0.9 %."""
    return UNKNOWN if value is None else f"{value * 100:.1f} %"


def percent_hundredths(value: float | None) -> str:
    """Return a ratio as a percentage with two decimals: 96.91 %."""
    return UNKNOWN if value is None else f"{value * 100:.2f} %"


def probability(value: float | None) -> str:
    """Return a probability as a percentage, or as "1 in 5 000" if it is small."""
    if value is None:
        return UNKNOWN
    return f"{value * 100:.1f} %" if value >= 0.001 else f"1 in {count(1 / value)}" if value > 0 else "0 %"


def signed_satoshis(satoshis: float) -> str:
    """Return satoshis with a sign: +120, −3 210."""
    if abs(satoshis) < 0.5:
        return "0"
    return f"{satoshis:+,.0f}".replace(",", "\u202f").replace("-", "−")


def difficulty(value: float | None) -> str:
    """Return a difficulty in trillions: 146.47 T."""
    return UNKNOWN if value is None else f"{value / TERA:.2f} T"


def frequency(value: float | None) -> str:
    """Return Hz as MHz."""
    return UNKNOWN if value is None else f"{value / MEGA:.0f} MHz"


def voltage(value: float | None) -> str:
    """Return V with two decimals."""
    return UNKNOWN if value is None else f"{value:.2f} V"


def duration(seconds: float | None) -> str:
    """Return a duration as its one or two largest units: 12 s, 3 min, 5 h 20 min, 12 d 4 h."""
    if seconds is None:
        return UNKNOWN
    left = max(0.0, seconds)
    for at, (size, unit) in enumerate(AGES):
        if left >= size:
            whole, rest = divmod(left, size)
            smaller = AGES[at + 1] if at + 1 < len(AGES) else None
            second = int(rest // smaller[0]) if smaller else 0
            return f"{whole:.0f} {unit}" + (f" {second} {smaller[1]}" if smaller and second else "")
    return f"{left:.0f} s"


def short_duration(seconds: float | None) -> str:
    """Return a short time in ms below a second, else in s: 0.24 ms, 31 ms, 1.5 s."""
    if seconds is None:
        return UNKNOWN
    if seconds >= 1:
        return f"{_digits(seconds)} s"
    return f"{_digits(seconds / MILLI)} ms" if seconds > 0 else "0 ms"


def long_duration(seconds: float) -> str:
    """Return a duration in years if it is two years or more, else like `duration`."""
    return duration(seconds) if seconds < 2 * YEAR else f"{count(seconds / YEAR)} years"


def ago(then: float | None, now: float) -> str:
    """Return how long ago `then` was; both UTC s."""
    return "never" if then is None else f"{duration(now - then)} ago"


def count(value: float | None) -> str:
    """Return a whole number with thin spaces between thousands."""
    return UNKNOWN if value is None else f"{value:,.0f}".replace(",", "\u202f")


def money(value: float | None, currency: str) -> str:
    """Return money with cents below a thousand: 7.71 USD, 12 345 USD, −0.42 USD."""
    if value is None:
        return UNKNOWN
    amount = f"{value:.2f}" if abs(value) < 999.995 else count(value)
    return f"{amount.replace('-0.00', '0.00').replace('-', '−')} {currency}"


def price_per_kwh(value: float | None, currency: str) -> str:
    """Return the price of a kWh."""
    return UNKNOWN if value is None else f"{value:.4f} {currency}/kWh".replace("-", "−")


def satoshis(value: float | None) -> str:
    """Return whole satoshis with their unit."""
    return UNKNOWN if value is None else f"{count(value)} sat"


def yes_no(value: bool | None) -> str:
    """Return yes, no, or a dash for unknown."""
    return UNKNOWN if value is None else "yes" if value else "no"


def with_unit(value: float | None, unit: str, digits: int = 0) -> str:
    """Return `value` with `digits` decimals and its unit."""
    return UNKNOWN if value is None else f"{value:,.{digits}f} {unit}"


def truncate(text: str, max_length: int) -> str:
    """Return `text`, shortened with an ellipsis if it is longer than `max_length` characters."""
    return text if len(text) <= max_length else text[: max_length - 1] + "…"


def network_hashrate(value: float | None) -> str:
    """Return the hashrate of a network in EH/s with two decimals: 1048.55 EH/s; below 1 EH/s like `hashrate`."""
    return hashrate(value) if value is None or value < EH else f"{value / EH:.2f} EH/s"
