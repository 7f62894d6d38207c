"""Your own node reports the network through read-only calls, and nothing while it is syncing."""

import pytest

from fakes.market_site import DIFFICULTY, EPOCH_START, OLD, Node
from fakes.web import Says
from stratoscope.errors import SourceError
from stratoscope.market.settings import MarketSourceSettings
from stratoscope.market.sources.bitcoind import BitcoindSource
from stratoscope.outside.fetch import RemoteService


def node_of(web, fetcher, node: Node, **settings) -> BitcoindSource:
    web.answers["/"] = node
    login = {"user": "me", "password": "geheim", **settings}
    return BitcoindSource(RemoteService("bitcoind", web.url, fetcher), MarketSourceSettings(kind="bitcoind", **login))


async def test_a_node_reports_the_complete_network_and_reads_each_block_once(web, fetcher, clock):
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
async def test_rejects_a_node_that_is_syncing_or_contradicts_itself(web, fetcher, over, reason):
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
async def test_rejects_replies_that_do_not_match_the_calls(web, fetcher, body):
    source = node_of(web, fetcher, Node())
    web.answers["/"] = Says(body)
    with pytest.raises(SourceError):
        await source.network()


async def test_reads_the_cookie_file_for_every_request(web, fetcher, tmp_path):
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
