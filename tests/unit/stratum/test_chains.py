"""Identifying the chain of a job."""

import pytest

from fakes.compact_target import nbits_of, target_of_difficulty
from stratoscope.stratum.jobs.chains import ChainMarks, identify_chain, subsidy_on
from stratoscope.stratum.jobs.template import (
    decode_job,
)

from .sample_jobs import PAYS, job


@pytest.mark.parametrize(
    ("height", "difficulty", "ntime", "witness", "empty", "chain"),
    [
        (957_444, 1.3e14, 1_783_698_777, True, False, "BTC"),
        (957_444, 1.3e14, 1_783_698_777, False, True, "BTC"),  # an empty job needs no witness commitment
        (920_578, 7e11, 1_760_522_074, False, False, "BCH"),
        (920_578, 7e11, 1_760_522_074, False, True, "BCH"),
        (920_578, 9e10, 1_760_522_074, False, False, "other"),
        (341_738, 4.1e10, 1_422_943_396, False, False, "BTC"),
        (490_000, 2e11, 1_508_000_000, False, False, "BCH"),
        (490_000, 1.1e12, 1_508_000_000, True, False, "BTC"),
        (490_000, 1.1e12, 1_508_000_000, False, True, None),
        (4_900_000, 1.0, 1_783_698_777, True, False, "testnet3"),
        (4_900_000, 4e7, 1_783_698_777, True, False, "testnet3"),
        (115_000, 1e8, 1_783_698_777, True, False, "testnet4"),
        (60_000, 1e8, 1_783_698_777, True, False, "other"),
        (1, 1.0, 1_231_469_665, False, True, "BTC"),
        (152_000, 5e8, 1_795_000_000, True, False, "testnet4"),
        (310_000, 0.3, 1_783_698_777, True, False, "signet"),
        (30_000, 0.3, 1_783_698_777, True, False, "other"),
        (25_096, 6.0, 1_347_323_577, False, True, "testnet3"),
        (24_000_000, 1e9, 1_783_698_777, False, False, "testnet3"),
        (2_000_000, 1e14, 1_783_698_777, True, False, "other"),
        (None, 1.3e14, 1_783_698_777, True, False, "BTC"),
        (None, 7e11, 1_783_698_777, False, False, None),
    ],
)
def test_chain_of_a_single_job(height, difficulty, ntime, witness, empty, chain):
    nbits = nbits_of(target_of_difficulty(difficulty))
    found, hints = identify_chain(ChainMarks(height, nbits, ntime, witness, empty))
    assert found == chain, hints
    assert hints


def test_regtest_is_identified_by_its_target_and_halves_every_150_blocks():
    seen = decode_job(job(script=b"\x02\xc3\x01", nbits=0x207FFFFF, outputs=((12_50000000, PAYS),)), b"", 12)
    assert (seen.chain, seen.payout[0].address) == ("regtest", "bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080")
    assert subsidy_on("regtest", 451) == seen.subsidy_sat == 625_000_000


def test_invalid_target_is_a_defect_without_a_chain():
    seen = decode_job(job(nbits=0))
    assert (seen.network_difficulty, seen.chain, seen.hashprice_sats_per_ph_day) == (None, None, None)
    assert seen.defects == ("nbits",)
