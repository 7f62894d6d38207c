"""The agent as a process with a market: values on /metrics and in the ledger, and no doubtful values."""

import contextlib
import json
import sqlite3
import time
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from fakes.programs import Agent, eventually, get
from stratoscope.market.hashprice import hashprice


def samples(agent: Agent) -> dict[str, float]:
    page = get(f"{agent.url}/metrics")[1].decode()
    return {
        sample.name + "".join(f",{value}" for _, value in sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(page)
        for sample in family.samples
    }


def config(sheet: Path) -> dict:
    return {
        "market": {
            "currency": "EUR",
            "interval": "10s",
            "network": [{"kind": "fixed", "height": 931392, "difficulty": 146472570619930.8, "fees": 0.0169}],
            "prices": [{"kind": "file", "path": str(sheet)}],
        }
    }


@pytest.mark.waits(24)
def test_site_without_internet_has_a_hashprice_and_records_the_day(tmp_path: Path):
    sheet = tmp_path / "market.json"
    sheet.write_text(json.dumps({"currency": "EUR", "price": 78000, "time": int(time.time())}))
    agent = Agent(tmp_path, config(sheet))
    try:
        eventually(lambda: "mining_hashprice_fiat_per_ph_day,EUR" in samples(agent), what="a hashprice")
        found = samples(agent)
        expected = hashprice(146472570619930.8, 312_500_000 + 1_690_000, 78000)
        assert expected is not None
        assert found["mining_hashprice_fiat_per_ph_day,EUR"] == expected.fiat_per_ph_day
        assert found["mining_btc_price,EUR"] == 78000
        assert found["mining_market_input_usable,epoch"] == 0
        assert found["stratoscope_source_requests_total,ok,file"] >= 1
        ledger = tmp_path / "state" / "ledger.sqlite"
        eventually(lambda: days(ledger), seconds=120, what="the day in the ledger")
    finally:
        assert agent.stop() == 0, agent.log()
    ((price, reward, difficulty, currency),) = set(days(ledger))  # two equal days around midnight
    assert (price, reward, difficulty, currency) == (78000.0, 314_190_000, 146472570619930.8, "EUR")

    sheet.write_text(json.dumps({"currency": "EUR", "price": 780000, "time": int(time.time())}))
    agent = Agent(tmp_path, config(sheet))  # the ledger holds the previous price
    try:
        eventually(lambda: "mining_hashprice_btc_per_ph_day" in samples(agent), what="a hashprice in bitcoin")
        found = samples(agent)
        assert "mining_btc_price,EUR" not in found
        assert "mining_hashprice_fiat_per_ph_day,EUR" not in found
        eventually(lambda: "jump by +900%" in agent.log(), what="the reason in the log")
    finally:
        assert agent.stop() == 0
    assert "Traceback" not in agent.log()


def days(ledger: Path) -> list[tuple]:
    with contextlib.closing(sqlite3.connect(f"file:{ledger}?mode=ro", uri=True)) as db:
        return db.execute("SELECT price, reward_sat, difficulty, currency FROM market_day").fetchall()
