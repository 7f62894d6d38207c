"""Defines the section `market`: whom to ask for network and price. Without it nothing outside is ever asked."""

import re
from collections.abc import Callable
from typing import Annotated, Any, Final, Literal

from pydantic import BeforeValidator, field_validator, model_validator

from stratoscope.config.feeds import Outside
from stratoscope.config.problems import nearest, shown, wrong
from stratoscope.config.secret import Secret
from stratoscope.config.section import Place, Section, Word, checked
from stratoscope.config.values import Count, Duration, Number
from stratoscope.market.references import ReferenceSettings
from stratoscope.market.settings import MarketSettings, SourceSettings
from stratoscope.market.sources import NETWORK_KINDS, PRICE_KINDS, URLS
from stratoscope.outside.feed import dotted_path
from stratoscope.outside.fetch import base_url
from stratoscope.outside.inbox import topic_of
from stratoscope.units import DAY, HOUR

NEEDS: Final = {"bitcoind": ("url",), "file": ("path",), "mqtt": ("topic",)}
TAKES: Final = {
    "bitcoind": {"url", "allow_http", "user", "password", "cookie"},
    "fixed": {"price", "height", "difficulty", "fees"},
    "file": {"path"},
    "mqtt": {"topic", "price_path", "time_path"},
    "stratum": set(),
}
REMOTE: Final = {"url", "allow_http"}


def _currency(value: Any) -> str:
    if not isinstance(value, str) or not re.fullmatch(r"[A-Za-z]{3}", value):
        raise wrong(f"is {shown(value)}, it must be the code of a currency such as USD or EUR")
    return value.upper()


def _kind(kinds: tuple[str, ...]) -> Callable[[Any], str]:
    def check(value: Any) -> str:
        if not isinstance(value, str) or value not in kinds:
            raise wrong(f"is {shown(value)}, which is no kind of source here: {nearest(str(value), kinds)}")
        return value

    return check


class Source(Section):
    """One source; each kind takes keys of its own."""

    kind: str
    url: Word | None = None
    allow_http: bool = False
    user: Word | None = None
    password: Secret | None = None
    cookie: Place | None = None
    path: Place | None = None
    topic: Annotated[str, BeforeValidator(checked(topic_of))] | None = None
    price_path: Annotated[str, BeforeValidator(checked(dotted_path))] | None = None
    time_path: Annotated[str, BeforeValidator(checked(dotted_path))] | None = None
    price: Annotated[float, BeforeValidator(Number(1e-6, 1e12))] | None = None
    height: Annotated[int, BeforeValidator(Count(0, 100_000_000))] | None = None
    difficulty: Annotated[float, BeforeValidator(Number(1, 1e24))] | None = None
    fees: Annotated[float, BeforeValidator(Number(0, 1000, "BTC per block"))] | None = None

    @model_validator(mode="before")
    @classmethod
    def _bare_kind(cls, value: Any) -> Any:
        return {"kind": value} if isinstance(value, str) else value

    @model_validator(mode="after")
    def _of_its_kind(self) -> "Source":
        given = self.model_fields_set - {"kind"}
        takes = TAKES.get(self.kind, REMOTE)
        if given - takes:
            raise wrong(
                f"has {', '.join(sorted(given - takes))}, which a source of kind {self.kind} does not take: "
                f"it takes {', '.join(sorted(takes)) or 'nothing more'}"
            )
        lacks = [key for key in self._needs() if getattr(self, key) is None]
        if lacks:
            raise wrong(f"lacks {' and '.join(lacks)}, which a source of kind {self.kind} needs")
        if self.url is not None:
            try:
                base_url(self.url, allow_http=self.allow_http)
            except ValueError as error:
                raise wrong(f"has a url that cannot be used: {error}") from None
        return self

    def _needs(self) -> tuple[str, ...]:
        return NEEDS.get(self.kind, ())

    def settings(self) -> SourceSettings:
        """Return what the market needs to know of it."""
        return SourceSettings(
            kind=self.kind,
            url=self.url or URLS.get(self.kind),
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


class NetworkSource(Source):
    """A source of height, difficulty and fees."""

    kind: Annotated[str, BeforeValidator(_kind(NETWORK_KINDS))]

    def _needs(self) -> tuple[str, ...]:
        return ("height", "difficulty", "fees") if self.kind == "fixed" else NEEDS.get(self.kind, ())

    @model_validator(mode="after")
    def _one_login(self) -> "NetworkSource":
        if self.kind == "bitcoind" and (self.cookie is None) == (self.user is None or self.password is None):
            raise wrong("needs either user and password, or cookie: the path of the node's .cookie file")
        return self


class PriceSource(Source):
    """A source of the price of a bitcoin."""

    kind: Annotated[str, BeforeValidator(_kind(PRICE_KINDS))]

    def _needs(self) -> tuple[str, ...]:
        return ("price",) if self.kind == "fixed" else NEEDS.get(self.kind, ())


class Reference(Section):
    """A hashprice that somebody else publishes, to be held against our own."""

    name: Word
    unit: Literal["btc_per_ph_day", "sats_per_th_day", "fiat_per_ph_day", "fiat_per_th_day"] = "btc_per_ph_day"
    value: Annotated[float, BeforeValidator(Number(1e-12, 1e9))] | None = None
    source: Outside | None = None

    @model_validator(mode="after")
    def _one_origin(self) -> "Reference":
        if (self.value is None) == (self.source is None):
            raise wrong("needs either `value:`, or `source:` to read it from")
        return self

    def settings(self) -> ReferenceSettings:
        """Return what the market needs to know of it."""
        given = {} if self.source is None else {"max_age": self.source.max_age}
        feed = None if self.source is None else self.source.feed()
        return ReferenceSettings(name=self.name, unit=self.unit, value=self.value, feed=feed, **given)


DEFAULTS: Final = MarketSettings()


class Market(Section):
    """Where difficulty, fees and price come from, how often, and how old they may get."""

    currency: Annotated[str, BeforeValidator(_currency)] = DEFAULTS.currency
    network: tuple[NetworkSource, ...] = tuple(NetworkSource(kind=one.kind) for one in DEFAULTS.network)
    prices: tuple[PriceSource, ...] = tuple(PriceSource(kind=one.kind) for one in DEFAULTS.prices)
    references: tuple[Reference, ...] = ()
    interval: Annotated[float, BeforeValidator(Duration(10, HOUR, "public services shut out who asks more often"))] = (
        DEFAULTS.interval
    )  # s
    price_max_age: Annotated[float, BeforeValidator(Duration(60, DAY))] = DEFAULTS.price_max_age  # s
    tip_max_age: Annotated[
        float, BeforeValidator(Duration(2 * HOUR, 2 * DAY, "an hour and a half without a block is nothing unusual"))
    ] = DEFAULTS.tip_max_age  # s

    @field_validator("references")
    @classmethod
    def _names_differ(cls, references: tuple[Reference, ...]) -> tuple[Reference, ...]:
        names = [one.name for one in references]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise wrong(f"has the same name twice: {', '.join(twice)}; give each its own")
        return references

    def settings(self) -> MarketSettings:
        """Return what the market needs to know."""
        return MarketSettings(
            currency=self.currency,
            network=tuple(source.settings() for source in self.network),
            prices=tuple(source.settings() for source in self.prices),
            references=tuple(one.settings() for one in self.references),
            interval=self.interval,
            price_max_age=self.price_max_age,
            tip_max_age=self.tip_max_age,
        )
