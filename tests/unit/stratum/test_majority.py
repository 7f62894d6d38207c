"""Which chain the endpoints work on."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from stratoscope.stratum.jobs.template import decode
from stratoscope.stratum.protocol.messages import Notify
from stratoscope.stratum.watch.majority import Verdict, View, verdicts

BITS, CASH_BITS = 0x1701E2A0, 0x18018D09
PLAIN = decode(Notify("1", b"\x01" * 32, b"", b"", (), 0x20000000, BITS, 1_762_700_000, clean=False))

BITCOIN = Verdict("bitcoin", match=True)


def view(prev: str, height: int = 923_001, bits: int = BITS, chain: str | None = "BTC", *recent: str) -> View:
    difficulty = {BITS: 1.49e14, CASH_BITS: 7.1e11}[bits]
    job = replace(PLAIN, prev_hash=prev, height=height, nbits=bits, network_difficulty=difficulty, chain=chain)
    return View(job, (*recent, prev))


def match(found: dict[str, Verdict]) -> dict[str, bool | None]:
    return {url: verdict.match for url, verdict in found.items()}


def test_those_on_one_block_are_together_and_the_one_on_another_chain_is_not():
    found = verdicts({"a": view("x"), "b": view("x"), "c": view("k", 922_500, CASH_BITS, "BCH")}, None)
    assert found == {"a": BITCOIN, "b": BITCOIN, "c": Verdict("bitcoin_cash", match=False)}


def test_one_block_behind_is_the_same_chain():
    views = {"a": view("y", 923_002), "b": view("x"), "c": view("y", 923_002, BITS, "BTC", "x")}
    assert match(verdicts(views, None)) == {"a": True, "b": True, "c": True}


def test_of_two_chains_with_one_endpoint_each_the_harder_is_the_majoritys():
    assert match(verdicts({"b": view("k", 922_500, CASH_BITS, None), "a": view("x")}, None)) == {"a": True, "b": False}


def test_a_majority_on_bitcoin_cash_does_not_make_it_bitcoin_where_the_market_knows_better():
    views = {"a": view("k", 922_500, CASH_BITS, "BCH"), "b": view("k", 922_500, CASH_BITS, "BCH"), "c": view("x")}
    assert match(verdicts(views, None)) == {"a": True, "b": True, "c": False}
    assert match(verdicts(views, 1.49e14)) == {"a": False, "b": False, "c": True}


def test_a_single_endpoint_is_judged_by_what_its_job_tells():
    assert match(verdicts({"a": view("x")}, None)) == {"a": True}
    assert match(verdicts({"a": view("k", 922_500, CASH_BITS, "BCH")}, None)) == {"a": False}
    assert match(verdicts({"a": view("k", 922_500, CASH_BITS, None)}, None)) == {"a": None}


def test_an_adjustment_does_not_split_the_chain():
    other = replace(view("y").template, nbits=0x1701F000, height=923_002)
    views = {"a": view("x"), "b": View(other, ("x", "y")), "c": view("x")}
    assert match(verdicts(views, 1.55e14)) == {"a": True, "b": True, "c": True}


@given(st.dictionaries(st.sampled_from("abcdefgh"), st.tuples(st.sampled_from("xyz"), st.booleans())))
def test_every_endpoint_gets_a_verdict(given_):
    views = {
        url: view(prev, 923_001 if btc else 922_400, BITS if btc else CASH_BITS) for url, (prev, btc) in given_.items()
    }
    assert set(verdicts(views, None)) == set(views)
