"""The worked example of docs/reconciliation.md matches the program, figure by figure."""

import pytest

from fakes.doc_tables import DOCS, is_shown, number, rows
from stratoscope.market.chain import hashes_per_block
from stratoscope.reconcile import evidence
from stratoscope.reconcile.comparison import BAND_STANDARD_ERRORS, WindowComparison
from stratoscope.reconcile.waterfall import FACTORS, PoolDay, block_odds, split_day
from stratoscope.units import DAY, HOUR, MINUTE, SATOSHIS, TH

DOC = "reconciliation.md"
GIVEN = {name: float(number(value)) for name, value in rows(DOC, "Given")}
WORKED = dict(rows(DOC, "Worked"))


def calculated() -> dict[str, float | None]:
    """Return every figure of the worked example, calculated by the program."""
    firmware, refused = GIVEN["firmware fee"] / 100, GIVEN["refused shares, half of them stale"] / 100
    credit, tolerance = GIVEN["credited / due"] / 100, GIVEN["tolerance"] / 100
    seconds, rigs = GIVEN["time hashing"] * HOUR, GIVEN["rigs"]
    hashes = rigs * GIVEN["reported hashrate per rig"] * TH * seconds
    subsidy, fees = GIVEN["subsidy"] * SATOSHIS, GIVEN["mean fees of 144 blocks"] * SATOSHIS
    block = hashes_per_block(GIVEN["difficulty"])
    shares = rigs * GIVEN["shares per rig"] * seconds / MINUTE
    due = shares * (1 - firmware) * (1 - refused)
    fall = split_day(PoolDay(
        day="2026-01-12", site="s", pool="p", scheme="fpps", fee=GIVEN["pool fee"] / 100, firmware_fee=firmware,
        reported_hashes=hashes, valued_hashes=hashes, reported_sat=hashes / block * (subsidy + fees),
        subsidy_sat=hashes / block * subsidy, watched_seconds=DAY, rig_seconds=rigs * DAY, heard_seconds=rigs * DAY,
        hashing_seconds=rigs * seconds, accepted=shares * (1 - refused), rejected=shares * refused / 2,
        stale=shares * refused / 2, compared_hashes=hashes,
        credited_hashes=hashes * (1 - firmware) * (1 - refused) * credit, compared_shares=due,
        earned_sat=round(GIVEN["credited by the pool"]), rate_ratio=GIVEN["FPPS rate of the day"],
    ))  # fmt: skip
    assert fall is not None
    assert fall.hashprice is not None
    noise = evidence.noise(due)
    per_second = due / seconds
    late = evidence.shares_to_detect(1 - credit, tolerance, lag_shares=per_second * MINUTE)
    odds = block_odds(GIVEN["reported hashrate per rig"] * TH, GIVEN["difficulty"])
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
        "realised / theoretical": fall.ratio,
        "effective hashprice": fall.realised_hashprice,
        "cost of downtime": fall.costs["downtime"],
        "cost of the firmware fee": fall.costs["firmware_fee"],
        "cost of stale shares": fall.costs["stale"],
        "cost of uncredited shares": fall.costs["uncredited"],
        "due shares in a day": due,
        "standard error in a day": 100 * noise,
        "band in a day": 100 * WindowComparison(0.0, 0.0, credit, noise, due, seconds).band(tolerance),
        "shares to detect the skim": evidence.shares_to_detect(1 - credit, tolerance),
        "time to detect the skim": late / per_second / MINUTE,
        "one rig, solo: expected time to a block": odds.seconds / DAY,
        "one rig, solo: block within a year": 100 * odds.chances[365],
    }


def test_document_lists_exactly_the_calculated_figures():
    assert list(WORKED) == list(calculated())


@pytest.mark.parametrize("name", list(WORKED))
def test_documented_figure_equals_the_calculated_figure(name):
    found = calculated()[name]
    assert found is not None
    assert is_shown(found, WORKED[name]), f"calculated {found}, documented {WORKED[name]}"


def test_document_states_the_constants_of_the_program():
    text = (DOCS / DOC).read_text(encoding="utf-8")
    assert f"{BAND_STANDARD_ERRORS} × standard error" in text
    assert f"{evidence.FALSE_ALARM_HOURS:,.0f} hours" in text
    assert ", ".join(f"{q:g}" for q in evidence.RATE_QUOTIENTS) in text
    for factor in FACTORS:
        assert f"| `{factor}` |" in text
