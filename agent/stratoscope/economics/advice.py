"""Keeps the curtailment advice of every model under every tariff, by the measured efficiency of its rigs."""

from collections.abc import Container
from dataclasses import dataclass, field
from typing import NamedTuple

from stratoscope.economics.terms import MoneyTerms
from stratoscope.market.curtailment import (
    INITIAL_STATE,
    CurtailmentInputs,
    CurtailmentState,
    next_curtailment,
    strike_price,
)
from stratoscope.market.tariff import KwhPrice
from stratoscope.units import joules_per_terahash


class AdviceGroup(NamedTuple):
    """Rigs with the same advice: one model with one algorithm under one tariff; "" is unknown."""

    tariff: str
    make: str
    model: str
    algorithm: str

    @property
    def title(self) -> str:
        """Return make and model for log and pages."""
        return f"{self.make} {self.model}".strip() or "rigs of unknown model"


@dataclass(slots=True)
class AdviceState:
    """The last power (W) and hashrate (H/s) of each hashing rig of a group, and the advice."""

    rigs: dict[str, tuple[float, float]] = field(default_factory=dict)
    members: int = 0  # rigs of the group, hashing or not
    data_sheet: float | None = None  # J/TH
    curtailment: CurtailmentState = INITIAL_STATE
    strike: float | None = None  # fiat per kWh

    @property
    def efficiency(self) -> float | None:
        """Return J/TH at the rigs: total power over total hashrate, or the value of the data sheet."""
        hashrate = sum(rate for _, rate in self.rigs.values())
        if hashrate > 0:
            return joules_per_terahash(sum(power for power, _ in self.rigs.values()), hashrate)
        return self.data_sheet


class AdviceChange(NamedTuple):
    """A change of the advice of a group."""

    group: AdviceGroup
    before: str
    now: str
    strike: float | None


class CurtailmentAdvisor:
    """The advice of every group with rigs."""

    def __init__(self) -> None:
        self.groups: dict[AdviceGroup, AdviceState] = {}
        self._group_of: dict[str, AdviceGroup] = {}

    def update_rig(self, rig: str, group: AdviceGroup, power: float | None, hashrate: float | None) -> AdviceState:
        """Set power (W) and hashrate (H/s) of a rig and return the state of its group; unknown values are ignored."""
        if self._group_of.get(rig) != group:
            self.remove_rig(rig)
            self._group_of[rig] = group
            self.groups.setdefault(group, AdviceState()).members += 1
        state = self.groups[group]
        if power and hashrate:
            state.rigs[rig] = (power, hashrate)
        return state

    def remove_rig(self, rig: str) -> None:
        """Remove a rig from its group, and the group if it was the last one."""
        group = self._group_of.pop(rig, None)
        if group is None:
            return
        state = self.groups[group]
        state.rigs.pop(rig, None)
        state.members -= 1
        if state.members == 0:
            del self.groups[group]

    def keep_only(self, rigs: Container[str]) -> None:
        """Remove every rig that is not in `rigs`."""
        for rig in [rig for rig in self._group_of if rig not in rigs]:
            self.remove_rig(rig)

    def advise(
        self,
        group: AdviceGroup,
        terms: MoneyTerms,
        hashprice: float | None,
        price: KwhPrice | None,
        overhead: float,
        at: float,
        *,
        called: bool | None = False,
    ) -> AdviceChange | None:
        """Update the advice of `group` at UTC `at`; return the change, if there is one.

        `hashprice` is fiat per PH/s per day before the fees, of the group's algorithm; `called` is whether the grid
        calls for less load.
        """
        state = self.groups[group]
        state.strike = terms.strike
        if terms.strike is None:
            state.strike = strike_price(
                hashprice, state.efficiency, terms.fee, overhead_ratio=overhead, margin=terms.margin
            )
        before = state.curtailment
        state.curtailment = next_curtailment(
            before, terms.policy, CurtailmentInputs(price=price, strike=state.strike, called=called), at
        )
        if state.curtailment.advice == before.advice:
            return None
        return AdviceChange(group, before.advice, state.curtailment.advice, state.strike)
