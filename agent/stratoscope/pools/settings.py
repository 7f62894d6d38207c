"""Defines the settings of one configured pool: adapter, address, account, and what the operator overrides."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from stratoscope.pools.pool import PoolAccount
from stratoscope.pools.report import Scheme

DEFAULT_MAX_WORKERS: Final = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolSettings:
    """One account at one pool. Its repr shows no secret."""

    name: str
    kind: str
    url: str | None = None
    allow_http: bool = False
    path: Path | None = None
    account: PoolAccount = field(default_factory=PoolAccount)
    fee: float | None = None  # ratio
    scheme: Scheme | None = None
    stratum: tuple[str, ...] = ()  # hosts that rigs mine at; (): any host, the account decides
    tolerance: float = 0.01  # ratio by which rigs may overstate their hashrate
    workers: Mapping[str, str] = field(default_factory=dict)  # worker name as the pool writes it → rig
    worker_names: bool = False  # worker names may be used as labels
    max_workers: int = DEFAULT_MAX_WORKERS  # workers with their own series
