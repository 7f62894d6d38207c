"""Knows every firmware: one file each, one line each in DRIVERS; order is precedence when several match."""

from typing import Final

from stratoscope.drivers import (
    asic_rs,
    auradine,
    avalon,
    elphapex,
    epic,
    espminer,
    proto,
    sealminer,
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
    asic_rs.DRIVER,
)
"""All drivers, most specific first; the generic CGMiner driver is last."""

BY_NAME: Final = {driver.name: driver for driver in DRIVERS}
