"""Decodes the STATS answer of Bitmain's firmware and its descendants: numbered hashboards, fans, units, product.

Two layouts exist. bmminer 2 (S9 … T9+, 2017) numbers boards by connector (6, 7, 8) and pads with zeros up to 16;
firmware from 2020 counts from 1 and adds sensor lists such as "78-50-69-70". Both use one flat row, so its keys are
built once, here.
"""

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from stratoscope.drivers.driver import Replies
from stratoscope.drivers.models import RigModel, nameplate, split_make
from stratoscope.fields import Fields
from stratoscope.reading import Algorithm, Defect, Fan, Hashboard
from stratoscope.units import GH, HASH_UNITS, KH, MH, MHZ, MILLIVOLT, TH, H

MAX_BOARDS: Final = 16
MIN_CELSIUS: Final = -60.0  # below: broken sensor; unpowered ones send -64
MAX_CELSIUS: Final = 200.0  # above: broken sensor; unpowered ones send 255
RATE_UNITS: Final = HASH_UNITS | {"SOL": H, "SOL/S": H, "KSOL": KH, "KSOL/S": KH, "MSOL": MH, "MSOL/S": MH}
_SENSORS: Final = re.compile(r"(?:^|-)(-?\d{1,4}(?:\.\d{1,4})?)(?=-|$)")
_MODIFIED: Final = re.compile(
    r"[\s(]*\b(vnish|blissz|hiveon|asicseer|luxos|braiins|bos)\b[\s:]*v?([\w.\-]*)", re.IGNORECASE
)
_FAMILY_ALGORITHMS: Final[dict[str, Algorithm]] = {"S": "sha256", "T": "sha256", "L": "scrypt", "Z": "equihash"}


@dataclass(frozen=True, slots=True)
class ChainKeys:
    """The keys of one hashboard in the flat row."""

    number: int
    chips: str
    rate: str
    errors: str
    board_sensor: str
    board_sensors: str
    chip_sensor: str
    chip_sensors: str
    frequency: tuple[str, ...]
    voltage: str
    consumption: str


CHAIN_KEYS: Final = tuple(
    ChainKeys(
        n,
        f"chain_acn{n}",
        f"chain_rate{n}",
        f"chain_hw{n}",
        f"temp{n}",
        f"temp_pcb{n}",
        f"temp2_{n}",
        f"temp_chip{n}",
        (f"freq_avg{n}", f"freq{n}", f"frequency{n}", "frequency"),
        f"chain_vol{n}",
        f"chain_consumption{n}",
    )
    for n in range(1, MAX_BOARDS + 1)
)
_LIVE_KEYS: Final = frozenset(
    {"Elapsed", "GHS 5s", "MHS 5s", "GHS av", "MHS av", "fan_num", "chain_acn1", "chain_rate1"}
)
_FAN_KEYS: Final = tuple((n, f"fan{n}") for n in range(1, 17))
_S9_FANS: Final = (3, 6)  # the two fan connectors of S9, T9 and R4 control boards


@dataclass(frozen=True, slots=True)
class ProductName:
    """A parsed "Type" text: brand, model, the third-party firmware it names, and the data sheet if known."""

    make: str | None
    model: str | None
    firmware: str | None
    firmware_version: str | None
    sheet: RigModel | None

    @property
    def algorithm(self) -> Algorithm | None:
        """The model's algorithm; by Bitmain's family letter if the model is not in the catalogue."""
        if self.sheet:
            return self.sheet.algorithm
        return _FAMILY_ALGORITHMS.get(self.model[0].upper()) if self.model and self.make == "Antminer" else None


@lru_cache(maxsize=4096)
def parse_product_name(text: str | None) -> ProductName:
    """Parse a product name such as "Antminer S19 Pro (Vnish 1.2.7)"."""
    if not text:
        return ProductName(None, None, None, None, None)
    match = _MODIFIED.search(text)
    firmware, version = (match[1].lower(), match[2] or None) if match else (None, None)
    make, model = split_make(text[: match.start()] if match else text)
    return ProductName(make, model or None, firmware, version, nameplate(make, model))


def stats_rows(replies: Replies, defects: list[Defect]) -> tuple[Fields, Fields]:
    """Return the product row and the live row of STATS; either may be empty. Rows of pools are skipped."""
    named, live = None, None
    for row in replies.section("stats", "STATS", defects):
        if named is None and "Type" in row:
            named = row
        if (
            live is None
            and not _LIVE_KEYS.isdisjoint(row.raw)
            and not str(row.raw.get("ID", ""))[:8].startswith("POOL")
        ):
            live = row
    return named or Fields(None), live or Fields(None)


def rate_unit(live: Fields, known: ProductName) -> float | None:
    """Return the factor of every rate in the answers, or None if the letter in the key ("GHS") decides.

    Firmware from 2020 states it in rate_unit (an L7 writes MH/s under "GHS 5s"). Firmware of D3 and E3 (2017/18) also
    deviates but does not state it, so there the model decides.
    """
    text = live.text("rate_unit")
    if text is not None:
        factor = RATE_UNITS.get(text.upper())
        if factor is not None:
            return factor
        live.add_defect("rate_unit", text, "unknown unit")
    sheet = known.sheet
    return sheet.unit if sheet and sheet.algorithm != "sha256" else None


