"""Says what one polling loop is to do, and with what."""

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
    """One address to poll. `expected` is False for members of a range: they count as rigs once they answered."""

    target: Target
    interval: float  # s
    name: str | None = None
    driver: str | None = None  # fixed by the config, else found by fingerprint
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
        """Ask and return the answers; raises PollError."""
        ...


@dataclass(frozen=True, slots=True)
class PollDeps:
    """Everything a polling loop needs from elsewhere; made once by the composition root."""

    wire: RigClient
    clock: Clock
    fleet: Fleet
    events: Events
    identities: Identities
    book: CounterStore
    budget: Budget
    tally: Tally
    identify: Callable[[Target, str | None], Awaitable[Driver]]  # raises PollError
    nameplate: Callable[[str | None, str | None], Nameplate]  # make, model
    chance: Callable[[], float]  # uniform in [0, 1)
    search: Callable[[], Awaitable[None]]  # waits for a turn to try an address where no rig is known
    on_bug: Callable[[str], None]  # called inside an except block, with the rig's address
    limits: Limits
    backoff: float = 300.0  # s, the longest wait between tries of a dark rig
    search_interval: float = 300.0  # s between tries of an address of a range where nothing has answered
    least_freshness: float = 90.0  # s
    economist: Economist | None = None  # None: money is not reckoned
    prover: Prover | None = None  # None: shares are not held against the reported hashrate
    stratum: Stratum | None = None  # None: no endpoint is watched
