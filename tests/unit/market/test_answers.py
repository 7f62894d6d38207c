"""Recorded answers of every source give their values; mutated ones give an error and never a wrong value."""

import json
from itertools import product

import pytest

from stratoscope.errors import SourceError
from stratoscope.market.sources import bitcoind, bitstamp, coinbase, coingecko, kraken, mempool_answers
from stratoscope.market.sources.answer import document
from stratoscope.market.sources.source import PriceReport

pytestmark = pytest.mark.shelf


@pytest.fixture
def sample(shelf):
    return lambda name: (shelf / "pools" / "_market" / name).read_bytes()


PARSERS = {
    "coinbase_spot.json": lambda body: coinbase.parse(body, "USD"),
    "kraken_ticker.json": lambda body: kraken.parse(body, "USD"),
    "bitstamp_ticker.json": bitstamp.parse,
    "coingecko_simple_price.json": lambda body: coingecko.parse(body, "USD"),
    "mempool_prices.json": lambda body: mempool_answers.parse_prices(body, "EUR"),
    "mempool_reward_stats_144.json": mempool_answers.parse_rewards,
    "mempool_mining_hashrate_3d.json": mempool_answers.parse_hashrates,
    "mempool_difficulty_adjustment.json": mempool_answers.parse_adjustment,
    "mempool_difficulty_adjustments.json": mempool_answers.parse_retargets,
    "mempool_blocks_fees_24h.json": mempool_answers.parse_block_fees,
    "mempool_blocks_rewards_24h.json": mempool_answers.parse_past_rewards,
    "mempool_tip_height.txt": mempool_answers.parse_height,
    "bitcoind_getmininginfo.json": lambda body: bitcoind.parse_mining(document(body)),
    "bitcoind_getblockstats.json": lambda body: bitcoind.parse_stats(document(body)),
}


def test_recorded_answers_give_their_values(sample):
    found = {name: parse(sample(name)) for name, parse in PARSERS.items()}
    assert found["coinbase_spot.json"] == PriceReport(87235.12)
    assert found["kraken_ticker.json"] == PriceReport(87235.1)
    assert found["bitstamp_ticker.json"] == PriceReport(87235.0, 1731400000.0)
    assert found["coingecko_simple_price.json"] == PriceReport(87235.0, 1731400000.0)
    assert found["mempool_prices.json"] == PriceReport(40545.0, 1703252411.0)
    rewards = found["mempool_reward_stats_144.json"]  # a hundred blocks, in spite of the name
    assert (rewards.end, rewards.fees) == (736655, 13117482.54)
    hashrates = found["mempool_mining_hashrate_3d.json"]
    assert (hashrates.currentHashrate, hashrates.currentDifficulty) == (2.520332473552123e20, 31251101365711.12)
    epoch = found["mempool_difficulty_adjustment.json"]
    assert (epoch.height, epoch.start) == (876960 - 1361, 1734312810.0)
    assert epoch.change == pytest.approx(0.04429396745461176)
    retargets = found["mempool_difficulty_adjustments.json"]
    assert [(row.at, row.difficulty) for row in retargets] == [
        (1702180644.0, 67305906902031.39),
        (1703311464.0, 72006146478567.1),
    ]
    assert found["mempool_blocks_fees_24h.json"] == mempool_answers.MeanFees(735644, 24212890.0)
    assert found["mempool_blocks_rewards_24h.json"] == [(1646139035.0, 637067563.0)]
    assert found["mempool_tip_height.txt"] == 901152
    mining = found["bitcoind_getmininginfo.json"]
    assert (mining.blocks, mining.difficulty, mining.bits) == (901152, 126411437451912.2, "17023774")
    stats = found["bitcoind_getblockstats.json"]
    assert (stats.height, stats.subsidy, stats.totalfee) == (730000, 625000000, 16321983)


def places(value, path=()):
    yield path
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in pairs:
        yield from places(item, (*path, key))


def mutated(document, path, how):
    document = json.loads(json.dumps(document))
    if not path:
        return how(document)
    at = document
    for part in path[:-1]:
        at = at[part]
    if how is drop:
        del at[path[-1]]
    elif how is rename:
        value = at.pop(path[-1])
        at.insert(path[-1], [value]) if isinstance(at, list) else at.update({f"{path[-1]}_": value})
    else:
        at[path[-1]] = how(at[path[-1]])
    return document


def drop(_):
    return []


def rename(value):
    return {"renamed": value}


MUTATIONS = (
    drop,
    rename,
    lambda _: None,
    lambda _: True,
    lambda _: -1,
    lambda _: 0,
    lambda _: "",
    lambda _: "soon",
    lambda _: [],
    lambda _: {},
    lambda _: 1e300,
    lambda _: "1e5",
    lambda _: "-5",
    lambda _: [[[]]],
    lambda _: "9" * 400,
    lambda v: f"{v}" if isinstance(v, int | float) else v,
    lambda v: f" {v}",
    lambda _: "\ud800",
)


