"""Jobs of every shape decode, and what a job does not tell stays unknown."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stratoscope.market.chain import nbits_of, target_of_difficulty
from stratoscope.stratum.jobs import chains, coinbase
from stratoscope.stratum.jobs.chains import Marks, chain_of, subsidy_on
from stratoscope.stratum.jobs.commitments import commitment_of
from stratoscope.stratum.jobs.header import merkle_root, sha256d
from stratoscope.stratum.jobs.template import DEFECTS, coinbase_of, decode, root_of, transactions
from stratoscope.stratum.protocol.messages import Notify

HEIGHT = 957_444
SUBSIDY = 312_500_000
PAYS = bytes.fromhex("0014751e76e8199196d454941c45d1b3a323f1433bd6")
WITNESS = b"\x6a\x24\xaa\x21\xa9\xed" + b"\x07" * 32
NTIME = 1_783_698_777
NBITS = 0x17021A42


def compact(number: int) -> bytes:
    if number < 0xFD:
        return bytes((number,))
    return b"\xfd" + number.to_bytes(2, "little") if number < 1 << 16 else b"\xfe" + number.to_bytes(4, "little")


def push(data: bytes) -> bytes:
    return bytes((len(data),)) + data


def job(
    *,
    script: bytes = push(HEIGHT.to_bytes(3, "little")) + b"/a pool/",
    outputs=((SUBSIDY + 77, PAYS), (0, WITNESS)),
    gap: int = 12,
    witness: bool = False,
    lock_time: int = 0,
    branches: int = 3,
    **more,
) -> Notify:
    """Return a job whose extranonce ends the coinbase script."""
    before = b"\x01\x00\x00\x00" + (b"\x00\x01" if witness else b"") + b"\x01" + bytes(32) + b"\xff" * 4
    before += compact(len(script) + gap) + script
    after = b"\xff" * 4 + compact(len(outputs))
    after += b"".join(sat.to_bytes(8, "little") + compact(len(pays)) + pays for sat, pays in outputs)
    after += (b"\x01\x20" + bytes(32) if witness else b"") + lock_time.to_bytes(4, "little")
    hashes = tuple(bytes((at,)) * 32 for at in range(branches))
    made = Notify("1", bytes(range(32)), before, after, hashes, 0x20000000, NBITS, NTIME, clean=True)
    return replace(made, **more)


def test_a_plain_job_tells_everything():
    seen = decode(job(), b"\x01" * 4, 8)
    assert (seen.height, seen.coinbase_value_sat, seen.subsidy_sat) == (HEIGHT, SUBSIDY + 77, SUBSIDY)
    assert (seen.fees_sat, seen.under_claimed_sat, seen.defects) == (77, 0, ())
    assert [(out.sat, out.address) for out in seen.payout] == [
        (SUBSIDY + 77, "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4")
    ]
    assert [item.name for item in seen.commitments] == ["witness"]
    assert (seen.tag, seen.empty, seen.transactions, seen.chain) == ("/a pool/", False, (5, 8), "BTC")
    assert seen.prev_hash == bytes(range(31, -1, -1)).hex()


@pytest.mark.parametrize("gap", [0, 1, 4, 7, 12, 16, 33, 64, 128])
def test_the_size_of_the_extranonce_is_found_where_the_session_does_not_tell(gap):
    made = job(gap=gap) if gap < 80 else job(gap=gap, script=push(HEIGHT.to_bytes(3, "little")))
    assert decode(made).extranonce_size == gap
    assert decode(made, b"", gap).defects == ()


def test_a_session_that_told_another_size_is_noticed_and_decoded_all_the_same():
    seen = decode(job(gap=12), b"\x01" * 4, 4)
    assert (seen.extranonce_size, seen.fees_sat, seen.defects) == (12, 77, ("extranonce_size",))


def test_a_witness_left_in_the_coinbase_does_not_change_its_id():
    plain, marked = job(), job(witness=True)
    assert decode(marked) == decode(plain)
    assert coinbase_of(marked, bytes(12)) == coinbase_of(plain, bytes(12))
    assert root_of(marked, bytes(12)) == root_of(plain, bytes(12)) is not None


def test_the_lock_time_is_part_of_the_id():
    assert coinbase_of(job(lock_time=7), bytes(12))[-4:] == b"\x07\x00\x00\x00"


def test_an_extranonce_in_an_output_is_found():
    before = b"\x01\x00\x00\x00\x01" + bytes(32) + b"\xff" * 4 + push(push(HEIGHT.to_bytes(3, "little")) + b"pool")
    before += b"\xff" * 4 + b"\x02" + bytes(8) + b"\x16\x6a\x14"
    after = b"\x11" * 8 + SUBSIDY.to_bytes(8, "little") + push(PAYS) + bytes(4)
    seen = decode(Notify("1", bytes(32), before, after, (), 1, NBITS, NTIME, clean=False))
    assert (seen.extranonce_size, seen.coinbase_value_sat, seen.height) == (12, SUBSIDY, HEIGHT)


@pytest.mark.parametrize(
    ("script", "height"),
    [
        (b"\x00", 0),
        (b"\x51", 1),
        (b"\x60", 16),
        (b"\x01\x11", 17),
        (b"\x02\xc3\x01", 451),
        (b"\x03\x03\x02\x0c", 786947),
        (b"\x04\x00\xe1\xf5\x05", 100_000_000),
        (b"\x05\x01\x00\x00\x00\x00", 1),
        (b"\x02\x80\x00", 128),
        (b"", None),
        (b"\x61", None),
        (b"\x03\x01", None),
        (b"\x01\x80", None),
        (b"\x05\x01\x00\x00\x00\x01", None),
        (b"\x06\x01\x00\x00\x00\x00\x00", None),
        (b"\x04\xff\xff\x00\x1d", 486_604_799),
    ],
)
def test_a_height_of_any_length_is_read(script, height):
    assert coinbase.height_of(script) == height


def test_a_job_without_branches_is_empty_and_may_not_claim_fees():
    seen = decode(job(branches=0))
    assert (seen.empty, seen.transactions, seen.defects) == (True, (1, 1), ("fees_without_transactions",))
    assert decode(job(branches=0, outputs=((SUBSIDY, PAYS),))).defects == ()


def test_a_coinbase_that_claims_less_than_the_subsidy_is_flagged_and_has_no_fees():
    seen = decode(job(outputs=((SUBSIDY - 5, PAYS), (0, WITNESS))))
    assert (seen.fees_sat, seen.under_claimed_sat, seen.defects) == (None, 5, ("under_claimed",))


def test_more_than_all_bitcoins_is_no_value():
    seen = decode(job(outputs=((1 << 63, PAYS), (1 << 63, PAYS))), b"", 12)
    assert (seen.coinbase_value_sat, seen.fees_sat, seen.defects) == (None, None, ("value",))


def test_a_coinbase_that_is_none_leaves_money_unknown_but_not_the_difficulty():
    seen = decode(job(coinbase2=b"\xff"))
    assert (seen.height, seen.coinbase_value_sat, seen.outputs, seen.defects) == (None, None, (), ("coinbase",))
    assert seen.network_difficulty == pytest.approx(133869853540305.39)
    assert seen.hashprice_sats_per_ph_day is None


def test_a_job_made_to_cost_time_is_given_up(monkeypatch):
    reads = []
    monkeypatch.setattr(coinbase, "read", lambda raw, read=coinbase.read: reads.append(1) or read(raw))
    before = b"\x01\x00\x00\x00\x01" + bytes(32) + b"\xff" * 4 + b"\x80"
    after = b"\xfd\x10\x0f" * 45 + bytes(100_000)  # for every third size there are 3,856 outputs, and bytes left over
    crafted = Notify("1", bytes(32), before, after, (), 1, NBITS, NTIME, clean=True)
    assert decode(crafted).defects == ("coinbase",)
    assert len(reads) < 64


def test_hundreds_of_payouts_are_all_read():
    outputs = [(1_000 + at, b"\x00\x14" + at.to_bytes(20)) for at in range(400)]
    seen = decode(job(outputs=(*outputs, (0, WITNESS)), gap=9), b"", 9)
    assert len(seen.payout) == 400
    assert seen.coinbase_value_sat == sum(sat for sat, _ in outputs)


def test_a_payment_to_a_bare_key_has_a_script_and_no_address():
    seen = decode(job(outputs=((SUBSIDY, b"\x21" + b"\x02" * 33 + b"\xac"),), branches=0))
    assert [(out.address, len(out.script)) for out in seen.payout] == [(None, 70)]


@pytest.mark.parametrize(
    ("words", "tag"),
    [
        (b"/slush/", "/slush/"),
        (b"p8!/slush/", "/slush/"),
        (b"\x08\x01\x02Foundry USA Pool #dropgold/", "Foundry USA Pool #dropgold/"),
        (b"\x0ackpool-lhr\x16/mined by test-ckpool/", "/mined by test-ckpool/"),
        (b"\xf0\x9f\x90\x9f", ""),
        (b"ab", ""),
        (b"-" + b"x" * 45, "x" * 45),
        (b"\xfa\xbemm" + b"A" * 40 + b"/late/", "/late/"),
        (b"< OCEAN.XYZ >", "< OCEAN.XYZ >"),
        (b"\x06/P2SH/\x04\xb8\x86\x4e\x50\x08/pool/", "/pool/"),
        (b"\x06/P2SH/", ""),
        (b"\x04Ab3f\x0fMined by AntPool", "Mined by AntPool"),
    ],
)
def test_the_tag_is_the_pools_own_words(words, tag):
    assert decode(job(script=push(HEIGHT.to_bytes(3, "little")) + words)).tag == tag


@pytest.mark.parametrize(
    ("script", "name", "payload"),
    [
        (WITNESS, "witness", b"\x07" * 32),
        (b"\x6a\x4c\x29RSKBLOCK:" + b"\x01" * 32, "rsk", b"\x01" * 32),
        (b"\x6a\x2dCORE\x01" + b"\x02" * 40, "coredao", b"\x02" * 40),
        (b"\x6a\x24Hath" + b"\x03" * 32, "hathor", b"\x03" * 32),
        (b"\x6a\x07EXSAT\x01\x05", "exsat", b"\x05"),
        (b"\x6a\x04sys\x01", "syscoin", b"\x01"),
        (b"\x6a\x5d\x01\x02", "runestone", b"\x01\x02"),
        (b"\x6a", "other", b""),
        (b"\x6a\x05ab", "other", b"\x05ab"),
        (b"\x6a\x02ab\x02cd", "other", b"abcd"),
        (b"\x6a\x4d\x02\x00ab", "other", b"ab"),
    ],
)
def test_a_data_output_is_named_by_what_it_commits_to(script, name, payload):
    assert commitment_of(script) == (name, payload)


def test_an_output_that_pays_commits_to_nothing():
    assert commitment_of(PAYS) is None
    assert commitment_of(b"") is None


def test_the_root_of_merge_mined_chains_is_named():
    seen = decode(job(script=push(HEIGHT.to_bytes(3, "little")) + b"\xfa\xbemm" + b"\x09" * 32 + b"\x01" + bytes(7)))
    first = seen.commitments[0]
    assert (first.name, first.payload) == ("merged_mining", "09" * 32)


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
def test_one_job_tells_its_chain_or_leaves_it_open(height, difficulty, ntime, witness, empty, chain):
    nbits = nbits_of(target_of_difficulty(difficulty))
    found, hints = chain_of(Marks(height, nbits, ntime, witness, empty))
    assert found == chain, hints
    assert hints


def test_regtest_is_known_by_its_target_and_halves_every_150_blocks():
    seen = decode(job(script=b"\x02\xc3\x01", nbits=0x207FFFFF, outputs=((12_50000000, PAYS),)), b"", 12)
    assert (seen.chain, seen.payout[0].address) == ("regtest", "bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080")
    assert subsidy_on("regtest", 451) == seen.subsidy_sat == 625_000_000


def test_an_invalid_target_is_a_defect_and_no_chain():
    seen = decode(job(nbits=0))
    assert (seen.network_difficulty, seen.chain, seen.hashprice_sats_per_ph_day) == (None, None, None)
    assert seen.defects == ("nbits",)


@given(st.lists(st.binary(min_size=32, max_size=32), max_size=6), st.binary(max_size=100))
def test_the_root_over_branches_is_that_of_the_whole_tree_with_the_coinbase_first(branches, coinbase_bytes):
    root = sha256d(coinbase_bytes)
    for branch in branches:
        root = sha256d(root + branch)
    assert merkle_root(coinbase_bytes, branches) == root


@pytest.mark.parametrize("count", range(1, 40))
def test_the_transactions_that_branches_allow_hold_the_truth(count):
    level, branches = count, 0
    while level > 1:
        level, branches = (level + 1) // 2, branches + 1
    least, most = transactions(branches)
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
    seen = decode(made, b"" if size is not None else None, size)
    assert set(seen.defects) <= set(DEFECTS)
    coinbase_of(made, b"ab")
    root_of(made, b"")


@given(st.data())
def test_a_damaged_coinbase_is_read_or_refused_but_never_raises(data):
    whole = job(witness=data.draw(st.booleans()))
    raw = bytearray(whole.coinbase1 + bytes(12) + whole.coinbase2)
    for _ in range(data.draw(st.integers(1, 4))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    seen = decode(replace(whole, coinbase1=bytes(raw), coinbase2=b""), b"", 0)
    assert seen.chain is None or seen.chain in chains.CHAINS
