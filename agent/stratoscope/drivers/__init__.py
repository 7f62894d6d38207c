"""Lists the drivers: one file per firmware, and one line per file in MODULES."""

from importlib import import_module
from typing import Final

from stratoscope.drivers.driver import Driver

MODULES: Final = (
    "whatsminer_v3",
    "whatsminer_btminer",
    "avalon",
    "auradine",
    "sealminer",
    "elphapex",
    "espminer",
    "epic",
    "proto",
    "braiins_rest",
    "braiins_graphql",
    "braiins_cgminer",
    "luxos",
    "vnish",
    "hammer",
    "antminer_stock",
    "asic_rs",
    "generic_cgminer",
)
"""Driver modules, most specific first: the first that matches a rig reads it. The generic CGMiner driver is last."""

DRIVERS: Final[tuple[Driver, ...]] = tuple(import_module(f"{__name__}.{name}").DRIVER for name in MODULES)
"""All drivers in order of precedence."""

BY_NAME: Final = {driver.name: driver for driver in DRIVERS}
