"""Detects pool slots, accounts and payouts that are not yours: by your lists, or by what was learned.

Pure: times are UTC seconds in arguments. If a subject has a list, only the list counts. Without a list, everything
observed during the learning period is pinned. Anything new after that is an alarm until it is listed or pinned. This
detects a hijacked rig, a compromised proxy and a pool that pays someone else. The detector never changes a rig.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from types import MappingProxyType
from typing import Final, Literal, NamedTuple

from stratoscope.events import Event
from stratoscope.reading import PoolSlot
from stratoscope.stratum.protocol.endpoint import InvalidEndpoint, matches_any, parse_endpoint
from stratoscope.text.quantities import duration
from stratoscope.units import DAY

Subject = Literal["endpoint", "account", "payout"]
SUBJECTS: Final[tuple[Subject, ...]] = ("endpoint", "account", "payout")
"""What is pinned: host:port of a pool slot; the account in its user name; "host:port address" of a coinbase output."""

TAMPER_KINDS: Final = ("endpoint", "account", "payout", "chain", "redirect")
"""Kinds of alarms; the closed set behind the label `kind`. endpoint, account: a pool slot has an unknown endpoint or
account; payout: a coinbase pays no known address; chain: an endpoint works on another chain; redirect: an endpoint asks
its miners to connect to a foreign host."""

AlarmKey = tuple[str | None, str | None, str, int | None]
"""Rig, endpoint, kind and slot of an alarm."""

MAX_PINS: Final = 10_000
MAX_SLOTS: Final = 16
MAX_PAYEES: Final = 256
MAX_VALUE_CHARS: Final = 256

ALARM_TEXTS: Final[Mapping[str, str]] = {
    "endpoint": "pool slot {slot} uses the unknown endpoint {endpoint}",
    "account": "pool slot {slot} at {endpoint} uses an unknown account",
    "payout": "the jobs of {endpoint} pay none of the known addresses",
    "chain": "{endpoint} works on another chain than the other endpoints",
    "redirect": "{endpoint} asked its miners to connect to a foreign host",
}


class Pin(NamedTuple):
    """A value that was observed while learning, or pinned by the operator."""

    subject: Subject
    value: str
    at: float  # UTC s


@dataclass(frozen=True, slots=True, kw_only=True)
class TamperRules:
    """What the operator allows. Patterns use `*` as wildcard; a subject without patterns is learned."""

    learn: float = 7 * DAY  # s after the first pin of a subject; for payouts, of an endpoint
    since: float = 0.0  # UTC s; older pins are ignored, and learning starts again at this time
    endpoints: tuple[str, ...] = ()
    accounts: tuple[str, ...] = ()
    payouts: tuple[str, ...] = ()

    def patterns(self, subject: Subject) -> tuple[str, ...]:
        """Return the patterns of `subject`."""
        return {"endpoint": self.endpoints, "account": self.accounts, "payout": self.payouts}[subject]


@dataclass(frozen=True, slots=True, kw_only=True)
class TamperAlarm:
    """An alarm about a rig's pool slot, or about an endpoint (then `rig` and `slot` are None)."""

    kind: str
    rig: str | None = None
    slot: int | None = None
    endpoint: str | None = None  # host:port, or the rig's own text if that is not a pool URL
    active: bool | None = None  # whether the rig uses that slot now
    since: float  # UTC s

    @property
    def text(self) -> str:
        """Return what is wrong, in words, without the name of the rig."""
        return ALARM_TEXTS[self.kind].format(slot=self.slot, endpoint=self.endpoint)


@dataclass(frozen=True, slots=True, kw_only=True)
class TamperState:
    """The current state of tamper detection."""

    alarms: tuple[TamperAlarm, ...] = ()
    pins: Mapping[Subject, int] = field(default_factory=dict)
    learning: Mapping[Subject, bool] = field(default_factory=dict)  # only subjects without a list
    accepted: Mapping[str, float] = field(default_factory=dict)  # host:port → accepted difficulty


def account_of(user: str) -> str:
    """Return the account of a user name: the part before the first dot, in lower case, such as acct of "acct.rig7"."""
    return user.strip().partition(".")[0].lower()[:MAX_VALUE_CHARS]


