"""Holds a published hashprice against the reward it implies: `stratoscope hashprice --check`."""

from typing import TYPE_CHECKING, Any, Final

from stratoscope.cli.rig_options import CheckUnit

if TYPE_CHECKING:
    from stratoscope.cli.hashprice import Inputs

SAYS: Final = {
    "fits": "fits: its share of fees agrees with ours",
    "below_subsidy": "cannot be: it implies less than the subsidy; hashprice or difficulty is wrong",
    "fees_differ": "doubtful: its share of fees is not that of ours; hashprice or difficulty is of another time",
    "unchecked": "not below the subsidy; without --fees its share of fees is not checked",
}
FAILING: Final = frozenset({"below_subsidy", "fees_differ"})
PERCENT: Final = 100.0


def check_of(value: float, unit: CheckUnit, inputs: "Inputs") -> dict[str, Any]:
    """Return what a published hashprice implies, under public names; raises UsageError where it cannot be reckoned."""
    from stratoscope.cli import numbers
    from stratoscope.errors import UsageError
    from stratoscope.market.chain import subsidy
    from stratoscope.market.published import check_published, in_bitcoin, own_fee_share
    from stratoscope.units import SATOSHIS

    numbers.above("--check", value, 0, 1e15, "write a hashprice, as 0.00043143 or with --check-unit 39.53")
    bitcoin = in_bitcoin(value, unit.value, inputs.price)
    if bitcoin is None:
        raise UsageError(f"--check in {unit.value} needs the price of a bitcoin: add --price")
    fees = inputs.fees * SATOSHIS if inputs.fees_known else None
    found = check_published(bitcoin, inputs.difficulty, subsidy(inputs.height), fees)
    if found is None:
        raise UsageError(f"--check {value:g} is too small to imply a reward: see --check-unit")
    return {
        "check_hashprice_btc_per_ph_day": bitcoin,
        "check_implied_reward_btc": found.implied_reward / SATOSHIS,
        "check_implied_fee_ratio": found.implied_fee_share,
        "check_own_fee_ratio": None if fees is None else own_fee_share(subsidy(inputs.height), fees),
        "check_verdict": found.verdict,
    }


def rows_of(document: dict[str, Any]) -> dict[str, str]:
    """Return the rows for people of a document that holds a check."""
    own = document["check_own_fee_ratio"]
    beside = "" if own is None else f", ours {own * PERCENT:.2f} %"
    return {
        "checked hashprice": f"{document['check_hashprice_btc_per_ph_day']:.8f} BTC/PH/day",
        "implies a reward of": f"{document['check_implied_reward_btc']:.8f} BTC",
        "of it fees": f"{document['check_implied_fee_ratio'] * PERCENT:.2f} %{beside}",
        "verdict": SAYS[document["check_verdict"]],
    }


def failed(document: dict[str, Any]) -> bool:
    """Tell whether the document holds a check that failed."""
    return document.get("check_verdict") in FAILING