def chain_unit(live: Fields, unit: float | None) -> float:
    """Return the factor of chain_rateN, whose key has no letter: the unit of the row's other rates."""
    if unit is not None:
        return unit
    raw = live.raw
    if "GHS 5s" in raw or "GHS av" in raw:
        return GH
    return MH if "MHS 5s" in raw or "MHS av" in raw else TH if "THS 5s" in raw else KH if "KHS 5s" in raw else GH


def first_slot(numbers: list[int]) -> int:
    """Return the firmware's number of slot 0, from the numbers of the boards that are present.

    S9 control boards number 6, 7, 8; nearly all others start at 1; a few at 0.
    """
    lowest = min(numbers, default=1)
    if lowest == 0:
        return 0
    return 6 if lowest >= 6 and max(numbers) <= 8 else 1


def fitted_chains(live: Fields) -> list[tuple[ChainKeys, int | None]]:
    """Return the boards that are present with their chip counts; no chips and no rate means no board."""
    raw = live.raw
    found = []
    for keys in CHAIN_KEYS:
        if keys.chips in raw or keys.rate in raw:
            chips = live.integer(keys.chips)
            if chips or (raw.get(keys.rate) not in (None, "", 0, "0", "0.00") and live.number(keys.rate)):
                found.append((keys, chips))
    return found


def hashboards(live: Fields, unit: float) -> tuple[Hashboard, ...]:
    """Return the boards of the live row; `unit` is the factor of chain_rateN."""
    chains = fitted_chains(live)
    offset = first_slot([keys.number for keys, _ in chains])
    number = live.number
    return tuple(
        Hashboard(
            index=keys.number - offset,
            hashrate=number(keys.rate, scale=unit),
            temperature_board=hottest(live, keys.board_sensor, keys.board_sensors),
            temperature_chip=hottest(live, keys.chip_sensor, keys.chip_sensors),
            chips=chips,
            hardware_errors=live.integer(keys.errors),
            frequency=frequency(live, keys),
            voltage=number(keys.voltage, scale=MILLIVOLT),
        )
        for keys, chips in chains
    )


def frequency(live: Fields, keys: ChainKeys) -> float | None:
    """Return a board's frequency in Hz; a zero average (T9+, 2018) is unreported, so the configured one is used."""
    values = (live.number(key, scale=MHZ) for key in keys.frequency if key in live.raw)
    return next((value for value in values if value), None)


def hottest(row: Fields, single: str, listed: str) -> float | None:
    """Return a board's hottest sensor in °C, from a number and a list such as "78-50-69-70"; 0 means no sensor."""
    value = row.number(single, low=MIN_CELSIUS, high=MAX_CELSIUS)
    listing = row.raw.get(listed)
    if listing is None:
        return value or None
    return max((part for part in (value, _hottest_of(row, listed, listing)) if part), default=None)


def _hottest_of(row: Fields, key: str, listing: Any) -> float | None:
    """Return the hottest sensor in a list in °C; zeros and values out of sensor range are skipped."""
    if isinstance(listing, str):
        parts = listing.split("-")
        if len(parts) <= 16 and all(map(str.isdecimal, parts)):  # no sensor below zero: the usual case, fast path
            values = list(map(float, parts))
        else:
            values = [float(part) for part in _SENSORS.findall(listing[:256])]
            if not values and listing.strip("m- "):
                row.add_defect(key, listing, "not a list of temperatures")
    elif isinstance(listing, list):
        values = [part for part in row.numbers(key) if part is not None]
    else:
        row.add_defect(key, listing, "not a list of temperatures")
        return None
    return max((part for part in values if part and MIN_CELSIUS < part < MAX_CELSIUS), default=None)


def fans(live: Fields) -> tuple[Fan, ...]:
    """Return the fitted fans, numbered from 0 in connector order.

    fan_num is the number of fitted fans; keys beyond that are zero (an S9 has fan1 … fan8, of which two are real). A
    stopped fan is one of the zeros: on an S9 connector 3 or 6, elsewhere the first.
    """
    raw = live.raw
    speeds = {n: rpm for n, key in _FAN_KEYS if key in raw and (rpm := live.integer(key, high=100_000)) is not None}
    chosen = [n for n, rpm in speeds.items() if rpm]
    lacking = (live.integer("fan_num", high=len(_FAN_KEYS)) or 0) - len(chosen)
    if lacking > 0:
        likely = _S9_FANS if len(speeds) >= 8 else ()
        stopped = [n for n in (*likely, *speeds) if speeds.get(n) == 0]
        chosen.extend(list(dict.fromkeys(stopped))[:lacking])
    return tuple(Fan(index=at, rpm=speeds[n]) for at, n in enumerate(sorted(chosen)))


def chain_power(live: Fields) -> float | None:
    """Return the firmware's power estimate in W: "chain_power": "1350 W" (older VNish, Hiveon, some stock)."""
    text = live.raw.get("chain_power")
    if isinstance(text, str):
        return Fields({"chain_power": text.partition(" ")[0]}, live.path, live.defects).number("chain_power") or None
    return live.number("chain_power") or None
