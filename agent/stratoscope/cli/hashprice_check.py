"""Implements `stratoscope hashprice --check`: compares a published hashprice with the reward it implies."""

from typing import Any, Final

from stratoscope.cli.hashprice_inputs import HashpriceInputs
from stratoscope.cli.options import CheckUnit

VERDICTS: Final = {
    "fits": "plausible: its share of fees is as expected",
    "below_subsidy": "impossible: it implies less than the subsidy; hashprice or difficulty is wrong",
    "fees_differ": "doubtful: its share of fees is not as expected; hashprice or difficulty is from another time",
    "unchecked": "not below the subsidy; its share of fees is not checked without --fees",
}
FAILED_VERDICTS: Final = frozenset({"below_subsidy", "fees_differ"})
PERCENT: Final = 100.0


def check_document(value: float, unit: CheckUnit, inputs: HashpriceInputs) -> dict[str, Any]:
    """Return what a published hashprice implies; raise UsageError if it cannot be calculated."""
    from stratoscope.cli import numbers
    from stratoscope.errors import UsageError
    from stratoscope.market.chain import subsidy
    from stratoscope.market.published import check_published, fee_share, to_btc_per_ph_day
    from stratoscope.units import SATOSHIS

    numbers.above("--check", value, 0, 1e15, "write a hashprice, as 0.00043143 or with --check-unit 39.53")
    bitcoin = to_btc_per_ph_day(value, unit.value, inputs.price)
    if bitcoin is None:
        raise UsageError(f"--check in {unit.value} requires the price of a bitcoin: add --price")
    fees = inputs.fees * SATOSHIS if inputs.fees_known else None
    found = check_published(bitcoin, inputs.difficulty, subsidy(inputs.height), fees)
    if found is None:
        raise UsageError(f"--check {value:g} is too small to imply a reward: check --check-unit")
    return {
        "check_hashprice_btc_per_ph_day": bitcoin,
        "check_implied_reward_btc": found.implied_reward / SATOSHIS,
        "check_implied_fee_ratio": found.implied_fee_share,
        "check_own_fee_ratio": None if fees is None else fee_share(subsidy(inputs.height), fees),
        "check_verdict": found.verdict,
    }


def check_rows(document: dict[str, Any]) -> dict[str, str]:
    """Return the rows of the check for the table."""
    own = document["check_own_fee_ratio"]
    comparison = "" if own is None else f", expected {own * PERCENT:.2f} %"
    return {
        "checked hashprice": f"{document['check_hashprice_btc_per_ph_day']:.8f} BTC/PH/day",
        "implied reward": f"{document['check_implied_reward_btc']:.8f} BTC",
        "share of fees": f"{document['check_implied_fee_ratio'] * PERCENT:.2f} %{comparison}",
        "verdict": VERDICTS[document["check_verdict"]],
    }


def check_failed(document: dict[str, Any]) -> bool:
    """Tell whether the document contains a failed check."""
    return document.get("check_verdict") in FAILED_VERDICTS
