"""Lists every adapter; a pool is added by a file here and a line in POOLS."""

from typing import Final

from stratoscope.pools.adapters import braiins, ckpool, ocean, public_pool, viabtc
from stratoscope.pools.pool import Pool

POOLS: Final[tuple[Pool, ...]] = (
    ckpool.SOLO,
    ckpool.EU,
    ckpool.LOGS,
    ckpool.SOCKET,
    ocean.OCEAN,
    braiins.BRAIINS,
    viabtc.VIABTC,
    public_pool.PUBLIC_POOL,
)
BY_KIND: Final = {pool.kind: pool for pool in POOLS}
