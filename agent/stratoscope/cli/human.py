"""Writes SI values for people: TH/s, W, °C, durations. Only the screen rounds."""

from stratoscope.units import DAY, EH, GH, HOUR, KH, MH, MHZ, MINUTE, PH, TH


def hashrate(value: float | None) -> str:
    """Return H/s with the prefix that reads best."""
    if value is None:
        return "–"
    for size, unit in ((EH, "EH/s"), (PH, "PH/s"), (TH, "TH/s"), (GH, "GH/s"), (MH, "MH/s"), (KH, "kH/s")):
        if value >= size:
            return f"{value / size:.2f} {unit}"
    return f"{value:.0f} H/s"


def quantity(value: float | None, unit: str, digits: int = 0) -> str:
    """Return a value with its unit, or an en dash."""
    return "–" if value is None else f"{value:,.{digits}f} {unit}"


def megahertz(value: float | None) -> str:
    """Return Hz as MHz."""
    return quantity(None if value is None else value / MHZ, "MHz")


def duration(seconds: float | None) -> str:
    """Return seconds as the two largest units: 3 d 4 h."""
    if seconds is None:
        return "–"
    parts: list[str] = []
    left = seconds
    for size, unit in ((DAY, "d"), (HOUR, "h"), (MINUTE, "min"), (1.0, "s")):
        count, left = divmod(left, size)
        if count or parts:
            parts.append(f"{count:.0f} {unit}")
    return " ".join(parts[:2]) or "0 s"


def shortened(text: str, longest: int) -> str:
    """Return `text`, cut with an ellipsis where it is longer than `longest` characters."""
    return text if len(text) <= longest else text[: longest - 1] + "…"
