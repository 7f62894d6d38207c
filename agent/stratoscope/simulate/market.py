"""Simulates market services: mempool API with history, Coinbase spot price, hashprice index, grid operator."""

import hashlib
import math
import re
from random import Random
from typing import Final

from stratoscope.clock import Clock
from stratoscope.simulate.chain import BLOCK_INTERVAL, EPOCH, Chain, block_fees, difficulty, subsidy
from stratoscope.simulate.families.family import SimulatedPage, SimulatedRequest
from stratoscope.units import DAY, HASHES_PER_DIFFICULTY_1, HOUR, MILLI, MINUTE, PH, SATOSHIS

_PRICE = 95_000.0  # USD, initial price
_VOLATILITY = 0.55  # standard deviation of the log price over one year
_YEAR = 365 * DAY
_STEP = MINUTE
_PER_USD: Final = {"USD": 1.0, "EUR": 0.92, "GBP": 0.79, "CAD": 1.38, "CHF": 0.88, "AUD": 1.52, "JPY": 149.5}
_YEARLY_GROWTH = 0.25  # growth of the difficulty before the simulation
_WRONG = 10 * MINUTE  # at the start of every hour
_WRONG_DIFFICULTY = 0.975
_CALL_BEGINS, _CALL_ENDS = 20 * MINUTE, 25 * MINUTE  # after the start of every hour
_QUERY = re.compile(r"currency=([A-Z]{3})&timestamp=(\d{1,12})")


