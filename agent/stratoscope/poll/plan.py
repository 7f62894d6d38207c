"""Defines what one polling loop does (`Plan`) and what it works with (`PollDeps`)."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from stratoscope.clock import Clock
from stratoscope.drivers.driver import Command, Driver, Login
from stratoscope.economics.economist import Economist
from stratoscope.events import Events
from stratoscope.fleet import Fleet
from stratoscope.judgement.identity import Identities
from stratoscope.judgement.judge import Nameplate
from stratoscope.poll.budget import Budget
from stratoscope.poll.counter_store import CounterStore
from stratoscope.poll.poll_metrics import Tally
from stratoscope.stratum.watch.records import Stratum
from stratoscope.tamper.share_proof import Prover
from stratoscope.wire.target import Answers, Limits, Session, Target


@dataclass(frozen=True, slots=True)
class Plan:
    """One address to poll. `expected` is False for members of a range: they become rigs with their first response."""

    target: Target
    interval: float  # s
    name: str | None = None
    driver: str | None = None  # fixed by the config; None: found by fingerprint
    power: float | None = None  # W, configured
    tags: Mapping[str, str] = field(default_factory=dict)
    tariff_group: str | None = None  # None: the default tariff
    expected: bool = True


class RigClient(Protocol):
    """The part of the wire that a polling loop uses."""

    async def ask(
        self,
        target: Target,
        commands: tuple[Command, ...],
        session: Session,
        *,
        login: Login | None = None,
        limits: Limits | None = None,
    ) -> Answers:
        """Send `commands` and return the responses; raises PollError."""
        ...


@dataclass(frozen=True, slots=True)
class PollSettings:
    """The site-wide settings of polling."""

    limits: Limits = field(default_factory=Limits)  # of one exchange
    max_backoff_s: float = 300.0  # longest wait between retries of a rig that does not respond
    search_interval_s: float = 300.0  # between tries of an address of a range where nothing has responded yet
    min_freshness_s: float = 90.0  # a reading is fresh for at least this long


@dataclass(frozen=True, slots=True)
class RigAccess:
    """How rigs are reached and identified, and how much of it may happen at once."""

    wire: RigClient
    identify: Callable[[Target, str | None], Awaitable[Driver]]  # target, configured driver; raises PollError
    budget: Budget
    wait_to_search: Callable[[], Awaitable[None]]  # waits until an address without a known rig may be tried


@dataclass(frozen=True, slots=True)
class Accounts:
    """What is added to a good reading: counters always, the rest where it is configured."""

    counters: CounterStore
    economist: Economist | None = None  # revenue, cost and advice
    prover: Prover | None = None  # hashrate that accepted shares prove
    stratum: Stratum | None = None  # the tip that a rig's work is compared with


@dataclass(frozen=True, slots=True)
class PollDeps:
    """Everything that polling loops share; made once, in app/agent.py."""

    clock: Clock
    access: RigAccess
    accounts: Accounts
    fleet: Fleet
    events: Events
    identities: Identities
    metrics: Tally
    nameplate: Callable[[str | None, str | None], Nameplate]  # make, model
    random01: Callable[[], float]  # uniform in [0, 1)
    on_bug: Callable[[str], None]  # called inside an except block, with the rig's address
    settings: PollSettings = field(default_factory=PollSettings)
