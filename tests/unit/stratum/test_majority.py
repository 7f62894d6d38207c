"""Finding the chain of the majority."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from stratoscope.stratum.jobs.template import decode_job
from stratoscope.stratum.protocol.messages import Notify
from stratoscope.stratum.watch.majority import ChainEvidence, ChainVerdict, find_majority

BITS, CASH_BITS = 0x1701E2A0, 0x18018D09
PLAIN = decode_job(Notify("1", b"\x01" * 32, b"", b"", (), 0x20000000, BITS, 1_762_700_000, clean=False))

BITCOIN = ChainVerdict("bitcoin", match=True)


def view(prev: str, height: int = 923_001, bits: int = BITS, chain: str | None = "BTC", *recent: str) -> ChainEvidence:
    difficulty = {BITS: 1.49e14, CASH_BITS: 7.1e11}[bits]
    job = replace(PLAIN, prev_hash=prev, height=height, nbits=bits, network_difficulty=difficulty, chain=chain)
    return ChainEvidence(job, (*recent, prev))


def match(found: dict[str, ChainVerdict]) -> dict[str, bool | None]:
    return {url: verdict.match for url, verdict in found.items()}


def test_endpoints_on_the_same_block_are_the_majority():
    found = find_majority({"a": view("x"), "b": view("x"), "c": view("k", 922_500, CASH_BITS, "BCH")}, None)
    assert found == {"a": BITCOIN, "b": BITCOIN, "c": ChainVerdict("bitcoin_cash", match=False)}


def test_endpoint_one_block_behind_is_on_the_same_chain():
    views = {"a": view("y", 923_002), "b": view("x"), "c": view("y", 923_002, BITS, "BTC", "x")}
    assert match(find_majority(views, None)) == {"a": True, "b": True, "c": True}


def test_higher_difficulty_wins_between_two_chains_with_one_endpoint_each():
    assert match(find_majority({"b": view("k", 922_500, CASH_BITS, None), "a": view("x")}, None)) == {
        "a": True,
        "b": False,
    }


def test_market_difficulty_overrules_a_majority_on_bitcoin_cash():
    views = {"a": view("k", 922_500, CASH_BITS, "BCH"), "b": view("k", 922_500, CASH_BITS, "BCH"), "c": view("x")}
    assert match(find_majority(views, None)) == {"a": True, "b": True, "c": False}
    assert match(find_majority(views, 1.49e14)) == {"a": False, "b": False, "c": True}


def test_single_endpoint_is_judged_by_its_job():
    assert match(find_majority({"a": view("x")}, None)) == {"a": True}
    assert match(find_majority({"a": view("k", 922_500, CASH_BITS, "BCH")}, None)) == {"a": False}
    assert match(find_majority({"a": view("k", 922_500, CASH_BITS, None)}, None)) == {"a": None}


def test_difficulty_adjustment_does_not_split_the_chain():
    other = replace(view("y").template, nbits=0x1701F000, height=923_002)
    views = {"a": view("x"), "b": ChainEvidence(other, ("x", "y")), "c": view("x")}
    assert match(find_majority(views, 1.55e14)) == {"a": True, "b": True, "c": True}


@given(st.dictionaries(st.sampled_from("abcdefgh"), st.tuples(st.sampled_from("xyz"), st.booleans())))
def test_every_endpoint_gets_a_verdict(given_):
    views = {
        url: view(prev, 923_001 if btc else 922_400, BITS if btc else CASH_BITS) for url, (prev, btc) in given_.items()
    }
    assert set(find_majority(views, None)) == set(views)
