"""The JSON of the commands reproduces every published figure that the calculators support."""

import json
from typing import Any

import pytest
from typer.testing import CliRunner

from stratoscope.cli import app
from unit.market.test_reference_cases import OURS

Row = dict[str, str]
ERAS = {50.0: 0, 25.0: 210_000, 12.5: 420_000, 6.25: 630_000, 3.125: 840_000, 1.5625: 1_050_000}
BY_NBITS, BY_HEIGHT = "difficulty_from_nbits", "subsidy"

pytestmark = pytest.mark.shelf


def run(*arguments: str) -> dict[str, Any]:
    result = CliRunner().invoke(app, [*arguments, "--json"])
    assert (result.exit_code, result.stderr) == (0, ""), result.stderr
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def hashprice(row: Row) -> dict[str, Any]:
    """Return the result of the calculator for a row with difficulty and reward."""
    case = json.loads(row["inputs"])
    reward = next(case[name] for name in ("reward_btc", "reward", "subsidy") if name in case)
    subsidy = max(era for era in ERAS if era <= reward)
    arguments = [
        "--difficulty",
        repr(case["difficulty"]),
        "--height",
        str(ERAS[subsidy]),
        "--fees",
        repr(reward - subsidy),
    ]
    price = next((case[name] for name in ("price_usd", "price") if name in case), None)
    return run("hashprice", *arguments, *([] if price is None else ["--price", repr(price)]))


def close(found: float, row: Row) -> None:
    tolerance = float(row["tolerance_pct"]) / 100
    assert abs(found / float(row["published"]) - 1) <= max(tolerance, 1e-15)
    assert found == pytest.approx(float(row["computed"]), rel=1e-9)


def rows(*quantities: str) -> list[Any]:
    return [pytest.param(row, id=row["id"]) for row in OURS if row["quantity"].startswith(quantities)]


@pytest.mark.parametrize("row", rows(BY_NBITS))
def test_nbits_give_the_difficulty_exactly(row: Row) -> None:
    case = json.loads(row["inputs"])
    height = str(case.get("height", 0))
    found = run("hashprice", "--nbits", case["nbits_hex"], "--height", height)
    difficulty = found["network_hashrate_implied_hashes_per_second"] * 600 / 2**32
    close(difficulty, row)
    same = run("hashprice", "--difficulty", repr(float(row["computed"])), "--height", height)
    assert same == found
    if "nbits" in case:
        assert run("hashprice", "--nbits", str(case["nbits"]), "--height", height) == found


@pytest.mark.parametrize("row", rows(BY_HEIGHT))
def test_a_height_gives_the_subsidy_exactly(row: Row) -> None:
    found = run("hashprice", "--difficulty", "1", "--height", str(json.loads(row["inputs"])["height"]))
    assert found["subsidy_btc"] == found["reward_btc"] == float(row["published"])


def test_the_fees_of_a_block_give_its_reward_to_the_satoshi() -> None:
    (row,) = [row for row in OURS if row["id"] == "A-block-730000-reward"]
    fees = json.loads(row["inputs"])["total_fees_sat"] / 1e8
    found = run("hashprice", "--difficulty", "1", "--height", "730000", "--fees", f"{fees:.8f}")
    assert found["reward_btc"] == int(row["published"]) / 1e8


@pytest.mark.parametrize("row", rows("USD/PH/s/day", "BTC/PH/s/day", "PPS base", "USD/TH/s/day rounded", "same page"))
def test_a_published_hashprice_is_reproduced(row: Row) -> None:
    found = hashprice(row)
    if row["unit"].startswith("BTC"):
        close(found["hashprice_btc_per_ph_day"], row)
    elif row["unit"].startswith("USD/PH"):
        close(found["hashprice_fiat_per_ph_day"], row)
    elif "rounded" in row["quantity"]:
        close(round(found["hashprice_fiat_per_ph_day"] / 1000, 3), row)
    else:
        close(found["hashprice_fiat_per_ph_day"] / 1000, row)
    sats = found["hashprice_btc_per_ph_day"] * 1e5
    assert found["hashprice_sats_per_th_day"] == pytest.approx(sats, rel=1e-12)


@pytest.mark.parametrize("row", rows("USD/MWh"))
def test_a_published_revenue_per_mwh_is_reproduced(row: Row) -> None:
    case = json.loads(row["inputs"])
    at = ("--difficulty", "146480880000000", "--height", "932000", "--efficiency", repr(case["j_per_th"]))
    price = case["hp_usd"] / run("hashprice", *at)["hashprice_btc_per_ph_day"]
    close(run("hashprice", *at, "--price", repr(price))["revenue_fiat_per_mwh"], row)


@pytest.mark.parametrize("row", rows("difficultyChange"))
def test_a_published_adjustment_is_reproduced(row: Row) -> None:
    case = json.loads(row["inputs"])
    more = ["--latest-block-time", str(case["latest_ts"])] if case["latest_ts"] else []
    found = run(
        "difficulty",
        "--height",
        str(case["height"]),
        "--epoch-start",
        str(case["da_time"]),
        "--now",
        str(case["now"]),
        "--previous-change",
        repr(case["prev_retarget"]),
        "--t504",
        str(case["time_504_ago"]),
        *more,
    )
    close(found["difficulty_change_percent"], row)
    assert found["difficulty_change_ratio"] == pytest.approx(found["difficulty_change_percent"] / 100)


def test_every_kind_of_case_is_covered() -> None:
    tried = rows(
        BY_NBITS,
        BY_HEIGHT,
        "reward=",
        "USD/PH/s/day",
        "BTC/PH/s/day",
        "PPS base",
        "USD/TH/s/day rounded",
        "same page",
        "USD/MWh",
        "difficultyChange",
    )
    left = {row["id"][0] for row in OURS} - {param.id[0] for param in tried}
    assert left <= {"G", "I"}  # JPMorgan's measure and comparisons of two figures are not results of one calculation
