"""Holds the options that `hashprice` and `hashprice live` share: what is known of a rig, and a hashprice to check."""

from enum import StrEnum
from typing import Annotated

import typer


class CheckUnit(StrEnum):
    """What a hashprice to check is counted in."""

    BTC_PER_PH_DAY = "btc_per_ph_day"
    SATS_PER_TH_DAY = "sats_per_th_day"
    FIAT_PER_PH_DAY = "fiat_per_ph_day"
    FIAT_PER_TH_DAY = "fiat_per_th_day"


Efficiency = Annotated[
    float | None, typer.Option("--efficiency", metavar="J/TH", help="The rig's efficiency: also show its costs.")
]
PowerPrice = Annotated[
    float | None, typer.Option("--power-price", metavar="PER_KWH", help="Power price; may be negative.")
]
PoolFee = Annotated[
    float | None, typer.Option("--pool-fee", metavar="RATIO", help="Pool fee of the rig, 0.02 for 2 %.")
]
Check = Annotated[
    float | None,
    typer.Option("--check", metavar="HASHPRICE", help="Hold a published hashprice against subsidy and fees."),
]
Unit = Annotated[CheckUnit, typer.Option("--check-unit", help="What that hashprice is counted in.")]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")]
