"""Implements `stratoscope hashprice`: calculates hashprice, and the revenue and cost of a rig."""

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from stratoscope.cli.hashprice_inputs import HashpriceInputs
from stratoscope.cli.options import AsJson, Check, CheckUnit, Efficiency, Height, PoolFee, PowerPrice, Unit

if TYPE_CHECKING:
    from rich.table import Table


def hashprice(
    context: typer.Context,
    difficulty: Annotated[float | None, typer.Option("--difficulty", metavar="D", help="Network difficulty.")] = None,
    nbits: Annotated[
        str | None,
        typer.Option("--nbits", metavar="BITS", help="Compact target of a block header, instead of --difficulty."),
    ] = None,
    height: Height = None,
    fees: Annotated[
        float | None,
        typer.Option("--fees", metavar="BTC", help="Fees per block, usually the mean of 144 blocks [default: 0]."),
    ] = None,
    price: Annotated[float | None, typer.Option("--price", metavar="FIAT", help="Price of one bitcoin.")] = None,
    currency: Annotated[str, typer.Option("--currency", metavar="CODE", help="Currency of all prices.")] = "USD",
    efficiency: Efficiency = None,
    power_price: PowerPrice = None,
    pool_fee: PoolFee = None,
    check: Check = None,
    check_unit: Unit = CheckUnit.BTC_PER_PH_DAY,
    as_json: AsJson = False,
) -> None:
    """Calculate the hashprice from the difficulty (what FPPS pays), and breakevens and margin of a rig.

    The hashprice is before the pool fee, the figures of the rig are after it. Undefined values are null. `stratoscope
    hashprice live` uses the current difficulty, fees and price. With --check, the exit code is 1 if the published
    hashprice implies less than the subsidy, or a different share of fees than --fees.
    """
    if context.invoked_subcommand is not None:
        _reject_options_before_live(context)
        return

    inputs = HashpriceInputs(
        difficulty=_difficulty(difficulty, nbits),
        height=_height(height),
        fees=fees or 0.0,
        fees_known=fees is not None,
        price=price,
        currency=currency.upper(),
        efficiency=efficiency,
        power_price=power_price,
        pool_fee=pool_fee or 0.0,
    )
    print_result(inputs, calculate(inputs, pool_fee, check, check_unit), as_json)


def calculate(inputs: HashpriceInputs, pool_fee: float | None, check: float | None, unit: CheckUnit) -> dict[str, Any]:
    """Validate the inputs and return all results as a JSON object; raise UsageError."""
    from stratoscope.cli.hashprice_check import check_document

    validate(inputs, pool_fee)
    document = network_results(inputs)
    if inputs.describes_a_rig:
        document |= rig_results(inputs, document["hashprice_fiat_per_ph_day"])
    if check is not None:
        document |= check_document(check, unit, inputs)
    return document


def print_result(
    inputs: HashpriceInputs, document: dict[str, Any], as_json: bool, more: Mapping[str, str] | None = None
) -> None:
    """Print the results as JSON, or as a table with the rows `more`; exit with code 1 if the check failed."""
    from stratoscope.cli.hashprice_check import check_failed
    from stratoscope.cli.output import console, print_json

    if as_json:
        print_json(document)
    else:
        console().print(results_table(inputs, document, more or {}))
    if check_failed(document):
        raise typer.Exit(1)


def _reject_options_before_live(context: typer.Context) -> None:
    """Raise UsageError for an option before the word `live`, where it has no effect."""
    from stratoscope.errors import UsageError

    given = [name for name in context.params if getattr(context.get_parameter_source(name), "name", "") != "DEFAULT"]
    if given:
        option = f"--{given[0].removeprefix('as_').replace('_', '-')}"
        raise UsageError(
            f"{option} is before `live`: write it after `live`, if `stratoscope hashprice live --help` lists it"
        )


def network_results(inputs: HashpriceInputs) -> dict[str, Any]:
    """Return what the network pays."""
    from decimal import Decimal

    from stratoscope.market import chain
    from stratoscope.market.hashprice import hashprice as by_difficulty
    from stratoscope.units import SATOSHIS

    subsidy = chain.subsidy(inputs.height)
    reward = subsidy + Decimal(str(inputs.fees)) * SATOSHIS
    price = by_difficulty(inputs.difficulty, float(reward), inputs.price)
    return {
        "subsidy_btc": subsidy / SATOSHIS,
        "reward_btc": float(reward / SATOSHIS),
        "hashprice_btc_per_ph_day": price and price.btc_per_ph_day,
        "hashprice_sats_per_th_day": price and price.sats_per_th_day,
        "hashprice_fiat_per_ph_day": price and price.fiat_per_ph_day,
        "currency": inputs.currency,
        "network_hashrate_implied_hashes_per_second": chain.implied_hashrate(inputs.difficulty),
    }


