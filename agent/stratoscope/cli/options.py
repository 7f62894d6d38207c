"""Defines the options and arguments that several commands share, each with one help text."""

from enum import StrEnum
from typing import Annotated, Any

import typer

from stratoscope.cli.numbers import MAX_HEIGHT

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document on stdout.")]


def _height(text: str) -> Any:
    return typer.Option("--height", min=0, max=MAX_HEIGHT, metavar="N", help=text)


Height = Annotated[int | None, _height("Block height, which determines the subsidy.")]
TipHeight = Annotated[int, _height("Height of the newest block.")]


class CheckUnit(StrEnum):
    """The unit of a published hashprice."""

    BTC_PER_PH_DAY = "btc_per_ph_day"
    SATS_PER_TH_DAY = "sats_per_th_day"
    FIAT_PER_PH_DAY = "fiat_per_ph_day"
    FIAT_PER_TH_DAY = "fiat_per_th_day"


Efficiency = Annotated[
    float | None,
    typer.Option("--efficiency", metavar="J/TH", help="Efficiency of a rig; also show its costs."),
]
PowerPrice = Annotated[
    float | None, typer.Option("--power-price", metavar="PER_KWH", help="Price of a kWh, can be negative.")
]
PoolFee = Annotated[
    float | None, typer.Option("--pool-fee", metavar="RATIO", help="Pool fee of the rig: 0.02 is 2 % [default: 0].")
]
Check = Annotated[
    float | None,
    typer.Option("--check", metavar="HASHPRICE", help="Check a published hashprice for plausibility."),
]
Unit = Annotated[CheckUnit, typer.Option("--check-unit", help="Unit of the published hashprice.")]

Host = Annotated[
    str,
    typer.Argument(metavar="HOST[:PORT]", help="Address of the rig; write IPv6 with a port as [v6]:port."),
]
DriverName = Annotated[
    str | None, typer.Option("--driver", metavar="NAME", help="Use this driver [default: detect it].")
]
User = Annotated[str | None, typer.Option("--user", metavar="NAME", help="User of the rig's web API.")]
Password = Annotated[
    str | None,
    typer.Option(
        "--password", metavar="REFERENCE", help="Password of the user: env:NAME, file:/path or credential:name."
    ),
]
HttpPort = Annotated[
    int | None,
    typer.Option("--http-port", min=1, max=65535, metavar="PORT", help="Port of the web API [default: 80]."),
]
Ports = Annotated[
    list[str] | None,
    typer.Option(
        "--port", metavar="USUAL=ACTUAL", help="Use another port instead of a usual one, as 4433=14433; repeatable."
    ),
]
Timeout = Annotated[
    float, typer.Option("--timeout", min=0.5, max=120, metavar="SECONDS", help="Timeout of one exchange with the rig.")
]
RigCount = Annotated[int, typer.Option("--rigs", "-n", min=1, max=20_000, help="Number of simulated rigs.")]
Seed = Annotated[int, typer.Option("--seed", help="Random seed; the same seed gives the same fleet and faults.")]
