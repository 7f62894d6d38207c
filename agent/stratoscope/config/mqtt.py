"""Defines the section `mqtt`: the broker and the agent's login. `exporters.mqtt` defines what is published."""

from collections.abc import Iterator
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from stratoscope.config.problems import shown, wrong
from stratoscope.config.secret import Secret
from stratoscope.config.section import ConfigPath, ConfigSection, Name, checked
from stratoscope.config.values import Duration, Number
from stratoscope.outside.broker import PORT, TLS_PORT, BrokerAccount
from stratoscope.outside.fetch import is_loopback


def _host(text: str) -> str:
    if "/" in text or "@" in text or any(letter.isspace() for letter in text):
        raise ValueError("write only the name or address; port, user and tls are separate keys")
    return text


def _protocol(value: Any) -> str:
    if value not in ("5", "3.1.1", 5):
        raise wrong(f"is {shown(value)}, it must be 5, or 3.1.1 for brokers without MQTT 5")
    return str(value)


class MqttConfig(ConfigSection):
    """One broker. TLS is on unless the broker is on this machine."""

    host: Annotated[str, BeforeValidator(checked(_host))] = Field(description="Name or address of the broker.")
    port: Annotated[int, Number(1, 65535)] | None = Field(None, description="By default 8883 with TLS, else 1883.")
    tls: bool | None = Field(
        None,
        description="On by default, unless the broker is on this machine. Without it, anyone on the network path can "
        "read everything; the agent logs a warning.",
    )
    ca: ConfigPath | None = Field(
        None, description="CA certificate that signed the broker's; by default those of the system."
    )
    cert: ConfigPath | None = Field(None, description="Client certificate, where the broker requires one.")
    key: ConfigPath | None = Field(None, description="Private key of the client certificate.")
    user: Name | None = Field(None, description="User of the login.")
    password: Secret | None = Field(None, description="Password of the login.")
    protocol: Annotated[Literal["5", "3.1.1"], BeforeValidator(_protocol)] = Field(
        "5", description="MQTT version; `3.1.1` for brokers without MQTT 5."
    )
    client_id: Name | None = Field(
        None,
        description="By default a new random id for each connection. The connection that reads appends `-in` to it.",
    )
    keepalive: Annotated[float, Duration(5, 600, "the broker would end the connection at every delay")] = Field(
        15.0, description="A dead connection is detected within two and a half of these."
    )

    @model_validator(mode="after")
    def _is_consistent(self) -> Self:
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
        """Tell whether TLS is used."""
        return self.tls if self.tls is not None else not is_loopback(self.host)

    def account(self, *, reading: bool = False) -> BrokerAccount:
        """Return the account; a connection for reading gets another client id, since ids are unique at a broker."""
        return BrokerAccount(
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

    def warnings(self) -> Iterator[str]:
        """Yield a warning for each risky setting."""
        if not self.secure and not is_loopback(self.host):
            what = "the password and everything published are" if self.password else "everything published is"
            yield f"mqtt.tls is false: {what} sent to {self.host} unencrypted"
