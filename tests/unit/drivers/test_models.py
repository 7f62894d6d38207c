"""Tests that a model name finds its own data sheet and never another."""

import csv
from importlib import resources

import pytest

from stratoscope.drivers.models import catalogue, nameplate, split_make


@pytest.mark.parametrize(
    ("make", "spelled", "found"),
    [
        ("Antminer", "S19", "S19"),
        ("Antminer", "S19 Pro", "S19 Pro"),
        ("antminer", "s19pro", "S19 Pro"),
        ("Antminer", "S19 Pro-126", "S19 Pro"),
        ("Antminer", "S19j Pro 104T", "S19j Pro"),
        ("Antminer", "S19j Pro+", "S19j Pro+"),
        ("Antminer", "S19_Pro", "S19 Pro"),
        ("Bitmain", "S19 PRO", "S19 Pro"),
        ("Antminer", "S19 Pro Hyd.", "S19 Pro Hydro"),
        ("Antminer", "S21 Hyd", "S21 Hydro"),
        ("Antminer", "S9 (13.5T)", "S9"),
        ("Antminer", "S9SE", "S9 SE"),
        ("Antminer", "Antminer L7", "L7"),
        ("Antminer", "S21 XP Hyd.", "S21 XP Hydro"),
        ("Antminer", "T21 190TH/s", "T21"),
        ("WhatsMiner", "M60S_VK40", "M60S"),
        ("WhatsMiner", "M60SVK40", "M60S"),
        ("MicroBT", "M30S++_VH40", "M30S++"),
        ("WhatsMiner", "M30S+ VE40", "M30S+"),
        ("WhatsMiner", "M50", "M50"),
        ("WhatsMiner", "M20S_V10", "M20S"),
        ("Avalon", "1246", "A1246"),
        ("AvalonMiner", "A1566", "A1566"),
        ("Canaan", "Avalon Nano 3S", "Nano 3S"),
        ("Avalon", "Nano3", "Nano 3"),
        ("Bitaxe", "Gamma 601", "Gamma"),
        ("Hammer", "D10", "D10"),
    ],
)
def test_spelling_finds_its_data_sheet(make: str, spelled: str, found: str) -> None:
    sheet = nameplate(make, spelled)
    assert sheet is not None
    assert sheet.model == found


@pytest.mark.parametrize(
    ("make", "spelled"),
    [
        ("Antminer", "S19 Ultra"),
        ("Antminer", "S19 Pro Max"),
        ("Antminer", "S99"),
        ("Antminer", "S1"[:1]),
        ("Antminer", "S19x"),
        ("Antminer", ""),
        ("Antminer", "126"),
        ("Antminer", "Pro"),
        ("WhatsMiner", "S19"),
        ("WhatsMiner", "M60SS"),
        ("WhatsMiner", "VK40"),
        ("Avalon", "Nano"),
        ("", "S19"),
        ("Unknown", "S19"),
        ("Antminer", "S 1 9 Pro 7"),
        ("Antminer", "-_ /"),
        ("Antminer", "("),
    ],
)
def test_another_model_has_no_data_sheet(make: str, spelled: str) -> None:
    assert nameplate(make, spelled) is None


def test_missing_name_has_no_data_sheet() -> None:
    assert nameplate(None, "S19") is None
    assert nameplate("Antminer", None) is None


def test_every_row_finds_itself_and_only_itself() -> None:
    for sheet in catalogue().values():
        assert nameplate(sheet.make, sheet.model) is sheet


def test_models_are_sorted_and_unique() -> None:
    text = resources.files("stratoscope.drivers").joinpath("models.csv").read_text("utf-8")
    rows = list(csv.DictReader(text.splitlines()))
    names = [(row["make"], row["model"]) for row in rows]
    assert names == sorted(names)
    assert len(catalogue()) == len(rows)


def test_data_sheets_are_plausible() -> None:
    for sheet in catalogue().values():
        if sheet.algorithm == "sha256" and sheet.watts:
            assert 8 < sheet.watts / (sheet.hashrate / 1e12) < 3000, sheet.model
        assert sheet.boards is None or 1 <= sheet.boards <= 4
        assert sheet.fans is None or 0 <= sheet.fans <= 4


def test_hydro_rigs_have_no_fans() -> None:
    sheet = nameplate("Antminer", "S21 Hyd.")
    assert sheet is not None
    assert sheet.fans == 0


@pytest.mark.parametrize(
    ("product", "parts"),
    [
        ("Antminer S21 Pro", ("Antminer", "S21 Pro")),
        ("Bitmain Antminer S19", ("Antminer", "S19")),
        ("WHATSMINER M30S", ("WhatsMiner", "M30S")),
        ("AvalonMiner 1246", ("Avalon", "1246")),
        ("Mystery Box", (None, "Mystery Box")),
        ("Antminer", (None, "Antminer")),
        ("", (None, "")),
    ],
)
def test_product_name_is_split_at_the_brand(product: str, parts: tuple[str | None, str]) -> None:
    assert split_make(product) == parts
