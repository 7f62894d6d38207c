"""Defines the section `market`: the sources of difficulty, fees and price. Without it no outside service is queried."""

from typing import Annotated, Final, Literal, Self

from pydantic import Field, field_validator, model_validator

from stratoscope.config.feeds import FeedConfig
from stratoscope.config.market_sources import NetworkSourceConfig, PriceSourceConfig
from stratoscope.config.problems import wrong
from stratoscope.config.section import ConfigSection, Currency, Name
from stratoscope.config.values import Duration, Number
from stratoscope.market.references import ReferenceSettings
from stratoscope.market.settings import MarketSettings
from stratoscope.units import DAY, HOUR


class ReferenceConfig(ConfigSection):
    """A hashprice that a third party publishes, compared with our own."""

    name: Name = Field(description="Name in labels and pages.")
    unit: Literal["btc_per_ph_day", "sats_per_th_day", "fiat_per_ph_day", "fiat_per_th_day"] = Field(
        "btc_per_ph_day", description="Unit of the hashprice."
    )
    value: Annotated[float, Number(1e-12, 1e9)] | None = Field(None, description="A fixed hashprice.")
    source: FeedConfig | None = Field(
        None, description="Where the hashprice is read instead: the keys of a [feed](#feeds)."
    )

    @model_validator(mode="after")
    def _has_value_or_source(self) -> Self:
        if (self.value is None) == (self.source is None):
            raise wrong("requires either `value:`, or `source:` to read it from")
        return self

    def settings(self) -> ReferenceSettings:
        """Return the settings of the reference for the market."""
        given = {} if self.source is None else {"max_age": self.source.max_age}
        feed = None if self.source is None else self.source.feed()
        return ReferenceSettings(name=self.name, unit=self.unit, value=self.value, feed=feed, **given)


DEFAULTS: Final = MarketSettings()


class MarketConfig(ConfigSection):
    """Where difficulty, fees and price come from, how often they are queried, and how old they may get."""

    currency: Currency = Field(DEFAULTS.currency, description="Currency of all money. Prices are requested in it.")
    network: tuple[NetworkSourceConfig, ...] = Field(
        tuple(NetworkSourceConfig(kind=one.kind) for one in DEFAULTS.network),
        description="Sources of height, difficulty and fees, queried in order until one gives a complete response.",
    )
    prices: tuple[PriceSourceConfig, ...] = Field(
        tuple(PriceSourceConfig(kind=one.kind) for one in DEFAULTS.prices),
        description="Sources of the price. The median of those within 2 % of it is used; at least two are required, or "
        "one where only one is listed.",
    )
    references: tuple[ReferenceConfig, ...] = Field(
        (), description="Hashprices that third parties publish, compared with our own; see below."
    )
    interval: Annotated[float, Duration(10, HOUR, "public services ban clients that query more often")] = Field(
        DEFAULTS.interval, description="How often each source is queried."
    )
    price_max_age: Annotated[float, Duration(60, DAY)] = Field(
        DEFAULTS.price_max_age, description="A price older than this is not used."
    )
    tip_max_age: Annotated[float, Duration(2 * HOUR, 2 * DAY, "an hour and a half without a block is not unusual")] = (
        Field(DEFAULTS.tip_max_age, description="Without a new block for this long, difficulty and fees are not used.")
    )

    @field_validator("references")
    @classmethod
    def _names_differ(cls, references: tuple[ReferenceConfig, ...]) -> tuple[ReferenceConfig, ...]:
        names = [one.name for one in references]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise wrong(f"has the same name twice: {', '.join(twice)}; give each its own")
        return references

    def settings(self) -> MarketSettings:
        """Return the settings for the market."""
        return MarketSettings(
            currency=self.currency,
            network=tuple(source.settings() for source in self.network),
            prices=tuple(source.settings() for source in self.prices),
            references=tuple(one.settings() for one in self.references),
            interval=self.interval,
            price_max_age=self.price_max_age,
            tip_max_age=self.tip_max_age,
        )
