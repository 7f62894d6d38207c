"""Builds a small fixture fleet with one rig of every kind, and a clock that moves when it is told to."""

import asyncio
from dataclasses import replace
from decimal import Decimal
from typing import Final

from prometheus_client import CollectorRegistry

from stratoscope.economics.call import Call
from stratoscope.economics.economist import Economist
from stratoscope.economics.terms import Contract
from stratoscope.exporter import AgentHealth, Context
from stratoscope.fleet import Counters, Fleet, Judged, PollStatus, RigEconomics, RigSnapshot, ShareProof
from stratoscope.market.choose import Chosen, NetworkState, PriceState, Seen
from stratoscope.market.choose import Quote as SpotQuote
from stratoscope.market.derive import Inputs, Moment, derive
from stratoscope.market.history import DayPoint, History, day_of
from stratoscope.market.references import Figure, ReferenceSettings
from stratoscope.market.settings import MarketSettings
from stratoscope.market.sources.source import Network
from stratoscope.market.tariff import External, Quote
from stratoscope.market.template import Template
from stratoscope.outside.feed import Feed
from stratoscope.reading import Defect, Fan, Fault, Hashboard, PoolSlot, Reading, Shares
from stratoscope.units import DAY, GH, MHZ, TH
from unit.economics.stand import Bench, tariff

NOW = 1_760_000_000.0
MONOTONIC = 5000.0


class HandClock:
    """Stands still until somebody moves it."""

    def __init__(self) -> None:
        self.now = 0.0
        self.stepped = 0.0

    def monotonic(self) -> float:
        return 5000.0 + self.now

    def time(self) -> float:
        return NOW + self.now + self.stepped

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(min(seconds, 0.05))


def context(fleet: Fleet, clock, settings=None, site="north", market=None, economist=None, pools=None) -> Context:
    health = AgentHealth(started=NOW - 7200, ready=True, config_loaded=NOW - 7200)
    return Context(
        fleet=fleet,
        clock=clock,
        health=health,
        registry=CollectorRegistry(),
        site=site,
        settings=settings,
        market=market,
        economist=economist,
        pools=pools,
    )


def board(index: int, **over) -> Hashboard:
    values = {
        "hashrate": 36.5 * TH,
        "temperature_board": 58.0 + index,
        "temperature_chip": 71.5 + index,
        "chips": 114,
        "hardware_errors": 12 + index,
        "frequency": 675 * MHZ,
        "voltage": 13.6,
        **over,
    }
    return Hashboard(index=index, **values)


MONEY = RigEconomics(
    capex=2400.0,
    currency="USD",
    algorithm="sha256",
    tariff="default",
    metered_power=3380.0,
    revenue_sat_per_day=4630.25,
    revenue_per_day=4.2195,
    power_cost_per_day=4.06125,
    margin_per_day=0.15825,
    gross_margin_ratio=0.0375,
    power_price=0.05006,
    breakeven_power_price=0.05201,
    breakeven_hashprice=37.85,
    breakeven_efficiency=32.07,
    hashcost=37.09,
    revenue_per_mwh=52.01,
    cost_per_btc=87_700.0,
    payback=4.9e8,
    advice="run",
    strike=0.05114,
)
"""What a rig of 109.5 TH/s and 3,250 W might earn and cost."""


PROOF = ShareProof(
    hashrate=107.9 * TH,
    low=104.1 * TH,
    high=111.8 * TH,
    reported=109.5 * TH,
    unaccounted=0.0125,
    unaccounted_error=0.0036,
    windows=24,
)


