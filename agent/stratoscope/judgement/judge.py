"""Judges one reading: the canonical hashrate, the best known power, efficiency, and whether it can be true."""

from dataclasses import dataclass

from stratoscope.drivers.driver import Driver
from stratoscope.drivers.models import nameplate
from stratoscope.fleet import Judged
from stratoscope.judgement import plausibility
from stratoscope.reading import PowerSource, Reading
from stratoscope.units import joules_per_terahash


@dataclass(frozen=True, slots=True)
class Nameplate:
    """Data-sheet values of a model; None where the model is unknown."""

    hashrate: float | None = None  # H/s
    power: float | None = None  # W
    boards: int | None = None
    fans: int | None = None


def data_sheet(make: str | None, model: str | None) -> Nameplate:
    """Return the data-sheet values of a model; all None where the catalogue does not list it."""
    known = nameplate(make, model)
    if known is None:
        return Nameplate()
    return Nameplate(hashrate=known.hashrate, power=known.watts, boards=known.boards, fans=known.fans)


@dataclass(frozen=True, slots=True)
class JudgedReading:
    """A reading without impossible values, what follows from it, and whether any value was doubtful."""

    reading: Reading
    judged: Judged
    suspect: bool


def best_power(
    reading: Reading, configured: float | None, nameplate: Nameplate
) -> tuple[float | None, PowerSource | None]:
    """Return power in W and its source, the best of measured > reported > configured > nameplate.

    The last two describe a hashing rig, so they are used only while it is hashing.
    """
    if reading.power is not None:
        return reading.power, reading.power_source
    if reading.hashing:
        if configured is not None:
            return configured, "configured"
        if nameplate.power is not None:
            return nameplate.power, "nameplate"
    return None, None


def judge(
    driver: Driver, reading: Reading, nameplate: Nameplate, configured_power: float | None = None
) -> JudgedReading:
    """Return `reading` without implausible values, which are named in `judged.reasons`."""
    reading = plausibility.without_impossible(reading)
    reading = plausibility.without_absurd_expectation(reading, nameplate.hashrate)
    doubts = []
    # Long windows decay slowly after a stop; the rig's own statement that it does not hash is better evidence.
    hashrate = 0.0 if reading.hashing is False else reading.window(driver.steady)
    doubt = plausibility.hashrate_doubt(hashrate, nameplate.hashrate or reading.hashrate_expected)
    if doubt:
        doubts.append(doubt)
        reading = plausibility.without_hashrate(reading, doubt)
        hashrate = None
    power, source = best_power(reading, configured_power, nameplate)
    doubt = plausibility.power_doubt(power, nameplate.power) if source in ("measured", "reported") else None
    if doubt:
        doubts.append(doubt)
        power = source = None
    efficiency = None
    if power and hashrate and reading.hashing:
        efficiency = joules_per_terahash(power, hashrate)
    judged = Judged(
        hashrate=hashrate,
        nameplate=nameplate.hashrate,
        power=power,
        power_source=source,
        efficiency=efficiency,
        reasons=tuple(doubts),
    )
    return JudgedReading(reading, judged, bool(doubts))
