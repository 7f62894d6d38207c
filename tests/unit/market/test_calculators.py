"""`stratoscope hashprice` and `stratoscope difficulty` print what the formulas say, and refuse with a remedy."""

import json
import math
from typing import Any

import pytest
from typer.testing import CliRunner

from stratoscope.cli import app
from stratoscope.market import chain, costs
from stratoscope.market.hashprice import hashprice

NETWORK = {
    "subsidy_btc", "reward_btc", "hashprice_btc_per_ph_day", "hashprice_sats_per_th_day", "hashprice_fiat_per_ph_day",
    "currency", "network_hashrate_implied_hashes_per_second",
}  # fmt: skip
RIG = {
    "revenue_fiat_per_mwh", "hashcost_fiat_per_ph_day", "breakeven_power_price_fiat_per_kwh",
    "breakeven_efficiency_joules_per_terahash", "gross_margin_ratio",
}  # fmt: skip
JANUARY = ("hashprice", "--difficulty", "146480880000000", "--height", "932000", "--fees", "0.0168650793650795",
           "--price", "91132")  # fmt: skip
COSTS = ("--efficiency", "17.5", "--power-price", "0.045", "--pool-fee", "0.02")
EPOCH = ("difficulty", "--height", "750134", "--epoch-start", "1660820820", "--now", "1660917833")


def run(*arguments: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, arguments, env={"COLUMNS": "120"})
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.stdout, result.stderr


def document(*arguments: str) -> dict[str, Any]:
    code, out, err = run(*arguments, "--json")
    assert (code, err) == (0, "")
    found: dict[str, Any] = json.loads(out)
    return found


def test_the_network_alone_has_the_seven_keys() -> None:
    found = document(*JANUARY)
    expected = hashprice(146_480_880_000_000, 314_186_507.93650795, 91_132)
    assert expected is not None
    assert set(found) == NETWORK
    assert found["subsidy_btc"] == 3.125
    assert found["reward_btc"] == 3.1418650793650795
    assert found["hashprice_btc_per_ph_day"] == pytest.approx(expected.btc_per_ph_day, rel=1e-12)
    assert found["hashprice_sats_per_th_day"] == pytest.approx(43.148, abs=1e-3)
    assert found["hashprice_fiat_per_ph_day"] == pytest.approx(expected.fiat_per_ph_day, rel=1e-12)
    assert found["currency"] == "USD"
    assert found["network_hashrate_implied_hashes_per_second"] == chain.implied_hashrate(146_480_880_000_000)


def test_a_rig_adds_its_five_keys_after_the_pool_fee() -> None:
    found = document(*JANUARY, *COSTS)
    net = found["hashprice_fiat_per_ph_day"] * 0.98
    assert set(found) == NETWORK | RIG
    assert found["hashcost_fiat_per_ph_day"] == pytest.approx(24 * 17.5 * 0.045)
    assert found["revenue_fiat_per_mwh"] == pytest.approx(net / (0.024 * 17.5))
    assert found["breakeven_power_price_fiat_per_kwh"] == pytest.approx(found["revenue_fiat_per_mwh"] / 1000)
    assert found["breakeven_efficiency_joules_per_terahash"] == pytest.approx(net / (24 * 0.045))
    assert found["gross_margin_ratio"] == pytest.approx(1 - 18.9 / net)


def test_what_is_not_given_is_null_not_zero() -> None:
    found = document("hashprice", "--difficulty", "1e14", "--height", "900000", "--efficiency", "20")
    assert found["hashprice_fiat_per_ph_day"] is None
    assert all(found[key] is None for key in RIG)
    found = document(*JANUARY, "--power-price", "0.05")
    assert found["gross_margin_ratio"] is None
    assert found["breakeven_efficiency_joules_per_terahash"] is not None


def test_a_negative_power_price_is_legal() -> None:
    found = document(*JANUARY, "--efficiency", "17.5", "--power-price", "-0.01")
    assert found["hashcost_fiat_per_ph_day"] == pytest.approx(costs.hashcost(17.5, -0.01))
    assert found["gross_margin_ratio"] > 1
    assert found["breakeven_efficiency_joules_per_terahash"] is None


@pytest.mark.parametrize("bits", ["1709d897", "0x1709D897", "386521239"])
def test_nbits_stands_for_difficulty(bits: str) -> None:
    found = document("hashprice", "--nbits", bits, "--height", "730000", "--fees", "0.16321983", "--currency", "eur")
    assert found["reward_btc"] == 6.41321983
    assert found["network_hashrate_implied_hashes_per_second"] == chain.implied_hashrate(28587155782195.14)
    assert found["currency"] == "EUR"


