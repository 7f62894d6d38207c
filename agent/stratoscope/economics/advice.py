"""Keeps the curtailment advice of every model under every tariff, by the efficiency its rigs really show."""

from collections.abc import Container
from dataclasses import dataclass, field
from typing import NamedTuple

from stratoscope.economics.terms import Terms
from stratoscope.market.curtailment import START, Curtailment, Outlook, advance, strike_price
from stratoscope.market.tariff import Price
from stratoscope.units import joules_per_terahash


class Kind(NamedTuple):
    """Rigs that are advised alike: one model of one algorithm under one tariff; "" is unknown."""

    tariff: str
    make: str
    model: str
    algorithm: str

    @property
    def title(self) -> str:
        """Return make and model for people."""
        return f"{self.make} {self.model}".strip() or "rigs of unknown model"


@dataclass(slots=True)
class Standing:
    """What is known of a kind: each rig's power (W) and hashrate (H/s) when it last hashed, and the advice."""

    rigs: dict[str, tuple[float, float]] = field(default_factory=dict)
    members: int = 0  # rigs of the kind, hashing or not
    data_sheet: float | None = None  # J/TH
    state: Curtailment = START
    strike: float | None = None  # fiat per kWh

    @property
    def efficiency(self) -> float | None:
        """Return J/TH at the rigs: their watts over their terahashes, else what the data sheet says."""
        hashrate = sum(rate for _, rate in self.rigs.values())
        if hashrate > 0:
            return joules_per_terahash(sum(power for power, _ in self.rigs.values()), hashrate)
        return self.data_sheet


class Change(NamedTuple):
    """The advice of a kind became another."""

    kind: Kind
    before: str
    now: str
    strike: float | None


class Advisor:
    """The advice of every kind of rig that was seen."""

    def __init__(self) -> None:
        self.kinds: dict[Kind, Standing] = {}
        self._kind_of: dict[str, Kind] = {}

    def saw(self, rig: str, kind: Kind, power: float | None, hashrate: float | None) -> Standing:
        """Note what a rig draws (W) and does (H/s) while it hashes; a curtailed rig keeps what it last showed."""
        if self._kind_of.get(rig) != kind:
            self.forget(rig)
            self._kind_of[rig] = kind
            self.kinds.setdefault(kind, Standing()).members += 1
        standing = self.kinds[kind]
        if power and hashrate:
            standing.rigs[rig] = (power, hashrate)
        return standing

    def forget(self, rig: str) -> None:
        """Forget a rig that is gone or became another; the last one of a kind takes the kind with it."""
        kind = self._kind_of.pop(rig, None)
        if kind is None:
            return
        standing = self.kinds[kind]
        standing.rigs.pop(rig, None)
        standing.members -= 1
        if standing.members == 0:
            del self.kinds[kind]

    def keep_only(self, rigs: Container[str]) -> None:
        """Forget every rig that is not among `rigs`."""
        for rig in [rig for rig in self._kind_of if rig not in rigs]:
            self.forget(rig)

    def advise(
        self,
        kind: Kind,
        terms: Terms,
        hashprice: float | None,
        price: Price | None,
        overhead: float,
        at: float,
        *,
        called: bool | None = False,
    ) -> Change | None:
        """Bring the advice of `kind` up to UTC `at`; return the change, if it is one.

        `hashprice` is fiat per PH/s per day before the fees, of the kind's own algorithm; `called` tells whether the
        grid calls for less load.
        """
        standing = self.kinds[kind]
        standing.strike = terms.strike
        if terms.strike is None:
            standing.strike = strike_price(
                hashprice, standing.efficiency, terms.fee, overhead_ratio=overhead, margin=terms.margin
            )
        before = standing.state
        standing.state = advance(before, terms.policy, Outlook(price=price, strike=standing.strike, called=called), at)
        if standing.state.advice == before.advice:
            return None
        return Change(kind, before.advice, standing.state.advice, standing.strike)
