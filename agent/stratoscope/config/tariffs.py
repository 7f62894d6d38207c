"""Defines the section `tariffs`: what power costs each group of rigs, and where a changing price is read."""

from decimal import Decimal
from typing import Annotated, Any, Final, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import BeforeValidator, Field, model_validator

from stratoscope.config.feeds import FeedConfig
from stratoscope.config.problems import shown, wrong
from stratoscope.config.section import ConfigSection, checked
from stratoscope.config.values import Allowed, Number
from stratoscope.economics.terms import PowerContract
from stratoscope.market.tariff import Adders, ExternalPrice, PowerBlock, Tariff
from stratoscope.market.tariff_zones import Zone, parse_days, parse_hours, parse_months, parse_time_zone
from stratoscope.units import KILO, MEGA

PRICE_LIMITS: Final = Number(-1_000_000, 1_000_000)
Fiat = Annotated[Decimal, PRICE_LIMITS]
Charge = Annotated[Decimal, Number(0, 1_000_000_000)]
Overhead = Annotated[Decimal, Number(1, 3)]
Months = Annotated[str, BeforeValidator(checked(parse_months))]

PER_KWH: Final = {"kWh": Decimal(1), "MWh": 1 / Decimal(KILO)}


class ZoneConfig(ConfigSection):
    """A price for some hours, days and months; a key that is left out means all of them."""

    price: Fiat = Field(description="Price of a unit of energy in this zone.")
    months: Months | None = Field(None, description="Months, as `Jun-Sep`.")
    days: Annotated[str, BeforeValidator(checked(parse_days))] | None = Field(None, description="Days, as `Mon-Fri`.")
    hours: Annotated[str, BeforeValidator(checked(parse_hours))] | None = Field(
        None, description="Hours of the day, as `15-19, 22-6`."
    )

    def zone(self, factor: Decimal) -> Zone:
        """Return the zone; its price is multiplied by `factor` to be per kWh."""
        return Zone(
            price=self.price * factor,
            months=parse_months(self.months) if self.months else frozenset(),
            days=parse_days(self.days) if self.days else frozenset(),
            hours=parse_hours(self.hours) if self.hours else (),
        )


class TariffSourceConfig(FeedConfig):
    """Where a changing price is read."""

    unit: Literal["kWh", "MWh"] = Field("kWh", description="Unit of energy that the price is for.")
    fallback: Literal["default", "last", "none"] = Field(
        "default",
        description="What is used when the price is older than `max_age`: `default` (zones and `price`), `last`, or "
        "`none`. `mining_tariff_price_stale` shows it; the curtailment advice is then unknown.",
    )


class EventSourceConfig(FeedConfig):
    """Where the grid operator's calls for less load are read; without a path the whole document is true or false."""


class EnergyConfig(ConfigSection):
    """The price of energy alone, before adders: fixed, by zones of the day, or external."""

    type: Literal["fixed", "zones", "external"] = Field(
        "fixed", description="A fixed price, zones of the day, or a price from a `source`."
    )
    price: Fiat | None = Field(
        None, description="Price of a unit of energy; with zones or a source, the price where neither applies."
    )
    unit: Literal["kWh", "MWh"] = Field("kWh", description="Unit of energy for `price`, the zones and the block.")
    zones: tuple[ZoneConfig, ...] = Field(
        (), description="Prices by month, day and hour, see below; the last one that matches is used."
    )
    source: TariffSourceConfig | None = Field(
        None, description="Where an external price is read: the keys of a [feed](#feeds)."
    )

    @model_validator(mode="after")
    def _matches_its_type(self) -> Self:
        if self.type == "fixed" and self.price is None:
            raise wrong("is of type fixed and has no price: add `price:`, in the site's currency per kWh")
        if self.type == "fixed" and self.zones:
            raise wrong("is of type fixed and has zones: write `type: zones`")
        if self.type == "zones" and not self.zones:
            raise wrong("is of type zones and has no zones: add `zones:`, or write `type: fixed`")
        if self.type == "external" and self.source is None:
            raise wrong("is of type external and has no source: add `source:`")
        if self.type != "external" and self.source is not None:
            raise wrong(f"is of type {self.type} and has a source: write `type: external`")
        if self.source and self.source.fallback == "default" and self.price is None and not self.zones:
            raise wrong(
                "has a source with `fallback: default` but no default price: add `price:`, or set `fallback: last` "
                "or `none`"
            )
        return self