def rig_results(inputs: HashpriceInputs, fiat: float | None) -> dict[str, Any]:
    """Return the revenue and cost of a rig at a hashprice of `fiat` per PH/s and day; None where undefined."""
    from stratoscope.market import costs

    efficiency, power, fee = inputs.efficiency, inputs.power_price, inputs.pool_fee
    hashcost = costs.hashcost(efficiency, power)
    return {
        "revenue_fiat_per_mwh": costs.revenue_per_mwh(fiat, efficiency, fee),
        "hashcost_fiat_per_ph_day": hashcost,
        "breakeven_power_price_fiat_per_kwh": costs.breakeven_power_price(fiat, efficiency, fee),
        "breakeven_efficiency_joules_per_terahash": costs.breakeven_efficiency(fiat, power, fee),
        "gross_margin_ratio": costs.gross_margin_ratio(costs.net_hashprice(fiat, fee), hashcost),
    }


def _difficulty(difficulty: float | None, nbits: str | None) -> float:
    from stratoscope.cli import numbers
    from stratoscope.errors import UsageError

    if (difficulty is None) == (nbits is None):
        raise UsageError("give exactly one of --difficulty and --nbits")
    return numbers.nbits(nbits) if nbits is not None else difficulty or 0.0


def _height(height: int | None) -> int:
    from stratoscope.errors import UsageError

    if height is None:
        raise UsageError("--height is missing: give the height of the newest block, which determines the subsidy")
    return height


def validate(inputs: HashpriceInputs, pool_fee: float | None) -> None:
    """Raise UsageError for the first invalid option."""
    from stratoscope.cli import numbers
    from stratoscope.errors import UsageError

    numbers.above("--difficulty", inputs.difficulty, 0, 1e70, "write all digits, as 146480880000000")
    numbers.above("--price", inputs.price, 0, 1e15, "omit it for figures in BTC only")
    numbers.above("--efficiency", inputs.efficiency, 0, 1e15, "write joules per terahash, as 17.5")
    numbers.within("--power-price", inputs.power_price, -1e9, 1e9, "write the price of a kWh, as 0.045")
    numbers.within("--fees", inputs.fees, 0, 21e6, "write BTC per block, as 0.0169")
    numbers.ratio("--pool-fee", pool_fee)
    if pool_fee is not None and not inputs.describes_a_rig:
        raise UsageError("--pool-fee only affects the figures of a rig: add --efficiency, --power-price or both")
    if not re.fullmatch(r"[A-Z]{3,5}", inputs.currency):
        raise UsageError(f"--currency {inputs.currency!r} is not a currency code: write one such as USD or EUR")


def results_table(inputs: HashpriceInputs, document: dict[str, Any], more: Mapping[str, str]) -> "Table":
    """Return the results as a table, followed by the rows `more`."""
    from rich.table import Table

    from stratoscope.cli.hashprice_check import check_rows
    from stratoscope.cli.output import text
    from stratoscope.text.quantities import network_hashrate, percent_tenths, with_unit

    fiat = inputs.currency
    table = Table(title=text("Hashprice from difficulty", "bold"), title_justify="left", show_header=False)
    margin = document.get("gross_margin_ratio")
    cells = {
        "difficulty": f"{inputs.difficulty:,.2f}",
        "implied network hashrate": network_hashrate(document["network_hashrate_implied_hashes_per_second"]),
        "block reward": f"{document['reward_btc']:.8f} BTC, including the subsidy of {document['subsidy_btc']:g}",
        "hashprice": f"{document['hashprice_btc_per_ph_day']:.8f} BTC/PH/day",
        "": f"{document['hashprice_sats_per_th_day']:.3f} sat/TH/day",
        " ": with_unit(document["hashprice_fiat_per_ph_day"], f"{fiat}/PH/day", 2),
    }
    if inputs.describes_a_rig:
        cells |= {
            "revenue": with_unit(document["revenue_fiat_per_mwh"], f"{fiat}/MWh", 2),
            "hashcost": with_unit(document["hashcost_fiat_per_ph_day"], f"{fiat}/PH/day", 2),
            "breakeven power price": with_unit(document["breakeven_power_price_fiat_per_kwh"], f"{fiat}/kWh", 4),
            "breakeven efficiency": with_unit(document["breakeven_efficiency_joules_per_terahash"], "J/TH", 2),
            "gross margin": percent_tenths(margin),
        }
    if "check_verdict" in document:
        cells |= check_rows(document)
    for name, cell in (cells | dict(more)).items():
        table.add_row(text(name), text(cell))
    return table