def antminer(rig: str = "hall1-07", at: float = NOW - 4, **over) -> RigSnapshot:
    reading = Reading(
        driver="vnish",
        make="Antminer",
        model="S19 Pro",
        firmware="vnish",
        firmware_version="1.2.6",
        mac="02:00:00:00:00:07",
        hostname="rig-07",
        algorithm="sha256",
        uptime=86_412.0,
        hashing=True,
        hashrate={"5s": 111.2 * TH, "5m": 109.5 * TH, "avg": 109.1 * TH},
        hashrate_expected=110 * TH,
        power=3250.0,
        power_source="reported",
        boards=tuple(board(n) for n in range(3)),
        fans=tuple(Fan(index=n, rpm=5880 + 60 * n) for n in range(4)),
        pools=tuple(
            PoolSlot(
                index=n,
                url=f"stratum+tcp://worker{n}:secret@pool{n}.example.net:3333/#xn",
                user="acct.rig07",
                alive=True,
                active=n == 0,
                accepted=5120 if n == 0 else 0,
                rejected=3 if n == 0 else 0,
                stale=0,
                difficulty_accepted=1.5e9 if n == 0 else 0.0,
                last_share_seconds_ago=6.0 if n == 0 else None,
            )
            for n in range(3)
        ),
        shares=Shares(accepted=5120, rejected=3, stale=0),
        hardware_errors=39,
        temperature_inlet=24.5,
        faults=(),
    )
    values = {
        "state": "hashing",
        "polling": PollStatus(
            address="10.1.0.7",
            interval=30.0,
            polls={"ok": 2880, "timeout": 2},
            skipped=1,
            duration=0.18,
            last_attempt=at,
            last_success=at,
            last_reason="ok",
            missing={"estats": 3},
            defects=1,
        ),
        "reading": reading,
        "judged": Judged(
            hashrate=109.5 * TH, nameplate=110 * TH, power=3250.0, power_source="reported", efficiency=29.68
        ),
        "counters": Counters(
            accepted=81_920,
            rejected=61,
            stale=8,
            hardware_errors=700,
            energy=2.8e8,
            hashes=9.5e18,
            revenue_sat=9312.75,
            revenue_micro=8.43e6,
            cost_micro=3.89e6,
            credit_micro=2500.0,
            revenue_seconds=86_100.0,
            cost_seconds=86_160.0,
            currency="USD",
        ),
        "economics": MONEY,
        "proof": PROOF,
        "behind": 0,
        "tags": {"group": "hall-1"},
        **over,
    }
    return RigSnapshot(rig=rig, at=at, **values)


def whatsminer() -> RigSnapshot:
    reading = Reading(
        driver="whatsminer",
        make="WhatsMiner",
        model="M50",
        firmware="stock",
        firmware_version="20230420.22.REL",
        uptime=3600.0,
        hashing=True,
        hashrate={"1m": 76.0 * TH},
        power=3306.0,
        power_source="measured",
        boards=(board(0, voltage=None), board(1, voltage=None), Hashboard(index=2, hashrate=0.0, chips=0)),
        fans=(Fan(index=0, rpm=6000), Fan(index=1, rpm=0)),
        faults=(Fault(code=110, component="fan", message="fan lost"),),
        pools=(PoolSlot(index=0, url="stratum+ssl://pool.example.org:443", active=True),),
        defects=(Defect("/summary/SUMMARY/0/Temperature", "n\\a", "not a number"),),
    )
    return RigSnapshot(
        rig="hall1-08",
        state="degraded",
        at=NOW - 12,
        reading=reading,
        polling=PollStatus(
            address="10.1.0.8:4028",
            interval=30.0,
            polls={"ok": 120},
            duration=0.32,
            last_success=NOW - 12,
            last_reason="ok",
        ),
        judged=Judged(
            hashrate=76 * TH,
            nameplate=114 * TH,
            power=3306.0,
            power_source="measured",
            efficiency=43.5,
            reasons=("hashboard 2 does not hash", "the firmware reports 1 fault"),
        ),
        counters=Counters(energy=1.19e7, hashes=2.7e17),
    )


def bitaxe() -> RigSnapshot:
    reading = Reading(
        driver="esp-miner",
        make="Bitaxe",
        model="Gamma 601",
        firmware="esp-miner",
        firmware_version="v2.6.1",
        hashrate={"realtime": 1140 * GH},
        power=17.4,
        power_source="measured",
        boards=(Hashboard(index=0, temperature_chip=58.9),),
        fans=(Fan(index=0, rpm=3510),),
    )
    return RigSnapshot(
        rig="desk",
        state="hashing",
        at=NOW - 2,
        reading=reading,
        polling=PollStatus(address="10.1.0.99", interval=15.0, polls={"ok": 3}, last_success=NOW - 2, last_reason="ok"),
        judged=Judged(hashrate=1140 * GH, nameplate=1.2 * TH, power=17.4, power_source="measured", efficiency=15.26),
        counters=Counters(accepted=12, rejected=0),
    )


