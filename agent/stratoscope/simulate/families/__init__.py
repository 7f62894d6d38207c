"""Lists the firmware families that the simulator supports."""

from typing import Final

from stratoscope.simulate.families import (
    antminer,
    antminer_s9,
    auradine,
    avalon,
    braiins,
    braiins_graphql,
    cgminer,
    elphapex,
    epic,
    espminer,
    hammer,
    luxos,
    proto,
    sealminer,
    vnish,
    whatsminer,
    whatsminer3,
)
from stratoscope.simulate.families.family import SimulatedFamily

FAMILIES: Final[dict[str, SimulatedFamily]] = {
    family.name: family
    for family in (
        antminer.FAMILY,
        antminer.SCRYPT_FAMILY,
        antminer_s9.FAMILY,
        vnish.FAMILY,
        luxos.FAMILY,
        braiins.FAMILY,
        braiins_graphql.FAMILY,
        whatsminer.FAMILY,
        whatsminer3.FAMILY,
        avalon.FAMILY,
        auradine.FAMILY,
        espminer.FAMILY,
        epic.FAMILY,
        sealminer.FAMILY,
        cgminer.FAMILY,
        hammer.FAMILY,
        elphapex.FAMILY,
        proto.FAMILY,
    )
}
"""All families by the name used in a fleet mix."""
