"""Knows every firmware: one file each, one line each in DRIVERS; order is precedence when several match."""

from typing import Final

from stratoscope.drivers import (
    antminer_stock,
    braiins_cgminer,
    braiins_graphql,
    braiins_rest,
    generic_cgminer,
    hammer,
    luxos,
    vnish,
)
from stratoscope.drivers.driver import Driver

DRIVERS: Final[tuple[Driver, ...]] = (
    vnish.DRIVER,
    luxos.DRIVER,
    braiins_rest.DRIVER,
    braiins_graphql.DRIVER,
    braiins_cgminer.DRIVER,
    hammer.DRIVER,
    antminer_stock.DRIVER,
    generic_cgminer.DRIVER,
)
"""All drivers, most specific first; the generic CGMiner driver is last."""

BY_NAME: Final = {driver.name: driver for driver in DRIVERS}
