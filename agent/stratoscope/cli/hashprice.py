"""Calculates hashprice, and what a rig earns and costs by it: `stratoscope hashprice`."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from stratoscope.cli.numbers import HIGHEST
from stratoscope.cli.rig_options import AsJson, Check, CheckUnit, Efficiency, PoolFee, PowerPrice, Unit

if TYPE_CHECKING:
    from rich.table import Table


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """The checked options."""

    difficulty: float
    height: int
    fees: float  # BTC per block
    fees_known: bool = True  # False where none were given: then they are 0 for lack of a better figure
    price: float | None
    currency: str
    efficiency: float | None
    power_price: float | None
    pool_fee: float

    @property
    def of_a_rig(self) -> bool:
        """Tell whether anything is known of a rig, so that its costs are asked for."""
        return self.efficiency is not None or self.power_price is not None


def hashprice(
    context: typer.Context,
    difficulty: Annotated[float | None, typer.Option("--difficulty", metavar="D", help="Network difficulty.")] = None,
    nbits: Annotated[
        str | None,
        typer.Option("--nbits", metavar="BITS", help="A header's compact target instead."),
    ] = None,
    height: Annotated[
        int | None,
        typer.Option("--height", min=0, max=HIGHEST, metavar="N", help="Block height; it fixes the subsidy."),
    ] = None,
    fees: Annotated[
        float | None,
        typer.Option("--fees", metavar="BTC", help="Fees per block, as a rule the mean of 144 blocks [0]."),
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
    """Calculate the hashprice by difficulty (what FPPS credits), and a rig's breakevens and margin by it.

    Hashprice is before the pool's fee; the figures of the rig are after it. What is undefined is null.
    `stratoscope hashprice live` takes difficulty, fees and price as they are now. With --check the exit code is 1 when
    the published hashprice implies less than the subsidy, or another share of fees than --fees.
    """
    if context.invoked_subcommand is not None:
        _nothing_before(context)
        return

    inputs = Inputs(
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
    show(inputs, reckoned(inputs, pool_fee, check, check_unit), as_json)


def reckoned(inputs: Inputs, pool_fee: float | None, check: float | None, unit: CheckUnit) -> dict[str, Any]:
    """Return everything that follows from the options, under public names; raises UsageError."""
    from stratoscope.cli.hashprice_check import check_of

    checked(inputs, pool_fee)
    document = network(inputs)
    if inputs.of_a_rig:
        document |= rig(inputs, document["hashprice_fiat_per_ph_day"])
    if check is not None:
        document |= check_of(check, unit, inputs)
    return document


def show(inputs: Inputs, document: dict[str, Any], as_json: bool, more: Mapping[str, str] | None = None) -> None:
    """Print the document, as a table with `more` rows or as JSON; end with exit code 1 when a check in it failed."""
    from stratoscope.cli.hashprice_check import failed
    from stratoscope.cli.output import console, print_json

    if as_json:
        print_json(document)
    else:
        console().print(table_of(inputs, document, more or {}))
    if failed(document):
        raise typer.Exit(1)


def _nothing_before(context: typer.Context) -> None:
    """Raise UsageError for an option that stands before `live`, where it would do nothing."""
    from stratoscope.errors import UsageError

    given = [name for name in context.params if getattr(context.get_parameter_source(name), "name", "") != "DEFAULT"]
    if given:
        option = f"--{given[0].removeprefix('as_').replace('_', '-')}"
        raise UsageError(
            f"{option} stands before `live`: write it after, if `stratoscope hashprice live --help` has it"
        )


def network(inputs: Inputs) -> dict[str, Any]:
    """Return what the network pays, under its public names."""
    from decimal import Decimal

    from stratoscope.market import chain
    from stratoscope.market.hashprice import hashprice as by_difficulty
    from stratoscope.units import SATOSHIS

    subsidy = chain.subsidy(inputs.height)
    reward = subsidy + Decimal(str(inputs.fees)) * SATOSHIS
    found = by_difficulty(inputs.difficulty, float(reward), inputs.price)
    return {
        "subsidy_btc": subsidy / SATOSHIS,
        "reward_btc": float(reward / SATOSHIS),
        "hashprice_btc_per_ph_day": found and found.btc_per_ph_day,
        "hashprice_sats_per_th_day": found and found.sats_per_th_day,
        "hashprice_fiat_per_ph_day": found and found.fiat_per_ph_day,
        "currency": inputs.currency,
        "network_hashrate_implied_hashes_per_second": chain.implied_hashrate(inputs.difficulty),
    }


def rig(inputs: Inputs, fiat: float | None) -> dict[str, Any]:
    """Return what a rig earns and costs at a hashprice of `fiat` per PH/s per day; None where it is undefined."""
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
        raise UsageError("--height is missing: it fixes the subsidy; write the height of the newest block")
    return height


def checked(inputs: Inputs, pool_fee: float | None) -> None:
    """Raise UsageError for the first option that cannot be meant."""
    from stratoscope.cli import numbers
    from stratoscope.errors import UsageError

    numbers.above("--difficulty", inputs.difficulty, 0, 1e70, "write it in full, as 146480880000000")
    numbers.above("--price", inputs.price, 0, 1e15, "leave it out for BTC figures only")
    numbers.above("--efficiency", inputs.efficiency, 0, 1e15, "write joules per terahash, as 17.5")
    numbers.within("--power-price", inputs.power_price, -1e9, 1e9, "write the price of a kWh, as 0.045")
    numbers.within("--fees", inputs.fees, 0, 21e6, "write BTC per block, as 0.0169")
    numbers.ratio("--pool-fee", pool_fee)
    if pool_fee is not None and not inputs.of_a_rig:
        raise UsageError("--pool-fee bears on a rig's figures only: add --efficiency, --power-price or both")
    if not re.fullmatch(r"[A-Z]{3,5}", inputs.currency):
        raise UsageError(f"--currency {inputs.currency!r} is no currency code: write one such as USD or EUR")


def table_of(inputs: Inputs, document: dict[str, Any], more: Mapping[str, str]) -> "Table":
    """Return the document as a table for people, with `more` rows at its end."""
    from rich.table import Table

    from stratoscope.cli.hashprice_check import rows_of
    from stratoscope.cli.human import hashrate, quantity
    from stratoscope.cli.output import text

    fiat = inputs.currency
    table = Table(title=text("Hashprice by difficulty", "bold"), title_justify="left", show_header=False)
    margin = document.get("gross_margin_ratio")
    cells = {
        "difficulty": f"{inputs.difficulty:,.2f}",
        "network hashrate implied": hashrate(document["network_hashrate_implied_hashes_per_second"]),
        "block reward": f"{document['reward_btc']:.8f} BTC, {document['subsidy_btc']:g} of it subsidy",
        "hashprice": f"{document['hashprice_btc_per_ph_day']:.8f} BTC/PH/day",
        "": f"{document['hashprice_sats_per_th_day']:.3f} sat/TH/day",
        " ": quantity(document["hashprice_fiat_per_ph_day"], f"{fiat}/PH/day", 2),
    }
    if inputs.of_a_rig:
        cells |= {
            "revenue": quantity(document["revenue_fiat_per_mwh"], f"{fiat}/MWh", 2),
            "hashcost": quantity(document["hashcost_fiat_per_ph_day"], f"{fiat}/PH/day", 2),
            "breakeven power price": quantity(document["breakeven_power_price_fiat_per_kwh"], f"{fiat}/kWh", 4),
            "breakeven efficiency": quantity(document["breakeven_efficiency_joules_per_terahash"], "J/TH", 2),
            "gross margin": quantity(None if margin is None else margin * 100, "%", 1),
        }
    if "check_verdict" in document:
        cells |= rows_of(document)
    for name, cell in (cells | dict(more)).items():
        table.add_row(text(name), text(cell))
    return table
