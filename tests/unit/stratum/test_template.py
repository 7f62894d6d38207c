"""Decoding of jobs; values that a job does not contain are None."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stratoscope.stratum.jobs import chains
from stratoscope.stratum.jobs.header import merkle_root, sha256d
from stratoscope.stratum.jobs.template import (
    JOB_DEFECTS,
    decode_job,
    share_coinbase,
    share_merkle_root,
    transaction_range,
)
from stratoscope.stratum.protocol.messages import Notify

from .sample_jobs import HEIGHT, PAYS, SUBSIDY, WITNESS, job


def test_plain_job_is_decoded_completely():
    seen = decode_job(job(), b"\x01" * 4, 8)
    assert (seen.height, seen.coinbase_value_sat, seen.subsidy_sat) == (HEIGHT, SUBSIDY + 77, SUBSIDY)
    assert (seen.fees_sat, seen.under_claimed_sat, seen.defects) == (77, 0, ())
    assert [(out.sat, out.address) for out in seen.payout] == [
        (SUBSIDY + 77, "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4")
    ]
    assert [item.name for item in seen.commitments] == ["witness"]
    assert (seen.tag, seen.empty, seen.transactions, seen.chain) == ("/a pool/", False, (5, 8), "BTC")
    assert seen.prev_hash == bytes(range(31, -1, -1)).hex()


def test_wrong_extranonce_size_of_the_session_is_a_defect():
    seen = decode_job(job(gap=12), b"\x01" * 4, 4)
    assert (seen.extranonce_size, seen.fees_sat, seen.defects) == (12, 77, ("extranonce_size",))


def test_witness_in_the_coinbase_does_not_change_its_id():
    plain, marked = job(), job(witness=True)
    assert decode_job(marked) == decode_job(plain)
    assert share_coinbase(marked, bytes(12)) == share_coinbase(plain, bytes(12))
    assert share_merkle_root(marked, bytes(12)) == share_merkle_root(plain, bytes(12)) is not None


def test_lock_time_is_part_of_the_id():
    assert share_coinbase(job(lock_time=7), bytes(12))[-4:] == b"\x07\x00\x00\x00"


def test_job_without_branches_is_empty_and_must_not_claim_fees():
    seen = decode_job(job(branches=0))
    assert (seen.empty, seen.transactions, seen.defects) == (True, (1, 1), ("fees_without_transactions",))
    assert decode_job(job(branches=0, outputs=((SUBSIDY, PAYS),))).defects == ()


def test_coinbase_below_the_subsidy_is_a_defect_without_fees():
    seen = decode_job(job(outputs=((SUBSIDY - 5, PAYS), (0, WITNESS))))
    assert (seen.fees_sat, seen.under_claimed_sat, seen.defects) == (None, 5, ("under_claimed",))


def test_value_above_all_bitcoins_is_a_defect():
    seen = decode_job(job(outputs=((1 << 63, PAYS), (1 << 63, PAYS))), b"", 12)
    assert (seen.coinbase_value_sat, seen.fees_sat, seen.defects) == (None, None, ("value",))


def test_invalid_coinbase_leaves_the_value_unknown_but_not_the_difficulty():
    seen = decode_job(job(coinbase2=b"\xff"))
    assert (seen.height, seen.coinbase_value_sat, seen.outputs, seen.defects) == (None, None, (), ("coinbase",))
    assert seen.network_difficulty == pytest.approx(133869853540305.39)
    assert seen.hashprice_sats_per_ph_day is None


def test_hundreds_of_payouts_are_parsed():
    outputs = [(1_000 + at, b"\x00\x14" + at.to_bytes(20)) for at in range(400)]
    seen = decode_job(job(outputs=(*outputs, (0, WITNESS)), gap=9), b"", 9)
    assert len(seen.payout) == 400
    assert seen.coinbase_value_sat == sum(sat for sat, _ in outputs)


def test_payment_to_a_public_key_has_no_address():
    seen = decode_job(job(outputs=((SUBSIDY, b"\x21" + b"\x02" * 33 + b"\xac"),), branches=0))
    assert [(out.address, len(out.script)) for out in seen.payout] == [(None, 70)]


@given(st.lists(st.binary(min_size=32, max_size=32), max_size=6), st.binary(max_size=100))
def test_merkle_root_folds_the_branches_onto_the_coinbase(branches, coinbase_bytes):
    root = sha256d(coinbase_bytes)
    for branch in branches:
        root = sha256d(root + branch)
    assert merkle_root(coinbase_bytes, branches) == root


@pytest.mark.parametrize("count", range(1, 40))
def test_transaction_range_contains_the_real_number(count):
    level, branches = count, 0
    while level > 1:
        level, branches = (level + 1) // 2, branches + 1
    least, most = transaction_range(branches)
    assert least <= count <= most


@given(
    st.binary(max_size=200),
    st.binary(max_size=200),
    st.integers(0, 2**32 - 1),
    st.integers(0, 2**32 - 1),
    st.lists(st.binary(min_size=32, max_size=32), max_size=3),
    st.none() | st.integers(0, 40),
)
def test_no_bytes_in_a_job_raise(first, second, nbits, ntime, branches, size):
    made = Notify("", bytes(32), first, second, tuple(branches), 0, nbits, ntime, clean=False)
    seen = decode_job(made, b"" if size is not None else None, size)
    assert set(seen.defects) <= set(JOB_DEFECTS)
    share_coinbase(made, b"ab")
    share_merkle_root(made, b"")


@given(st.data())
def test_damaged_coinbase_never_raises(data):
    whole = job(witness=data.draw(st.booleans()))
    raw = bytearray(whole.coinbase1 + bytes(12) + whole.coinbase2)
    for _ in range(data.draw(st.integers(1, 4))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    seen = decode_job(replace(whole, coinbase1=bytes(raw), coinbase2=b""), b"", 0)
    assert seen.chain is None or seen.chain in chains.CHAINS
