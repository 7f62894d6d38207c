"""Says which simulated rig mines for which account, so that a site has several pools to be held against its rigs."""

from typing import Final

SOLO, NORTH, SOUTH, SCRYPT = "account", "north", "south", "scrypt"
"""Accounts at the solo pool, at one that pays by the day, at one that skims, and at a pool of which nobody is asked."""
HOBBY: Final = frozenset({"espminer", "cgminer"})
OTHER_ALGORITHM: Final = frozenset({"antminer-scrypt", "hammer", "elphapex"})
SKIMMED: Final = 0.97
"""Part of the south's shares that the pool there credits; it tells nobody."""
NORTH_KEY: Final = "demo-key-of-the-simulated-pool"
"""What the simulated pool wants in X-API-KEY; it guards nothing."""


def account_of(index: int, family: str) -> str:
    """Return the account of a rig: hobby rigs try alone, of the others each third is at the pool that skims."""
    if family in OTHER_ALGORITHM:
        return SCRYPT
    if family in HOBBY:
        return SOLO
    return SOUTH if index % 3 == 2 else NORTH
