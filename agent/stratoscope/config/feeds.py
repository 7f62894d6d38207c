"""Defines the keys of a feed: where a changing figure is read, in a file, over HTTP or from an MQTT topic."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Final, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from stratoscope.config.problems import wrong
from stratoscope.config.secret import Secret
from stratoscope.config.section import ConfigPath, ConfigSection, checked
from stratoscope.config.values import Duration
from stratoscope.outside.feed import Feed, dotted_path
from stratoscope.outside.fetch import base_url, header
from stratoscope.outside.inbox import topic_of
from stratoscope.units import DAY, HOUR, MINUTE

LOCATION_KEYS: Final = {"file": "file", "http": "url", "mqtt": "topic"}
"""The key that each kind requires."""
MAX_HEADERS: Final = 16


class FeedConfig(ConfigSection):
    """Where a changing figure is read, and for how long it is valid."""

    kind: Literal["file", "http", "mqtt"] = Field(description="Where the figure is read.")
    file: ConfigPath | None = Field(
        None,
        description="JSON file that another program keeps up to date. Without `time_path` its modification time "
        "counts.",
    )
    url: Annotated[str, BeforeValidator(checked(lambda text: text))] | None = Field(
        None, description="URL of a JSON document; https, or on this machine."
    )
    allow_http: bool = Field(
        default=False,
        description="Allow plain http to other machines. Anyone on the network path can change the figure.",
    )
    headers: Mapping[str, Secret] = Field(
        default_factory=dict,
        description='Headers of each HTTP request, as `{X-Api-Key: "env:GRID_KEY"}`; the values are secrets.',
    )
    topic: Annotated[str, BeforeValidator(checked(topic_of))] | None = Field(
        None,
        description="MQTT topic at the broker of the section `mqtt`. The age of a message starts when it arrives; a "
        "retained message needs a `time_path`.",
    )
    path: Annotated[str, BeforeValidator(checked(dotted_path))] | None = Field(
        None,
        description="Path to the figure in the document: keys and list indexes joined by dots, as `data.0.price`. "
        "Without it the whole document is the figure.",
    )
    time_path: Annotated[str, BeforeValidator(checked(dotted_path))] | None = Field(
        None,
        description="Path to the time from which the figure is valid: seconds, milliseconds, or ISO 8601 with an "
        "offset.",
    )
    interval: Annotated[float, Duration(5, HOUR, "services are not queried more often")] = Field(
        MINUTE, description="How often it is read."
    )
    max_age: Annotated[float, Duration(30, 2 * DAY)] = Field(20 * MINUTE, description="For how long a figure is valid.")

    @model_validator(mode="after")
    def _is_consistent(self) -> Self:
        self._check_location()
        self._check_headers()
        if self.max_age < 2 * self.interval:
            raise wrong(
                f"has max_age {self.max_age:g} s, less than two intervals of {self.interval:g} s: a figure would "
                "expire before the next one arrives"
            )
        return self

    def _check_location(self) -> None:
        required = LOCATION_KEYS[self.kind]
        if getattr(self, required) is None:
            raise wrong(f"is of kind {self.kind} and has no {required}: add `{required}:`")
        for other in LOCATION_KEYS.values():
            if other != required and getattr(self, other) is not None:
                raise wrong(f"is of kind {self.kind} and also has a {other}: remove `{other}:`")
        if self.url is not None:
            try:
                base_url(self.url.partition("?")[0], allow_http=self.allow_http)
            except ValueError as error:
                reason = str(error).replace("use the keys user and password", "remove it")
                raise wrong(f"has an unusable url: {reason}") from None

    def _check_headers(self) -> None:
        if self.headers and self.url is None:
            raise wrong(f"is of kind {self.kind} and has headers, which only kind http sends: remove them")
        if len(self.headers) > MAX_HEADERS:
            raise wrong(f"has {len(self.headers)} headers: the maximum is {MAX_HEADERS}")
        for name, value in self.headers.items():
            try:
                header(name, value.get_secret_value())
            except ValueError as error:
                raise wrong(f"has an unusable header: {error}") from None

    def feed(self, factor: Decimal = Decimal(1)) -> Feed:
        """Return the feed; a price is multiplied by `factor`."""
        return Feed(
            file=self.file,
            url=self.url,
            allow_http=self.allow_http,
            path=dotted_path(self.path or ""),
            time_path=dotted_path(self.time_path) if self.time_path else None,
            factor=factor,
            interval=self.interval,
            topic=self.topic,
            headers=tuple((name, value.get_secret_value()) for name, value in self.headers.items()),
        )
