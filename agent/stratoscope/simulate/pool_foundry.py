"""Serves the pool statistics of one account like the Foundry API: workers in GH/s, daily earnings by component."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, Final

from stratoscope.clock import Clock
from stratoscope.simulate.chain import BLOCK_INTERVAL, Chain, block_fees, difficulty, subsidy
from stratoscope.simulate.families.family import SimulatedPage, SimulatedRequest
from stratoscope.simulate.fleet import SimulatedFleet
from stratoscope.simulate.pool_past import PoolPast
from stratoscope.simulate.rig import Rig
from stratoscope.units import DAY, GH, SATOSHIS

FEE: Final = 0.02
TRIM: Final = 3
"""Number of blocks with the highest and with the lowest fees that the daily rate excludes."""
_TWO32 = 2**32
_DAYS = 7
_BLOCKS = 144
_POOL = 2.4e20  # H/s of the whole pool


class FoundryPool:
    """Statistics API of one account at an FPPS pool; requires an API key."""

    def __init__(
        self, fleet: SimulatedFleet, chain: Chain, past: PoolPast, *, clock: Clock, account: str, key: str
    ) -> None:
        self._rigs = [rig.state for rig in fleet.rigs if rig.state.pools[0][1].startswith(f"{account}.")]
        self._chain, self._clock, self._account, self._key = chain, clock, account, key
        self._days = dict(past.by_day(account))
        self._work = self._credited()
        first = min(self._days, default=0.0)
        for back in range(1, _DAYS + 1):
            self._days.setdefault(clock.time() // DAY * DAY - back * DAY, self._days.get(first, 0.0))

    def answer(self, request: SimulatedRequest) -> SimulatedPage:
        """Answer one request."""
        words = request.path.strip("/").split("/")
        if words == ["pool_stats"]:
            return SimulatedPage(
                {
                    "hashrate5minAvg": int(_POOL / GH),
                    "hashrate1hrAvg": int(_POOL / GH),
                    "updatedAt": _iso(self._clock.time()),
                }
            )
        pages = {
            "workers": self._workers,
            "subaccount_stats": self._stats,
            "earnings": self._earnings,
            "balance": self._balance,
            "subaccount_hashrate_day": self._hashrates,
        }
        if len(words) != 2 or words[0] not in pages:
            return SimulatedPage({"errorCode": "NOT_FOUND", "message": "no such path"}, 404)
        if request.headers.get("x-api-key") != self._key:
            return SimulatedPage({"errorCode": "UNAUTHORIZED", "message": "invalid api key"}, 401)
        if words[1] != self._account:
            return SimulatedPage({"errorCode": "FORBIDDEN", "message": "no such sub-account"}, 403)
        return SimulatedPage(pages[words[0]]())

    def _credited(self) -> float:
        total = 0.0
        for rig in self._rigs:
            rig.advance()
            total += rig.physics.work
        return total

    def _count(self) -> None:
        """Add the work credited since the last call to the current day."""
        before, self._work = self._work, self._credited()
        day = self._clock.time() // DAY * DAY
        self._days[day] = self._days.get(day, 0.0) + self._work - before

    def _workers(self) -> Any:
        self._count()
        return {"workersList": [_worker(rig) for rig in self._rigs], "totalWorkerCount": len(self._rigs)}

    def _stats(self) -> Any:
        self._count()
        sums = {
            name: sum(rig.physics.pool_rates[window] for rig in self._rigs)
            for name, window in (
                ("hashrate5minAvg", "5m"),
                ("hashrate15minAvg", "15m"),
                ("hashrate1hrAvg", "1hr"),
                ("hashrate24hrAvg", "1d"),
            )
        }
        return {
            "name": self._account,
            "activeWorkers": len(self._rigs),
            **{name: round(rate / GH) for name, rate in sums.items()},
            "lastShareTime": _iso(max((_last(rig) for rig in self._rigs), default=0)),
            "updatedAt": _iso(self._clock.time()),
            "isActive": bool(self._rigs),
        }

    def _earnings(self) -> Any:
        self._count()
        today = self._clock.time() // DAY * DAY
        return [self._earning(day, hashes) for day, hashes in sorted(self._days.items()) if day < today]

    def _earning(self, day: float, hashes: float) -> dict[str, Any]:
        """Return the earnings of a day: hashes valued by the subsidy, times the trimmed rate, minus the pool fee."""
        heights = self._heights(day)
        height = heights[-1]
        base = hashes / (difficulty(self._chain.bits_of(height)) * _TWO32) * subsidy(height)
        rate = 1 + trimmed(map(block_fees, heights)) / subsidy(height)
        return {
            "startTime": _iso(day),
            "endTime": _iso(day + DAY),
            "totalAmount": _btc(base * rate * (1 - FEE)),
            "hashrate": round(hashes / DAY / GH),
            "ppsBaseAmount": _btc(base),
            "txFeeRewardAmount": _btc(base * (rate - 1)),
            "fppsRatePercent": round(100 * rate, 4),
            "feeAmount": _btc(base * rate * FEE),
            "feeRatePercent": 100 * FEE,
        }

    def _hashrates(self) -> Any:
        self._count()
        refused, stale = (_share_ratio(self._rigs, result) for result in ("rejected", "stale"))
        return [
            {
                "time": _iso(day),
                "endTime": _iso(day + DAY),
                "unixTime": int(day),
                "hashrateAccepted": round(hashes / DAY / GH),
                "hashrateStale": round(hashes * stale / DAY / GH),
                "hashrateRejected": round(hashes * refused / DAY / GH),
                "averageWorkers": float(len(self._rigs)),
            }
            for day, hashes in sorted(self._days.items())
        ]

    def _heights(self, day: float) -> range:
        """Return the heights of the blocks of a day, assuming an even block interval."""
        end = self._chain.tip().height - round((self._clock.time() - day - DAY) / BLOCK_INTERVAL)
        return range(end - _BLOCKS + 1, end + 1)

    def _balance(self) -> Any:
        newest = self._earnings()[-1]["totalAmount"]
        return {"balance": newest, "totalEarned": newest * 300, "totalFees": 0.0, "totalWithdrawn": newest * 299}


def trimmed(fees: Iterable[int]) -> float:
    """Return the mean of `fees` without the TRIM highest and the TRIM lowest values."""
    kept = sorted(fees)[TRIM:-TRIM]
    return sum(kept) / len(kept)


def _worker(rig: Rig) -> dict[str, Any]:
    rates, last = rig.physics.pool_rates, _iso(_last(rig))
    refused, stale = (_share_ratio([rig], result) for result in ("rejected", "stale"))
    return {
        "workerId": str(rig.index),
        "workerName": rig.name,
        "hashrate_5m": round(rates["5m"] / GH),
        "hashrate_15m": round(rates["15m"] / GH),
        "stale_15m": round(rates["15m"] * stale / GH),
        "reject_15m": round(rates["15m"] * refused / GH),
        "hashrate_1h": round(rates["1hr"] / GH),
        "stale_1h": round(rates["1hr"] * stale / GH),
        "reject_1h": round(rates["1hr"] * refused / GH),
        "lastShareTime": last,
        "updatedAt": last,
    }


def _share_ratio(rigs: Iterable[Rig], result: str) -> float:
    """Return the number of shares with `result` divided by the number of accepted shares."""
    totals = [(rig.physics.total(result), rig.physics.total("accepted")) for rig in rigs]
    return sum(count for count, _ in totals) / max(1, sum(accepted for _, accepted in totals))


def _last(rig: Rig) -> int:
    return max(rig.last_share(slot) for slot in rig.physics.slots)


def _iso(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _btc(satoshis: float) -> float:
    return round(satoshis) / SATOSHIS
