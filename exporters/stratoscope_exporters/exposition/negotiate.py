"""Chooses format and compression of the page from the scraper's Accept headers."""

from stratoscope_exporters.exposition.text import PageFormat


def _ranges(header: str) -> list[tuple[str, dict[str, str], float]]:
    """Return (name, parameters, q) of each entry of an Accept header; an invalid q counts as 0."""
    found = []
    for entry in header[:2048].split(","):
        name, *rest = (piece.strip().lower() for piece in entry.split(";"))
        parameters = {key.strip(): value.strip().strip('"') for key, _, value in (p.partition("=") for p in rest)}
        try:
            q = float(parameters.pop("q", "1"))
        except ValueError:
            q = 0.0
        if name:
            found.append((name, parameters, q))
    return found


def choose_format(accept: str | None) -> PageFormat:
    """Return OpenMetrics if it is requested by name and preferred at least as much as text, else text 0.0.4."""
    text = modern = -1.0
    for name, parameters, q in _ranges(accept or "*/*"):
        version = parameters.get("version")
        if name == "application/openmetrics-text" and version in (None, "1.0.0"):
            modern = max(modern, q)
        elif name in ("text/plain", "text/*", "*/*") and version in (None, "0.0.4"):
            text = max(text, q)
    return PageFormat.OPENMETRICS if modern > 0 and modern >= text else PageFormat.TEXT


def accepts_gzip(accept_encoding: str | None) -> bool:
    """Return whether gzip is accepted, by name or by `*`."""
    weights = {name: q for name, _, q in _ranges(accept_encoding or "")}
    return weights.get("gzip", weights.get("*", 0.0)) > 0
