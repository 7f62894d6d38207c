"""Combines market, tariffs and terms: the polling loops and the exporters get every figure of money here."""

from collections.abc import Callable, Mapping
from typing import Final

from stratoscope.economics.accrual import RateMeter
from stratoscope.economics.advice import AdviceChange, AdviceGroup, AdviceState, CurtailmentAdvisor
from stratoscope.economics.assess import RigPrices, assess
from stratoscope.economics.call import GridCall, call_event
from stratoscope.economics.days import DayTable, EarningsBasis, increase_between
from stratoscope.economics.demand import DemandTracker
from stratoscope.economics.earnings import AlgorithmEarnings, Earnings
from stratoscope.economics.power import TariffGroup
from stratoscope.economics.site import UNKNOWN_NETWORK, NetworkBenchmark, SiteSummation, TariffState, site_money
from stratoscope.economics.terms import BITCOIN, DEFAULT_TARIFF, MoneyTerms
from stratoscope.events import Event
from stratoscope.fleet import Counters, RigEconomics, RigSnapshot
from stratoscope.judgement.counters import Accrued
from stratoscope.judgement.judge import Nameplate
from stratoscope.market.chain import implied_hashrate
from stratoscope.market.records import MarketStateSource
from stratoscope.market.tariff import PowerQuote
from stratoscope.reading import Reading
from stratoscope.units import joules_per_terahash

MAX_RIG_PRICES: Final = 10_000


