"""Asks for difficulty, fees and price as they are now: `stratoscope hashprice live`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from stratoscope.cli.rig_options import AsJson, Check, CheckUnit, Efficiency, PoolFee, PowerPrice, Unit

PERCENT: Final = 100.0
VERDICTS: Final = {
    "fits": "fits our own fees",
    "below_subsidy": "cannot be: below the subsidy",
    "fees_differ": "doubtful: implies other fees than ours",
    "unchecked": "not below the subsidy",
}

if TYPE_CHECKING:
    from stratoscope.cli.hashprice import Inputs
    from stratoscope.market.records import MarketNow
    from stratoscope.market.settings import MarketSettings


def live(
    config: Annotated[
        Path | None, typer.Option("--config", "-c", metavar="FILE", help="Ask the sources of this config.")
    ] = None,
    mempool: Annotated[
        str | None, typer.Option("--mempool", metavar="URL", help="Ask this mempool for everything instead.")
    ] = None,
    allow_http: Annotated[
        bool, typer.Option("--allow-http", help="Let that URL be plain http beyond this machine.")
    ] = False,
    currency: Annotated[
        str | None, typer.Option("--currency", metavar="CODE", help="Currency of the price [the config's, else USD].")
    ] = None,
    efficiency: Efficiency = None,
    power_price: PowerPrice = None,
    pool_fee: PoolFee = None,
    check: Check = None,
    check_unit: Unit = CheckUnit.BTC_PER_PH_DAY,
    as_json: AsJson = False,
) -> None:
    """Show the hashprice of now, with the age of every input.

    Without --config and --mempool it asks mempool.space for the network, and takes the median of Coinbase, Kraken,
    Bitstamp and mempool.space for the price.
    """
    from stratoscope.cli.hashprice import reckoned, show
    from stratoscope.cli.output import note, run_loop

    now = run_loop(_ask(_settings(config, mempool, allow_http, currency)))
    inputs = _inputs(now, efficiency, power_price, pool_fee)
    document = reckoned(inputs, pool_fee, check, check_unit) | _more(now)
    for name, why in now.stale.items():
        note(f"{name}: {why}")
    show(inputs, document, as_json, _rows(document, now))


def _settings(config: Path | None, mempool: str | None, allow_http: bool, currency: str | None) -> "MarketSettings":
    import re
    from dataclasses import replace

    from stratoscope.errors import UsageError
    from stratoscope.market.settings import MarketSettings

    if config is not None and mempool is not None:
        raise UsageError("give --config or --mempool, not both")
    if currency is not None and not re.fullmatch(r"[A-Za-z]{3}", currency):
        raise UsageError(f"--currency {currency!r} is no currency code: write one such as USD or EUR")
    found = MarketSettings()
    if config is not None:
        found = _of_config(config)
    elif mempool is not None:
        found = _of_mempool(mempool, allow_http)
    return found if currency is None else replace(found, currency=currency.upper())


def _of_config(config: Path) -> "MarketSettings":
    import os

    from stratoscope.config import load
    from stratoscope.errors import ConfigError

    market = load(config, os.environ).market
    if market is None:
        raise ConfigError(f"{config} has no section market: add `market: {{}}` for the default sources")
    return market.settings()


def _of_mempool(url: str, allow_http: bool) -> "MarketSettings":
    from stratoscope.errors import UsageError
    from stratoscope.market.settings import MarketSettings, SourceSettings
    from stratoscope.outside.fetch import base_url

    try:
        base_url(url, allow_http=allow_http)
    except ValueError as error:
        text = str(error).replace("add allow_http: true", "add --allow-http")
        raise UsageError(f"--mempool cannot be used: {text}") from None
    source = SourceSettings(kind="mempool", url=url, allow_http=allow_http)
    return MarketSettings(network=(source,), prices=(source,))


async def _ask(settings: "MarketSettings") -> "MarketNow":
    import random

    from stratoscope.clock import SystemClock
    from stratoscope.market.service import LiveMarket

    market = LiveMarket(settings, SystemClock(), chance=random.random)
    try:
        return await market.once()
    finally:
        await market.close()


def _inputs(now: "MarketNow", efficiency: float | None, power_price: float | None, pool_fee: float | None) -> "Inputs":
    from stratoscope.cli.hashprice import Inputs
    from stratoscope.errors import SourceError
    from stratoscope.units import SATOSHIS

    if now.difficulty is None or now.fees is None or now.height is None:
        why = "; ".join(f"{name}: {now.stale[name]}" for name in ("difficulty", "fees") if name in now.stale)
        raise SourceError("unknown", why)
    return Inputs(
        difficulty=now.difficulty.value,
        height=int(now.height.value),
        fees=now.fees.value / SATOSHIS,
        price=None if now.price is None else now.price.value,
        currency=now.currency,
        efficiency=efficiency,
        power_price=power_price,
        pool_fee=pool_fee or 0.0,
    )


def _more(now: "MarketNow") -> dict[str, Any]:
    """Return what only the market of now can say: its inputs with their ages, the other hashprice, what comes next."""
    from stratoscope.units import SATOSHIS

    known = {"height": now.height, "difficulty": now.difficulty, "fees": now.fees, "price": now.price}
    observed, adjustment = now.observed, now.adjustment
    return {
        "height": None if now.height is None else int(now.height.value),
        "difficulty": None if now.difficulty is None else now.difficulty.value,
        "fees_btc": None if now.fees is None else now.fees.value / SATOSHIS,
        "price_fiat": None if now.price is None else now.price.value,
        "observed_hashprice_btc_per_ph_day": observed and observed.observed_btc_per_ph_day,
        "observed_hashprice_fiat_per_ph_day": observed and observed.observed_fiat_per_ph_day,
        "network_hashrate_hashes_per_second": {str(n): rate.value for n, rate in now.network_hashrate.items()},
        "difficulty_adjustment_ratio": adjustment and adjustment.change,
        "difficulty_adjustment_forecast_error_ratio": adjustment and adjustment.forecast_error,
        "difficulty_adjustment_remaining_blocks": adjustment and adjustment.remaining_blocks,
        "inputs": {
            name: {"age_seconds": max(0.0, now.at - one.at), "source": one.source}
            for name, one in known.items()
            if one is not None
        },
        "references": {
            name: {
                "hashprice_btc_per_ph_day": one.btc_per_ph_day,
                "age_seconds": one.age,
                "deviation_ratio": one.deviation,
                "verdict": one.check and one.check.verdict,
            }
            for name, one in now.published.items()
        },
        "unusable": dict(now.stale),
    }


def _rows(document: dict[str, Any], now: "MarketNow") -> dict[str, str]:
    """Return the rows for people that the calculator's table has not."""
    from stratoscope.cli.human import duration, quantity

    fiat, ahead = now.currency, now.adjustment
    observed = quantity(document["observed_hashprice_fiat_per_ph_day"], f"{fiat}/PH/day by observed hashrate", 2)
    rows = {"price": quantity(document["price_fiat"], fiat, 2), "hashprice observed": observed}
    if ahead is not None:
        change = f"{ahead.change * PERCENT:+.2f} % ± {ahead.forecast_error * PERCENT:.2f} %"
        rows["next adjustment"] = f"{change} in {ahead.remaining_blocks:,} blocks"
    for name, one in document["inputs"].items():
        rows[f"{name} from"] = f"{one['source']}, {duration(one['age_seconds'])} old"
    for name, one in document["references"].items():
        value = quantity(one["hashprice_btc_per_ph_day"], "BTC/PH/day", 8)
        rows[f"hashprice of {name}"] = f"{value}, {VERDICTS.get(one['verdict'], 'not checked')}"
    return rows