def host_and_port(url: str) -> str:
    """Return host:port of a pool URL; if it cannot be parsed, the text in lower case, so that it is checked as well."""
    try:
        endpoint = parse_endpoint(url)
    except InvalidEndpoint:
        return url.strip().lower()[:MAX_VALUE_CHARS]
    host = f"[{endpoint.host}]" if ":" in endpoint.host else endpoint.host
    return f"{host}:{endpoint.port}"


class TamperDetector:
    """Checks pool slots and endpoints. `events` receives raised and cleared alarms, `learned` receives new pins."""

    def __init__(
        self,
        rules: TamperRules,
        pins: Iterable[Pin],
        events: Callable[[Event], None],
        learned: Callable[[list[Pin]], None] = lambda _: None,
    ) -> None:
        self.rules = rules
        self._events, self._learned = events, learned
        self._alarms: dict[AlarmKey, TamperAlarm] = {}
        self._pins: dict[tuple[Subject, str], float] = {(pin.subject, pin.value): pin.at for pin in pins}
        self._learning_since: dict[str, float] = {}  # subject or endpoint → UTC s
        self.apply_rules(rules)

    def apply_rules(self, rules: TamperRules) -> None:
        """Switch to new rules; they apply from the next check."""
        self.rules = rules
        self._pins = {key: at for key, at in self._pins.items() if at >= rules.since}
        self._learning_since.clear()
        for (subject, value), at in self._pins.items():
            self._begin_learning(Pin(subject, value, at))

    @property
    def alarms(self) -> tuple[TamperAlarm, ...]:
        """Return the active alarms, oldest first."""
        return tuple(self._alarms.values())

    def state(self, at: float, accepted: Mapping[str, float] = MappingProxyType({})) -> TamperState:
        """Return the state at UTC `at`; `accepted` is the difficulty of accepted shares by host:port."""
        pins = dict.fromkeys(SUBJECTS, 0)
        for subject, _ in self._pins:
            pins[subject] += 1
        learning = {subject: self._is_learning(subject, at) for subject in SUBJECTS if not self.rules.patterns(subject)}
        return TamperState(alarms=self.alarms, pins=pins, learning=learning, accepted=accepted)

    def check_slots(self, rig: str, slots: Sequence[PoolSlot], at: float) -> None:
        """Check the pool slots in a rig's newest reading."""
        found: dict[AlarmKey, TamperAlarm] = {}
        for slot in slots[:MAX_SLOTS]:
            if not slot.url:
                continue
            endpoint = host_and_port(slot.url)
            if not self._check_value("endpoint", endpoint, at):
                _add_alarm(found, "endpoint", endpoint, at, rig, slot)
            if slot.user and not self._check_value("account", account_of(slot.user), at):
                _add_alarm(found, "account", endpoint, at, rig, slot)
        self._update_alarms(lambda alarm: alarm.rig == rig, found, at)

    def check_endpoint(
        self, url: str, payees: Collection[str], at: float, *, chain_match: bool | None, sent_to_foreign_host: bool
    ) -> None:
        """Check an endpoint: the addresses that its newest coinbase pays (empty: unknown), its chain, its redirects."""
        endpoint = host_and_port(url)
        found: dict[AlarmKey, TamperAlarm] = {}
        if payees and not self._check_payees(endpoint, payees, at):
            _add_alarm(found, "payout", endpoint, at)
        if chain_match is False:
            _add_alarm(found, "chain", endpoint, at)
        if sent_to_foreign_host:
            _add_alarm(found, "redirect", endpoint, at)
        self._update_alarms(lambda alarm: alarm.rig is None and alarm.endpoint == endpoint, found, at)

    def forget_rig(self, rig: str, at: float) -> None:
        """Clear the alarms of a removed rig."""
        self._update_alarms(lambda alarm: alarm.rig == rig, {}, at)

    def forget_endpoints(self, urls: Collection[str], at: float) -> None:
        """Clear the alarms of all endpoints except `urls`."""
        kept = {host_and_port(url) for url in urls}
        self._update_alarms(lambda alarm: alarm.rig is None and alarm.endpoint not in kept, {}, at)

    def _check_value(self, subject: Subject, value: str, at: float) -> bool:
        """Return whether `value` is allowed; while learning, pin it, so that it is."""
        patterns = self.rules.patterns(subject)
        if patterns:
            return _is_listed(subject, value, patterns)
        if (subject, value) in self._pins:
            return True
        if not self._is_learning(subject, at):
            return False
        self._pin([Pin(subject, value, at)])
        return True

    def _check_payees(self, endpoint: str, payees: Collection[str], at: float) -> bool:
        """Return whether a coinbase pays at least one known address; while learning, pin its addresses.

        One is enough, because the other addresses change at pools that pay their miners in the coinbase.
        """
        if self.rules.payouts:
            return any(fnmatchcase(payee, pattern) for payee in payees for pattern in self.rules.payouts)
        values = [f"{endpoint} {payee}" for payee in list(payees)[:MAX_PAYEES]]
        if any(("payout", value) in self._pins for value in values):
            return True
        if not self._is_learning(endpoint, at):
            return False
        self._pin([Pin("payout", value, at) for value in values])
        return True

    def _is_learning(self, key: str, at: float) -> bool:
        """Return whether a subject, or the payouts of an endpoint, are still in the learning period."""
        since = self._learning_since.get(key)
        return self.rules.learn > 0 and at >= self.rules.since and (since is None or at - since < self.rules.learn)

    def _pin(self, pins: list[Pin]) -> None:
        pins = pins[: MAX_PINS - len(self._pins)]
        for pin in pins:
            self._pins[pin.subject, pin.value] = pin.at
            self._begin_learning(pin)
        if pins:
            self._learned(pins)

    def _begin_learning(self, pin: Pin) -> None:
        """Record when the learning period of a subject began; for payouts also that of the endpoint."""
        keys = [pin.subject, pin.value.partition(" ")[0]] if pin.subject == "payout" else [pin.subject]
        for key in keys:
            self._learning_since[key] = min(self._learning_since.get(key, pin.at), pin.at)

    def _update_alarms(
        self, in_scope: Callable[[TamperAlarm], bool], found: Mapping[AlarmKey, TamperAlarm], at: float
    ) -> None:
        """Replace the alarms in scope by those found; emit an event for each raised and cleared alarm."""
        gone = [key for key, alarm in self._alarms.items() if in_scope(alarm) and key not in found]
        for key in gone:
            self._events(alarm_event(self._alarms.pop(key), at, cleared=True))
        for key, alarm in found.items():
            before = self._alarms.get(key)
            if before is None:
                self._alarms[key] = alarm
                self._events(alarm_event(alarm, at, cleared=False))
            elif before.active != alarm.active:
                self._alarms[key] = replace(alarm, since=before.since)


