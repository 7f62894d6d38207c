"""Defines the sources of the section `market`: one entry of `network` or `prices`, and which keys each kind takes."""

from collections.abc import Callable
from typing import Annotated, Any, Self

from pydantic import BeforeValidator, Field, model_validator

from stratoscope.config.problems import nearest, shown, wrong
from stratoscope.config.secret import Secret
from stratoscope.config.section import ConfigPath, ConfigSection, Name, checked
from stratoscope.config.values import Number
from stratoscope.market.settings import MarketSourceSettings
from stratoscope.market.sources import KIND_BY_NAME, NETWORK_KINDS, PRICE_KINDS
from stratoscope.market.sources.kind import SourceKind
from stratoscope.outside.feed import dotted_path
from stratoscope.outside.fetch import base_url
from stratoscope.outside.inbox import topic_of


def keys_of_kind(kind: str) -> SourceKind:
    """Return which keys the sources of `kind` take."""
    return KIND_BY_NAME[kind]


def _kind(kinds: tuple[str, ...]) -> Callable[[Any], str]:
    def check(value: Any) -> str:
        if not isinstance(value, str) or value not in kinds:
            raise wrong(f"is {shown(value)}, which is not a kind of source here: {nearest(str(value), kinds)}")
        return value

    return check


class MarketSourceConfig(ConfigSection):
    """One source; which keys it takes depends on its kind."""

    kind: str = Field(description="Kind of source, see below.")
    url: Name | None = Field(None, description="Base URL of your own node, server or proxy; by default the public one.")
    allow_http: bool = Field(
        default=False,
        description="Allow plain http to other machines. Anyone on the network path can read and change the figures, "
        "and read the login of a `bitcoind`.",
    )
    user: Name | None = Field(None, description="RPC user of a `bitcoind`.")
    password: Secret | None = Field(None, description="Its password.")
    cookie: ConfigPath | None = Field(
        None, description="Path of the `.cookie` file of a `bitcoind`, instead of user and password."
    )
    path: ConfigPath | None = Field(None, description="JSON file of kind `file`.")
    topic: Annotated[str, BeforeValidator(checked(topic_of))] | None = Field(
        None, description="MQTT topic at the broker of the section `mqtt`; the price is in `currency`."
    )
    price_path: Annotated[str, BeforeValidator(checked(dotted_path))] | None = Field(
        None, description="Path to the price in the message, as `path` of a tariff's source."
    )
    time_path: Annotated[str, BeforeValidator(checked(dotted_path))] | None = Field(
        None, description="Path to its time, as `time_path` of a tariff's source."
    )
    price: Annotated[float, Number(1e-6, 1e12)] | None = Field(None, description="Fixed price of one bitcoin.")
    height: Annotated[int, Number(0, 100_000_000)] | None = Field(None, description="Fixed block height.")
    difficulty: Annotated[float, Number(1, 1e24)] | None = Field(None, description="Fixed network difficulty.")
    fees: Annotated[float, Number(0, 1000, "BTC per block")] | None = Field(None, description="Fixed fees per block.")

    @model_validator(mode="before")
    @classmethod
    def _from_kind_alone(cls, value: Any) -> Any:
        return {"kind": value} if isinstance(value, str) else value

    @model_validator(mode="after")
    def _has_the_keys_of_its_kind(self) -> Self:
        given = self.model_fields_set - {"kind"}
        takes = keys_of_kind(self.kind).all
        if given - takes:
            raise wrong(
                f"has {', '.join(sorted(given - takes))}, which a source of kind {self.kind} does not take: "
                f"it takes {', '.join(sorted(takes)) or 'no other key'}"
            )
        missing = [key for key in self._required() if getattr(self, key) is None]
        if missing:
            raise wrong(f"has no {' and no '.join(missing)}, which a source of kind {self.kind} requires")
        if self.url is not None:
            try:
                base_url(self.url, allow_http=self.allow_http)
            except ValueError as error:
                raise wrong(f"has an unusable url: {error}") from None
        problem = keys_of_kind(self.kind).find_problem(self.settings())
        if problem is not None:
            raise wrong(problem)
        return self

    def _required(self) -> tuple[str, ...]:
        return ()

    def settings(self) -> MarketSourceSettings:
        """Return the settings of the source for the market."""
        return MarketSourceSettings(
            kind=self.kind,
            url=self.url,
            allow_http=self.allow_http,
            user=self.user,
            password=None if self.password is None else self.password.get_secret_value(),
            cookie=self.cookie,
            path=self.path,
            topic=self.topic,
            price_path=self.price_path,
            time_path=self.time_path,
            price=self.price,
            height=self.height,
            difficulty=self.difficulty,
            fees=self.fees,
        )


class NetworkSourceConfig(MarketSourceConfig):
    """A source of height, difficulty and fees."""

    kind: Annotated[str, BeforeValidator(_kind(NETWORK_KINDS))]

    def _required(self) -> tuple[str, ...]:
        return keys_of_kind(self.kind).for_network


class PriceSourceConfig(MarketSourceConfig):
    """A source of the price of one bitcoin."""

    kind: Annotated[str, BeforeValidator(_kind(PRICE_KINDS))]

    def _required(self) -> tuple[str, ...]:
        return keys_of_kind(self.kind).for_prices