class AddersConfig(ConfigSection):
    """What is added to the energy price."""

    per_kwh: Fiat = Field(Decimal(0), description="Delivery and similar charges per kWh.")
    markup_ratio: Annotated[Decimal, Number(0, 2, why="0.0825 is 8.25 %")] = Field(
        Decimal(0), description="Tax on energy and adders: `0.0825` is 8.25 %."
    )
    loss_ratio: Annotated[Decimal, Number(0, 1, why="0.02 is 2 %")] = Field(
        Decimal(0), description="Fraction of the energy lost in transmission: `0.02` is 2 %."
    )


class PowerBlockConfig(ConfigSection):
    """Power bought ahead."""

    mw: Annotated[Decimal, Number(Decimal("0.000001"), 10_000)] = Field(description="Size of the block in MW.")
    price: Fiat = Field(description="Its price per unit of energy.")


class FixedChargesConfig(ConfigSection):
    """Charges that do not depend on the energy used."""

    per_month: Charge = Field(Decimal(0), description="Charge per month, spread over the load of the group.")
    demand_per_kw_month: Charge = Field(
        Decimal(0),
        description="Demand charge per kW of the month's highest quarter of an hour. Exported separately, not part "
        "of any margin.",
    )
    cp_per_kw_year: Charge = Field(
        Decimal(0),
        description="Transmission charge per kW of load during the system's peaks (ERCOT's 4CP). In reports only.",
    )
    cp_months: Months = Field("Jun-Sep", description="Months that have one such peak each.")


class TariffCurtailmentConfig(ConfigSection):
    """What a curtailed kWh earns, and where the grid operator's calls are read."""

    credit_per_kwh: Fiat = Field(Decimal(0), description="What a curtailed kWh earns.")
    event_source: EventSourceConfig | None = Field(
        None, description="Where the grid operator's calls for less load are read, see below."
    )


def _zone_name(value: Any) -> str:
    if not isinstance(value, str):
        raise wrong(f"is {shown(value)}, it must be an IANA time zone such as America/Chicago or UTC")
    try:
        parse_time_zone(value)
    except ValueError as error:
        raise wrong(f"is wrong: {error}") from None
    return value


class TariffConfig(ConfigSection):
    """The contract of one tariff group."""

    timezone: Annotated[str, BeforeValidator(_zone_name), Allowed("IANA time zone")] = Field(
        "UTC", description="IANA time zone of the zones and months."
    )
    energy: EnergyConfig
    adders: AddersConfig = AddersConfig()
    block: PowerBlockConfig | None = Field(
        None,
        description="Power bought ahead: `{mw: 10, price: 38}`. The unused part is sold back at the energy price.",
    )
    fixed: FixedChargesConfig = FixedChargesConfig()
    curtailment: TariffCurtailmentConfig = TariffCurtailmentConfig()
    overhead_ratio: Overhead | None = Field(None, description="Replaces `economics.overhead_ratio`.")

    def contract(self, currency: str, overhead_ratio: Decimal) -> PowerContract:
        """Return the contract in `currency`; without an overhead in the tariff, the site's `overhead_ratio` is used."""
        energy = self.energy
        factor = PER_KWH[energy.unit]
        source, events = energy.source, self.curtailment.event_source
        return PowerContract(
            tariff=Tariff(
                currency=currency,
                timezone=ZoneInfo(self.timezone),
                price=None if energy.price is None else energy.price * factor,
                zones=tuple(zone.zone(factor) for zone in energy.zones),
                external=None if source is None else ExternalPrice(source.max_age, source.fallback),
                adders=Adders(
                    per_kwh=self.adders.per_kwh,
                    markup_ratio=self.adders.markup_ratio,
                    loss_ratio=self.adders.loss_ratio,
                ),
                block=None
                if self.block is None
                else PowerBlock(self.block.mw * Decimal(MEGA), self.block.price * factor),
                per_month=self.fixed.per_month,
                credit_per_kwh=self.curtailment.credit_per_kwh,
                overhead_ratio=overhead_ratio if self.overhead_ratio is None else self.overhead_ratio,
            ),
            demand_per_kw_month=self.fixed.demand_per_kw_month,
            cp_per_kw_year=self.fixed.cp_per_kw_year,
            cp_months=parse_months(self.fixed.cp_months),
            feed=None if source is None else source.feed(PER_KWH[source.unit]),
            call=None if events is None else events.feed(),
            call_max_age=0.0 if events is None else events.max_age,
        )
