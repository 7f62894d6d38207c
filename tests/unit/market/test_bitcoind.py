"""A node of one's own gives the network by reading only; while it is not ready it gives nothing."""

import pytest

from fakes.market_site import DIFFICULTY, EPOCH_START, OLD, Node
from fakes.web import Says
from stratoscope.errors import SourceError
from stratoscope.market.settings import SourceSettings
from stratoscope.market.sources.bitcoind import Bitcoind
from stratoscope.outside.fetch import Remote


def node_of(web, fetcher, node: Node, **settings) -> Bitcoind:
    web.answers["/"] = node
    login = {"user": "me", "password": "geheim", **settings}
    return Bitcoind(Remote("bitcoind", web.url, fetcher), SourceSettings(kind="bitcoind", **login))


async def test_a_node_gives_the_whole_network_and_reads_each_block_once(web, fetcher, clock):
    node = Node()
    source = node_of(web, fetcher, node)
    found = await source.network()
    assert (found.height, found.difficulty, found.fees) == (901000, DIFFICULTY, pytest.approx(2_000_004.5, abs=0.3))
    assert dict(found.hashrate) == {144: 9.0144e20, 432: 9.0432e20, 1008: 9.1008e20}
    assert (found.tip_time, found.epoch_start) == (EPOCH_START + 1864 * 590, EPOCH_START)
    assert found.window_start == EPOCH_START - 504 * 590
    assert found.previous_change == pytest.approx(DIFFICULTY / OLD - 1)
    assert node.calls.count("getblockstats") == 144
    assert node.logins == {"Basic bWU6Z2VoZWlt"}
    node.calls.clear()
    node.tip += 1
    assert (await source.network()).height == 901001
    assert node.calls.count("getblockstats") == 3  # the new one, and two that may have been replaced
    assert set(node.calls) <= {
        "getblockchaininfo",
        "getmininginfo",
        "getnetworkhashps",
        "getblockheader",
        "getblockstats",
    }


@pytest.mark.parametrize(
    ("over", "reason"),
    [
        ({"getblockchaininfo": lambda r: {**r, "initialblockdownload": True}}, "inconsistent"),
        ({"getblockchaininfo": lambda r: {**r, "chain": "test"}}, "inconsistent"),
        ({"getblockchaininfo": lambda r: {**r, "headers": r["blocks"] + 50}}, "inconsistent"),
        ({"getmininginfo": lambda r: {**r, "difficulty": r["difficulty"] * 10}}, "inconsistent"),
        ({"getblockheader": lambda r: {**r, "bits": "1702c5ed"}}, "inconsistent"),
        ({"getblockstats": lambda r: {**r, "subsidy": 625_000_000}}, "inconsistent"),
        ({"getblockstats": lambda r: {**r, "height": 5, "subsidy": 0}}, "schema"),
        ({"getblockstats": {"error": {"code": -1, "message": "Block not available (pruned data)\x1b[31m"}}}, "refused"),
        ({"getnetworkhashps": -1}, "schema"),
        ({"getblockhash": "00"}, "schema"),
        ({"getblockchaininfo": None}, None),
        ({"getmininginfo": []}, "schema"),
    ],
)
async def test_a_node_that_is_not_ready_or_contradicts_itself_gives_nothing(web, fetcher, over, reason):
    source = node_of(web, fetcher, Node(**over))
    if reason is None:
        assert (await source.network()).height == 901000
        return
    with pytest.raises(SourceError) as caught:
        await source.network()
    assert caught.value.reason == reason
    assert "\x1b" not in str(caught.value)


@pytest.mark.parametrize(
    "body", [[], {}, [{"id": 0, "result": 1}], [{"id": 0}] * 9, "x", [{"id": True}], b"Work queue"]
)
async def test_replies_that_do_not_match_the_calls_are_none(web, fetcher, body):
    source = node_of(web, fetcher, Node())
    web.answers["/"] = Says(body)
    with pytest.raises(SourceError):
        await source.network()


async def test_the_cookie_is_read_anew_each_time(web, fetcher, tmp_path):
    node = Node()
    source = node_of(web, fetcher, node, user=None, password=None, cookie=tmp_path / ".cookie")
    with pytest.raises(SourceError, match="auth"):
        await source.network()
    (tmp_path / ".cookie").write_text("__cookie__:one\n")
    await source.network()
    (tmp_path / ".cookie").write_text("__cookie__:two\n")
    node.logins.clear()
    await source.network()
    assert node.logins == {"Basic X19jb29raWVfXzp0d28="}