class Economist:
    """Computes the money of rigs and site, without I/O or clock. Times are monotonic `now` and UTC `at`."""

    def __init__(
        self,
        terms: MoneyTerms,
        market: MarketStateSource | None,
        days: DayTable,
        demand: DemandTracker,
        events: Callable[[Event], None],
        now: float,
    ) -> None:
        self.terms = terms
        self.days = days
        self.demand = demand
        self.groups = {name: TariffGroup(name, contract, now) for name, contract in terms.tariffs.items()}
        self.earnings = Earnings(market, terms, now)
        self.advisor = CurtailmentAdvisor()
        self._prices: dict[tuple[AdviceGroup, str | None], tuple[tuple[object, ...], RigPrices]] = {}
        self._market = market
        self._events = events

    def apply_terms(self, terms: MoneyTerms, now: float, at: float) -> None:
        """Switch to new terms at monotonic `now` and UTC `at`; keep sums, quotes and advice."""
        self.terms = terms
        self._prices.clear()
        self.days.rig_days = terms.rig_days
        self.groups = {name: self.groups.get(name) or TariffGroup(name, c, now) for name, c in terms.tariffs.items()}
        for name, contract in terms.tariffs.items():
            self.groups[name].apply_contract(contract, now, at)
        self.earnings.apply_terms(terms, now)

    def group(self, tariff: str | None) -> TariffGroup | None:
        """Return the tariff group `tariff`, by default the default one; None if it is not configured."""
        return self.groups.get(tariff or DEFAULT_TARIFF)

    def accrued(self, algorithm: str | None, tariff: str | None, now: float, at: float, *, earns: bool) -> Accrued:
        """Return what one H/s of this algorithm and one W of this tariff have accrued by now, for the sums of a rig.

        A rig that does not earn (`earns` is False), because it flatlines, accrues no revenue.
        """
        found = self.earnings.of(algorithm, now, at) if earns else None
        group = self.group(tariff)
        if group is not None:
            group.update(now, at)
        return Accrued(
            sat=None if found is None else _total(found.sat),
            worth=None if found is None else _total(found.worth),
            cost=None if group is None else _total(group.cost),
            credit=None if group is None else _total(group.credit),
            worth_seconds=0.0 if found is None else found.worth.seconds,
            cost_seconds=0.0 if group is None else group.cost.seconds,
            currency=self.terms.currency,
        )

    def assess(
        self, snapshot: RigSnapshot, reading: Reading, tariff: str | None, nameplate: Nameplate, now: float
    ) -> RigEconomics:
        """Return the economics of a rig that was just read; call `accrued` at the same monotonic `now` before."""
        judged, group = snapshot.judged, self.group(tariff)
        found = self.earnings.of(reading.algorithm, now, snapshot.at)
        advice_group = AdviceGroup(
            tariff or DEFAULT_TARIFF,
            reading.make or "",
            reading.model or "",
            reading.algorithm or "",
        )
        working = reading.hashing is not False and not judged.flatline
        state = self.advisor.update_rig(snapshot.rig, advice_group, judged.power, judged.hashrate if working else None)
        if state.data_sheet is None and nameplate.power and nameplate.hashrate:
            state.data_sheet = joules_per_terahash(nameplate.power, nameplate.hashrate)
        return assess(judged, self._rig_prices(advice_group, snapshot.tags.get("group"), group, found, state))

    def _rig_prices(
        self,
        advice_group: AdviceGroup,
        rig_group: str | None,
        group: TariffGroup | None,
        found: AlgorithmEarnings | None,
        state: AdviceState,
    ) -> RigPrices:
        """Return the prices for an advice group in a configured group of rigs; cached until one of them changes."""
        fiat, btc = (None, None) if found is None else (found.fiat, found.btc)
        stamp = (None if group is None else group.average, fiat, btc, state.curtailment.advice, state.strike)
        known = self._prices.get((advice_group, rig_group))
        if known is not None and known[0] == stamp:
            return known[1]
        terms = self.terms
        prices = RigPrices(
            currency=terms.currency,
            algorithm=advice_group.algorithm or None,
            tariff=None if group is None else group.name,
            fee=terms.fee,
            fiat_hashprice=fiat,
            btc_hashprice=btc,
            power_price=None if group is None else group.average,
            overhead=1.0 if group is None else group.overhead,
            capex=terms.capex_of(advice_group.model, rig_group),
            decay=terms.decay,
            advice=None if group is None else state.curtailment.advice,
            strike=None if group is None else state.strike,
        )
        self._prices[advice_group, rig_group] = stamp, prices
        return prices

    def settle(self, rig: str, before: Counters, after: Counters, start: float, end: float) -> None:
        """Add the increase of a rig's sums from UTC `start` to `end` to the days."""
        self.days.add(rig, increase_between(before, after), start, end)

    def add_quote(self, tariff: str, quote: PowerQuote, now: float, at: float) -> None:
        """Add an external price to a tariff group, if it exists."""
        group = self.groups.get(tariff)
        if group is not None:
            group.add_quote(quote, now, at)

    def add_call(self, tariff: str, call: GridCall) -> None:
        """Set the grid call of a tariff group, unless it is older than the last one."""
        group = self.groups.get(tariff)
        if group is not None and (group.call is None or call.at >= group.call.at):
            group.call = call

    def update(self, snapshots: Mapping[str, RigSnapshot], now: float, at: float) -> None:
        """Update loads, peaks, advice and the day; call it a few times a minute."""
        loads = _loads(snapshots)
        for name, group in self.groups.items():
            group.set_load(loads.get(name))
            group.update(now, at)
            self.demand.add_load(name, group.contract, group.load, at, called=bool(group.called(at)))
            self._report_call(group, at)
        self.advisor.keep_only(snapshots)
        if len(self._prices) > MAX_RIG_PRICES:  # groups that no longer exist
            self._prices.clear()
        for advice_group in list(self.advisor.groups):
            self._advise(advice_group, now, at)
        self.days.count_time(at, snapshots, self._basis(now, at))

    def site_summation(self, at: float) -> SiteSummation:
        """Return the function that sums rigs to the money of the site at UTC `at`; it can run in another thread."""
        terms, tariffs, network = self.terms, self.tariffs(at), self._network()
        return lambda parts: site_money(parts, terms, tariffs, network)

    def tariffs(self, at: float) -> dict[str, TariffState]:
        """Return the state of every tariff group, as of the last update."""
        return {name: self._tariff(group, at) for name, group in self.groups.items()}

    def _tariff(self, group: TariffGroup, at: float) -> TariffState:
        contract, price = group.contract, group.price
        peak = self.demand.peak(group.name, contract, at)
        charge = self.demand.charge(group.name, contract, at)
        in_call = self.demand.peak(group.name, contract, at, called=True)
        cp_charge = self.demand.coincident_charge(group.name, contract, at)
        return TariffState(
            average=group.average,
            marginal=group.marginal,
            source=price.source,
            age=group.age(at),
            stale=price.stale if contract.tariff.external is not None else None,
            load=group.load,
            peak=None if peak is None else peak.watts,
            demand_charge=None if charge is None else float(charge),
            called=None if contract.call is None else group.called(at),
            call_age=None if group.call is None else max(0.0, at - group.call.at),
            call_stale=None if contract.call is None else group.called(at) is None,
            called_peak=None if in_call is None else in_call.watts,
            cp_charge=None if cp_charge is None else float(cp_charge),
        )

    def _advise(self, advice_group: AdviceGroup, now: float, at: float) -> None:
        group, found = self.groups.get(advice_group.tariff), self.earnings.of(advice_group.algorithm, now, at)
        change = self.advisor.advise(
            advice_group,
            self.terms,
            None if found is None else found.fiat,
            None if group is None else group.price,
            1.0 if group is None else group.overhead,
            at,
            called=False if group is None else group.called(at),
        )
        if change is not None:
            self._events(_advice_event(change, None if group is None else group.marginal, self.terms.currency, at))

    def _report_call(self, group: TariffGroup, at: float) -> None:
        """Send an event if a call starts, ends, or is no longer confirmed."""
        before, now = group.reported_call, group.called(at)
        group.reported_call = now
        if before is not now and (before or now):
            self._events(call_event(group.name, now, at))

    def _network(self) -> NetworkBenchmark:
        """Return the current network, by the longest window; fiat only in the currency of the site."""
        market = None if self._market is None else self._market.now
        if market is None:
            return UNKNOWN_NETWORK
        rates, observed = market.network_hashrate, market.observed
        return NetworkBenchmark(
            rates[max(rates)].value if rates else None,
            None if market.difficulty is None else implied_hashrate(market.difficulty.value),
            observed.observed_fiat_per_eh_day if observed and market.currency == self.terms.currency else None,
        )

    def _basis(self, now: float, at: float) -> EarningsBasis | None:
        if self._market is None:
            return None
        market, found = self._market.now, self.earnings.of(BITCOIN, now, at)
        if found is None or found.fiat is None or not (market.price and market.difficulty and market.fees):
            return None
        return EarningsBasis(market.price.value, market.difficulty.value, market.fees.value, self.terms.fee)


def _total(meter: RateMeter) -> float | None:
    """Return the total of a meter; None if its rate was never known."""
    return meter.total if meter.seconds or meter.rate is not None else None


def _loads(snapshots: Mapping[str, RigSnapshot]) -> dict[str, float]:
    loads: dict[str, float] = {}
    for snapshot in snapshots.values():
        own = snapshot.economics
        if own is not None and own.tariff is not None and own.metered_power is not None:
            loads[own.tariff] = loads.get(own.tariff, 0.0) + own.metered_power
    return loads


def _advice_event(change: AdviceChange, price: float | None, currency: str, at: float) -> Event:
    def money(value: float | None) -> str:
        return "unknown" if value is None else f"{value:.4f} {currency}/kWh"

    advice_group = change.group
    text = (
        f"{advice_group.title} on tariff {advice_group.tariff}: advice changed from {change.before} to {change.now}; "
        f"power price {money(price)}, strike price {money(change.strike)}"
    )
    details = {
        "tariff": advice_group.tariff,
        "make": advice_group.make,
        "model": advice_group.model,
        "before": change.before,
        "now": change.now,
        "price": price,
        "strike": change.strike,
        "currency": currency,
    }
    return Event(kind="curtail_advice", at=at, text=text, details=details)
