"""Defines an entry of `pools`: which pool, as whom, and what the operator knows of its terms."""

import re
from collections.abc import Mapping
from typing import Annotated, Any, Final, get_args

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from stratoscope.config.money import Ratio
from stratoscope.config.problems import nearest, shown, wrong
from stratoscope.config.secret import Secret
from stratoscope.config.section import Place, Section, Word
from stratoscope.config.values import Count, Number
from stratoscope.outside.fetch import base_url
from stratoscope.pools.adapters import BY_KIND
from stratoscope.pools.pool import Account
from stratoscope.pools.report import Scheme
from stratoscope.pools.settings import MOST_WORKERS, PoolSettings

SCHEMES: Final = get_args(Scheme)
OWN: Final = ("account", "key", "secret", "user", "organization", "path")
"""Keys of which each kind takes some."""
HOST: Final = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.:-]{0,251}[A-Za-z0-9])?")


def _kind(value: Any) -> str:
    if not isinstance(value, str) or value not in BY_KIND:
        raise wrong(f"is {shown(value)}, which is no kind of pool: {nearest(str(value), BY_KIND)}")
    return value


def _scheme(value: Any) -> str:
    if not isinstance(value, str) or value.lower() not in SCHEMES:
        raise wrong(f"is {shown(value)}, it must be one of {', '.join(SCHEMES)}")
    return value.lower()


def _host(value: Any) -> str:
    if not isinstance(value, str) or not HOST.fullmatch(value):
        raise wrong(f"is {shown(value)}, it must be the host or domain of a stratum server, without scheme and port")
    return value.lower()


class PoolSection(Section):
    """One account at one pool; each kind takes keys of its own."""

    kind: Annotated[str, BeforeValidator(_kind)]
    name: Word | None = None
    url: Word | None = None
    allow_http: bool = False
    path: Place | None = None
    account: Word | None = None
    key: Secret | None = None
    secret: Secret | None = None
    user: Word | None = None
    organization: Word | None = None
    fee: Ratio | None = None
    scheme: Annotated[Scheme, BeforeValidator(_scheme)] | None = None
    stratum: tuple[Annotated[str, BeforeValidator(_host)], ...] = ()
    tolerance: Annotated[float, BeforeValidator(Number(0, 0.1, "0.01 is 1 %"))] = 0.01
    workers: Mapping[Word, Word] = Field(default_factory=dict)
    worker_names: bool = False
    max_workers: Annotated[int, BeforeValidator(Count(0, 20_000))] = MOST_WORKERS

    @model_validator(mode="after")
    def _of_its_kind(self) -> "PoolSection":
        pool = BY_KIND[self.kind]
        takes = {*pool.needs, *pool.takes, *(() if pool.way != "http" else ("url",))}
        given = {key for key in (*OWN, "url") if getattr(self, key) is not None}
        if given - takes:
            raise wrong(
                f"has {', '.join(sorted(given - takes))}, which a pool of kind {self.kind} does not take: it "
                f"takes {', '.join(sorted(takes))}"
            )
        lacks = [key for key in pool.needs if getattr(self, key) is None]
        if lacks:
            raise wrong(f"lacks {' and '.join(lacks)}, which a pool of kind {self.kind} needs. {pool.access}")
        for key in ("key", "secret"):
            text = _plain(getattr(self, key))
            if not text.isprintable() or not text.isascii():
                raise wrong(f"has a {key} with characters that no key has: look for a line break or a blank in it")
        if self.url is not None:
            try:
                base_url(self.url, allow_http=self.allow_http)
            except ValueError as error:
                raise wrong(f"has a url that cannot be used: {error}") from None
        return self

    @property
    def called(self) -> str:
        """Return the name of the pool in labels and pages."""
        return self.name or self.kind

    def settings(self) -> PoolSettings:
        """Return what the pools need to know of it."""
        account = Account(
            account=self.account or "",
            key=_plain(self.key),
            secret=_plain(self.secret),
            user=self.user or "",
            organization=self.organization or "",
        )
        return PoolSettings(
            name=self.called,
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


def _each_name_once(pools: tuple[PoolSection, ...]) -> tuple[PoolSection, ...]:
    names = [pool.called for pool in pools]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise wrong(f"has {', '.join(twice)} more than once: give each a `name` of its own")
    return pools


Pools = Annotated[tuple[PoolSection, ...], AfterValidator(_each_name_once)]
