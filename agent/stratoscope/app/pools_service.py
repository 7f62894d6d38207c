"""Builds the pool pollers of a config."""

import random

import structlog

from stratoscope.clock import Clock
from stratoscope.config import Config
from stratoscope.pools.service import LivePools
from stratoscope.pools.settings import PoolSettings

log = structlog.get_logger("stratoscope")


def pool_settings(config: Config) -> list[PoolSettings]:
    """Return the settings of each configured pool."""
    return [pool.settings() for pool in config.pools]


def make_pools(config: Config, clock: Clock) -> LivePools:
    """Return the pools of `config`; without any it is empty, because a changed config may add some."""
    return LivePools(pool_settings(config), clock, chance=random.random, warn=log.warning)
