"""The worked example of docs/reconciliation.md agrees with the program, figure by figure."""

import pytest

from fakes.doc_tables import DOCS, is_shown, number, rows
from stratoscope.market.chain import hashes_per_block
from stratoscope.reconcile import evidence
from stratoscope.reconcile.comparison import DEVIATIONS, Comparison
from stratoscope.reconcile.waterfall import FACTORS, PoolDay, block_odds, waterfall
from stratoscope.units import DAY, HOUR, MINUTE, SATOSHIS, TH

PAPER = "reconciliation.md"
GIVEN = {name: float(number(value)) for name, value in rows(PAPER, "Given")}
WORKED = dict(rows(PAPER, "Worked"))


def worked() -> dict[str, float | None]:
    """Return every figure of the example as the program works it out."""
    firmware, refused = GIVEN["firmware fee"] / 100, GIVEN["refused shares, of which half stale"] / 100
    credit, tolerance = GIVEN["credited over due"] / 100, GIVEN["tolerance"] / 100
    seconds, rigs = GIVEN["time hashing"] * HOUR, GIVEN["rigs"]
    hashes = rigs * GIVEN["reported hashrate of a rig"] * TH * seconds
    subsidy, fees = GIVEN["subsidy"] * SATOSHIS, GIVEN["mean fees of 144 blocks"] * SATOSHIS
    block = hashes_per_block(GIVEN["difficulty"])
    shares = rigs * GIVEN["shares of a rig"] * seconds / MINUTE
    due = shares * (1 - firmware) * (1 - refused)
    fall = waterfall(
        PoolDay(
            day="2026-01-12",
            site="s",
            pool="p",
            scheme="fpps",
            fee=GIVEN["pool's fee"] / 100,
            firmware_fee=firmware,
            reported_hashes=hashes,
            valued_hashes=hashes,
            reported_sat=hashes / block * (subsidy + fees),
            subsidy_sat=hashes / block * subsidy,
            watched_seconds=DAY,
            rig_seconds=rigs * DAY,
            heard_seconds=rigs * DAY,
            hashing_seconds=rigs * seconds,
            accepted=shares * (1 - refused),
            rejected=shares * refused / 2,
            stale=shares * refused / 2,
            compared_hashes=hashes,
            credited_hashes=hashes * (1 - firmware) * (1 - refused) * credit,
            compared_shares=due,
            earned_sat=round(GIVEN["credited by the pool"]),
            rate_ratio=GIVEN["rate of the day"],
        )
    )
    assert fall is not None
    assert fall.hashprice is not None
    noise = evidence.noise(due)
    per_second = due / seconds
    late = evidence.shares_to_detect(1 - credit, tolerance, unsure=per_second * MINUTE)
    odds = block_odds(GIVEN["reported hashrate of a rig"] * TH, GIVEN["difficulty"])
    assert late is not None
    assert odds is not None
    return {
        "market hashprice": fall.hashprice,
        "theoretical": fall.theoretical,
        "uptime": fall.factors["uptime"],
        "acceptance": fall.factors["acceptance"],
        "rate method": fall.factors["rate_method"],
        "fee": fall.factors["pool_fee"],
        "expected": fall.expected,
        "residual": fall.factors["residual"],
        "realised over theoretical": fall.ratio,
        "effective hashprice": fall.realised_hashprice,
        "cost of downtime": fall.costs["downtime"],
        "cost of the firmware fee": fall.costs["firmware_fee"],
        "cost of stale shares": fall.costs["stale"],
        "cost of what was not credited": fall.costs["uncredited"],
        "due shares in a day": due,
        "standard error in a day": 100 * noise,
        "band in a day": 100 * Comparison(0.0, 0.0, credit, noise, due, seconds).band(tolerance),
        "shares to find the skim": evidence.shares_to_detect(1 - credit, tolerance),
        "time to find the skim": late / per_second / MINUTE,
        "one rig alone: time to a block": odds.seconds / DAY,
        "one rig alone: within a year": 100 * odds.chances[365],
    }


def test_every_worked_figure_is_in_the_paper_and_no_other():
    assert list(WORKED) == list(worked())


@pytest.mark.parametrize("name", list(WORKED))
def test_a_figure_of_the_paper_is_what_the_program_works_out(name):
    found = worked()[name]
    assert found is not None
    assert is_shown(found, WORKED[name]), f"{found} for {WORKED[name]}"


def test_the_paper_names_the_constants_of_the_program():
    text = (DOCS / PAPER).read_text(encoding="utf-8")
    assert f"{DEVIATIONS} × standard error" in text
    assert f"{evidence.PATIENCE:,.0f} hours" in text
    assert ", ".join(f"{q:g}" for q in evidence.QUOTIENTS) in text
    for factor in FACTORS:
        assert f"| `{factor}` |" in text