def offline() -> RigSnapshot:
    return RigSnapshot(
        rig="hall1-09",
        state="offline",
        polling=PollStatus(
            address="10.1.0.9",
            interval=30.0,
            polls={"ok": 4, "timeout": 31},
            last_success=NOW - 900,
            last_error="timeout: no answer within 5 s",
            last_reason="timeout",
        ),
    )


def unread() -> RigSnapshot:
    return RigSnapshot(rig="hall1-10", state="identifying", polling=PollStatus(address="10.1.0.10", interval=30.0))


def hostile(rig: str, text: str) -> RigSnapshot:
    """Return a rig whose every word is `text`."""
    reading = Reading(
        driver="cgminer",
        make=text,
        model=text,
        firmware=text,
        firmware_version=text,
        hostname=text,
        serial=text,
        hashrate={"avg": 9 * TH},
        pools=(PoolSlot(index=0, url=text, user=text, active=True),),
        faults=(Fault(code=text, component=text, message=text),),
        defects=(Defect(text, text, text),),
    )
    return RigSnapshot(
        rig=rig,
        state="hashing",
        at=NOW,
        reading=reading,
        judged=Judged(hashrate=9 * TH, reasons=(text,)),
        polling=PollStatus(
            address=text, interval=30.0, polls={"ok": 1}, last_success=NOW, last_reason="ok", last_error=text
        ),
        tags={"group": text},
    )


class Known:
    """A market that stands still: a price of three sources, a network of one, a past of a month."""

    def __init__(self, **over) -> None:
        network = Network(
            height=931_892,
            difficulty=146_472_570_619_930.8,
            tip_time=NOW - 300,
            fees=1_690_000.0,
            epoch_start=NOW - 297_000,
            window_start=NOW - 600_000,
            previous_change=-0.012,
            hashrate={144: 9.81e20, 1008: 1.02e21},
        )
        chosen = Chosen(price=91_000.0, born=MONOTONIC - 20, newest=MONOTONIC - 5, sources=("coinbase", "kraken"))
        inputs = Inputs(
            network=NetworkState(seen=Seen(network, "mempool", MONOTONIC - 300, MONOTONIC - 9)),
            price=PriceState(good=chosen, reference=91_000.0),
            quotes={name: SpotQuote(name, 91_000.0, MONOTONIC - 20) for name in chosen.sources},
            watched=True,
            template=Template(
                height=931_893,
                difficulty=146_472_570_619_930.8,
                coinbase_value=315_120_000,
                at=NOW - 12,
                endpoint="pool-a",
            ),
            references={
                "index": (ReferenceSettings(name="index", unit="btc_per_ph_day"), Figure(0.00043143, NOW - 60))
            },
        )
        past = [
            DayPoint(day_of(NOW - n * DAY), NOW - n * DAY, 91_000.0 - 300 * n, 314_000_000, 1.48e14, "USD")
            for n in (1, 7, 30)
        ]
        self.now = derive(MarketSettings(), replace(inputs, **over), History("USD", past), Moment(MONOTONIC, NOW))


CONTRACT: Final = Contract(
    tariff=tariff(price=Decimal("0.05"), external=External(max_age=1200.0)),
    demand_per_kw_month=Decimal("6.5"),
    cp_per_kw_year=Decimal(67),
    cp_months=frozenset({9, 10}),
    call=Feed(file=None, url=None, allow_http=False, path=(), time_path=None, factor=Decimal(1), interval=60.0),
    call_max_age=600.0,
)
"""A tariff with everything: a price from outside, demand, coincident peaks, calls of the grid."""


def economist(market: Known, fleet: Fleet) -> Economist:
    """Return an economist that watched the fleet for an hour, in which the grid called."""
    own = Bench(market, tariffs={"default": CONTRACT}, hosting_per_kw_month=121.0, pool_fee=0.02).economist
    for second in range(-3600, 0, 15):
        own.quote("default", Quote(Decimal("0.0455"), NOW + second // 300 * 300), MONOTONIC + second, NOW + second)
        own.call("default", Call(on=second < -900, at=NOW + second))
        own.tick(fleet.snapshots, MONOTONIC + second, NOW + second)
    return own


def farm() -> Fleet:
    """Return the fixture fleet of the golden page."""
    fleet = Fleet()
    for snapshot in (antminer(), whatsminer(), bitaxe(), offline(), unread(), hostile("evil", 'a"b\\c\nd{}<i>"} 1')):
        fleet.publish(snapshot)
    return fleet
