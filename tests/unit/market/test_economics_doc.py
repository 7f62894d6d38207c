"""The worked example of docs/economics.md matches the program, figure by figure."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from fakes.doc_tables import is_shown, number, rows
from stratoscope.market import adjustment, chain, costs, hosting
from stratoscope.market import hashprice as hp
from stratoscope.market.curtailment import strike_price
from stratoscope.market.revenue import revenue_per_day
from stratoscope.market.tariff import Adders, Tariff, price_at
from stratoscope.units import DAY, EH, SATOSHIS, TH, joules_per_terahash
from unit.market.oracles import charges_between, mining_net_per_mwh, satoshis_earned

DOC = "economics.md"
GIVEN = {name: number(value) for name, value in rows(DOC, "Given")}
WORKED = dict(rows(DOC, "Worked"))


def given(name: str) -> float:
    return float(GIVEN[name])


def tariff() -> Tariff:
    return Tariff(
        currency="USD",
        timezone=ZoneInfo("UTC"),
        price=GIVEN["energy price"],
        adders=Adders(per_kwh=GIVEN["delivery"], markup_ratio=GIVEN["tax ratio"], loss_ratio=GIVEN["loss ratio"]),
        credit_per_kwh=GIVEN["curtailment credit"],
        overhead_ratio=GIVEN["overhead ratio"],
    )


def calculated() -> dict[str, float | None]:
    """Return every figure of the worked example, calculated by the program."""
    fee = given("pool fee ratio")
    subsidy = chain.subsidy(int(given("block height")))
    reward = subsidy + given("fees per block") * SATOSHIS
    price = hp.hashprice(given("difficulty"), reward, given("price"))
    observed = hp.observed_hashprice(given("observed network hashrate") * EH, reward, given("price"))
    assert price is not None
    assert observed is not None
    hashrate, power = given("rig hashrate") * TH, tariff().metered(given("rig power"))
    efficiency = joules_per_terahash(power, hashrate)
    day = datetime(2026, 1, 12, tzinfo=UTC).timestamp()
    kwh = price_at(tariff(), day)
    assert kwh.average is not None
    assert kwh.marginal is not None
    bill = charges_between(tariff(), day, day + DAY).cost(power)
    assert bill is not None
    cost, average = float(bill), float(kwh.average)
    revenue = revenue_per_day(hashrate, price.fiat_per_ph_day, fee)
    assert revenue is not None
    change = adjustment.estimate_adjustment(
        462 * chain.BLOCKS_PER_EPOCH + int(given("blocks into the epoch")),
        day,
        day + given("time since the epoch began"),
    )
    assert change is not None
    net_mwh = mining_net_per_mwh(price.fiat_per_ph_day, efficiency, average, fee)
    return {
        "subsidy": subsidy / SATOSHIS,
        "reward": reward / SATOSHIS,
        "network hashrate implied": chain.implied_hashrate(given("difficulty")) / EH,
        "share of the network": (chain.network_share(hashrate, given("observed network hashrate") * EH) or 0) * 1e9,
        "hashprice by difficulty": price.btc_per_ph_day,
        "hashprice by difficulty in satoshis": price.sats_per_th_day,
        "hashprice by difficulty in dollars": price.fiat_per_ph_day,
        "hashprice by observed hashrate": observed.observed_fiat_per_ph_day,
        "JPMorgan's revenue": observed.observed_fiat_per_eh_day,
        "satoshis earned in a day": satoshis_earned(hashrate * DAY, given("difficulty"), reward, fee),
        "revenue per day": revenue,
        "metered power": power,
        "efficiency at the meter": efficiency,
        "average cost of a kWh": average,
        "marginal price of a kWh": float(kwh.marginal),
        "power cost per day": cost,
        "hashcost": costs.hashcost(efficiency, average),
        "gross margin": (costs.gross_margin_ratio(revenue, cost) or 0) * 100,
        "breakeven power price": costs.breakeven_power_price(price.fiat_per_ph_day, efficiency, fee),
        "revenue per MWh": costs.revenue_per_mwh(price.fiat_per_ph_day, efficiency, fee),
        "breakeven hashprice": costs.breakeven_hashprice(efficiency, average, fee),
        "breakeven efficiency": costs.breakeven_efficiency(price.fiat_per_ph_day, average, fee),
        "power cost of one BTC": costs.cost_per_bitcoin(price.btc_per_ph_day, efficiency, average, fee),
        "payback": costs.payback_days(given("capex"), revenue - cost),
        "payback with decay": costs.payback_days(given("capex"), revenue - cost, given("decay per day")),
        "strike price": strike_price(
            price.fiat_per_ph_day,
            joules_per_terahash(given("rig power"), hashrate),
            fee,
            overhead_ratio=given("overhead ratio"),
            margin=given("required margin"),
        ),
        "next adjustment": change.change * 100,
        "standard error of the adjustment": change.standard_error * 100,
        "forecast error of the adjustment": change.forecast_error * 100,
        "hashprice after the adjustment": adjustment.hashprice_after(price.fiat_per_ph_day or 0, change.change),
        "forward hashprice, 2016 blocks": adjustment.forward_hashprice(
            price.fiat_per_ph_day or 0, change.change, change.remaining_blocks, 2016
        ),
        "mining net of power": net_mwh,
        "hosting advantage over mining": hosting.opportunity_per_mw_year(given("hosting price"), net_mwh),
        "hashprice that equals hosting": hosting.breakeven_hashprice(given("hosting price"), efficiency, average, fee),
    }


def test_document_lists_exactly_the_calculated_figures() -> None:
    assert list(WORKED) == list(calculated())


@pytest.mark.parametrize("name", list(WORKED))
def test_documented_figure_equals_the_calculated_figure(name: str) -> None:
    found = calculated()[name]
    assert found is not None
    assert is_shown(found, WORKED[name]), f"calculated {found}, documented {WORKED[name]}"
