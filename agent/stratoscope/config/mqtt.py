"""Defines the section `mqtt`: the broker, and who we are there. What is published is said at `exporters.mqtt`."""

from collections.abc import Iterator
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, model_validator

from stratoscope.config.problems import shown, wrong
from stratoscope.config.secret import Secret
from stratoscope.config.section import Place, Section, Word, checked
from stratoscope.config.values import Count, Duration
from stratoscope.outside.broker import PORT, TLS_PORT, Account
from stratoscope.outside.fetch import is_loopback


def _host(text: str) -> str:
    if "/" in text or "@" in text or any(letter.isspace() for letter in text):
        raise ValueError("write the name or address alone; port, user and tls are keys of their own")
    return text


def _protocol(value: Any) -> str:
    if value not in ("5", "3.1.1", 5):
        raise wrong(f"is {shown(value)}, it must be 5, or 3.1.1 for brokers that know no other")
    return str(value)


class Mqtt(Section):
    """One broker. TLS is on unless the broker is on this machine."""

    host: Annotated[str, BeforeValidator(checked(_host))]
    port: Annotated[int, BeforeValidator(Count(1, 65535))] | None = None
    tls: bool | None = None
    ca: Place | None = None
    cert: Place | None = None
    key: Place | None = None
    user: Word | None = None
    password: Secret | None = None
    protocol: Annotated[Literal["5", "3.1.1"], BeforeValidator(_protocol)] = "5"
    client_id: Word | None = None
    keepalive: Annotated[float, BeforeValidator(Duration(5, 600, "the broker would find us gone at each delay"))] = 15.0

    @model_validator(mode="after")
    def _whole(self) -> "Mqtt":
        if self.password is not None and self.user is None:
            raise wrong("has a password without a user: add `user:`")
        if self.key is not None and self.cert is None:
            raise wrong("has a key without a certificate: add `cert:`")
        given = [name for name in ("ca", "cert") if getattr(self, name) is not None]
        if given and not self.secure:
            raise wrong(f"has {' and '.join(given)}, which only TLS uses: add `tls: true`, or remove them")
        return self

    @property
    def secure(self) -> bool:
        """Tell whether TLS is spoken."""
        return self.tls if self.tls is not None else not is_loopback(self.host)

    def account(self, *, reading: bool = False) -> Account:
        """Return what a connection needs; the one for reading has a name of its own, since a broker takes each once."""
        return Account(
            host=self.host,
            port=self.port or (TLS_PORT if self.secure else PORT),
            tls=self.secure,
            ca=self.ca,
            cert=self.cert,
            key=self.key,
            user=self.user,
            password=None if self.password is None else self.password.get_secret_value(),
            protocol=self.protocol,
            client_id=f"{self.client_id}-in" if self.client_id and reading else self.client_id,
            keepalive=round(self.keepalive),
        )

    def unwise(self) -> Iterator[str]:
        """Yield what is allowed but unwise."""
        if not self.secure and not is_loopback(self.host):
            what = "the password and everything that is published go" if self.password else "everything published goes"
            yield f"mqtt.tls is false: {what} to {self.host} in the open"
