"""The section `market`: off without it, complete defaults with it, every mistake with its remedy."""

from pathlib import Path

import pytest

from stratoscope.config import InvalidConfig, load
from stratoscope.market.settings import MarketSettings, MarketSourceSettings

MISTAKES = {
    "a source of unknown kind": (
        "prices: [coinbse]",
        ('market.prices[0].kind is "coinbse", which is not a kind of source here: did you mean coinbase?'),
    ),
    "a price source for the network": (
        "network: [kraken]",
        (
            'market.network[0].kind is "kraken", which is not a kind of '
            "source here: choose one of bitcoind, file, fixed, mempool, stratum"
        ),
    ),
    "a node without an address": (
        "network: [{kind: bitcoind, cookie: /c}]",
        "market.network[0] has no url, which a source of kind bitcoind requires",
    ),
    "a node without a login": (
        "network: [{kind: bitcoind, url: http://127.0.0.1:8332}]",
        ("market.network[0] requires either user and password, or cookie: the path of the node's .cookie file"),
    ),
    "a node with two logins": (
        ("network: [{kind: bitcoind, url: http://127.0.0.1:8332, cookie: /c, user: a, password: env:P}]"),
        ("market.network[0] requires either user and password, or cookie: the path of the node's .cookie file"),
    ),
    "http to another machine": (
        "network: [{kind: mempool, url: http://192.0.2.5}]",
        (
            "market.network[0] has an unusable url: http lets anyone on the network path change the "
            "figures: write https, or add allow_http: true"
        ),
    ),
    "a login in the url": (
        "prices: [{kind: kraken, url: https://me:geheim@a.example}]",
        ("market.prices[0] has an unusable url: it contains a login: use the keys user and password"),
    ),
    "a key of another kind": (
        "prices: [{kind: coinbase, price: 5}]",
        ("market.prices[0] has price, which a source of kind coinbase does not take: it takes allow_http, url"),
    ),
    "a fixed network without fees": (
        "network: [{kind: fixed, height: 931392, difficulty: 1e14}]",
        "market.network[0] has no fees, which a source of kind fixed requires",
    ),
    "a fixed price of zero": (
        "prices: [{kind: fixed, price: 0}]",
        "market.prices[0].price is 0, it must be 1e-06 to 1e+12",
    ),
    "stratum with an address": (
        "network: [{kind: stratum, url: https://a.example}]",
        ("market.network[0] has url, which a source of kind stratum does not take: it takes no other key"),
    ),
    "a file without a path": ("prices: [file]", "market.prices[0] has no path, which a source of kind file requires"),
    "a reference without a value": (
        "references: [{name: index}]",
        "market.references[0] requires either `value:`, or `source:` to read it from",
    ),
    "two references with one name": (
        "references: [{name: a, value: 1}, {name: a, value: 2}]",
        "market.references has the same name twice: a; give each its own",
    ),
    "a reference with an unknown unit": (
        "references: [{name: a, value: 1, unit: usd}]",
        (
            'market.references[0].unit is "usd", it must be btc_per_ph_day, sats_per_th_day, '
            "fiat_per_ph_day or fiat_per_th_day"
        ),
    ),
    "a reference over http": (
        "references: [{name: a, source: {kind: http, url: 'http://192.0.2.1/p'}}]",
        (
            "market.references[0].source has an unusable url: http lets anyone on "
            "the network path change the figures: write https, or add allow_http: true"
        ),
    ),
    "no currency": (
        "currency: dollars",
        'market.currency is "dollars", it must be the code of a currency such as USD or EUR',
    ),
    "too often": (
        "interval: 1s",
        ("market.interval is 1 s, the minimum is 10 s: public services ban clients that query more often"),
    ),
    "too strict with the chain": (
        "tip_max_age: 30m",
        ("market.tip_max_age is 30 min, the minimum is 2 h: an hour and a half without a block is not unusual"),
    ),
    "an unknown key": ("curency: EUR", "market.curency is not a known key: did you mean currency?"),
}


def loaded(tmp_path: Path, text: str):
    (tmp_path / "c.yaml").write_text(text)
    return load(tmp_path / "c.yaml", {"P": "geheim"}).market


@pytest.mark.parametrize(("text", "sentence"), MISTAKES.values(), ids=MISTAKES.keys())
def test_a_mistake_is_reported_with_its_remedy_and_without_secrets(tmp_path: Path, text: str, sentence: str) -> None:
    with pytest.raises(InvalidConfig) as caught:
        loaded(tmp_path, f"market:\n  {text}\n")
    assert caught.value.problems == (f"{tmp_path / 'c.yaml'}:2: {sentence}",)
    assert "geheim" not in str(caught.value)


@pytest.mark.parametrize("text", ["site: a\n", "market:\n", "market: null\n"])
def test_s34_without_the_section_no_outside_service_is_queried(tmp_path: Path, text: str) -> None:
    assert loaded(tmp_path, text) is None


def test_an_empty_section_uses_the_defaults(tmp_path: Path) -> None:
    assert loaded(tmp_path, "market: {}\n").settings() == MarketSettings()


def test_every_key_reaches_the_settings(tmp_path: Path) -> None:
    settings = loaded(
        tmp_path,
        """
market:
  currency: eur
  network:
    - {kind: bitcoind, url: "http://127.0.0.1:8332", user: me, password: env:P}
    - {kind: mempool, url: "http://192.0.2.5:4080", allow_http: true}
    - {kind: fixed, height: 931392, difficulty: 146472570619930.8, fees: 0.0169}
    - {kind: file, path: market.json}
  prices: [kraken, {kind: fixed, price: 91000.5}]
  interval: 2m
  price_max_age: 20m
  tip_max_age: 4h
""",
    ).settings()
    assert settings == MarketSettings(
        currency="EUR",
        network=(
            MarketSourceSettings(kind="bitcoind", url="http://127.0.0.1:8332", user="me", password="geheim"),
            MarketSourceSettings(kind="mempool", url="http://192.0.2.5:4080", allow_http=True),
            MarketSourceSettings(kind="fixed", height=931392, difficulty=146472570619930.8, fees=0.0169),
            MarketSourceSettings(kind="file", path=tmp_path / "market.json"),
        ),
        prices=(
            MarketSourceSettings(kind="kraken"),
            MarketSourceSettings(kind="fixed", price=91000.5),
        ),
        interval=120.0,
        price_max_age=1200.0,
        tip_max_age=14400.0,
    )
    assert "geheim" not in repr(settings)


def test_the_environment_can_enable_the_section(tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_text("site: a\n")
    market = load(tmp_path / "c.yaml", {"STRATOSCOPE__MARKET__CURRENCY": "EUR"}).market
    assert market is not None
    assert market.currency == "EUR"
