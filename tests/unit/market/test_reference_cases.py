"""The formulas give every published figure of the reference table within its tolerance."""

import csv
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from stratoscope.market import adjustment, chain, costs
from stratoscope.market import hashprice as hp
from stratoscope.market.published import check_published
from stratoscope.units import EH, PH, SATOSHIS, TH
from unit.market.oracles import fpps_rate

ROOT = Path(__file__).resolve().parents[3]
SHELF = Path(os.environ.get("STRATOSCOPE_SHELF", ROOT.parent / "shared"))
TABLE = SHELF / "reference" / "reference_cases.csv"
OF_THE_POOLS = "exact HMAC-SHA256 signature (vendor doc sample key)"

pytestmark = pytest.mark.shelf

Case = dict[str, Any]


def sats(bitcoin: float) -> float:
    return bitcoin * SATOSHIS


def by_difficulty(case: Case) -> hp.Hashprice:
    reward = next(case[name] for name in ("reward_btc", "reward", "subsidy") if name in case)
    price = next((case[name] for name in ("price_usd", "price") if name in case), None)
    found = hp.hashprice(case["difficulty"], sats(reward), price)
    assert found is not None
    return found


def adjusted(case: Case) -> float:
    found = adjustment.estimate_adjustment(
        case["height"],
        case["da_time"],
        case["now"],
        previous_change=case["prev_retarget"] / 100,
        window_start=case["time_504_ago"],
        latest_block=case["latest_ts"] or None,
    )
    assert found is not None
    return found.change * 100


def observed(case: Case) -> hp.ObservedHashprice:
    price = case["price_avg"] if "price_avg" in case else case["price"]
    found = hp.observed_hashprice(case["net_ehs"] * EH, sats(case["subsidy"]), price)
    assert found is not None
    return found


def attributed(case: Case) -> float:
    (price, price_then), (network, network_then) = case["p"], case["H"]
    found = adjustment.explain_change(
        adjustment.HashpriceFactors(price, 3.125, network), adjustment.HashpriceFactors(price_then, 3.125, network_then)
    )
    assert found is not None
    return found.change * 100


def percent(value: float | None) -> float:
    assert value is not None
    return value * 100


def rewards(case: Case) -> int:
    heights = range(case["startBlock"], case["endBlock"] + 1)
    return sum(chain.subsidy(height) for height in heights) + int(case["totalFee"])


def fpps(case: Case) -> float:
    blocks = case["blocks"]
    fees = [round(sats(case["fees"])), *[0] * (blocks - 1)]
    return percent(fpps_rate([round(sats(case["subsidy"]))] * blocks, fees))


def usd_per_th(case: Case) -> float:
    fiat = by_difficulty(case).fiat_per_ph_day
    assert fiat is not None
    return fiat * TH / PH


FORMULAS: dict[str, Callable[[Case], float | None]] = {
    "exact difficulty_from_nbits": lambda c: chain.difficulty_of_nbits(int(c["nbits_hex"], 16)),
    "exact subsidy": lambda c: chain.subsidy(c["height"]) / SATOSHIS,
    "exact reward=subsidy+fees": lambda c: chain.subsidy(c["height"]) + c["total_fees_sat"],
    "exact total_reward": rewards,
    "approx 7d hashrate": lambda c: chain.implied_hashrate(c["difficulty"]),
    "formula PPS base": lambda c: by_difficulty(c).btc_per_ph_day,
    "formula FPPS rate": fpps,
    "formula difficultyChange %": adjusted,
    "hashprice_usd USD/PH/s/day": lambda c: by_difficulty(c).fiat_per_ph_day,
    "hashprice_btc BTC/PH/s/day": lambda c: by_difficulty(c).btc_per_ph_day,
    "hashprice_usd USD/TH/s/day rounded to 3 decimals": lambda c: round(usd_per_th(c), 3),
    "identity USD=BTC*price": lambda c: c["hp_btc"] * c["price"],
    "rev_per_mwh USD/MWh": lambda c: costs.revenue_per_mwh(c["hp_usd"], c["j_per_th"]),
    "formula rev_usd": lambda c: chain.BLOCKS_PER_DAY * (3.125 + c["fee"]) * c["price_implied"],
    "definition USD/TH/s/day from OBSERVED": lambda c: (observed(c).observed_fiat_per_ph_day or 0) * TH / PH,
    "definition same page, DIFFICULTY": usd_per_th,
    "jpm block reward revenue": lambda c: observed(c).observed_fiat_per_eh_day,
    "identity gross margin": lambda c: percent(costs.gross_margin_ratio(c["rev"], c["rev"] - c["gp"])),
    "yoy JPM revenue": lambda c: percent(adjustment.change_ratio(c["now"], c["year_ago"])),
    "yoy attribution": attributed,
    "identity JPM gross profit": lambda c: percent(adjustment.change_ratio(c["now"], c["prev"])),
    "derived JPM implied hashcost": lambda c: (c["rev"] - c["gp"]) * PH / EH,
}

ROWS = list(csv.DictReader(TABLE.open(newline=""))) if TABLE.is_file() else []
OURS = [row for row in ROWS if f"{row['kind']} {row['quantity']}" != OF_THE_POOLS]


def test_every_row_of_the_table_is_tested_except_the_two_signatures_of_a_pool(shelf: Path) -> None:
    assert len(OURS) >= 60
    assert sorted(row["id"] for row in ROWS if row not in OURS) == ["H-viabtc-hmac-get", "H-viabtc-hmac-post"]


@pytest.mark.parametrize("row", OURS, ids=lambda row: row["id"])
def test_matches_a_published_figure(row: dict[str, str]) -> None:
    label = f"{row['kind']} {row['quantity']}"
    name = max((name for name in FORMULAS if label.startswith(name)), key=len)
    found = FORMULAS[name](json.loads(row["inputs"]))
    published, tolerance = float(row["published"]), float(row["tolerance_pct"]) / 100
    assert found is not None
    if tolerance == 0:
        assert found == published
    else:
        assert abs(found / published - 1) <= tolerance, f"{found} for {published}"
    assert found == pytest.approx(float(row["computed"]), rel=1e-9), "an independent calculation gave another figure"


def test_the_published_wrong_difficulty_fails_the_fee_check_and_the_right_one_passes(shelf: Path) -> None:
    row = next(row for row in OURS if row["id"] == "D-2026-01-12-btc")
    fees = json.loads(row["inputs"])["reward_btc"] * SATOSHIS - chain.subsidy(932_000)
    wrong = check_published(float(row["published"]), 148.26e12, chain.subsidy(932_000), fees)
    right = check_published(float(row["published"]), 146.48088e12, chain.subsidy(932_000), fees)
    assert wrong is not None
    assert right is not None
    assert (wrong.plausible, wrong.agrees) == (True, False)
    assert wrong.implied_fee_share == pytest.approx(0.0172, abs=1e-4)
    assert (right.plausible, right.agrees) == (True, True)
