"""Judges where the hashrate goes: endpoints, accounts and payout addresses against lists, or against what was learned.

Pure: times are UTC seconds given as arguments. Where the operator lists what is allowed, only that counts. Where
nothing is listed, all that is seen in the learning time is pinned, and what comes later is an alarm until it is listed
or pinned. A hijacked rig, a proxy that was taken over and a pool that pays somebody else all show here; nothing is
ever switched.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from types import MappingProxyType
from typing import Final, Literal, NamedTuple

from stratoscope.events import Event
from stratoscope.reading import PoolSlot
from stratoscope.stratum.protocol.endpoint import NoEndpoint, endpoint_of, matches
from stratoscope.units import DAY

Subject = Literal["endpoint", "account", "payout"]
SUBJECTS: Final[tuple[Subject, ...]] = ("endpoint", "account", "payout")
"""What is pinned: host:port of a pool slot; the account its worker belongs to; "host:port address" of a coinbase."""

KINDS: Final = ("endpoint", "account", "payout", "chain", "redirect")
"""What can be amiss; the closed set behind the label `kind`: a slot names an endpoint or account that is not known, a
coinbase pays none of the known addresses, an endpoint gives work of another chain, an endpoint sends its miners
abroad."""

Key = tuple[str | None, str | None, str, int | None]
"""Rig, endpoint, kind and slot of an alarm."""

MOST_PINS: Final = 10_000
MOST_SLOTS: Final = 16
MOST_WORDS: Final = 256


class Pin(NamedTuple):
    """Something seen while learning, or pinned by the operator."""

    subject: Subject
    value: str
    at: float  # UTC s


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What the operator allows. Patterns take `*`; a subject without patterns is learned."""

    learn: float = 7 * DAY  # s from the first pin of a subject on; of an endpoint on, for payouts
    since: float = 0.0  # UTC s: what was pinned before no longer counts, and learning begins again
    endpoints: tuple[str, ...] = ()
    accounts: tuple[str, ...] = ()
    payouts: tuple[str, ...] = ()

    def listed(self, subject: Subject) -> tuple[str, ...]:
        """Return the patterns for `subject`."""
        return {"endpoint": self.endpoints, "account": self.accounts, "payout": self.payouts}[subject]


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarm:
    """One thing that is amiss at a rig's pool slot, or at an endpoint (`rig` and `slot` are None)."""

    kind: str
    rig: str | None = None
    slot: int | None = None
    endpoint: str | None = None  # host:port, or as the rig writes it where that is no endpoint
    active: bool | None = None  # whether the rig works for that slot now
    since: float  # UTC s

    @property
    def text(self) -> str:
        """Return what is amiss, for people, without the rig's name."""
        return TEXTS[self.kind].format(slot=self.slot, endpoint=self.endpoint)


@dataclass(frozen=True, slots=True, kw_only=True)
class GuardNow:
    """What the guard knows at one moment."""

    alarms: tuple[Alarm, ...] = ()
    pins: Mapping[Subject, int] = field(default_factory=dict)
    learning: Mapping[Subject, bool] = field(default_factory=dict)  # absent: the subject is listed
    accepted: Mapping[str, float] = field(default_factory=dict)  # host:port → accepted difficulty


def account_of(user: str) -> str:
    """Return the account of a worker name: all before the first dot, in lower case. "acct.rig7" is acct."""
    return user.strip().partition(".")[0].lower()[:MOST_WORDS]


def place_of(url: str) -> str:
    """Return host:port of a pool URL, else the text itself in lower case: it is judged all the same."""
    try:
        endpoint = endpoint_of(url)
    except NoEndpoint:
        return url.strip().lower()[:MOST_WORDS]
    host = f"[{endpoint.host}]" if ":" in endpoint.host else endpoint.host
    return f"{host}:{endpoint.port}"


