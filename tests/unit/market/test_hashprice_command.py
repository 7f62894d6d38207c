"""`stratoscope hashprice` prints what the formulas give, and names the remedy of wrong options."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stratoscope.market import chain, costs
from stratoscope.market.hashprice import hashprice
from unit.market.commands import document, run

NETWORK = {
    "subsidy_btc",
    "reward_btc",
    "hashprice_btc_per_ph_day",
    "hashprice_sats_per_th_day",
    "hashprice_fiat_per_ph_day",
    "currency",
    "network_hashrate_implied_hashes_per_second",
}
RIG = {
    "revenue_fiat_per_mwh",
    "hashcost_fiat_per_ph_day",
    "breakeven_power_price_fiat_per_kwh",
    "breakeven_efficiency_joules_per_terahash",
    "gross_margin_ratio",
}
JANUARY = (
    "hashprice",
    "--difficulty",
    "146480880000000",
    "--height",
    "932000",
    "--fees",
    "0.0168650793650795",
    "--price",
    "91132",
)
COSTS = ("--efficiency", "17.5", "--power-price", "0.045", "--pool-fee", "0.02")


def test_the_network_alone_has_seven_keys() -> None:
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


def test_a_rig_adds_five_keys_after_the_pool_fee() -> None:
    found = document(*JANUARY, *COSTS)
    net = found["hashprice_fiat_per_ph_day"] * 0.98
    assert set(found) == NETWORK | RIG
    assert found["hashcost_fiat_per_ph_day"] == pytest.approx(24 * 17.5 * 0.045)
    assert found["revenue_fiat_per_mwh"] == pytest.approx(net / (0.024 * 17.5))
    assert found["breakeven_power_price_fiat_per_kwh"] == pytest.approx(found["revenue_fiat_per_mwh"] / 1000)
    assert found["breakeven_efficiency_joules_per_terahash"] == pytest.approx(net / (24 * 0.045))
    assert found["gross_margin_ratio"] == pytest.approx(1 - 18.9 / net)


def test_missing_options_give_null_and_not_zero() -> None:
    found = document("hashprice", "--difficulty", "1e14", "--height", "900000", "--efficiency", "20")
    assert found["hashprice_fiat_per_ph_day"] is None
    assert all(found[key] is None for key in RIG)
    found = document(*JANUARY, "--power-price", "0.05")
    assert found["gross_margin_ratio"] is None
    assert found["breakeven_efficiency_joules_per_terahash"] is not None


def test_accepts_a_negative_power_price() -> None:
    found = document(*JANUARY, "--efficiency", "17.5", "--power-price", "-0.01")
    assert found["hashcost_fiat_per_ph_day"] == pytest.approx(costs.hashcost(17.5, -0.01))
    assert found["gross_margin_ratio"] > 1
    assert found["breakeven_efficiency_joules_per_terahash"] is None


@pytest.mark.parametrize("bits", ["1709d897", "0x1709D897", "386521239"])
def test_accepts_nbits_instead_of_difficulty(bits: str) -> None:
    found = document("hashprice", "--nbits", bits, "--height", "730000", "--fees", "0.16321983", "--currency", "eur")
    assert found["reward_btc"] == 6.41321983
    assert found["network_hashrate_implied_hashes_per_second"] == chain.implied_hashrate(28587155782195.14)
    assert found["currency"] == "EUR"


def test_prints_a_table_by_default() -> None:
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
        (["--difficulty", "1e71", "--height", "1"], "--difficulty 1e+71"),
        (["--difficulty", "1", "--height", "100000001"], "--height"),
        (["--difficulty", "1", "--height", "1", "--fees", "21000001"], "from 0 to 2.1e+07"),
        (["--difficulty", "1", "--height", "1", "--check", "0"], "--check 0"),
        (["--difficulty", "1", "--height", "1", "--check", "39", "--check-unit", "fiat_per_ph_day"], "add --price"),
        (["--difficulty", "1", "--height", "1", "--check", "39", "--check-unit", "usd"], "--check-unit"),
        (["--nbits", "xyz", "--height", "1"], "eight hex digits"),
    ],
)
def test_names_a_wrong_option_and_the_remedy(arguments: list[str], named: str) -> None:
    code, out, err = run("hashprice", *arguments)
    assert (code, out) == (2, "")
    assert named in " ".join(err.split())


PUBLISHED = ("--height", "932000", "--fees", "0.0168650793650795", "--price", "91132")


@pytest.mark.parametrize(
    ("difficulty", "verdict", "code", "share"),
    [
        ("146480880000000", "fits", 0, 0.0053),
        ("148260000000000", "fees_differ", 1, 0.0172),
        ("140000000000000", "below_subsidy", 1, -0.0407),
    ],
)
def test_checks_a_published_hashprice_by_its_implied_reward(difficulty, verdict, code, share) -> None:
    arguments = ("hashprice", "--difficulty", difficulty, *PUBLISHED, "--check", "0.00043143")
    exit_code, out, err = run(*arguments, "--json")
    found = json.loads(out)
    assert (exit_code, err, found["check_verdict"]) == (code, "", verdict)
    assert found["check_implied_fee_ratio"] == pytest.approx(share, abs=1e-4)
    assert found["check_own_fee_ratio"] == pytest.approx(0.005368, abs=1e-6)
    assert found["check_implied_reward_btc"] == pytest.approx(0.00043143 * float(difficulty) * 2**32 / 86400e15)
    exit_code, out, _ = run(*arguments)
    assert exit_code == code
    assert {"fits": "plausible", "fees_differ": "doubtful", "below_subsidy": "impossible"}[verdict] in out


@pytest.mark.parametrize(
    ("value", "unit"),
    [("43.143", "sats_per_th_day"), ("39.317", "fiat_per_ph_day"), ("0.039317", "fiat_per_th_day")],
)
def test_accepts_a_published_hashprice_in_every_unit(value, unit) -> None:
    found = document("hashprice", "--difficulty", "146480880000000", *PUBLISHED, "--check", value, "--check-unit", unit)
    assert found["check_hashprice_btc_per_ph_day"] == pytest.approx(0.00043143, rel=1e-4)
    assert found["check_verdict"] == "fits"


def test_without_fees_checks_a_published_hashprice_against_the_subsidy_only() -> None:
    found = document("hashprice", "--difficulty", "148260000000000", "--height", "932000", "--check", "0.00043143")
    assert (found["check_verdict"], found["check_own_fee_ratio"]) == ("unchecked", None)


def test_rejects_an_option_before_live_because_it_has_no_effect() -> None:
    code, out, err = run("hashprice", "--difficulty", "1e14", "live")
    assert (code, out) == (2, "")
    assert "--difficulty is before `live`" in err
    assert "--json is before `live`" in run("hashprice", "--json", "live")[2]


@pytest.mark.parametrize("height", [0, 209_999, 210_000, 839_999, 840_000, 6_929_999, 6_930_000, 13_440_000, 10**8])
def test_every_height_has_a_subsidy(height) -> None:
    found = document("hashprice", "--difficulty", "1", "--height", str(height))
    assert found["subsidy_btc"] == chain.subsidy(height) / 1e8
    assert document("difficulty", "--height", str(height), "--epoch-start", "1700000000", "--now", "1700001000")


@given(
    st.floats(1e-9, 1e70),
    st.integers(0, 10**8),
    st.floats(0, 21e6),
    st.floats(1e-9, 1e15),
    st.floats(1e-9, 1e15),
    st.floats(-1e9, 1e9),
    st.floats(0, 0.999),
)
def test_all_valid_options_give_finite_figures(difficulty, height, fees, price, efficiency, power, fee) -> None:
    found = document(
        "hashprice",
        "--difficulty",
        repr(difficulty),
        "--height",
        str(height),
        "--fees",
        repr(fees),
        "--price",
        repr(price),
        "--efficiency",
        repr(efficiency),
        f"--power-price={power!r}",
        "--pool-fee",
        repr(fee),
    )
    assert set(found) == NETWORK | RIG
    for key in NETWORK - {"currency"}:
        assert isinstance(found[key], float), key
    assert found["gross_margin_ratio"] is not None or found["hashprice_fiat_per_ph_day"] == 0
