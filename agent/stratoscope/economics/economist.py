"""Ties market, tariffs and terms together: the one place that the polling loops and the exporters ask about money."""

from collections.abc import Callable, Mapping
from typing import Final

from stratoscope.economics.accrual import Meter
from stratoscope.economics.advice import Advisor, Change, Kind, Standing
from stratoscope.economics.assess import Moment, assess
from stratoscope.economics.call import Call, call_event
from stratoscope.economics.days import Basis, DayBook, added
from stratoscope.economics.demand import Demand
from stratoscope.economics.earnings import Earnings, Yield
from stratoscope.economics.power import PowerGroup
from stratoscope.economics.site import ALONE, Books, Network, TariffNow, site_money
from stratoscope.economics.terms import DEFAULT_TARIFF, Terms
from stratoscope.events import Event
from stratoscope.fleet import Counters, RigEconomics, RigSnapshot
from stratoscope.judgement.counters import Accrued
from stratoscope.judgement.judge import Nameplate
from stratoscope.market.chain import implied_hashrate
from stratoscope.market.records import Market
from stratoscope.market.tariff import Quote
from stratoscope.reading import Reading
from stratoscope.units import joules_per_terahash

MOST_MOMENTS: Final = 10_000


class Economist:
    """Reckons every rig's money. Times are monotonic `now` and UTC `at`; nothing here waits, logs or reads a clock."""

    def __init__(
        self,
        terms: Terms,
        market: Market | None,
        days: DayBook,
        demand: Demand,
        events: Callable[[Event], None],
        now: float,
    ) -> None:
        self.terms = terms
        self.days = days
        self.demand = demand
        self.groups = {name: PowerGroup(name, contract, now) for name, contract in terms.tariffs.items()}
        self.earnings = Earnings(market, terms, now)
        self.advisor = Advisor()
        self._moments: dict[tuple[Kind, str | None], tuple[tuple[object, ...], Moment]] = {}
        self._market = market
        self._events = events

    def follow(self, terms: Terms, now: float, at: float) -> None:
        """Reckon by other terms from monotonic `now` / UTC `at` on; sums, quotes and advice go on."""
        self.terms = terms
        self._moments.clear()
        self.days.rig_days = terms.rig_days
        self.groups = {name: self.groups.get(name) or PowerGroup(name, c, now) for name, c in terms.tariffs.items()}
        for name, contract in terms.tariffs.items():
            self.groups[name].follow(contract, now, at)
        self.earnings.follow(terms, now)

    def group(self, tariff: str | None) -> PowerGroup | None:
        """Return the tariff group of a rig that names `tariff`, or none at all; None when nobody prices its power."""
        return self.groups.get(tariff or DEFAULT_TARIFF)

    def accrued(self, algorithm: str | None, tariff: str | None, now: float, at: float, *, earns: bool) -> Accrued:
        """Return what a H/s of this algorithm and a W of this tariff have accrued by now, for a rig's sums.

        A rig that does not really earn, because it flatlines, accrues no revenue.
        """
        found = self.earnings.of(algorithm, now, at) if earns else None
        group = self.group(tariff)
        if group is not None:
            group.look(now, at)
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
        """Return the economics of a rig just read, whose accrual was asked for at the same monotonic `now`."""
        judged, group = snapshot.judged, self.group(tariff)
        found = self.earnings.of(reading.algorithm, now, snapshot.at)
        kind = Kind(
            tariff or DEFAULT_TARIFF,
            reading.make or "",
            reading.model or "",
            reading.algorithm or "",
        )
        working = reading.hashing is not False and not judged.flatline
        standing = self.advisor.saw(snapshot.rig, kind, judged.power, judged.hashrate if working else None)
        if standing.data_sheet is None and nameplate.power and nameplate.hashrate:
            standing.data_sheet = joules_per_terahash(nameplate.power, nameplate.hashrate)
        return assess(judged, self._moment(kind, snapshot.tags.get("group"), group, found, standing))

    def _moment(
        self, kind: Kind, place: str | None, group: PowerGroup | None, found: Yield | None, standing: Standing
    ) -> Moment:
        """Return the prices for rigs of a kind in a group of the operator's, made anew only where one changed."""
        fiat, btc = (None, None) if found is None else (found.fiat, found.btc)
        stamp = (None if group is None else group.average, fiat, btc, standing.state.advice, standing.strike)
        known = self._moments.get((kind, place))
        if known is not None and known[0] == stamp:
            return known[1]
        terms = self.terms
        moment = Moment(
            currency=terms.currency,
            algorithm=kind.algorithm or None,
            tariff=None if group is None else group.name,
            fee=terms.fee,
            fiat_hashprice=fiat,
            btc_hashprice=btc,
            power_price=None if group is None else group.average,
            overhead=1.0 if group is None else group.overhead,
            capex=terms.capex_of(kind.model, place),
            decay=terms.decay,
            advice=None if group is None else standing.state.advice,
            strike=None if group is None else standing.strike,
        )
        self._moments[kind, place] = stamp, moment
        return moment

    def settle(self, rig: str, before: Counters, after: Counters, start: float, end: float) -> None:
        """Enter what came to a rig's sums from UTC `start` to `end` into the days."""
        self.days.add(rig, added(before, after), start, end)

    def quote(self, tariff: str, quote: Quote, now: float, at: float) -> None:
        """Take an external price of a tariff group."""
        group = self.groups.get(tariff)
        if group is not None:
            group.offer(quote, now, at)

    def call(self, tariff: str, call: Call) -> None:
        """Take the word of the grid to a tariff group: whether it calls for less load."""
        group = self.groups.get(tariff)
        if group is not None and (group.call is None or call.at >= group.call.at):
            group.call = call

    def tick(self, snapshots: Mapping[str, RigSnapshot], now: float, at: float) -> None:
        """Look at everything that goes on without any rig: loads, peaks, advice, the day. A few times a minute."""
        loads = _loads(snapshots)
        for name, group in self.groups.items():
            group.load_is(loads.get(name))
            group.look(now, at)
            self.demand.saw(name, group.contract, group.load, at, called=bool(group.called(at)))
            self._tell_call(group, at)
        self.advisor.keep_only(snapshots)
        if len(self._moments) > MOST_MOMENTS:  # kinds that are gone
            self._moments.clear()
        for kind in list(self.advisor.kinds):
            self._advise(kind, now, at)
        self.days.tick(at, snapshots, self._basis(now, at))

    def books(self, at: float) -> Books:
        """Return what sums the rigs' parts up to the site's money at UTC `at`; that may happen in another thread."""
        terms, tariffs, network = self.terms, self.tariffs(at), self._network()
        return lambda parts: site_money(parts, terms, tariffs, network)

    def tariffs(self, at: float) -> dict[str, TariffNow]:
        """Return what every tariff group is like, as of the last look."""
        return {name: self._tariff(group, at) for name, group in self.groups.items()}

    def _tariff(self, group: PowerGroup, at: float) -> TariffNow:
        contract, price = group.contract, group.price
        peak = self.demand.peak(group.name, contract, at)
        charge = self.demand.charge(group.name, contract, at)
        in_call = self.demand.peak(group.name, contract, at, called=True)
        cp_charge = self.demand.coincident_charge(group.name, contract, at)
        return TariffNow(
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

    def _advise(self, kind: Kind, now: float, at: float) -> None:
        group, found = self.groups.get(kind.tariff), self.earnings.of(kind.algorithm, now, at)
        change = self.advisor.advise(
            kind,
            self.terms,
            None if found is None else found.fiat,
            None if group is None else group.price,
            1.0 if group is None else group.overhead,
            at,
            called=False if group is None else group.called(at),
        )
        if change is not None:
            self._events(_event(change, None if group is None else group.marginal, self.terms.currency, at))

    def _tell_call(self, group: PowerGroup, at: float) -> None:
        """Raise an event where a call begins, ends, or is no longer confirmed."""
        before, now = group.told, group.called(at)
        group.told = now
        if before is not now and (before or now):
            self._events(call_event(group.name, now, at))

    def _network(self) -> Network:
        """Return the network of now, by the longest window; fiat only where it is in the site's currency."""
        market = None if self._market is None else self._market.now
        if market is None:
            return ALONE
        rates, observed = market.network_hashrate, market.observed
        return Network(
            rates[max(rates)].value if rates else None,
            None if market.difficulty is None else implied_hashrate(market.difficulty.value),
            observed.observed_fiat_per_eh_day if observed and market.currency == self.terms.currency else None,
        )

    def _basis(self, now: float, at: float) -> Basis | None:
        if self._market is None:
            return None
        market, found = self._market.now, self.earnings.of("sha256", now, at)
        if found is None or found.fiat is None or not (market.price and market.difficulty and market.fees):
            return None
        return Basis(market.price.value, market.difficulty.value, market.fees.value, self.terms.fee)


def _total(meter: Meter) -> float | None:
    """Return what a meter shows; None as long as its rate was never known."""
    return meter.total if meter.seconds or meter.rate is not None else None


def _loads(snapshots: Mapping[str, RigSnapshot]) -> dict[str, float]:
    loads: dict[str, float] = {}
    for snapshot in snapshots.values():
        own = snapshot.economics
        if own is not None and own.tariff is not None and own.metered_power is not None:
            loads[own.tariff] = loads.get(own.tariff, 0.0) + own.metered_power
    return loads


def _event(change: Change, price: float | None, currency: str, at: float) -> Event:
    def money(value: float | None) -> str:
        return "unknown" if value is None else f"{value:.4f} {currency}/kWh"

    kind = change.kind
    text = (
        f"{kind.title} on tariff {kind.tariff}: advice is {change.now}, before {change.before}; "
        f"price {money(price)}, strike {money(change.strike)}"
    )
    details = {
        "tariff": kind.tariff,
        "make": kind.make,
        "model": kind.model,
        "before": change.before,
        "now": change.now,
        "price": price,
        "strike": change.strike,
        "currency": currency,
    }
    return Event(kind="curtail_advice", at=at, text=text, details=details)
