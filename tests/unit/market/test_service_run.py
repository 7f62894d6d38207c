"""The market service keeps querying, logs failures and recoveries once, and never logs a login."""

import asyncio

import pytest

from fakes.clock import settle
from fakes.web import Says
from stratoscope.market.settings import MarketSourceSettings
from unit.market.conftest import site, spot


async def test_keeps_querying_until_cancelled_and_survives_an_internal_error(web, make, clock, monkeypatch):
    site(web)
    errors: list[str] = []
    market = make(error=errors.append)
    running = asyncio.create_task(market.run())
    for _ in range(12_000):
        await asyncio.sleep(0.005)
        if market.now.hashprice is not None and market.now.price is not None:
            break
    assert market.now.price.value == 91000

    def bug(*_: object):
        raise ZeroDivisionError("ours")

    monkeypatch.setattr("stratoscope.market.service.choose_price", bug)
    await clock.advance(61)
    for _ in range(12_000):
        await asyncio.sleep(0.005)
        if market.tally.outcomes.get(("market", "bug")):
            break
    assert market.tally.outcomes["market", "bug"] == 1
    assert any("ZeroDivisionError" in line for line in errors)
    monkeypatch.undo()
    web.answers["/v2/prices/BTC-USD/spot"] = spot(91100)
    await clock.advance(61)
    for _ in range(12_000):
        await asyncio.sleep(0.005)
        if market.now.price.value == 91100:
            break
    assert market.now.price.value == 91100
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    await settle()


async def test_logs_an_unusable_input_and_its_recovery_once(web, make, clock):
    warnings: list[str] = []
    notices: list[str] = []
    site(web)
    market = make(warn=warnings.append, inform=notices.append)
    await market.once()
    assert warnings == []
    web.answers["/v2/prices/BTC-USD/spot"] = Says(b"<html>captcha</html>")
    for _ in range(30):
        await clock.advance(60)
        await market.once()
    assert len(warnings) == 1
    assert warnings[0].startswith("market: price unusable: ")
    assert notices == []
    site(web, price=91500)
    await clock.advance(16 * 60)  # past the pause of a service that kept failing
    await market.once()
    assert (len(warnings), notices) == (1, ["market: price usable again"])


async def test_s15_no_login_appears_in_logs_or_state(web, make, clock):
    said: list[str] = []
    settings = MarketSourceSettings(kind="bitcoind", url=web.url, user="me", password="geheim-7")
    market = make(network=[settings], warn=said.append)
    for _ in range(3):
        await market.once()
    assert said
    assert "geheim-7" not in f"{said} {market.now} {settings} {market.settings}"
