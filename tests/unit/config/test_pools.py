"""The section `pools`: each kind with its own keys, every mistake with its remedy, no secret anywhere."""

from pathlib import Path

import pytest

from stratoscope.config import InvalidConfig, load
from stratoscope.pools.adapters import POOLS
from stratoscope.pools.pool import PoolAccount
from stratoscope.pools.settings import PoolSettings

MISTAKES = {
    "an unknown kind": (
        "[{kind: oecan, account: a}]",
        'pools[0].kind is "oecan", which is not a kind of pool: did you mean ocean?',
    ),
    "no account": (
        "[{kind: ocean}]",
        ("pools[0] has no account, which a pool of kind ocean requires. No key. `account` is the payout address."),
    ),
    "a key of another kind": (
        "[{kind: ocean, account: a, key: env:K}]",
        "pools[0] has key, which a pool of kind ocean does not take: it takes account, url",
    ),
    "a url for files": (
        "[{kind: ckpool-logs, path: /x, account: a, url: 'https://a.example'}]",
        "pools[0] has url, which a pool of kind ckpool-logs does not take: it takes account, path",
    ),
    "http to another machine": (
        "[{kind: public-pool, account: a, url: 'http://192.0.2.5:3334'}]",
        (
            "pools[0] has an unusable url: http lets anyone on the network path change the figures: "
            "write https, or add allow_http: true"
        ),
    ),
    "two pools with one name": (
        "[{kind: ocean, account: a}, {kind: ocean, account: b}]",
        "pools has ocean more than once: give each its own `name`",
    ),
    "an unknown scheme": (
        "[{kind: ocean, account: a, scheme: ppps}]",
        ('pools[0].scheme is "ppps", it must be one of pps, pps+, fpps, pplns, tides, solo, prop'),
    ),
    "a fee in per cent": (
        "[{kind: ocean, account: a, fee: 2}]",
        "pools[0].fee is 2, it must be 0 to 0.5: 0.02 is 2 %",
    ),
    "a broken key": (
        "[{kind: braiins, key: env:BROKEN}]",
        ("pools[0] has a key with characters that no key contains: look for a line break or a space in it"),
    ),
    "a key that is not set": (
        "[{kind: braiins, key: env:NOWHERE}]",
        (
            "pools[0].key refers to environment variable NOWHERE, which is not set: set it in the environment of the "
            "agent"
        ),
    ),
    "an unknown word": ("[{kind: ocean, acount: a}]", "pools[0].acount is not a known key: did you mean account?"),
}
ENVIRON = {"K": "geheim", "S": "geheimer", "BROKEN": "gehe\nim"}


def loaded(tmp_path: Path, text: str):
    (tmp_path / "c.yaml").write_text(text)
    return load(tmp_path / "c.yaml", ENVIRON)


@pytest.mark.parametrize(("text", "sentence"), MISTAKES.values(), ids=MISTAKES.keys())
def test_a_mistake_is_reported_with_its_remedy_and_without_secrets(tmp_path: Path, text: str, sentence: str) -> None:
    with pytest.raises(InvalidConfig) as caught:
        loaded(tmp_path, f"pools: {text}\n")
    assert caught.value.problems == (f"{tmp_path / 'c.yaml'}:1: {sentence}",)
    assert "gehe" not in str(caught.value)


@pytest.mark.parametrize("pool", POOLS, ids=lambda pool: pool.kind)
def test_every_kind_requires_its_keys(tmp_path: Path, pool) -> None:
    values = {
        "account": "a",
        "key": "env:K",
        "secret": "env:S",
        "user": "u",
        "organization": "o",
        "path": "/var/log/x",
        "url": "https://pool.example",
    }
    given = {key: values[key] for key in (*pool.required_keys, *pool.optional_keys)}
    lines = "".join(f"\n   {key}: '{value}'" for key, value in given.items())
    config = loaded(tmp_path, f"pools:\n - kind: {pool.kind}{lines}\n")
    settings = config.pools[0].settings()
    assert (settings.name, settings.kind) == (pool.kind, pool.kind)
    assert "geheim" not in repr(config) + repr(settings)
    for key in pool.required_keys:
        less = "".join(f"\n   {one}: '{value}'" for one, value in given.items() if one != key)
        with pytest.raises(InvalidConfig, match=f"has no {key}, which"):
            loaded(tmp_path, f"pools:\n - kind: {pool.kind}{less}\n")


def test_every_key_reaches_the_settings(tmp_path: Path) -> None:
    (one,) = loaded(
        tmp_path,
        """
pools:
  - kind: hydrapool
    name: home
    url: http://192.0.2.5:46884
    allow_http: true
    account: bc1q
    user: reader
    secret: env:S
    fee: 0.005
    scheme: SOLO
    workers: {bitaxe: rack1}
    worker_names: true
    max_workers: 5
""",
    ).pools
    assert one.settings() == PoolSettings(
        name="home",
        kind="hydrapool",
        url="http://192.0.2.5:46884",
        allow_http=True,
        account=PoolAccount(account="bc1q", user="reader", secret="geheimer"),
        fee=0.005,
        scheme="solo",
        workers={"bitaxe": "rack1"},
        worker_names=True,
        max_workers=5,
    )


def test_a_key_in_the_config_itself_causes_a_warning(tmp_path: Path) -> None:
    config = loaded(tmp_path, "rigs: [192.0.2.1]\npools:\n  - kind: braiins\n    key: abcdef\n")
    (warning,) = config.warnings
    assert warning.startswith(f"{tmp_path / 'c.yaml'}:4: pools[0].key is a secret in plain text")


@pytest.mark.parametrize("text", ["site: a\n", "pools:\n", "pools: []\n"])
def test_without_an_entry_no_pool_is_queried(tmp_path: Path, text: str) -> None:
    assert loaded(tmp_path, text).pools == ()
