"""Raises and clears the alarms of endpoints, each as an event once; what stands is in the record of now."""

from collections.abc import Callable, Iterator, Mapping
from typing import Final

from stratoscope.events import Event
from stratoscope.stratum.protocol.endpoint import V2
from stratoscope.stratum.watch.endpoint_state import Watched
from stratoscope.stratum.watch.majority import Verdict
from stratoscope.stratum.watch.records import Alarm
from stratoscope.units import DAY, MINUTE

DOWN_AFTER: Final = 2 * MINUTE
BEHIND_AFTER: Final = MINUTE
EMPTY_AFTER: Final = 2 * MINUTE
EXPIRES_WITHIN: Final = 14 * DAY


class Alarms:
    """The alarms that stand."""

    def __init__(self, events: Callable[[Event], None]) -> None:
        self._events = events
        self._standing: dict[tuple[str, str], Alarm] = {}  # endpoint, kind → alarm

    @property
    def standing(self) -> tuple[Alarm, ...]:
        """Return the alarms that stand, oldest first."""
        return tuple(sorted(self._standing.values(), key=lambda alarm: alarm.since))

    def look(
        self,
        endpoints: Mapping[str, Watched],
        verdicts: Mapping[str, Verdict],
        lags: Mapping[str, int | None],
        now: float,
        at: float,
    ) -> None:
        """Hold every endpoint against the rules at monotonic `now`, which is `at` in UTC; `lags` in blocks."""
        found: dict[tuple[str, str], str] = {}
        for url, watched in endpoints.items():
            found.update(((url, kind), text) for kind, text in _of_session(watched, now, at))
            found.update(((url, kind), text) for kind, text in _of_work(watched, verdicts.get(url), lags.get(url), now))
        for key in self._standing.keys() - found.keys():
            self._clear(key, at)
        for (url, kind), text in found.items():
            if (url, kind) not in self._standing:
                self._standing[url, kind] = Alarm(kind=kind, endpoint=url, since=at, text=text)
                self._tell("stratum_alarm", self._standing[url, kind], text, at)

    def drop(self, url: str, now: float) -> None:
        """Clear what stands of an endpoint that is no longer watched."""
        for key in [key for key in self._standing if key[0] == url]:
            self._clear(key, now)

    def _clear(self, key: tuple[str, str], now: float) -> None:
        alarm = self._standing.pop(key)
        self._tell("stratum_clear", alarm, f"over: {alarm.text}", now)

    def _tell(self, kind: str, alarm: Alarm, text: str, now: float) -> None:
        details = {"endpoint": alarm.endpoint, "alarm": alarm.kind}
        self._events(Event(kind=kind, at=now, text=text, details=details))


def _of_session(watched: Watched, now: float, at: float) -> Iterator[tuple[str, str]]:
    """Yield kind and text of what is wrong with the sessions of an endpoint."""
    url, why = watched.url, watched.why
    if watched.down_since is not None and now - watched.down_since >= DOWN_AFTER:
        if why is not None and "wants a user" in why:
            yield "no_work", f"{url} gives no work: {why}"
        else:
            yield "down", f"{url} gives no work" + (f": {why}" if why else "")
    if watched.away(now):
        yield "redirect", f"{url} asked miners to go to {watched.away_to}"
    if (text := _certificate(watched, at)) is not None:
        yield "certificate", text


def _certificate(watched: Watched, at: float) -> str | None:
    """Return what is wrong with the certificate; None where nothing is.

    V2 servers sign a new one for each handshake, often for an hour only, so there only who signed it counts.
    """
    url, end = watched.url, watched.certificate_end
    if watched.endpoint.scheme == V2:
        bad = watched.certificate_verified is False
        return f"the certificate of {url} has run out, or another authority signed it" if bad else None
    if end is None or end - at >= EXPIRES_WITHIN:
        return None
    return f"the certificate of {url} {'expires soon' if end > at else 'has expired'}"


def _of_work(watched: Watched, verdict: Verdict | None, lag: int | None, now: float) -> Iterator[tuple[str, str]]:
    """Yield kind and text of what is wrong with the work that an endpoint gives."""
    url = watched.url
    if watched.template is None:
        return
    if verdict is not None and verdict.match is False:
        yield "chain", f"{url} gives work on another chain ({verdict.chain or 'unknown'})"
    elif watched.behind_since is not None and now - watched.behind_since >= BEHIND_AFTER:
        yield "behind", f"{url} works on a block that others left" + (f", {lag} behind" if lag and lag > 1 else "")
    if watched.empty_since is not None and now - watched.empty_since >= EMPTY_AFTER:
        yield "empty", f"{url} gives templates without transactions"
    if watched.unreadable:
        yield "unreadable", f"{url} gives jobs whose coinbase cannot be read"
