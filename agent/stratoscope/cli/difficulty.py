"""Implements `stratoscope difficulty`: estimates the next difficulty adjustment."""

from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from stratoscope.cli.options import AsJson, TipHeight

if TYPE_CHECKING:
    from rich.table import Table

    from stratoscope.market.adjustment import Adjustment

PERCENT: Final = 100.0


def difficulty(
    height: TipHeight,
    epoch_start: Annotated[str, typer.Option("--epoch-start", metavar="TIME", help="Time of the epoch's first block.")],
    now: Annotated[
        str | None, typer.Option("--now", metavar="TIME", help="Time of the estimate [default: now].")
    ] = None,
    previous_change: Annotated[
        float | None,
        typer.Option("--previous-change", metavar="PERCENT", help="Change at the last adjustment, requires --t504."),
    ] = None,
    t504: Annotated[
        str | None,
        typer.Option(
            "--t504",
            metavar="TIME",
            help="Time of the block 504 blocks before the tip; used before block 503 of an epoch.",
        ),
    ] = None,
    latest_block_time: Annotated[
        str | None,
        typer.Option(
            "--latest-block-time", metavar="TIME", help="Time of the newest block; used as the end of a complete epoch."
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Estimate the next difficulty adjustment and its error, with the method of mempool.

    TIME is seconds since 1970, or ISO 8601 with an offset.
    """
    from stratoscope.cli.numbers import moment, within
    from stratoscope.cli.output import console, print_json
    from stratoscope.clock import SystemClock
    from stratoscope.errors import UsageError
    from stratoscope.market.adjustment import WINDOW_BLOCKS, estimate_adjustment
    from stratoscope.market.chain import BLOCKS_PER_EPOCH

    within("--previous-change", previous_change, -75, 300, "write percent, as -1.2")
    if (t504 is None) != (previous_change is None):
        raise UsageError("--t504 and --previous-change go together: give both or neither")
    start = moment("--epoch-start", epoch_start)
    window_start = None if t504 is None else moment("--t504", t504)
    if window_start is not None and window_start >= start and height % BLOCKS_PER_EPOCH < WINDOW_BLOCKS - 1:
        raise UsageError(
            "--t504 is not before --epoch-start: the block 504 blocks before the tip is in the previous epoch"
        )
    estimate = estimate_adjustment(
        height,
        start,
        SystemClock().time() if now is None else moment("--now", now),
        previous_change=None if previous_change is None else previous_change / PERCENT,
        window_start=window_start,
        latest_block=None if latest_block_time is None else moment("--latest-block-time", latest_block_time),
    )
    if estimate is None:
        raise UsageError("--now is not after --epoch-start: give a later time")
    if as_json:
        print_json(document(estimate, height))
    else:
        console().print(_table(estimate))


def document(estimate: "Adjustment", height: int) -> dict[str, Any]:
    """Return the estimate as a JSON object; errors are relative to the next difficulty."""
    from stratoscope.market.chain import next_halving

    halving = next_halving(height)
    return {
        "difficulty_change_ratio": estimate.change,
        "difficulty_change_percent": estimate.change * PERCENT,
        "standard_error_ratio": estimate.standard_error,
        "forecast_error_ratio": estimate.forecast_error,
        "method": estimate.method,
        "blocks_into_epoch": estimate.blocks_into_epoch,
        "remaining_blocks": estimate.remaining_blocks,
        "retarget_height": estimate.retarget_height,
        "retarget_time_seconds": estimate.retarget_time,
        "next_halving_height": halving and halving.height,
        "next_halving_blocks": halving and halving.blocks,
    }


def _table(estimate: "Adjustment") -> "Table":
    from datetime import UTC, datetime

    from rich.table import Table

    from stratoscope.cli.output import text
    from stratoscope.market.adjustment import hashprice_after

    table = Table(title=text("Next difficulty adjustment", "bold"), title_justify="left", show_header=False)
    when = datetime.fromtimestamp(estimate.retarget_time, UTC)
    basis = "the last 504 blocks" if estimate.method == "window" else "this epoch so far"
    for name, cell in (
        ("change", f"{estimate.change * PERCENT:+.2f} % ± {estimate.forecast_error * PERCENT:.2f} %"),
        ("based on", f"{basis}, standard error ± {estimate.standard_error * PERCENT:.2f} %"),
        ("hashprice after it", f"{(hashprice_after(1.0, estimate.change) - 1) * PERCENT:+.2f} %"),
        ("at height", f"{estimate.retarget_height:,}, in {estimate.remaining_blocks:,} blocks"),
        ("about", f"{when:%Y-%m-%d %H:%M} UTC"),
    ):
        table.add_row(text(name), text(cell))
    return table