@pytest.mark.parametrize("name", PARSERS)
def test_f29_a_mutated_answer_gives_an_error_or_its_own_value(sample, name):
    original = json.loads(sample(name))
    parse, right = PARSERS[name], PARSERS[name](sample(name))
    for path, how in product(list(places(original)), MUTATIONS):
        try:
            body = json.dumps(mutated(original, path, how)).encode()
        except IndexError:
            continue
        try:
            found = parse(body)
        except SourceError as error:
            refused = error
            assert refused.reason in ("schema", "not_json", "inconsistent", "refused", "rate_limited")
            assert len(str(refused)) < 200
        else:
            assert_sane(found, right, body)


def assert_sane(found, right, body: bytes) -> None:
    """Check what a parser accepted in a mutated answer: its value is positive, finite and of the same size."""
    if isinstance(found, PriceReport):
        assert found.value == right.value
        assert found.at in (right.at, None)
    elif isinstance(found, mempool_answers.MeanFees):
        assert 0 <= found.fees <= right.fees * 1.6
    elif isinstance(found, list):
        assert all(row in right for row in found) or len(found) == len(right), body
    elif isinstance(found, mempool_answers.EpochPosition):
        assert -0.75 <= found.change <= 3
        assert found.height > 0


@pytest.mark.parametrize("name", PARSERS)
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>captcha</html>",
        b"\x00\xff\xfe",
        b"null",
        b"[]",
        b"{}",
        b"1",
        b'"x"',
        b"[" * 2000,
        b"NaN",
        b'{"data":',
        b"\xef\xbb\xbf{}",
        b'{"a":' * 900,
    ],
    ids=range(13),
)
def test_f28_a_broken_answer_is_an_error(name, body):
    if (name, body) == ("mempool_tip_height.txt", b"1"):
        assert PARSERS[name](body) == 1
        return
    if name == "mempool_blocks_rewards_24h.json" and body == b"[]":
        assert PARSERS[name](body) == []
        return
    if name == "mempool_difficulty_adjustments.json" and body == b"[]":
        assert PARSERS[name](body) == []
        return
    with pytest.raises(SourceError):
        PARSERS[name](body)


def test_a_missing_price_of_mempool_is_an_error_and_not_minus_one():
    with pytest.raises(SourceError, match="missing"):
        mempool_answers.parse_prices(b'{"time": 1703252411, "USD": -1, "EUR": 5}', "USD")
    with pytest.raises(SourceError, match="no price in GBP"):
        mempool_answers.parse_prices(b'{"time": 1703252411, "USD": -1, "EUR": 5}', "GBP")


def test_rejects_milliseconds_as_seconds():
    with pytest.raises(SourceError, match="schema"):
        bitstamp.parse(b'{"last": "87235", "timestamp": "1731400000000"}')


def test_recognizes_errors_of_kraken_with_http_200():
    with pytest.raises(SourceError, match="rate_limited"):
        kraken.parse(b'{"error": ["EAPI:Rate limit exceeded"]}', "USD")
    with pytest.raises(SourceError, match="refused: EQuery:Unknown asset pair"):
        kraken.parse(b'{"error": ["EQuery:Unknown asset pair"], "result": {}}', "XYZ")
    with pytest.raises(SourceError, match="another pair"):
        kraken.parse(b'{"error": [], "result": {"XETHZUSD": {"c": ["3000", "1"]}}}', "USD")


def test_rejects_the_price_of_another_pair():
    with pytest.raises(SourceError, match="another pair"):
        coinbase.parse(b'{"data": {"amount": "3000", "base": "ETH", "currency": "USD"}}', "USD")
    with pytest.raises(SourceError, match="another pair"):
        coinbase.parse(b'{"data": {"amount": "87000", "base": "BTC", "currency": "USD"}}', "EUR")


def test_rejects_fees_in_another_unit():
    said = {"startBlock": 736556, "endBlock": 736655, "totalReward": "63811748254", "totalFee": "1311748254"}
    for over in ({"totalFee": "13117482540"}, {"totalFee": "0"}, {"totalReward": "638117482540"}, {"endBlock": 736650}):
        with pytest.raises(SourceError, match="inconsistent"):
            mempool_answers.parse_rewards(json.dumps(said | over).encode())


def test_rejects_a_block_whose_bits_encode_another_difficulty():
    block = {"height": 901152, "timestamp": 1750000000, "bits": 0x1701E2A0, "difficulty": 149301205959699.9}
    assert mempool_answers.parse_block(json.dumps(block).encode()).difficulty == 149301205959699.9
    for factor in (10, 0.1, 1.006, 0.994):
        with pytest.raises(SourceError):
            mempool_answers.parse_block(json.dumps({**block, "difficulty": block["difficulty"] * factor}).encode())
