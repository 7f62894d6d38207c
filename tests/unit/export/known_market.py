"""A market whose values are all known, and an economist that uses it."""

from dataclasses import replace
from decimal import Decimal

from stratoscope.economics.call import GridCall
from stratoscope.economics.economist import Economist
from stratoscope.fleet import Fleet
from stratoscope.market.choose import MedianPrice, NetworkState, PriceState, SourcedNetwork
from stratoscope.market.choose import PriceQuote as SpotQuote
from stratoscope.market.derive import Instant, MarketInputs, derive
from stratoscope.market.history import HashpriceHistory, MarketDay, day_of
from stratoscope.market.references import PublishedFigure, ReferenceSettings
from stratoscope.market.settings import MarketSettings
from stratoscope.market.sources.source import NetworkReport
from stratoscope.market.tariff import PowerQuote
from stratoscope.market.template import BlockTemplate
from stratoscope.units import DAY
from unit.economics.money_bench import MoneyBench
from unit.export.farm import CONTRACT

NOW = 1_760_000_000.0


MONOTONIC = 5000.0


class Known:
    """A market that stands still: a price of three sources, a network of one, a past of a month."""

    def __init__(self, **over) -> None:
        network = NetworkReport(
            height=931_892,
            difficulty=146_472_570_619_930.8,
            tip_time=NOW - 300,
            fees=1_690_000.0,
            epoch_start=NOW - 297_000,
            window_start=NOW - 600_000,
            previous_change=-0.012,
            hashrate={144: 9.81e20, 1008: 1.02e21},
        )
        chosen = MedianPrice(price=91_000.0, born=MONOTONIC - 20, newest=MONOTONIC - 5, sources=("coinbase", "kraken"))
        inputs = MarketInputs(
            network=NetworkState(seen=SourcedNetwork(network, "mempool", MONOTONIC - 300, MONOTONIC - 9)),
            price=PriceState(good=chosen, reference=91_000.0),
            quotes={name: SpotQuote(name, 91_000.0, MONOTONIC - 20) for name in chosen.sources},
            watched=True,
            template=BlockTemplate(
                height=931_893,
                difficulty=146_472_570_619_930.8,
                coinbase_value=315_120_000,
                at=NOW - 12,
                endpoint="pool-a",
            ),
            references={
                "index": (ReferenceSettings(name="index", unit="btc_per_ph_day"), PublishedFigure(0.00043143, NOW - 60))
            },
        )
        past = [
            MarketDay(day_of(NOW - n * DAY), NOW - n * DAY, 91_000.0 - 300 * n, 314_000_000, 1.48e14, "USD")
            for n in (1, 7, 30)
        ]
        self.now = derive(
            MarketSettings(), replace(inputs, **over), HashpriceHistory("USD", past), Instant(MONOTONIC, NOW)
        )


def economist(market: Known, fleet: Fleet) -> Economist:
    """Return an economist that watched the fleet for an hour, in which the grid called."""
    own = MoneyBench(market, tariffs={"default": CONTRACT}, hosting_per_kw_month=121.0, pool_fee=0.02).economist
    for second in range(-3600, 0, 15):
        own.quote("default", PowerQuote(Decimal("0.0455"), NOW + second // 300 * 300), MONOTONIC + second, NOW + second)
        own.call("default", GridCall(on=second < -900, at=NOW + second))
        own.tick(fleet.snapshots, MONOTONIC + second, NOW + second)
    return own
