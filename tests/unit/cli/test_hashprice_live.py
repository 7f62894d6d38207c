"""`stratoscope hashprice live` queries services and shows the hashprice with the age of every input."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from fakes.market_site import DIFFICULTY, EPOCH_START, mempool_site
from fakes.web import Says
from stratoscope.cli import app
from stratoscope.market.hashprice import hashprice

ANSWERS: dict[str, Any] = {}


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        answer = ANSWERS.get(self.path)
        body = answer.body if isinstance(answer, Says) else json.dumps(answer).encode()
        self.send_response(404 if answer is None else 200)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def url() -> Iterator[str]:
    """A mempool server in a thread, since the command runs its own event loop."""
    import time

    ANSWERS.clear()
    ANSWERS.update(mempool_site(901000))
    now = int(time.time())
    shift = now - 700 - (EPOCH_START + 901000 % 2016 * 590)
    for answer in ANSWERS.values():
        if "timestamp" in dict_of(answer):
            answer["timestamp"] += shift
    ANSWERS["/api/v1/difficulty-adjustment"]["previousTime"] += shift
    ANSWERS["/api/v1/prices"] = {"time": now - 30, "USD": 91000, "EUR": 78000, "JPY": -1}
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def dict_of(answer: Any) -> dict[str, Any]:
    return answer if isinstance(answer, dict) else {}


def live(*arguments: str) -> Any:
    return CliRunner().invoke(app, ["hashprice", "live", *arguments], env={"COLUMNS": "200"})


def test_json_has_the_calculators_keys_and_the_age_of_every_input(url: str) -> None:
    result = live("--mempool", url, "--currency", "eur", "--efficiency", "17.5", "--power-price", "0.05", "--json")
    assert result.exit_code == 0, result.stderr
    found = json.loads(result.stdout)
    expected = hashprice(DIFFICULTY, 314_500_000, 78_000)
    assert expected is not None
    assert found["hashprice_btc_per_ph_day"] == pytest.approx(expected.btc_per_ph_day)
    assert found["hashprice_fiat_per_ph_day"] == pytest.approx(expected.fiat_per_ph_day)
    assert (found["currency"], found["height"], found["fees_btc"]) == ("EUR", 901000, 0.02)
    assert (found["subsidy_btc"], found["reward_btc"]) == (3.125, 3.145)
    assert found["breakeven_power_price_fiat_per_kwh"] == pytest.approx(expected.fiat_per_ph_day / (24 * 17.5))
    assert {name: one["source"] for name, one in found["inputs"].items()} == dict.fromkeys(
        ("height", "difficulty", "fees", "price"), "mempool"
    )
    assert 30 <= found["inputs"]["price"]["age_seconds"] < 60
    assert found["inputs"]["height"]["age_seconds"] > 60
    assert found["unusable"] == {}
    calculator = CliRunner().invoke(app, ["hashprice", "--difficulty", "1e14", "--height", "901000", "--json"])
    assert set(json.loads(calculator.stdout)) <= set(found)


def test_the_table_shows_both_hashprices_under_their_names(url: str) -> None:
    result = live("--mempool", url)
    assert result.exit_code == 0
    for words in ("USD/PH/day", "by the observed hashrate", "next adjustment", "price from", "s old"):
        assert words in result.stdout, words


def test_a_missing_price_leaves_the_figures_in_bitcoin(url: str) -> None:
    result = live("--mempool", url, "--currency", "JPY", "--json")
    assert result.exit_code == 0
    found = json.loads(result.stdout)
    assert found["hashprice_btc_per_ph_day"] > 0
    assert (found["hashprice_fiat_per_ph_day"], found["price_fiat"]) == (None, None)
    assert "missing at present" in result.stderr


def test_the_sources_of_a_config_are_queried(url: str, tmp_path: Path) -> None:
    config = tmp_path / "c.yaml"
    config.write_text(
        f"market:\n  network: [{{kind: mempool, url: {url}}}]\n  prices: [{{kind: fixed, price: 50000}}]\n"
    )
    found = json.loads(live("--config", str(config), "--json").stdout)
    assert (found["price_fiat"], found["inputs"]["price"]["source"]) == (50000, "fixed")


def test_a_published_hashprice_is_compared_with_the_current_market(url: str) -> None:
    right = hashprice(DIFFICULTY, 314_500_000, 91_000)
    assert right is not None
    fits = live(
        "--mempool", url, "--check", f"{right.fiat_per_ph_day:.2f}", "--check-unit", "fiat_per_ph_day", "--json"
    )
    assert (fits.exit_code, json.loads(fits.stdout)["check_verdict"]) == (0, "fits")
    off = live("--mempool", url, "--check", repr(right.btc_per_ph_day * 1.02))
    assert off.exit_code == 1
    assert "doubtful" in off.stdout


def test_without_difficulty_it_fails_with_the_reason(url: str) -> None:
    ANSWERS.clear()
    result = live("--mempool", url, "--json")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "HTTP 404" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--mempool", "http://192.0.2.1"), "--allow-http"),
        (("--mempool", "mempool.space"), "https://"),
        (("--currency", "dollars"), "currency code"),
        (("--config", "a", "--mempool", "https://b.example"), "only one of --config and --mempool"),
    ],
)
def test_wrong_options_are_named_with_the_remedy(arguments: tuple[str, ...], words: str) -> None:
    result = live(*arguments)
    assert result.exit_code == 2
    assert words in result.stderr


def test_a_config_without_a_market_is_an_error_with_the_remedy(tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_text("site: a\n")
    result = live("--config", str(tmp_path / "c.yaml"))
    assert result.exit_code == 1
    assert "market: {}" in result.stderr
