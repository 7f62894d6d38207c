"""Removes values that cannot be true from a reading, so that a unit error is never exported.

Firmwares and libraries often confuse MH, GH and TH. A hashrate far from the model's data sheet makes the rig `suspect`
and is not exported.
"""

from dataclasses import replace
from typing import Any, Final

from stratoscope.reading import Defect, Hashboard, Reading

HASHRATE_RATIO: Final = (0.002, 3.0)
"""Plausible ratio to the nameplate hashrate. A factor 1000 too low is outside even for a rig overclocked to 1.9x."""

POWER_RATIO: Final = (0.005, 3.0)
"""Plausible ratio to the nameplate power: a few watts in standby are real, kilowatts read as watts are not."""

CELSIUS: Final = (-40.0, 150.0)
HERTZ: Final = (1e6, 5e9)
VOLTS: Final = (0.0, 100.0)
MAX_FAN_RPM: Final = 50_000
MAX_CHIPS: Final = 2_000


def outside(value: float | None, limits: tuple[float, float]) -> bool:
    """Tell whether `value` is known and outside `limits`."""
    return value is not None and not limits[0] <= value <= limits[1]


def _is_possible(board: Hashboard) -> bool:
    return not (
        outside(board.temperature_board, CELSIUS)
        or outside(board.temperature_chip, CELSIUS)
        or outside(board.frequency, HERTZ)
        or outside(board.voltage, VOLTS)
        or outside(board.chips, (0, MAX_CHIPS))
    )


def _without_impossible_values(board: Hashboard, defects: list[Defect]) -> Hashboard:
    """Return `board` without its impossible values; append a defect for each of them to `defects`."""
    limits = {
        "temperature_board": CELSIUS,
        "temperature_chip": CELSIUS,
        "frequency": HERTZ,
        "voltage": VOLTS,
        "chips": (0.0, float(MAX_CHIPS)),
    }
    wrong: dict[str, Any] = {}
    for name, span in limits.items():
        value = getattr(board, name)
        if outside(value, span):
            wrong[name] = None
            defects.append(Defect(f"boards[{board.index}].{name}", f"{value:g}", "impossible value"))
    return replace(board, **wrong)


def without_impossible(reading: Reading) -> Reading:
    """Return `reading` itself when all board and fan values are physically possible, else a copy without the others."""
    boards_possible = all(map(_is_possible, reading.boards))
    fans_possible = all(fan.rpm <= MAX_FAN_RPM for fan in reading.fans)
    if boards_possible and fans_possible:
        return reading
    defects = list(reading.defects)
    boards = tuple(b if _is_possible(b) else _without_impossible_values(b, defects) for b in reading.boards)
    fans = tuple(fan for fan in reading.fans if fan.rpm <= MAX_FAN_RPM)
    defects += [
        Defect(f"fans[{fan.index}].rpm", f"{fan.rpm:g}", "impossible value")
        for fan in reading.fans
        if fan.rpm > MAX_FAN_RPM
    ]
    return replace(reading, boards=boards, fans=fans, defects=tuple(defects))


def without_hashrate(reading: Reading, why: str) -> Reading:
    """Return a copy of `reading` without any hashrate: if the unit of one window is wrong, none can be trusted."""
    defects = [Defect(f"hashrate.{name}", f"{value:g}", why) for name, value in reading.hashrate.items()]
    boards = tuple(replace(board, hashrate=None) for board in reading.boards)
    return replace(reading, hashrate={}, hashrate_expected=None, boards=boards, defects=(*reading.defects, *defects))


def without_absurd_expectation(reading: Reading, nameplate: float | None) -> Reading:
    """Return `reading` itself, or a copy without an expected hashrate that contradicts the model's data sheet."""
    doubt = hashrate_doubt(reading.hashrate_expected, nameplate)
    if doubt is None:
        return reading
    defect = Defect("hashrate_expected", f"{reading.hashrate_expected:g}", doubt)
    return replace(reading, hashrate_expected=None, defects=(*reading.defects, defect))


def hashrate_doubt(hashrate: float | None, reference: float | None) -> str | None:
    """Return why `hashrate` (H/s) cannot be true given `reference` (nameplate or expected, H/s), or None.

    Zero is plausible: the rig reports that it does not hash.
    """
    if not hashrate or not reference:
        return None
    ratio = hashrate / reference
    if outside(ratio, HASHRATE_RATIO):
        return f"hashrate is {ratio:.3g} times the model's: wrong unit?"
    return None


def power_doubt(power: float | None, nameplate: float | None) -> str | None:
    """Return why `power` (W) cannot be true given the model's `nameplate` (W), or None."""
    if not power or not nameplate:
        return None
    ratio = power / nameplate
    if outside(ratio, POWER_RATIO):
        return f"power is {ratio:.3g} times the model's: wrong unit?"
    return None
