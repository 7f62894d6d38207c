"""Defines an entry of `pools`: the pool, the account there, and the terms that the operator knows."""

import re
from collections.abc import Mapping
from typing import Annotated, Any, Final, Self, get_args

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from stratoscope.config.money import Ratio
from stratoscope.config.problems import nearest, shown, wrong
from stratoscope.config.secret import Secret
from stratoscope.config.section import ConfigPath, ConfigSection, Name
from stratoscope.config.values import Number
from stratoscope.outside.fetch import base_url
from stratoscope.pools.adapters import BY_KIND
from stratoscope.pools.pool import PoolAccount
from stratoscope.pools.report import Scheme
from stratoscope.pools.settings import DEFAULT_MAX_WORKERS, PoolSettings

SCHEMES: Final = get_args(Scheme)
KEYS_BY_KIND: Final = ("account", "key", "secret", "user", "organization", "path")
"""Keys that only some kinds take."""
HOST: Final = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.:-]{0,251}[A-Za-z0-9])?")


def _kind(value: Any) -> str:
    if not isinstance(value, str) or value not in BY_KIND:
        raise wrong(f"is {shown(value)}, which is not a kind of pool: {nearest(str(value), BY_KIND)}")
    return value


def _scheme(value: Any) -> str:
    if not isinstance(value, str) or value.lower() not in SCHEMES:
        raise wrong(f"is {shown(value)}, it must be one of {', '.join(SCHEMES)}")
    return value.lower()


def _host(value: Any) -> str:
    if not isinstance(value, str) or not HOST.fullmatch(value):
        raise wrong(f"is {shown(value)}, it must be the host or domain of a stratum server, without scheme and port")
    return value.lower()


class PoolConfig(ConfigSection):
    """One account at one pool; which keys it takes depends on the kind."""

    kind: Annotated[str, BeforeValidator(_kind)] = Field(description="The adapter: `ocean`, `ckpool`, ...")
    name: Name | None = Field(None, description="Name in labels and pages; by default the kind.")
    url: Name | None = Field(
        None, description="Base URL of your own pool or of a mirror; by default the pool's public address."
    )
    allow_http: bool = Field(
        default=False,
        description="Allow plain http to other machines. Anyone on the network path can read the key and change the "
        "figures.",
    )
    path: ConfigPath | None = Field(None, description="Directory of the logs or sockets of a CKPool on this machine.")
    account: Name | None = Field(None, description="Account, sub-account or payout address.")
    key: Secret | None = Field(None, description="Key or token of the API.")
    secret: Secret | None = Field(
        None, description="Second part of the key, where the pool has one; also the password of a login."
    )
    user: Name | None = Field(None, description="User of a login.")
    organization: Name | None = Field(None, description="Organization of the key, where the pool has organizations.")
    fee: Ratio | None = Field(None, description="The pool's fee: `0.02` is 2 %. Overrides what the API reports.")
    scheme: Annotated[Scheme, BeforeValidator(_scheme)] | None = Field(
        None, description="Payout scheme. Overrides what the API reports."
    )
    stratum: tuple[Annotated[str, BeforeValidator(_host)], ...] = Field(
        (),
        description="Hosts or domains of the pool's stratum servers, as `[stratum.example.com]`; needed where one "
        "account name is used at several pools. Without it, a rig belongs to the pool whose account its user "
        "begins with.",
    )
    tolerance: Annotated[float, Number(0, 0.1, why="0.01 is 1 %")] = Field(
        0.01,
        description="By how much rigs may overstate their hashrate before the pool is reported to credit less, see "
        "[reconciliation.md](reconciliation.md).",
    )
    workers: Mapping[Name, Name] = Field(
        default_factory=dict, description="Worker as the pool writes it → rig, where the names do not match."
    )
    worker_names: bool = Field(
        default=False, description="Export worker names as a label. They are often payout addresses."
    )
    max_workers: Annotated[int, Number(0, 20_000)] = Field(
        DEFAULT_MAX_WORKERS, description="Maximum number of workers with their own series."
    )

    @model_validator(mode="after")
    def _has_the_keys_of_its_kind(self) -> Self:
        pool = BY_KIND[self.kind]
        takes = {*pool.required_keys, *pool.optional_keys, *(() if pool.transport != "http" else ("url",))}
        given = {key for key in (*KEYS_BY_KIND, "url") if getattr(self, key) is not None}
        if given - takes:
            raise wrong(
                f"has {', '.join(sorted(given - takes))}, which a pool of kind {self.kind} does not take: it "
                f"takes {', '.join(sorted(takes))}"
            )
        missing = [key for key in pool.required_keys if getattr(self, key) is None]
        if missing:
            raise wrong(f"has no {' and no '.join(missing)}, which a pool of kind {self.kind} requires. {pool.access}")
        for key in ("key", "secret"):
            text = _plain(getattr(self, key))
            if not text.isprintable() or not text.isascii():
                raise wrong(f"has a {key} with characters that no key contains: look for a line break or a space in it")
        if self.url is not None:
            try:
                base_url(self.url, allow_http=self.allow_http)
            except ValueError as error:
                raise wrong(f"has an unusable url: {error}") from None
        return self

    @property
    def label(self) -> str:
        """Return the name of the pool in labels and pages."""
        return self.name or self.kind

    def settings(self) -> PoolSettings:
        """Return the settings for the pool poller."""
        account = PoolAccount(
            account=self.account or "",
            key=_plain(self.key),
            secret=_plain(self.secret),
            user=self.user or "",
            organization=self.organization or "",
        )
        return PoolSettings(
            name=self.label,
            kind=self.kind,
            url=self.url,
            allow_http=self.allow_http,
            path=self.path,
            account=account,
            fee=self.fee,
            scheme=self.scheme,
            stratum=self.stratum,
            tolerance=self.tolerance,
            workers=dict(self.workers),
            worker_names=self.worker_names,
            max_workers=self.max_workers,
        )


def _plain(secret: Secret | None) -> str:
    return "" if secret is None else secret.get_secret_value().strip()


def _names_differ(pools: tuple[PoolConfig, ...]) -> tuple[PoolConfig, ...]:
    names = [pool.label for pool in pools]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise wrong(f"has {', '.join(twice)} more than once: give each its own `name`")
    return pools


Pools = Annotated[tuple[PoolConfig, ...], AfterValidator(_names_differ)]
