"""Makes the pools of a config and keeps their own log."""

import random

import structlog

from stratoscope.clock import Clock
from stratoscope.config import Config
from stratoscope.pools.service import LivePools
from stratoscope.pools.settings import PoolSettings

log = structlog.get_logger("stratoscope")


def pool_settings(config: Config) -> list[PoolSettings]:
    """Return what the operator configured of each pool."""
    return [pool.settings() for pool in config.pools]


def live_pools(config: Config, clock: Clock) -> LivePools:
    """Return the pools of `config`, also where there are none: a changed config may add some."""
    return LivePools(pool_settings(config), clock, chance=random.random, warn=log.warning)