class Market:
    """Prices that follow a seeded random walk with one step per minute, and the figures of a simulated chain."""

    def __init__(self, chain: Chain, *, clock: Clock, seed: int = 0) -> None:
        self._chain, self._clock = chain, clock
        self._rng = Random(f"{seed}/market")
        self._price = self._first = _PRICE * math.exp(self._rng.gauss(0.0, 0.05))
        self._began = clock.time()
        self._heights: dict[str, int] = {}  # block hash → height, for the hashes already served
        self._walked_to = clock.monotonic()

    def price(self, currency: str = "USD") -> float:
        """Return the price of one bitcoin in `currency`."""
        steps = int((self._clock.monotonic() - self._walked_to) / _STEP)
        self._walked_to += steps * _STEP
        for _ in range(steps):
            self._price *= math.exp(self._rng.gauss(0.0, _VOLATILITY * math.sqrt(_STEP / _YEAR)))
        return self._price * _PER_USD[currency]

    def answer(self, request: SimulatedRequest) -> SimulatedPage:
        """Answer one request."""
        page = {
            "/api/v1/prices": self._prices,
            "/api/v1/difficulty-adjustment": self._adjustment,
            "/api/blocks/tip/height": self._tip_height,
            "/api/blocks/tip/hash": self._tip_hash,
            "/api/v1/mining/hashrate/3d": self._hashrate,
            "/api/v1/mining/reward-stats/144": self._rewards,
            "/api/v1/mining/difficulty-adjustments/2y": self._retargets,
            "/api/v1/mining/blocks/rewards/2y": self._past_rewards,
            "/index/hashprice": self._index,
            "/grid": self._grid,
        }.get(request.path)
        if page is not None:
            return page()
        if request.path == "/api/v1/historical-price":
            return self._past_price(request.query)
        words = request.path.split("/")
        if len(words) == 5 and words[1:3] == ["v2", "prices"] and words[4] == "spot":
            return self._spot(words[3])
        if len(words) == 4 and words[2] == "block-height":
            return self._block_hash(words[3])
        if len(words) == 4 and words[2] == "block":
            return self._block(words[3])
        return SimulatedPage("404 Not Found", 404)

    def _prices(self) -> SimulatedPage:
        return SimulatedPage({"time": int(self._clock.time()), **{name: round(self.price(name)) for name in _PER_USD}})

    def _spot(self, pair: str) -> SimulatedPage:
        coin, _, currency = pair.partition("-")
        if coin != "BTC" or currency not in _PER_USD:
            return SimulatedPage({"errors": [{"id": "not_found", "message": "Invalid base currency"}]}, 404)
        return SimulatedPage({"data": {"amount": f"{self.price(currency):.2f}", "base": coin, "currency": currency}})

    def _tip_height(self) -> SimulatedPage:
        return SimulatedPage(str(self._chain.tip().height), content_type="text/plain")

    def _tip_hash(self) -> SimulatedPage:
        return SimulatedPage(self._name(self._chain.tip().height), content_type="text/plain")

    def _name(self, height: int) -> str:
        """Return the hash of a block in display order; blocks below the tip have invented hashes."""
        tip = self._chain.tip()
        made_up = "0" * 20 + hashlib.sha256(f"{height}".encode()).hexdigest()[:44]
        name = tip.hash[::-1].hex() if height == tip.height else made_up
        while len(self._heights) >= 1000:
            del self._heights[next(iter(self._heights))]
        self._heights[name] = height
        return name

    def _block_hash(self, height: str) -> SimulatedPage:
        if not height.isdecimal() or int(height) > self._chain.tip().height:
            return SimulatedPage("Block not found", 404)
        return SimulatedPage(self._name(int(height)), content_type="text/plain")

    def _block(self, name: str) -> SimulatedPage:
        height = self._heights.get(name)
        if height is None:
            return SimulatedPage("Block not found", 404)
        bits = self._chain.bits_of(height)
        return SimulatedPage(
            {
                "id": name,
                "height": height,
                "version": 0x20000000,
                "timestamp": int(self._chain.time_of(height)),
                "bits": bits,
                "difficulty": difficulty(bits),
                "tx_count": 3100,
                "size": 1_600_000,
            }
        )

    def _adjustment(self) -> SimulatedPage:
        """Return times in milliseconds, except `previousTime` in seconds, like mempool.space."""
        tip, now = self._chain.tip(), self._clock.time()
        done = tip.height % EPOCH
        left = EPOCH - done
        mean = (now - self._chain.epoch_start) / max(1, done)
        change = 100 * (BLOCK_INTERVAL / mean - 1) if done else 0.0
        return SimulatedPage(
            {
                "progressPercent": 100 * done / EPOCH,
                "difficultyChange": change,
                "estimatedRetargetDate": int((now + left * mean) / MILLI),
                "remainingBlocks": left,
                "remainingTime": int(left * mean / MILLI),
                "previousRetarget": 100 * self._chain.last_change,
                "previousTime": int(self._chain.epoch_start),
                "nextRetargetHeight": tip.height + left,
                "timeAvg": int(mean / MILLI),
                "adjustedTimeAvg": int(mean / MILLI),
                "timeOffset": 0,
                "expectedBlocks": (now - self._chain.epoch_start) / BLOCK_INTERVAL,
            }
        )

    def _hashrate(self) -> SimulatedPage:
        now, tip = self._clock.time(), self._chain.tip()
        rate, present = self._chain.network_hashrate, difficulty(self._chain.bits)
        midnight = int(now // DAY * DAY)
        days = [
            {"timestamp": int(midnight - back * DAY), "avgHashrate": rate * (1 + 0.01 * (back - 1))}
            for back in (2, 1, 0)
        ]
        start = {
            "time": int(self._chain.epoch_start),
            "height": tip.height - tip.height % EPOCH,
            "difficulty": present,
            "adjustment": 1 + self._chain.last_change,
        }
        return SimulatedPage(
            {"hashrates": days, "difficulty": [start], "currentHashrate": rate, "currentDifficulty": present}
        )

    def _rewards(self) -> SimulatedPage:
        """Return the sums over the last 144 blocks, in sat as strings."""
        tip = self._chain.tip()
        fees = self._chain.total_fees(144)
        return SimulatedPage(
            {
                "startBlock": tip.height - 143,
                "endBlock": tip.height,
                "totalFee": str(fees),
                "totalReward": str(144 * subsidy(tip.height) + fees),
                "totalTx": str(144 * 3100),
            }
        )

    def _index(self) -> SimulatedPage:
        """Return the hashprice of an index, computed from a wrong difficulty for part of every hour."""
        now, tip = self._clock.time(), self._chain.tip()
        reward = subsidy(tip.height) + self._chain.total_fees(144) / 144
        old = _WRONG_DIFFICULTY if now % HOUR < _WRONG else 1.0
        bitcoin = DAY * PH * reward / SATOSHIS / (difficulty(self._chain.bits) * old * HASHES_PER_DIFFICULTY_1)
        return SimulatedPage({"data": {"btc_per_ph_day": f"{bitcoin:.8f}", "time": int(now)}})

    def _grid(self) -> SimulatedPage:
        """Return whether the grid requests load reduction: a few minutes of every hour."""
        now = self._clock.time()
        return SimulatedPage({"demand_response": {"active": _CALL_BEGINS <= now % HOUR < _CALL_ENDS}, "time": int(now)})

    def _past_price(self, query: str) -> SimulatedPage:
        """Return a historical price from before the simulation, or the initial price for later times."""
        match = _QUERY.fullmatch(query)
        if match is None or match[1] not in _PER_USD:
            return SimulatedPage("Invalid query", 400)
        days = max(0.0, (self._began - int(match[2])) / DAY)
        usd = self._first * math.exp(0.08 * math.sin(days / 17) - 0.0004 * days)
        return SimulatedPage(
            {"prices": [{"time": int(match[2]), match[1]: round(usd * _PER_USD[match[1]])}], "exchangeRates": {}}
        )

    def _retargets(self) -> SimulatedPage:
        """Return [time, height, difficulty, factor] of each adjustment in two years, newest first."""
        tip = self._chain.tip()
        first, epochs = tip.height - tip.height % EPOCH, int(2 * _YEAR / (EPOCH * BLOCK_INTERVAL))
        factor = (1 + _YEARLY_GROWTH) ** (EPOCH * BLOCK_INTERVAL / _YEAR)
        present = difficulty(self._chain.bits)
        return SimulatedPage(
            [
                [
                    int(self._chain.time_of(first - back * EPOCH)),
                    first - back * EPOCH,
                    present / factor**back,
                    factor if back else 1 + self._chain.last_change,
                ]
                for back in range(epochs)
            ]
        )

    def _past_rewards(self) -> SimulatedPage:
        """Return the rewards of every hundredth block in two years."""
        height = self._chain.tip().height
        blocks = int(2 * _YEAR / BLOCK_INTERVAL)
        return SimulatedPage(
            [
                {"avgHeight": at, "timestamp": int(self._chain.time_of(at)), "avgRewards": subsidy(at) + block_fees(at)}
                for at in range(height - blocks, height + 1, 100)
            ]
        )
