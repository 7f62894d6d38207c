"""Raises and clears endpoint alarms. Each change is one event; the state contains the active alarms."""

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from itertools import chain
from typing import Final

from stratoscope.events import Event
from stratoscope.stratum.protocol.endpoint import V2
from stratoscope.stratum.sessions.base_session import USER_REQUIRED
from stratoscope.stratum.watch.majority import ChainVerdict
from stratoscope.stratum.watch.records import EndpointAlarm
from stratoscope.stratum.watch.watched_endpoint import WatchedEndpoint
from stratoscope.text.quantities import duration
from stratoscope.units import DAY, MINUTE

DOWN_AFTER_S: Final = 2 * MINUTE
BEHIND_AFTER_S: Final = MINUTE
EMPTY_AFTER_S: Final = 2 * MINUTE
EXPIRES_WITHIN_S: Final = 14 * DAY


class EndpointAlarms:
    """The active alarms of all endpoints."""

    def __init__(self, events: Callable[[Event], None]) -> None:
        self._events = events
        self._active: dict[tuple[str, str], EndpointAlarm] = {}  # endpoint, kind → alarm

    @property
    def active(self) -> tuple[EndpointAlarm, ...]:
        """Return the active alarms, oldest first."""
        return tuple(sorted(self._active.values(), key=lambda alarm: alarm.since))

    def update(
        self,
        endpoints: Mapping[str, WatchedEndpoint],
        verdicts: Mapping[str, ChainVerdict],
        lags: Mapping[str, int | None],
        now: float,
        at: float,
    ) -> None:
        """Check every endpoint at monotonic `now`, UTC `at`, and raise or clear its alarms; `lags` are in blocks."""
        found: dict[tuple[str, str], str] = {}
        for url, endpoint in endpoints.items():
            verdict, lag = verdicts.get(url), lags.get(url)
            problems = chain(_session_problems(endpoint, now, at), _work_problems(endpoint, verdict, lag, now))
            found.update(((url, kind), text) for kind, text in problems)
        for key in self._active.keys() - found.keys():
            self._clear(key, at)
        for (url, kind), text in found.items():
            if (url, kind) not in self._active:
                alarm = self._active[url, kind] = EndpointAlarm(kind=kind, endpoint=url, since=at, text=text)
                self._emit("stratum_alarm", alarm, text, at)

    def drop(self, url: str, at: float) -> None:
        """Clear the alarms of an endpoint that is no longer watched; `at` is in UTC s."""
        for key in [key for key in self._active if key[0] == url]:
            self._clear(key, at)

    def _clear(self, key: tuple[str, str], at: float) -> None:
        alarm = self._active.pop(key)
        self._emit("stratum_clear", alarm, f"resolved after {duration(at - alarm.since)}: {alarm.text}", at)

    def _emit(self, kind: str, alarm: EndpointAlarm, text: str, at: float) -> None:
        details = {"endpoint": alarm.endpoint, "alarm": alarm.kind}
        self._events(Event(kind=kind, at=at, text=text, details=details))


def _session_problems(endpoint: WatchedEndpoint, now: float, at: float) -> Iterator[tuple[str, str]]:
    """Yield kind and text of the problems with the sessions of an endpoint."""
    url, why = endpoint.url, endpoint.why
    if endpoint.down_since is not None and now - endpoint.down_since >= DOWN_AFTER_S:
        if why is not None and USER_REQUIRED in why:
            yield "no_work", f"{url} sends no jobs: {why}"
        else:
            yield "down", f"{url} is down" + (f": {why}" if why else ": it sends no jobs")
    if endpoint.redirected_recently(now):
        yield "redirect", f"{url} asked miners to connect to a foreign host: {endpoint.redirect_target}"
    if (text := _certificate_problem(endpoint, at)) is not None:
        yield "certificate", text


def _certificate_problem(endpoint: WatchedEndpoint, at: float) -> str | None:
    """Return the problem with the certificate; None if there is none.

    V2 servers sign a new certificate for each handshake, often for an hour, so only its signature and validity count.
    """
    url, end = endpoint.url, endpoint.certificate_end
    if endpoint.endpoint.scheme == V2:
        text = f"the certificate of {url} has expired or is not signed by the authority in its URL"
        return text if endpoint.certificate_verified is False else None
    if end is None or end - at >= EXPIRES_WITHIN_S:
        return None
    day = datetime.fromtimestamp(end, UTC).strftime("%Y-%m-%d")
    return f"the TLS certificate of {url} {'expires' if end > at else 'expired'} on {day}"


def _work_problems(
    endpoint: WatchedEndpoint, verdict: ChainVerdict | None, lag: int | None, now: float
) -> Iterator[tuple[str, str]]:
    """Yield kind and text of the problems with the jobs of an endpoint."""
    url = endpoint.url
    if endpoint.template is None:
        return
    if verdict is not None and verdict.match is False:
        yield "chain", f"{url} works on another chain than the majority: {verdict.chain or 'unknown'}"
    elif endpoint.behind_since is not None and now - endpoint.behind_since >= BEHIND_AFTER_S:
        yield "behind", f"{url} works on an old block" + (f", {lag} blocks behind the tip" if lag and lag > 1 else "")
    if endpoint.empty_since is not None and now - endpoint.empty_since >= EMPTY_AFTER_S:
        yield "empty", f"{url} sends templates without transactions"
    if endpoint.unreadable:
        yield "unreadable", f"{url} sends jobs whose coinbase cannot be parsed"
