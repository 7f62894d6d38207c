"""Defines what a configured pool is told: which adapter, where, as whom, and the operator's own word on its terms."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from stratoscope.pools.pool import Account
from stratoscope.pools.report import Scheme

MOST_WORKERS: Final = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolSettings:
    """One pool and one account at it. Its repr holds no secret."""

    name: str
    kind: str
    url: str | None = None
    allow_http: bool = False
    path: Path | None = None
    account: Account = field(default_factory=Account)
    fee: float | None = None  # ratio
    scheme: Scheme | None = None
    stratum: tuple[str, ...] = ()  # hosts that rigs mine at; (): any, told apart by the account
    tolerance: float = 0.01  # ratio by which rigs may overstate their hashrate
    workers: Mapping[str, str] = field(default_factory=dict)  # worker as the pool writes it → rig
    worker_names: bool = False  # may be a label
    max_workers: int = MOST_WORKERS  # that get series of their own
