"""Defines where a figure that changes is read: the keys that every feed of the config has."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Final, Literal

from pydantic import BeforeValidator, Field, model_validator

from stratoscope.config.problems import wrong
from stratoscope.config.secret import Secret
from stratoscope.config.section import Place, Section, checked
from stratoscope.config.values import Duration
from stratoscope.outside.feed import Feed, dotted_path
from stratoscope.outside.fetch import base_url, header
from stratoscope.outside.inbox import topic_of
from stratoscope.units import DAY, HOUR, MINUTE

PLACE: Final = {"file": "file", "http": "url", "mqtt": "topic"}
"""The key that says where, by kind."""
MOST_HEADERS: Final = 16


class Outside(Section):
    """Where something that changes is read, and how long it holds."""

    kind: Literal["file", "http", "mqtt"]
    file: Place | None = None
    url: Annotated[str, BeforeValidator(checked(lambda text: text))] | None = None
    allow_http: bool = False
    headers: Mapping[str, Secret] = Field(default_factory=dict)
    topic: Annotated[str, BeforeValidator(checked(topic_of))] | None = None
    path: Annotated[str, BeforeValidator(checked(dotted_path))] | None = None
    time_path: Annotated[str, BeforeValidator(checked(dotted_path))] | None = None
    interval: Annotated[float, BeforeValidator(Duration(5, HOUR, "services are not asked more often"))] = MINUTE
    max_age: Annotated[float, BeforeValidator(Duration(30, 2 * DAY))] = 20 * MINUTE

    @model_validator(mode="after")
    def _one_place(self) -> "Outside":
        wanted = PLACE[self.kind]
        if getattr(self, wanted) is None:
            raise wrong(f"is of kind {self.kind} and names no {wanted}: add `{wanted}:`")
        for other in PLACE.values():
            if other != wanted and getattr(self, other) is not None:
                raise wrong(f"is of kind {self.kind} and names a {other} too: remove `{other}:`")
        if self.max_age < 2 * self.interval:
            raise wrong(
                f"has max_age {self.max_age:g} s, less than two intervals of {self.interval:g} s: it "
                "would be too old before the next one comes"
            )
        if self.url is not None:
            try:
                base_url(self.url.partition("?")[0], allow_http=self.allow_http)
            except ValueError as error:
                reason = str(error).replace("write that as user and password", "remove it")
                raise wrong(f"has a url that cannot be used: {reason}") from None
        if self.headers and self.url is None:
            raise wrong(f"is of kind {self.kind} and has headers: remove them, they go with an http request")
        if len(self.headers) > MOST_HEADERS:
            raise wrong(f"has {len(self.headers)} headers: at most {MOST_HEADERS} are sent")
        for name, value in self.headers.items():
            try:
                header(name, value.get_secret_value())
            except ValueError as error:
                raise wrong(f"has a header that cannot be sent: {error}") from None
        return self

    def feed(self, factor: Decimal = Decimal(1)) -> Feed:
        """Return what reads it, a price × `factor`."""
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
