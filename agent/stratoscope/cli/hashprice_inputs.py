"""Defines the inputs of a hashprice calculation, shared by the calculator, its live variant and the check."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class HashpriceInputs:
    """The validated options, or the same figures from live sources."""

    difficulty: float
    height: int
    fees: float  # BTC per block
    fees_known: bool = True  # False when no fees were given and 0 is used instead
    price: float | None
    currency: str
    efficiency: float | None  # J/TH
    power_price: float | None  # per kWh
    pool_fee: float

    @property
    def describes_a_rig(self) -> bool:
        """Tell whether the efficiency or the power price of a rig is known, so that its costs can be shown."""
        return self.efficiency is not None or self.power_price is not None
