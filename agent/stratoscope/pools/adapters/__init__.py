"""Lists every adapter; a pool is added by a file here and a line in POOLS."""

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
from stratoscope.pools.pool import Pool

POOLS: Final[tuple[Pool, ...]] = (
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
