"""Defines the section `tariffs`: what power costs each group of rigs, and where a changing price comes from."""

from decimal import Decimal
from typing import Annotated, Any, Final, Literal
from zoneinfo import ZoneInfo

from pydantic import BeforeValidator, model_validator

from stratoscope.config.feeds import Outside
from stratoscope.config.problems import shown, wrong
from stratoscope.config.section import Section, checked
from stratoscope.config.values import Money
from stratoscope.economics.terms import Contract
from stratoscope.market.tariff import Adders, Block, External, Tariff
from stratoscope.market.tariff_zones import Zone, days_of, hours_of, months_of, time_zone
from stratoscope.units import KILO, MEGA

Fiat = Annotated[Decimal, BeforeValidator(Money(-1_000_000, 1_000_000))]
Charge = Annotated[Decimal, BeforeValidator(Money(0, 1_000_000_000))]
Overhead = Annotated[Decimal, BeforeValidator(Money(1, 3))]

PER_KWH: Final = {"kWh": Decimal(1), "MWh": 1 / Decimal(KILO)}


class ZoneSection(Section):
    """A price for some hours, days and months; what is left out means all of them."""

    price: Fiat
    months: Annotated[str, BeforeValidator(checked(months_of))] | None = None
    days: Annotated[str, BeforeValidator(checked(days_of))] | None = None
    hours: Annotated[str, BeforeValidator(checked(hours_of))] | None = None

    def zone(self, factor: Decimal) -> Zone:
        """Return the zone, its price × `factor` per kWh."""
        return Zone(
            price=self.price * factor,
            months=months_of(self.months) if self.months else frozenset(),
            days=days_of(self.days) if self.days else frozenset(),
            hours=hours_of(self.hours) if self.hours else (),
        )


class PriceSource(Outside):
    """Where a price that changes is read."""

    unit: Literal["kWh", "MWh"] = "kWh"
    fallback: Literal["default", "last", "none"] = "default"


class EventSource(Outside):
    """Where it is read whether the grid calls for less load; without a path the document is true or false."""


class Energy(Section):
    """The price of energy alone, before adders: fixed, by zones of the day, or from outside."""

    type: Literal["fixed", "zones", "external"] = "fixed"
    price: Fiat | None = None
    unit: Literal["kWh", "MWh"] = "kWh"
    zones: tuple[ZoneSection, ...] = ()
    source: PriceSource | None = None

    @model_validator(mode="after")
    def _as_typed(self) -> "Energy":
        if self.type == "fixed" and self.price is None:
            raise wrong("is of type fixed and has no price: add `price:`, in the site's currency per kWh")
        if self.type == "fixed" and self.zones:
            raise wrong("is of type fixed and has zones: write `type: zones`")
        if self.type == "zones" and not self.zones:
            raise wrong("is of type zones and has none: add `zones:`, or write `type: fixed`")
        if self.type == "external" and self.source is None:
            raise wrong("is of type external and has no source: add `source:`")
        if self.type != "external" and self.source is not None:
            raise wrong(f"is of type {self.type} and has a source: write `type: external`")
        if self.source and self.source.fallback == "default" and self.price is None and not self.zones:
            raise wrong("falls back to a default that is not there: add `price:`, or `fallback: last` or `none`")
        return self


class AddersSection(Section):
    """What is added to the energy price."""

    per_kwh: Fiat = Decimal(0)
    markup_ratio: Annotated[Decimal, BeforeValidator(Money(0, 2, "0.0825 is 8.25 %"))] = Decimal(0)
    loss_ratio: Annotated[Decimal, BeforeValidator(Money(0, 1, "0.02 is 2 %"))] = Decimal(0)


class BlockSection(Section):
    """Power bought ahead."""

    mw: Annotated[Decimal, BeforeValidator(Money(Decimal("0.000001"), 10_000))]
    price: Fiat


class FixedSection(Section):
    """What stands on the bill whatever is used, and what the highest demand costs."""

    per_month: Charge = Decimal(0)
    demand_per_kw_month: Charge = Decimal(0)
    cp_per_kw_year: Charge = Decimal(0)
    cp_months: Annotated[str, BeforeValidator(checked(months_of))] = "Jun-Sep"


class Curtailment(Section):
    """What a curtailed kWh earns, and where the grid calls for it."""

    credit_per_kwh: Fiat = Decimal(0)
    event_source: EventSource | None = None


def _zone_name(value: Any) -> str:
    if not isinstance(value, str):
        raise wrong(f"is {shown(value)}, it must be an IANA time zone such as America/Chicago or UTC")
    try:
        time_zone(value)
    except ValueError as error:
        raise wrong(f"is wrong: {error}") from None
    return value


class TariffSection(Section):
    """One tariff group's contract."""

    timezone: Annotated[str, BeforeValidator(_zone_name)] = "UTC"
    energy: Energy
    adders: AddersSection = AddersSection()
    block: BlockSection | None = None
    fixed: FixedSection = FixedSection()
    curtailment: Curtailment = Curtailment()
    overhead_ratio: Overhead | None = None

    def contract(self, currency: str, overhead_ratio: Decimal) -> Contract:
        """Return the contract in `currency`; the site's overhead holds where the tariff has none of its own."""
        energy = self.energy
        factor = PER_KWH[energy.unit]
        source, events = energy.source, self.curtailment.event_source
        return Contract(
            tariff=Tariff(
                currency=currency,
                timezone=ZoneInfo(self.timezone),
                price=None if energy.price is None else energy.price * factor,
                zones=tuple(zone.zone(factor) for zone in energy.zones),
                external=None if source is None else External(source.max_age, source.fallback),
                adders=Adders(
                    per_kwh=self.adders.per_kwh,
                    markup_ratio=self.adders.markup_ratio,
                    loss_ratio=self.adders.loss_ratio,
                ),
                block=None if self.block is None else Block(self.block.mw * Decimal(MEGA), self.block.price * factor),
                per_month=self.fixed.per_month,
                credit_per_kwh=self.curtailment.credit_per_kwh,
                overhead_ratio=overhead_ratio if self.overhead_ratio is None else self.overhead_ratio,
            ),
            demand_per_kw_month=self.fixed.demand_per_kw_month,
            cp_per_kw_year=self.fixed.cp_per_kw_year,
            cp_months=months_of(self.fixed.cp_months),
            feed=None if source is None else source.feed(PER_KWH[source.unit]),
            call=None if events is None else events.feed(),
            call_max_age=0.0 if events is None else events.max_age,
        )
