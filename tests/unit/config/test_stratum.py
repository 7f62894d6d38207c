"""The section `stratum`: off without it, complete defaults with it, every mistake with its remedy."""

from pathlib import Path

import pytest

from stratoscope.config import InvalidConfig, load
from stratoscope.stratum.protocol.endpoint import Endpoint
from stratoscope.stratum.settings import ConfiguredEndpoint, StratumLogin, StratumSettings

MISTAKES = {
    "no port": (
        "endpoints: [pool.example]",
        "stratum.endpoints[0].url is wrong: it must name a host and a port, as pool.example.com:3333",
    ),
    "another protocol": (
        "endpoints: ['http://pool.example:80']",
        ("stratum.endpoints[0].url is wrong: it must begin with stratum+tcp://, stratum+ssl:// or stratum2+tcp://"),
    ),
    "a wrong authority key": (
        "endpoints: ['stratum2+tcp://pool.example:34254/abc']",
        "stratum.endpoints[0].url is wrong: the authority key after its port is invalid",
    ),
    "a password without a user": ("password: env:P", "stratum has a password without a user: add `user:`"),
    "an endpoint's password without a user": (
        "endpoints: [{url: 'a:1', password: env:P}]",
        "stratum.endpoints[0] has a password without a user: add `user:`",
    ),
    "an invalid pattern": (
        "allow: ['a b']",
        ('stratum.allow[0] is "a b", it must be a host such as *.pool.example or pool.example:3333'),
    ),
    "too many endpoints": (
        "max_endpoints: 1\n  endpoints: ['a:1', 'b:1']",
        "stratum lists 2 endpoints, above max_endpoints 1: raise it",
    ),
    "too frequent a probe": (
        "probe_interval: 1s",
        "stratum.probe_interval is 1 s, the minimum is 10 s: each probe is a request to the pool",
    ),
    "an unknown key": ("endpoint: []", "stratum.endpoint is not a known key: did you mean endpoints?"),
}


def loaded(tmp_path: Path, text: str):
    path = tmp_path / "c.yaml"
    path.write_text(text)
    return load(path, {"P": "hunter2"})


@pytest.mark.parametrize("name", MISTAKES)
def test_every_mistake_is_reported_with_its_place_and_remedy(tmp_path, name):
    text, expected = MISTAKES[name]
    with pytest.raises(InvalidConfig) as caught:
        loaded(tmp_path, f"stratum:\n  {text}\n")
    assert any(expected in problem for problem in caught.value.problems), caught.value.problems
    assert "hunter2" not in str(caught.value)


def test_without_the_section_nothing_is_watched_and_an_empty_one_uses_all_defaults(tmp_path):
    assert loaded(tmp_path, "site: a\n").stratum is None
    assert loaded(tmp_path, "stratum:\n").stratum is None
    assert loaded(tmp_path, "stratum: {}\n").stratum.settings() == StratumSettings()


def test_every_key_reaches_the_watcher_and_no_secret_is_shown(tmp_path):
    text = """
stratum:
  endpoints:
    - stratum+ssl://Pool.Example:443
    - {url: "10.0.0.5:3333", user: account.x, password: env:P}
  from_rigs: false
  allow: ["*.Pool.example"]
  skip: ["bad.pool.example:3333"]
  user: account.y
  password: env:P
  rig_users: true
  worker: spy
  max_endpoints: 7
  probe_interval: 2m
"""
    settings = loaded(tmp_path, text).stratum.settings()
    assert settings == StratumSettings(
        endpoints=(
            ConfiguredEndpoint(endpoint=Endpoint("stratum+ssl", "pool.example", 443)),
            ConfiguredEndpoint(
                endpoint=Endpoint("stratum+tcp", "10.0.0.5", 3333),
                login=StratumLogin(user="account.x", password="hunter2"),
            ),
        ),
        from_rigs=False,
        allow=("*.pool.example",),
        skip=("bad.pool.example:3333",),
        login=StratumLogin(user="account.y", password="hunter2"),
        rig_users=True,
        worker="spy",
        max_endpoints=7,
        probe_interval_s=120.0,
    )
    assert "hunter2" not in repr(settings)
