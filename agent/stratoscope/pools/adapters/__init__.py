"""Lists every adapter.

To support another pool, add a module here and its adapter to POOLS, and sample answers to tests/fakes/pool_answers/.
"""

from typing import Final

from stratoscope.pools.adapters import (
    antpool,
    binance,
    braiins,
    btccom,
    ckpool,
    emcd,
    f2pool,
    foundry,
    hydrapool,
    kano,
    luxor,
    nicehash,
    ocean,
    parasite,
    powerpool,
    public_pool,
    sbicrypto,
    viabtc,
)
from stratoscope.pools.pool import PoolAdapter

POOLS: Final[tuple[PoolAdapter, ...]] = (
    ckpool.SOLO,
    ckpool.EU,
    ckpool.LOGS,
    ckpool.SOCKET,
    ocean.OCEAN,
    braiins.BRAIINS,
    viabtc.VIABTC,
    f2pool.F2POOL,
    foundry.FOUNDRY,
    luxor.LUXOR,
    antpool.ANTPOOL,
    public_pool.PUBLIC_POOL,
    nicehash.NICEHASH,
    nicehash.ADDRESS,
    binance.BINANCE,
    emcd.EMCD,
    parasite.PARASITE,
    sbicrypto.SBI,
    btccom.BTCCOM,
    powerpool.POWERPOOL,
    kano.KANO,
    hydrapool.HYDRAPOOL,
)
BY_KIND: Final = {pool.kind: pool for pool in POOLS}
