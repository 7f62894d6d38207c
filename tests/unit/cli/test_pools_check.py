"""`stratoscope pools check` queries every configured pool once and shows the result or the remedy."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from fakes.pool_answers import ADDRESS
from fakes.pool_site import KEY, SECRET, PoolSite, served
from fakes.web import Says
from stratoscope.cli import app


@pytest.fixture
def sites() -> Iterator[dict[str, PoolSite]]:
    with served("viabtc", "public-pool", "emcd") as made:
        yield made


def check(tmp_path: Path, pools: list[dict[str, Any]], *arguments: str) -> Any:
    (tmp_path / "key").write_text(KEY)
    (tmp_path / "key").chmod(0o600)
    (tmp_path / "c.yaml").write_text(json.dumps({"pools": pools}))
    found = CliRunner().invoke(
        app, ["pools", "check", "--config", str(tmp_path / "c.yaml"), *arguments], env={"COLUMNS": "200"}
    )
    assert KEY not in found.output
    assert SECRET not in found.output
    assert "Traceback" not in found.output
    return found


def test_the_results_are_shown(tmp_path, sites):
    pools = [
        {"kind": "viabtc", "url": sites["viabtc"].url, "key": "file:key"},
        {"kind": "public-pool", "name": "mine", "url": sites["public-pool"].url, "account": ADDRESS},
    ]
    found = check(tmp_path, pools)
    assert found.exit_code == 0, found.output
    assert "viabtc (viabtc)" in found.stdout
    assert "mine (public-pool)" in found.stdout
    assert "300.0 TH/s" in found.stdout
    assert "61\u202f081 sat" in found.stdout
    assert ADDRESS not in found.stdout


def test_json_has_every_call_and_the_figures_in_si_units(tmp_path, sites):
    pools = [{"kind": "viabtc", "url": sites["viabtc"].url, "key": "file:key"}]
    found = check(tmp_path, pools, "--json")
    document = json.loads(found.stdout)
    assert (found.exit_code, document["ok"]) == (0, True)
    (one,) = document["pools"]
    assert [(call["call"], call["ok"], call["unreadable"]) for call in one["calls"]] == [
        ("account", True, []),
        ("workers", True, []),
        ("rewards", True, []),
    ]
    assert one["told"]["hashrate_hashes_per_second"] == dict.fromkeys(("600", "3600", "86400"), 300e12)
    assert (one["told"]["workers"], one["told"]["newest_earning_satoshis"], one["told"]["scheme"]) == (
        2,
        61_081,
        "pps+",
    )


def test_a_rejected_key_is_reported_with_the_remedy(tmp_path, sites, monkeypatch):
    monkeypatch.setenv("BAD", "not-the-key")
    pools = [{"kind": "viabtc", "url": sites["viabtc"].url, "key": "env:BAD"}]
    found = check(tmp_path, pools)
    assert found.exit_code == 1
    assert "auth: the pool says: 12002 Invalid X-API-KEY" in found.stdout
    assert "add the agent's public IP address to its list of allowed addresses" in found.stdout
    assert "not-the-key" not in found.output


def test_a_key_in_the_path_is_not_shown_when_the_pool_echoes_it(tmp_path, sites):
    sites["emcd"].instead = lambda asked: Says({"error": f"bad key {KEY} in {asked.path}"})
    found = check(tmp_path, [{"kind": "emcd", "url": sites["emcd"].url, "key": "file:key"}])
    assert found.exit_code == 1
    assert "[redacted]" in found.stdout


def test_outdated_figures_are_not_shown_and_the_reason_is_given(tmp_path):
    with served("ocean") as sites:  # its figures are of 2025
        found = check(tmp_path, [{"kind": "ocean", "url": sites["ocean"].url, "account": ADDRESS}])
    assert found.exit_code == 0
    assert "TH/s" not in found.stdout
    assert re.search(r"ocean: Not shown: the figures of call 'account' are \d+ h old\.", found.stdout)


def test_a_captcha_is_recognised(tmp_path, sites):
    sites["public-pool"].instead = lambda _: Says(b"<html><title>Just a moment...</title></html>")
    found = check(tmp_path, [{"kind": "public-pool", "url": sites["public-pool"].url, "account": ADDRESS}])
    assert found.exit_code == 1
    assert "not_json: the response is HTML" in found.stdout
    assert "such as a captcha or a login" in found.stdout


def test_one_pool_can_be_queried_alone_and_an_unknown_name_is_an_error(tmp_path, sites):
    pools = [
        {"kind": "viabtc", "url": sites["viabtc"].url, "key": "file:key"},
        {"kind": "public-pool", "url": sites["public-pool"].url, "account": ADDRESS},
    ]
    found = check(tmp_path, pools, "--pool", "public-pool", "--json")
    assert [one["name"] for one in json.loads(found.stdout)["pools"]] == ["public-pool"]
    found = check(tmp_path, pools, "--pool", "viabct")
    assert found.exit_code == 2
    assert "did you mean viabtc?" in found.stderr


def test_a_config_without_pools_is_an_error_with_the_remedy(tmp_path):
    found = check(tmp_path, [])
    assert found.exit_code == 1
    assert "has no pools: add an entry to `pools:`" in found.stderr