def alarm_event(alarm: TamperAlarm, at: float, *, cleared: bool) -> Event:
    """Return the event for a raised or cleared alarm. It contains no account and no payout address."""
    text = f"{alarm.rig}: {alarm.text}" if alarm.rig else alarm.text
    details = {"what": alarm.kind, "endpoint": alarm.endpoint, "slot": alarm.slot, "active": alarm.active}
    return Event(
        kind="tamper_cleared" if cleared else "tamper",
        at=at,
        rig=alarm.rig,
        text=f"resolved after {duration(at - alarm.since)}: {text}" if cleared else text,
        details=details,
    )


def _is_listed(subject: Subject, value: str, patterns: tuple[str, ...]) -> bool:
    if subject == "endpoint":
        try:
            return matches_any(parse_endpoint(f"stratum+tcp://{value}"), patterns)
        except InvalidEndpoint:
            return False
    return any(fnmatchcase(value, pattern.lower()) for pattern in patterns)


def _add_alarm(
    found: dict[AlarmKey, TamperAlarm],
    kind: str,
    endpoint: str,
    at: float,
    rig: str | None = None,
    slot: PoolSlot | None = None,
) -> None:
    index, active = (None, None) if slot is None else (slot.index, slot.active)
    alarm = TamperAlarm(kind=kind, rig=rig, slot=index, endpoint=endpoint, active=active, since=at)
    found[rig, endpoint, kind, index] = alarm
