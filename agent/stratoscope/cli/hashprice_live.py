"""Implements `stratoscope hashprice live`: queries the current difficulty, fees and price."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from stratoscope.cli.hashprice_inputs import HashpriceInputs
from stratoscope.cli.options import AsJson, Check, CheckUnit, Efficiency, PoolFee, PowerPrice, Unit

PERCENT: Final = 100.0
VERDICTS: Final = {
    "fits": "plausible",
    "below_subsidy": "impossible: below the subsidy",
    "fees_differ": "doubtful: implies different fees",
    "unchecked": "not below the subsidy",
}

if TYPE_CHECKING:
    from stratoscope.market.records import MarketState
    from stratoscope.market.settings import MarketSettings


def live(
    config: Annotated[
        Path | None,
        typer.Option("--config", "-c", metavar="FILE", help="Query the sources of this config [default: see below]."),
    ] = None,
    mempool: Annotated[
        str | None, typer.Option("--mempool", metavar="URL", help="Query this mempool server for all inputs.")
    ] = None,
    allow_http: Annotated[
        bool, typer.Option("--allow-http", help="Allow plain http to another machine for --mempool.")
    ] = False,
    currency: Annotated[
        str | None,
        typer.Option("--currency", metavar="CODE", help="Currency of the price [default: of the config, else USD]."),
    ] = None,
    efficiency: Efficiency = None,
    power_price: PowerPrice = None,
    pool_fee: PoolFee = None,
    check: Check = None,
    check_unit: Unit = CheckUnit.BTC_PER_PH_DAY,
    as_json: AsJson = False,
) -> None:
    """Show the current hashprice, with the age of every input.

    Without --config and --mempool, mempool.space is queried for the network, and the price is the median of Coinbase,
    Kraken, Bitstamp and mempool.space.
    """
    from stratoscope.cli.hashprice import calculate, print_result
    from stratoscope.cli.output import note, run_loop

    now = run_loop(_query(_settings(config, mempool, allow_http, currency)))
    inputs = _inputs(now, efficiency, power_price, pool_fee)
    document = calculate(inputs, pool_fee, check, check_unit) | _live_document(now)
    for name, why in now.stale.items():
        note(f"{name}: {why}")
    print_result(inputs, document, as_json, _rows(document, now))


def _settings(config: Path | None, mempool: str | None, allow_http: bool, currency: str | None) -> "MarketSettings":
    import re
    from dataclasses import replace

    from stratoscope.errors import UsageError
    from stratoscope.market.settings import MarketSettings

    if config is not None and mempool is not None:
        raise UsageError("give only one of --config and --mempool")
    if currency is not None and not re.fullmatch(r"[A-Za-z]{3}", currency):
        raise UsageError(f"--currency {currency!r} is not a currency code: write one such as USD or EUR")
    found = MarketSettings()
    if config is not None:
        found = _config_settings(config)
    elif mempool is not None:
        found = _mempool_settings(mempool, allow_http)
    return found if currency is None else replace(found, currency=currency.upper())


def _config_settings(config: Path) -> "MarketSettings":
    import os

    from stratoscope.config import load
    from stratoscope.errors import ConfigError

    market = load(config, os.environ).market
    if market is None:
        raise ConfigError(f"{config} has no section `market`: add `market: {{}}` for the default sources")
    return market.settings()


def _mempool_settings(url: str, allow_http: bool) -> "MarketSettings":
    from stratoscope.errors import UsageError
    from stratoscope.market.settings import MarketSettings, MarketSourceSettings
    from stratoscope.outside.fetch import base_url

    try:
        base_url(url, allow_http=allow_http)
    except ValueError as error:
        text = str(error).replace("add allow_http: true", "add --allow-http")
        raise UsageError(f"--mempool {url!r} is unusable: {text}") from None
    source = MarketSourceSettings(kind="mempool", url=url, allow_http=allow_http)
    return MarketSettings(network=(source,), prices=(source,))


async def _query(settings: "MarketSettings") -> "MarketState":
    import random

    from stratoscope.clock import SystemClock
    from stratoscope.market.service import MarketService

    market = MarketService(settings, SystemClock(), random01=random.random)
    try:
        return await market.once()
    finally:
        await market.close()


def _inputs(
    now: "MarketState", efficiency: float | None, power_price: float | None, pool_fee: float | None
) -> HashpriceInputs:
    from stratoscope.errors import SourceError
    from stratoscope.units import SATOSHIS

    if now.difficulty is None or now.fees is None or now.height is None:
        why = "; ".join(f"{name}: {now.stale[name]}" for name in ("difficulty", "fees") if name in now.stale)
        raise SourceError("unknown", why)
    return HashpriceInputs(
        difficulty=now.difficulty.value,
        height=int(now.height.value),
        fees=now.fees.value / SATOSHIS,
        price=None if now.price is None else now.price.value,
        currency=now.currency,
        efficiency=efficiency,
        power_price=power_price,
        pool_fee=pool_fee or 0.0,
    )


def _live_document(now: "MarketState") -> dict[str, Any]:
    """Return the current inputs with their ages, the observed hashprice, the next adjustment and the references."""
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


def _rows(document: dict[str, Any], now: "MarketState") -> dict[str, str]:
    """Return the rows of the table that the calculator does not have."""
    from stratoscope.text.quantities import duration, with_unit

    fiat, ahead = now.currency, now.adjustment
    observed = with_unit(document["observed_hashprice_fiat_per_ph_day"], f"{fiat}/PH/day, by the observed hashrate", 2)
    rows = {"price": with_unit(document["price_fiat"], fiat, 2), "observed hashprice": observed}
    if ahead is not None:
        change = f"{ahead.change * PERCENT:+.2f} % ± {ahead.forecast_error * PERCENT:.2f} %"
        rows["next adjustment"] = f"{change} in {ahead.remaining_blocks:,} blocks"
    for name, one in document["inputs"].items():
        rows[f"{name} from"] = f"{one['source']}, {duration(one['age_seconds'])} old"
    for name, one in document["references"].items():
        value = with_unit(one["hashprice_btc_per_ph_day"], "BTC/PH/day", 8)
        rows[f"hashprice of {name}"] = f"{value}, {VERDICTS.get(one['verdict'], 'not checked')}"
    return rows
