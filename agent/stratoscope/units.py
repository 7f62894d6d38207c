"""Names every conversion factor, so that no other file contains a bare power of ten.

Inside the program all values are SI: hashes per second, watts, joules, hertz, volts, seconds, degrees Celsius.
A driver converts each value once, on input, by one of these factors.
"""

from typing import Final

H: Final = 1.0
KH: Final = 1e3
MH: Final = 1e6
GH: Final = 1e9
TH: Final = 1e12
PH: Final = 1e15
EH: Final = 1e18

MICRO: Final = 1e-6
"""Fiat amounts are counted in millionths."""
MILLI: Final = 1e-3
CENTI: Final = 1e-2
KILO: Final = 1e3
MEGA: Final = 1e6
TERA: Final = 1e12

MHZ: Final = 1e6
MILLIVOLT: Final = 1e-3
KILOWATT: Final = 1e3
KILOWATT_HOUR: Final = 3.6e6

SATOSHIS: Final = 100_000_000
"""Satoshis in one bitcoin; bitcoin amounts inside the program are in satoshis."""

MINUTE: Final = 60.0
HOUR: Final = 3600.0
DAY: Final = 86400.0

HASHES_PER_DIFFICULTY_1: Final = 4_295_032_833
"""Expected hashes per share of difficulty 1: 2**256 / (0xFFFF * 2**208), rounded to an integer."""

HASH_UNITS: Final = {
    "H": H,
    "KH": KH,
    "MH": MH,
    "GH": GH,
    "TH": TH,
    "PH": PH,
    "EH": EH,
    "H/S": H,
    "KH/S": KH,
    "MH/S": MH,
    "GH/S": GH,
    "TH/S": TH,
    "PH/S": PH,
    "EH/S": EH,
}
"""Hashrate units as firmwares spell them, in upper case → factor to H/s."""


def joules_per_terahash(watts: float, hashes_per_second: float) -> float:
    """Return the efficiency in J/TH (lower is better) of `watts` spent on `hashes_per_second` > 0."""
    return watts / (hashes_per_second / TH)
