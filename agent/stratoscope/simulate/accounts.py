"""Assigns simulated rigs to pool accounts, so that a site has several pools to reconcile with its rigs."""

from typing import Final

SOLO, NORTH, SOUTH, SCRYPT = "account", "north", "south", "scrypt"
"""Accounts at: the solo pool, a pool with daily payment, a pool that skims, and a pool that is never queried."""
HOBBY: Final = frozenset({"espminer", "cgminer"})
OTHER_ALGORITHM: Final = frozenset({"antminer-scrypt", "hammer", "elphapex"})
SKIMMED: Final = 0.97
"""Fraction of the shares that the south pool credits; it does not disclose this."""
NORTH_KEY: Final = "demo-key-of-the-simulated-pool"
"""API key (header X-API-KEY) of the simulated pool. It is not a secret."""


def account_of(index: int, family: str) -> str:
    """Return the account of a rig: hobby rigs mine solo; every third of the others uses the pool that skims."""
    if family in OTHER_ALGORITHM:
        return SCRYPT
    if family in HOBBY:
        return SOLO
    return SOUTH if index % 3 == 2 else NORTH