def test_people_get_a_table() -> None:
    code, out, _ = run(*JANUARY, *COSTS)
    assert code == 0
    for text in (
        "1048.55 EH/s",
        "43.148 sat/TH/day",
        "39.32 USD/PH/day",
        "18.90 USD/PH/day",
        "0.0918 USD/kWh",
        "51.0 %",
    ):
        assert text in out


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["--height", "1"], "--difficulty and --nbits"),
        (["--height", "1", "--difficulty", "1", "--nbits", "1d00ffff"], "--difficulty and --nbits"),
        (["--difficulty", "1"], "--height is missing"),
        (["--difficulty", "1", "--height", "-1"], "--height"),
        (["--difficulty", "0", "--height", "1"], "--difficulty 0"),
        (["--difficulty", "inf", "--height", "1"], "--difficulty inf"),
        (["--difficulty", "abc", "--height", "1"], "--difficulty"),
        (["--difficulty", "1", "--height", "1", "--price", "nan"], "--price nan"),
        (["--difficulty", "1", "--height", "1", "--price", "-5"], "--price -5"),
        (["--difficulty", "1", "--height", "1", "--fees", "-0.1"], "--fees -0.1"),
        (["--difficulty", "1", "--height", "1", "--fees", "inf"], "--fees inf"),
        (["--difficulty", "1", "--height", "1", "--efficiency", "0"], "--efficiency 0"),
        (["--difficulty", "1", "--height", "1", "--power-price", "nan"], "--power-price nan"),
        (["--difficulty", "1", "--height", "1", "--efficiency", "20", "--pool-fee", "2"], "write 2 % as 0.02"),
        (["--difficulty", "1", "--height", "1", "--pool-fee", "0.02"], "add --efficiency"),
        (["--difficulty", "1", "--height", "1", "--currency", "$"], "--currency"),
        (["--nbits", "1d80ffff", "--height", "1"], "--nbits 1d80ffff"),
        (["--nbits", "xyz", "--height", "1"], "eight hex digits"),
    ],
)
def test_a_wrong_option_is_named_with_its_remedy(arguments: list[str], named: str) -> None:
    code, out, err = run("hashprice", *arguments)
    assert (code, out) == (2, "")
    assert named in " ".join(err.split())


def test_the_adjustment_comes_out_as_mempool_estimates_it() -> None:
    found = document(*EPOCH, "--previous-change", "0.6280047707459726", "--t504", "1660619814")
    assert found["difficulty_change_percent"] == pytest.approx(1.0420538959004633, rel=1e-12)
    assert found["difficulty_change_ratio"] == pytest.approx(0.010420538959004633, rel=1e-12)
    assert found["standard_error_ratio"] == pytest.approx(1 / math.sqrt(504))
    assert (found["method"], found["blocks_into_epoch"], found["remaining_blocks"]) == ("window", 182, 1834)
    assert (found["retarget_height"], found["next_halving_height"]) == (751_968, 840_000)
    assert found["next_halving_blocks"] == 89_866


def test_the_last_quarter_of_an_epoch_may_begin_within_it() -> None:
    found = document("difficulty", "--height", "830027", "--epoch-start", "1706888526", "--now", "1707691381",
                     "--previous-change", "7.333505241141637", "--t504", "1707403385")  # fmt: skip
    assert found["difficulty_change_percent"] == pytest.approx(8.512745140778843, rel=1e-12)
    assert found["method"] == "epoch"


def test_times_may_be_written_for_people() -> None:
    by_number = document(*EPOCH)
    by_text = document("difficulty", "--height", "750134", "--epoch-start", "2022-08-18T11:07:00Z",
                       "--now", "2022-08-19T15:03:53+01:00")  # fmt: skip
    assert by_text == by_number


def test_a_full_epoch_ends_at_the_latest_block() -> None:
    full = ("difficulty", "--height", str(416 * 2016 - 1), "--epoch-start", "1700000000", "--now", "1701300000")
    ended = document(*full, "--latest-block-time", "1701209600")
    assert ended["difficulty_change_ratio"] == pytest.approx(0, abs=1e-12)
    assert document(*full)["difficulty_change_ratio"] < -0.05


def test_without_now_the_clock_is_asked() -> None:
    assert (
        document("difficulty", "--height", "750134", "--epoch-start", "1660820820")["difficulty_change_ratio"] == -0.75
    )


def test_people_get_the_adjustment_with_its_error() -> None:
    code, out, _ = run(*EPOCH, "--previous-change", "0.628", "--t504", "1660619814")
    assert code == 0
    assert "+1.04 % ± 4.57 %" in out
    assert "751,968, in 1,834 blocks" in out
    assert "the last 504 blocks" in out


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ([], "--height"),
        (["--height", "1000", "--epoch-start", "1660820820000"], "divide milliseconds by 1000"),
        (["--height", "1000", "--epoch-start", "yesterday"], "--epoch-start 'yesterday'"),
        (["--height", "1000", "--epoch-start", "2022-08-18T11:07:00"], "add Z for UTC"),
        (["--height", "1000", "--epoch-start", "nan"], "--epoch-start nan"),
        (["--height", "1000", "--epoch-start", "1660820820", "--now", "1660820820"], "not after --epoch-start"),
        (["--height", "1000", "--epoch-start", "1660820820", "--t504", "1660619814"], "go together"),
        (["--height", "1000", "--epoch-start", "1660820820", "--previous-change", "1"], "go together"),
        (["--height", "100", "--epoch-start", "1660820820", "--previous-change", "nan", "--t504", "1660619814"],
         "--previous-change nan"),
        (["--height", "100", "--epoch-start", "1660820820", "--previous-change", "1", "--t504", "1660820821"],
         "--t504 is not before"),
    ],
)  # fmt: skip
def test_a_wrong_time_is_named_with_its_remedy(arguments: list[str], named: str) -> None:
    code, out, err = run("difficulty", *arguments)
    assert (code, out) == (2, "")
    assert named in " ".join(err.split())
