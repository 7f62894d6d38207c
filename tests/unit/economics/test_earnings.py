"""Earnings: expired values earn nothing, and the hashprice of Bitcoin applies to Bitcoin only."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stratoscope.economics.earnings import Earnings
from stratoscope.economics.terms import HashratePrice
from stratoscope.units import DAY, GH, PH
from unit.economics.money_bench import AT, DIFFICULTY, FEES, PRICE, FakeMarket, terms

SAT = 86400 * 1e15 * (312_500_000 + FEES) / (DIFFICULTY * 2**32)
"""Satoshis of one PH/s and day, by the usual formula."""


def earnings(market: FakeMarket | None, **more) -> Earnings:
    return Earnings(market, terms(**more), 0.0)


def test_a_day_of_hashing_earns_the_hashprice_minus_fees():
    market = FakeMarket()
    own = earnings(market, pool_fee=0.02, firmware_fee=0.01)
    for now in range(0, 86401, 300):
        market.set_values(AT + now)
        found = own.of("sha256", float(now), AT + now)
    assert found is not None
    assert found.sat.total * PH == pytest.approx(SAT * 0.98 * 0.99)
    assert found.worth.total * PH * 1e-6 == pytest.approx(SAT / 1e8 * PRICE * 0.98 * 0.99)


@given(
    steps=st.lists(st.tuples(st.floats(1, 500), st.floats(1e13, 1e15), st.floats(1e3, 1e6)), min_size=1, max_size=40)
)
def test_each_interval_uses_its_own_difficulty_and_price(steps):
    market, now, sat, worth = FakeMarket(), 0.0, 0.0, 0.0
    own = earnings(market)
    for seconds, difficulty, price in steps:
        market.set_values(AT + now, difficulty=difficulty, price=price)
        own.of("sha256", now, AT + now)
        now += seconds
        found = own.of("sha256", now, AT + now)
        per = (312_500_000 + FEES) / (difficulty * 2**32) * seconds
        sat, worth = sat + per, worth + per / 1e8 * price * 1e6
    assert found is not None
    assert found.sat.total == pytest.approx(sat)
    assert found.worth.total == pytest.approx(worth)


def test_f31_an_expired_price_earns_nothing_from_that_second():
    market = FakeMarket()
    own = earnings(market)
    own.of("sha256", 0.0, AT)
    for now in range(0, 2001, 50):
        found = own.of("sha256", float(now), AT + now)
    assert found is not None
    assert found.worth.seconds == 900.0
    assert found.sat.seconds == 2000.0
    assert found.fiat is None
    assert found.btc == pytest.approx(SAT / 1e8)


def test_f33_an_expired_difficulty_earns_nothing():
    market = FakeMarket()
    own = earnings(market, chain_max_age=500.0)
    for now in range(0, 1001, 50):
        found = own.of("sha256", float(now), AT + now)
    assert found is not None
    assert (found.sat.seconds, found.worth.seconds, found.btc, found.fiat) == (500.0, 500.0, None, None)


@given(
    known=st.lists(st.tuples(st.booleans(), st.booleans(), st.floats(0, 3000)), min_size=1, max_size=30),
)
def test_f31_sums_cover_exactly_the_seconds_with_known_inputs(known):
    market, now, alive, priced = FakeMarket(), 0.0, 0.0, 0.0
    own = earnings(market, chain_max_age=2000.0)
    own.of("sha256", 0.0, AT)
    for has_difficulty, has_price, seconds in known:
        market.set_values(
            AT + now, difficulty=DIFFICULTY if has_difficulty else None, price=PRICE if has_price else None
        )
        own.of("sha256", now, AT + now)
        pieces, begun = 30, now
        for piece in range(1, pieces + 1):
            now = begun + seconds * piece / pieces
            found = own.of("sha256", now, AT + now)
        alive += min(seconds, 2000.0) if has_difficulty else 0.0
        priced += min(seconds, 900.0) if has_difficulty and has_price else 0.0
    assert found is not None
    assert found.sat.seconds == pytest.approx(alive, abs=1e-3)
    assert found.worth.seconds == pytest.approx(priced, abs=1e-3)
    assert found.sat.total * PH * DAY == pytest.approx(SAT * alive, rel=1e-6, abs=1e-3)


def test_other_algorithms_earn_only_with_a_configured_price():
    own = earnings(FakeMarket(), algorithms={"scrypt": HashratePrice(0.9, GH)}, pool_fee=0.1)
    own.of("scrypt", 0.0, AT)
    found = own.of("scrypt", 600.0, AT + 600)
    assert found is not None
    assert found.worth.total * 9.5 * GH == pytest.approx(0.9 * 9.5 * 0.9 * 600 / DAY * 1e6)
    assert (found.btc, found.sat.seconds, found.sat.rate) == (None, 0.0, None)
    for algorithm in ("kheavyhash", "other", "equihash", None):
        assert own.of(algorithm, 600.0, AT + 600) is None


@given(st.floats(1e-3, 1e6), st.sampled_from(["scrypt", "x11", "kheavyhash"]))
def test_the_bitcoin_market_does_not_affect_other_algorithms(price, algorithm):
    market = FakeMarket()
    own = earnings(market, algorithms={"scrypt": HashratePrice(0.9, GH)})
    before = own.of(algorithm, 0.0, AT)
    told = None if before is None else before.fiat
    market.set_values(AT, price=price, difficulty=price * 1e9)
    after = own.of(algorithm, 1.0, AT + 1)
    assert (after is None) == (algorithm != "scrypt")
    assert told == (None if after is None else after.fiat)


def test_without_a_market_the_earnings_of_bitcoin_are_unknown():
    assert earnings(None).of("sha256", 0.0, AT) is None


def test_a_price_in_another_currency_is_not_used():
    found = earnings(FakeMarket(currency="EUR")).of("sha256", 0.0, AT)
    assert found is not None
    assert found.fiat is None
    assert found.btc is not None


def test_new_terms_apply_from_the_time_of_the_change():
    market = FakeMarket()
    own = earnings(market)
    own.of("sha256", 0.0, AT)
    own.of("sha256", 100.0, AT + 100)
    own.apply_terms(terms(pool_fee=0.5), 100.0)
    found = own.of("sha256", 200.0, AT + 200)
    assert found is not None
    assert found.sat.total * PH * DAY == pytest.approx(SAT * (100 + 50))
