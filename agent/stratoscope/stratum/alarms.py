"""Raises and clears the alarms of endpoints, each as an event once; what stands is in the record of now."""

from collections.abc import Callable, Iterator, Mapping
from typing import Final

from stratoscope.events import Event
from stratoscope.stratum.live import Alarm
from stratoscope.stratum.majority import Verdict
from stratoscope.stratum.watched import Watched
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
        height: int | None,
        tip_at: float | None,
        now: float,
    ) -> None:
        """Hold every endpoint against the rules; `height` and `tip_at` (UTC s) are those of the majority's tip."""
        found: dict[tuple[str, str], str] = {}
        for url, watched in endpoints.items():
            verdict = verdicts.get(url)
            found.update(((url, kind), text) for kind, text in _of_session(watched, now))
            found.update(((url, kind), text) for kind, text in _of_work(watched, verdict, height, tip_at, now))
        for key in self._standing.keys() - found.keys():
            self._clear(key, now)
        for (url, kind), text in found.items():
            if (url, kind) not in self._standing:
                self._standing[url, kind] = Alarm(kind=kind, endpoint=url, since=now, text=text)
                self._tell("stratum_alarm", self._standing[url, kind], text, now)

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


def _of_session(watched: Watched, now: float) -> Iterator[tuple[str, str]]:
    """Yield kind and text of what is wrong with the sessions of an endpoint."""
    url, why = watched.url, watched.why
    if watched.down_since is not None and now - watched.down_since >= DOWN_AFTER:
        if why is not None and "wants a user" in why:
            yield "no_work", f"{url} gives no work: {why}"
        else:
            yield "down", f"{url} gives no work" + (f": {why}" if why else "")
    if watched.away(now):
        yield "redirect", f"{url} asked miners to go to {watched.away_to}"
    end = watched.certificate_end
    if end is not None and end - now < EXPIRES_WITHIN:
        yield "certificate", f"the certificate of {url} {'expires soon' if end > now else 'has expired'}"


def _of_work(
    watched: Watched, verdict: Verdict | None, height: int | None, tip_at: float | None, now: float
) -> Iterator[tuple[str, str]]:
    """Yield kind and text of what is wrong with the work that an endpoint gives."""
    url, template = watched.url, watched.template
    if template is None:
        return
    if verdict is not None and verdict.match is False:
        yield "chain", f"{url} gives work on another chain ({verdict.chain or 'unknown'})"
    elif template.height is not None and height is not None and tip_at is not None:
        behind = height - (template.height - 1)
        if behind > 0 and now - tip_at >= BEHIND_AFTER:
            yield "behind", f"{url} is {behind} block{'s' if behind > 1 else ''} behind"
    if watched.empty_since is not None and now - watched.empty_since >= EMPTY_AFTER:
        yield "empty", f"{url} gives templates without transactions"
    if watched.unreadable:
        yield "unreadable", f"{url} gives jobs whose coinbase cannot be read"
