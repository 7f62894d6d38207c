"""Looks up a rig's model in the catalogue of data sheets: boards, chips, fans, nameplate hashrate and power."""

import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from typing import Final, cast

from stratoscope.reading import Algorithm
from stratoscope.units import HASH_UNITS


@dataclass(frozen=True, slots=True, kw_only=True)
class RigModel:
    """One row of models.csv; None if the data sheet does not state it or several versions differ."""

    make: str
    model: str
    algorithm: Algorithm
    boards: int | None
    chips_per_board: int | None
    fans: int | None  # 0: water or immersion cooling
    hashrate: float  # H/s
    unit: float  # H/s; the unit of its firmware's rates if the firmware names none
    watts: float | None  # W


MAKES: Final = {
    "antminer": "Antminer",
    "bitmain": "Antminer",
    "whatsminer": "WhatsMiner",
    "microbt": "WhatsMiner",
    "avalonminer": "Avalon",
    "avalon": "Avalon",
    "canaan": "Avalon",
    "bitaxe": "Bitaxe",
    "hammer": "Hammer",
    "blackminer": "Hammer",
    "elphapex": "Elphapex",
    "sealminer": "SealMiner",
    "braiins": "Braiins",
    "teraflux": "Auradine",
    "auradine": "Auradine",
    "innosilicon": "Innosilicon",
    "goldshell": "Goldshell",
    "iceriver": "IceRiver",
    "gekkoscience": "GekkoScience",
    "ebang": "Ebang",
    "dragonmint": "DragonMint",
    "volcminer": "VolcMiner",
    "jasminer": "Jasminer",
}
"""First word of a product name in lower case → brand of the product line."""

SEPARATORS: Final = re.compile(r"[\s_\-,]+")
BRACKETS: Final = re.compile(r"\(.*")
HYDRO: Final = re.compile(r"hyd(?:ro)?\.?(?=\W|$)")
SPEED_BIN: Final = re.compile(r"\d{2,4}(?:\.\d+)?(?:[tgm]h?(?:/?s)?)?|\d{1,4}(?:\.\d+)?[tgm]h?(?:/?s)?")
WHATSMINER_VERSION: Final = re.compile(r"v[a-z]?\d{2,3}$")


def split_make(product: str) -> tuple[str | None, str]:
    """Return the brand and the rest of a product name: "Antminer S21 Pro" → ("Antminer", "S21 Pro")."""
    first, _, rest = product.strip().partition(" ")
    make = MAKES.get(first.lower())
    while make and MAKES.get(rest.partition(" ")[0].lower()) == make:  # "Bitmain Antminer S19"
        rest = rest.partition(" ")[2]
    return (make, rest.strip()) if make and rest.strip() else (None, product.strip())


def _spellings(make: str, model: str) -> Iterator[str]:
    """Yield normalized spellings of `model`: the full one first, then without speed bins and version marks."""
    text = HYDRO.sub("hydro", BRACKETS.sub("", model.lower()))
    words = [word.rstrip(".") for word in SEPARATORS.split(text) if word.rstrip(".")]
    if words and MAKES.get(words[0], "").lower() == make:
        words = words[1:]
    while words:
        name = "".join(words)
        if make == "avalon":
            name = re.sub(r"^a(?=\d)", "", name)
        yield name
        if make == "whatsminer":
            yield WHATSMINER_VERSION.sub("", name)
        if not SPEED_BIN.fullmatch(words[-1]):
            return
        words = words[:-1]


def _row(row: dict[str, str]) -> RigModel:
    def whole(name: str) -> int | None:
        return int(row[name]) if row[name] else None

    factor = HASH_UNITS[row["unit"]]
    return RigModel(
        make=row["make"],
        model=row["model"],
        algorithm=cast("Algorithm", row["algorithm"]),
        boards=whole("boards"),
        chips_per_board=whole("chips_per_board"),
        fans=whole("fans"),
        hashrate=float(row["hashrate"]) * factor,
        unit=factor,
        watts=float(row["watts"]) if row["watts"] else None,
    )


@lru_cache(maxsize=1)
def catalogue() -> dict[tuple[str, str], RigModel]:
    """Return every model of models.csv by lower-case make and normalized model name; cached."""
    text = resources.files("stratoscope.drivers").joinpath("models.csv").read_text("utf-8")
    models = [_row(row) for row in csv.DictReader(text.splitlines())]
    return {(m.make.lower(), next(_spellings(m.make.lower(), m.model))): m for m in models}


@lru_cache(maxsize=4096)
def nameplate(make: str | None, model: str | None) -> RigModel | None:
    """Return the data sheet of a model, or None. Case, blanks, "-", "_" and speed bins ("-126", "104T") are ignored.

    Only the whole name matches: an S19 never matches an S19 Pro, nor the reverse.
    """
    if not make or not model:
        return None
    brand = MAKES.get(make.lower(), make).lower()
    known = catalogue()
    return next((known[brand, name] for name in _spellings(brand, model[:128]) if (brand, name) in known), None)
