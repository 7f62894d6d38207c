"""Knows every firmware: one file each, one line each in DRIVERS; order is precedence when several match."""

from typing import Final

from stratoscope.drivers import asic_rs, elphapex, epic, espminer, proto, sealminer
from stratoscope.drivers.driver import Driver

DRIVERS: Final[tuple[Driver, ...]] = (
    sealminer.DRIVER,
    elphapex.DRIVER,
    espminer.DRIVER,
    epic.DRIVER,
    proto.DRIVER,
    asic_rs.DRIVER,
)
"""All drivers, most specific first; the generic CGMiner driver is last."""

BY_NAME: Final = {driver.name: driver for driver in DRIVERS}
