"""Defines the section `stratum`: which stratum endpoints are watched, and as whom. Without it none is ever asked."""

import re
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, model_validator

from stratoscope.config.problems import shown, wrong
from stratoscope.config.secret import Secret
from stratoscope.config.section import Section, Word, checked
from stratoscope.config.values import Count, Duration
from stratoscope.stratum.protocol.endpoint import V2, endpoint_of
from stratoscope.stratum.protocol.sv2.noise import authority_key, available
from stratoscope.stratum.watch.settings import MOST_ENDPOINTS, WORKER, Chosen, Login, StratumSettings
from stratoscope.units import MINUTE


def _pattern(value: Any) -> str:
    if not isinstance(value, str) or not re.fullmatch(r"[A-Za-z0-9_.:*-]{1,253}", value):
        raise wrong(f"is {shown(value)}, it must be a host such as *.pool.example or pool.example:3333")
    return value.lower()


def _url(text: str) -> None:
    endpoint = endpoint_of(text)
    if endpoint.scheme != V2:
        return
    if not available():
        raise ValueError("stratum V2 needs the extra sv2: pip install 'stratoscope[sv2]'")
    if endpoint.key and authority_key(endpoint.key) is None:
        raise ValueError("the authority key after its port is none: copy it from the pool's page once more")


Url = Annotated[str, BeforeValidator(checked(_url))]
Pattern = Annotated[str, BeforeValidator(_pattern)]


class EndpointSection(Section):
    """An endpoint that is watched whether a rig names it or not."""

    url: Url
    user: Word | None = None
    password: Secret | None = None

    @model_validator(mode="before")
    @classmethod
    def _bare_url(cls, value: Any) -> Any:
        return {"url": value} if isinstance(value, str) else value

    @model_validator(mode="after")
    def _user_first(self) -> "EndpointSection":
        if self.password is not None and self.user is None:
            raise wrong("has a password without a user: add `user:`")
        return self

    @property
    def chosen(self) -> Chosen:
        """Return what the watcher needs to know of it."""
        return Chosen(endpoint=endpoint_of(self.url), login=_login(self.user, self.password))


class Stratum(Section):
    """Which endpoints are watched; a session only listens and never submits a share."""

    enabled: bool = True
    endpoints: tuple[EndpointSection, ...] = ()
    from_rigs: bool = True
    allow: tuple[Pattern, ...] = ()
    skip: tuple[Pattern, ...] = ()
    user: Word | None = None
    password: Secret | None = None
    rig_users: bool = False
    worker: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")] = WORKER
    max_endpoints: Annotated[int, BeforeValidator(Count(1, 256, "each is a connection and about 60 series"))] = (
        MOST_ENDPOINTS
    )
    probe_interval: Annotated[
        float, BeforeValidator(Duration(10, 10 * MINUTE, "it is a question to the pool each time"))
    ] = 60.0  # s

    @model_validator(mode="after")
    def _within_bounds(self) -> "Stratum":
        if self.password is not None and self.user is None:
            raise wrong("has a password without a user: add `user:`")
        if len(self.endpoints) > self.max_endpoints:
            raise wrong(f"lists {len(self.endpoints)} endpoints, above max_endpoints {self.max_endpoints}: raise that")
        return self

    def settings(self) -> StratumSettings:
        """Return what the watcher needs to know."""
        return StratumSettings(
            endpoints=tuple(one.chosen for one in self.endpoints),
            from_rigs=self.from_rigs,
            allow=self.allow,
            skip=self.skip,
            login=_login(self.user, self.password),
            rig_users=self.rig_users,
            worker=self.worker,
            most=self.max_endpoints,
            probe=self.probe_interval,
        )


def _login(user: str | None, password: Any) -> Login | None:
    if user is None:
        return None
    return Login(user=user) if password is None else Login(user=user, password=password.get_secret_value())
