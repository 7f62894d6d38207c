"""Knows every firmware: one file each, one line each in DRIVERS; order is precedence when several match."""

from typing import Final

from stratoscope.drivers import (
    antminer_stock,
    asic_rs,
    auradine,
    avalon,
    braiins_cgminer,
    braiins_graphql,
    braiins_rest,
    elphapex,
    epic,
    espminer,
    generic_cgminer,
    hammer,
    luxos,
    proto,
    sealminer,
    vnish,
    whatsminer_btminer,
    whatsminer_v3,
)
from stratoscope.drivers.driver import Driver

DRIVERS: Final[tuple[Driver, ...]] = (
    whatsminer_v3.DRIVER,
    whatsminer_btminer.DRIVER,
    avalon.DRIVER,
    auradine.DRIVER,
    sealminer.DRIVER,
    elphapex.DRIVER,
    espminer.DRIVER,
    epic.DRIVER,
    proto.DRIVER,
    braiins_rest.DRIVER,
    braiins_graphql.DRIVER,
    braiins_cgminer.DRIVER,
    luxos.DRIVER,
    vnish.DRIVER,
    hammer.DRIVER,
    antminer_stock.DRIVER,
    asic_rs.DRIVER,
    generic_cgminer.DRIVER,
)
"""All drivers, most specific first; the generic CGMiner driver is last."""

BY_NAME: Final = {driver.name: driver for driver in DRIVERS}