class Guard:
    """Judges pool slots and endpoints; `events` hears what came and went, `learned` what was pinned."""

    def __init__(
        self,
        rules: Rules,
        pins: Iterable[Pin],
        events: Callable[[Event], None],
        learned: Callable[[list[Pin]], None] = lambda _: None,
    ) -> None:
        self.rules = rules
        self._events, self._learned = events, learned
        self._alarms: dict[Key, Alarm] = {}
        self._pins: dict[tuple[Subject, str], float] = {(pin.subject, pin.value): pin.at for pin in pins}
        self._begun: dict[str, float] = {}
        self.follow(rules)

    def follow(self, rules: Rules) -> None:
        """Judge by other rules from the next look on."""
        self.rules = rules
        self._pins = {key: at for key, at in self._pins.items() if at >= rules.since}
        self._begun.clear()
        for (subject, value), at in self._pins.items():
            self._begin(Pin(subject, value, at))

    @property
    def alarms(self) -> tuple[Alarm, ...]:
        """Return what is amiss now, the oldest first."""
        return tuple(self._alarms.values())

    def now(self, at: float, accepted: Mapping[str, float] = MappingProxyType({})) -> GuardNow:
        """Return what is known at UTC `at`; `accepted` is the difficulty of accepted shares by host:port."""
        count = dict.fromkeys(SUBJECTS, 0)
        for subject, _ in self._pins:
            count[subject] += 1
        learning = {subject: self._learning(subject, at) for subject in SUBJECTS if not self.rules.listed(subject)}
        return GuardNow(alarms=self.alarms, pins=count, learning=learning, accepted=accepted)

    def saw_slots(self, rig: str, slots: Sequence[PoolSlot], at: float) -> None:
        """Judge the pool slots of a rig's newest reading."""
        found: dict[Key, Alarm] = {}
        for slot in slots[:MOST_SLOTS]:
            if not slot.url:
                continue
            place = place_of(slot.url)
            if not self._known("endpoint", place, at):
                self._find(found, "endpoint", place, at, rig, slot)
            if slot.user and not self._known("account", account_of(slot.user), at):
                self._find(found, "account", place, at, rig, slot)
        self._settle(lambda alarm: alarm.rig == rig, found, at)

    def saw_endpoint(
        self, url: str, payees: Collection[str], at: float, *, chain_match: bool | None, sent_abroad: bool
    ) -> None:
        """Judge an endpoint: whom its newest coinbase pays (empty: not known), its chain, where it sent miners."""
        place = place_of(url)
        found: dict[Key, Alarm] = {}
        if payees and not self._pays_somebody_known(place, payees, at):
            self._find(found, "payout", place, at)
        if chain_match is False:
            self._find(found, "chain", place, at)
        if sent_abroad:
            self._find(found, "redirect", place, at)
        self._settle(lambda alarm: alarm.rig is None and alarm.endpoint == place, found, at)

    def forget_rig(self, rig: str, at: float) -> None:
        """Drop the alarms of a rig that is no longer there."""
        self._settle(lambda alarm: alarm.rig == rig, {}, at)

    def forget_endpoints(self, urls: Collection[str], at: float) -> None:
        """Drop the alarms of endpoints that are not among `urls`."""
        there = {place_of(url) for url in urls}
        self._settle(lambda alarm: alarm.rig is None and alarm.endpoint not in there, {}, at)

    def _known(self, subject: Subject, value: str, at: float) -> bool:
        """Tell whether `value` is allowed; while learning, pin it and allow it."""
        patterns = self.rules.listed(subject)
        if patterns:
            return self._listed(subject, value, patterns)
        if (subject, value) in self._pins:
            return True
        if not self._learning(subject, at):
            return False
        self._learn([Pin(subject, value, at)])
        return True

    def _listed(self, subject: Subject, value: str, patterns: tuple[str, ...]) -> bool:
        if subject == "endpoint":
            try:
                return matches(endpoint_of(f"stratum+tcp://{value}"), patterns)
            except NoEndpoint:
                return False
        return any(fnmatchcase(value, pattern.lower()) for pattern in patterns)

    def _pays_somebody_known(self, place: str, payees: Collection[str], at: float) -> bool:
        """Tell whether a coinbase pays at least one known address: pools that pay out in it change the others."""
        if self.rules.payouts:
            return any(fnmatchcase(payee, pattern) for payee in payees for pattern in self.rules.payouts)
        values = [f"{place} {payee}" for payee in list(payees)[:MOST_WORDS]]
        if any(("payout", value) in self._pins for value in values):
            return True
        if not self._learning(place, at):
            return False
        self._learn([Pin("payout", value, at) for value in values])
        return True

    def _learning(self, what: str, at: float) -> bool:
        """Tell whether `what`, a subject or an endpoint, is still being learned."""
        begun = self._begun.get(what)
        return self.rules.learn > 0 and at >= self.rules.since and (begun is None or at - begun < self.rules.learn)

    def _learn(self, pins: list[Pin]) -> None:
        pins = pins[: MOST_PINS - len(self._pins)]
        for pin in pins:
            self._pins[pin.subject, pin.value] = pin.at
            self._begin(pin)
        if pins:
            self._learned(pins)

    def _begin(self, pin: Pin) -> None:
        """Note when learning began: of the subject, and for payouts of the endpoint."""
        keys = [pin.subject, pin.value.partition(" ")[0]] if pin.subject == "payout" else [pin.subject]
        for key in keys:
            self._begun[key] = min(self._begun.get(key, pin.at), pin.at)

    @staticmethod
    def _find(
        found: dict[Key, Alarm],
        kind: str,
        place: str,
        at: float,
        rig: str | None = None,
        slot: PoolSlot | None = None,
    ) -> None:
        index, active = (None, None) if slot is None else (slot.index, slot.active)
        found[rig, place, kind, index] = Alarm(kind=kind, rig=rig, slot=index, endpoint=place, active=active, since=at)

    def _settle(
        self,
        ours: Callable[[Alarm], bool],
        found: Mapping[Key, Alarm],
        at: float,
    ) -> None:
        """Take over what was found; tell what came and what is over."""
        gone = [key for key, alarm in self._alarms.items() if ours(alarm) and key not in found]
        for key in gone:
            self._events(told(self._alarms.pop(key), at, over=True))
        for key, alarm in found.items():
            before = self._alarms.get(key)
            if before is None:
                self._alarms[key] = alarm
                self._events(told(alarm, at, over=False))
            elif before.active != alarm.active:
                self._alarms[key] = replace(alarm, since=before.since)


TEXTS: Final[Mapping[str, str]] = {
    "endpoint": "pool slot {slot} names {endpoint}, which is not known here",
    "account": "pool slot {slot} at {endpoint} works for an account that is not known here",
    "payout": "the work of {endpoint} pays none of the known addresses",
    "chain": "{endpoint} gives work of another chain than the others",
    "redirect": "{endpoint} sent its miners to a foreign host; it is not followed from here",
}


def told(alarm: Alarm, at: float, *, over: bool) -> Event:
    """Return the event that an alarm came, or is over. It holds no account and no address."""
    text = alarm.text
    who = f"{alarm.rig}: " if alarm.rig else ""
    details = {"what": alarm.kind, "endpoint": alarm.endpoint, "slot": alarm.slot, "active": alarm.active}
    return Event(
        kind="tamper_cleared" if over else "tamper",
        at=at,
        rig=alarm.rig,
        text=f"over: {who}{text}" if over else f"{who}{text}",
        details=details,
    )
