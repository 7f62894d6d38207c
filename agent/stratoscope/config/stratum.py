"""Defines the section `stratum`: which stratum endpoints are watched, and with which login."""

import re
from typing import Annotated, Any, Self

from pydantic import BeforeValidator, Field, model_validator

from stratoscope.config.problems import shown, wrong
from stratoscope.config.secret import Secret
from stratoscope.config.section import ConfigSection, Name, checked
from stratoscope.config.values import Duration, Number
from stratoscope.stratum.protocol.endpoint import V2, parse_endpoint
from stratoscope.stratum.protocol.sv2.noise import parse_authority_key, sv2_available
from stratoscope.stratum.settings import (
    DEFAULT_MAX_ENDPOINTS,
    DEFAULT_WORKER,
    ConfiguredEndpoint,
    StratumLogin,
    StratumSettings,
)
from stratoscope.units import MINUTE


def _pattern(value: Any) -> str:
    if not isinstance(value, str) or not re.fullmatch(r"[A-Za-z0-9_.:*-]{1,253}", value):
        raise wrong(f"is {shown(value)}, it must be a host such as *.pool.example or pool.example:3333")
    return value.lower()


def _url(text: str) -> None:
    endpoint = parse_endpoint(text)
    if endpoint.scheme != V2:
        return
    if not sv2_available():
        raise ValueError("stratum V2 needs the extra sv2: pip install 'stratoscope[sv2]'")
    if endpoint.key and parse_authority_key(endpoint.key) is None:
        raise ValueError("the authority key after its port is invalid: copy it from the pool's page again")


Url = Annotated[str, BeforeValidator(checked(_url))]
Pattern = Annotated[str, BeforeValidator(_pattern)]


class EndpointConfig(ConfigSection):
    """An endpoint that is watched whether or not a rig uses it."""

    url: Url = Field(description="URL of the endpoint, see below.")
    user: Name | None = Field(None, description="User to authorize as.")
    password: Secret | None = Field(None, description="Its password.")

    @model_validator(mode="before")
    @classmethod
    def _from_url_alone(cls, value: Any) -> Any:
        return {"url": value} if isinstance(value, str) else value

    @model_validator(mode="after")
    def _has_user_for_password(self) -> Self:
        if self.password is not None and self.user is None:
            raise wrong("has a password without a user: add `user:`")
        return self

    def settings(self) -> ConfiguredEndpoint:
        """Return the settings for the watcher."""
        return ConfiguredEndpoint(endpoint=parse_endpoint(self.url), login=_login(self.user, self.password))


class StratumConfig(ConfigSection):
    """Which endpoints are watched. A session only listens and never submits a share."""

    enabled: bool = Field(default=True, description="`false` switches the watcher off without removing the section.")
    endpoints: tuple[EndpointConfig, ...] = Field(
        (), description="Endpoints watched whether or not a rig uses them: URLs, or sections, see below."
    )
    from_rigs: bool = Field(default=True, description="Also watch the endpoints in the rigs' pool slots.")
    allow: tuple[Pattern, ...] = Field(
        (), description="Of those, watch only the ones that match: hosts or `host:port`, `*` matches anything."
    )
    skip: tuple[Pattern, ...] = Field((), description="Of those, do not watch the ones that match.")
    user: Name | None = Field(
        None, description="User to authorize as at an endpoint that sends no work without a login."
    )
    password: Secret | None = Field(None, description="Its password.")
    rig_users: bool = Field(
        default=False,
        description="Authorize at such an endpoint as the account of a rig that uses it, with `worker` as the "
        "worker. The pool lists this worker, without hashrate.",
    )
    worker: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")] = Field(
        DEFAULT_WORKER, description="Worker name for `rig_users`."
    )
    max_endpoints: Annotated[int, Number(1, 256, why="each is a connection and about 60 series")] = Field(
        DEFAULT_MAX_ENDPOINTS,
        description="Maximum number of watched endpoints. Those of the config come first, then the ones most rigs use.",
    )
    probe_interval: Annotated[float, Duration(10, 10 * MINUTE, "each probe is a request to the pool")] = Field(
        60.0, description="How often the round trip is measured."
    )

    @model_validator(mode="after")
    def _is_consistent(self) -> Self:
        if self.password is not None and self.user is None:
            raise wrong("has a password without a user: add `user:`")
        if len(self.endpoints) > self.max_endpoints:
            raise wrong(f"lists {len(self.endpoints)} endpoints, above max_endpoints {self.max_endpoints}: raise it")
        return self

    def settings(self) -> StratumSettings:
        """Return the settings for the watcher."""
        return StratumSettings(
            endpoints=tuple(one.settings() for one in self.endpoints),
            from_rigs=self.from_rigs,
            allow=self.allow,
            skip=self.skip,
            login=_login(self.user, self.password),
            rig_users=self.rig_users,
            worker=self.worker,
            max_endpoints=self.max_endpoints,
            probe_interval_s=self.probe_interval,
        )


def _login(user: str | None, password: Any) -> StratumLogin | None:
    if user is None:
        return None
    return (
        StratumLogin(user=user) if password is None else StratumLogin(user=user, password=password.get_secret_value())
    )
