"""Serves the pool statistics of an account like the web pages of CKPool: /users/<address> and /pool/pool.status."""

from typing import Any

import orjson

from stratoscope.clock import Clock
from stratoscope.simulate.families.family import SimulatedPage, SimulatedRequest
from stratoscope.simulate.fleet import SimulatedFleet
from stratoscope.simulate.rig import Rig

_RENEW = 20.0  # s; CKPool rewrites its files about once a minute, and summing up thousands of rigs takes time
_LETTERS = ("", "K", "M", "G", "T", "P", "E")
_OTHERS = 12_000  # other users of the pool
_WINDOWS = ("1m", "5m", "1hr", "1d", "7d")


def suffixed(value: float) -> str:
    """Format H/s like CKPool, with three significant digits and a suffix: 8.54e13 → "85.4T"; below 1 → "0"."""
    if value < 1.0:
        return "0"
    step = 0
    while value >= 999.5 and step < len(_LETTERS) - 1:
        value, step = value / 1000, step + 1
    return f"{value:.3g}{_LETTERS[step]}" if value < 999.5 else f"{value:.0f}{_LETTERS[step]}"


class PoolStatistics:
    """Pool statistics from the shares credited to each simulated rig of an account.

    `credited` is the fraction of the shares that the pool reports; a pool with a value below 1 skims.
    """

    def __init__(
        self, fleet: SimulatedFleet, *, clock: Clock, account: str | None = None, credited: float = 1.0
    ) -> None:
        self._account, self._clock, self._credited = account or fleet.workers, clock, credited
        self._rigs = [rig.state for rig in fleet.rigs if rig.state.pools[0][1].startswith(f"{self._account}.")]
        self._started = clock.time()
        self._cached: dict[str, Any] = {}
        self._renew_at = float("-inf")

    def answer(self, request: SimulatedRequest) -> SimulatedPage:
        """Answer one request; CKPool serves its files without a JSON content type."""
        if request.path == f"/users/{self._account}":
            return SimulatedPage(orjson.dumps(self._user()).decode(), content_type="text/plain")
        if request.path == "/pool/pool.status":
            return SimulatedPage(self._status(), content_type="text/plain")
        return SimulatedPage("404 Not Found", 404)

    def _user(self) -> dict[str, Any]:
        now = self._clock.monotonic()
        if now >= self._renew_at:
            self._renew_at = now + _RENEW
            self._cached = self._add_up()
        return self._cached

    def _add_up(self) -> dict[str, Any]:
        totals = dict.fromkeys(_WINDOWS, 0.0)
        workers, shares, newest = [], 0.0, 0
        for rig in self._rigs:
            rig.advance()
            worker = _worker(rig, self._credited)
            workers.append(worker)
            shares += worker["shares"]
            newest = max(newest, worker["lastshare"])
            for window in _WINDOWS:
                totals[window] += rig.physics.pool_rates[window] * self._credited
        best = shares * 0.9
        return {
            **{f"hashrate{window}": suffixed(rate) for window, rate in totals.items()},
            "lastshare": newest,
            "workers": len(workers),
            "shares": int(shares),
            "bestshare": best,
            "bestever": int(best),
            "authorised": int(self._started),
            "worker": workers,
        }

    def _status(self) -> str:
        user = self._user()
        head = {
            "runtime": int(self._clock.time() - self._started) + 86_400,
            "lastupdate": int(self._clock.time()),
            "Users": 1 + _OTHERS,
            "Workers": user["workers"] + 4 * _OTHERS,
            "Idle": 3000,
            "Disconnected": 200,
        }
        rates = {f"hashrate{window}": user[f"hashrate{window}"] for window in _WINDOWS}
        shares = {
            "diff": 76.2,
            "accepted": user["shares"],
            "rejected": int(user["shares"] * 0.002),
            "bestshare": user["bestshare"],
            "SPS1m": 1.0,
            "SPS5m": 1.0,
            "SPS15m": 1.0,
            "SPS1h": 1.0,
        }
        return "".join(orjson.dumps(line).decode() + "\n" for line in (head, rates, shares))


def _worker(rig: Rig, credited: float) -> dict[str, Any]:
    physics = rig.physics
    best = physics.work / physics.spec.hashes_per_difficulty * 0.7
    return {
        "workername": rig.own_pools[0][1],
        **{f"hashrate{window}": suffixed(physics.pool_rates[window] * credited) for window in _WINDOWS},
        "lastshare": max(rig.last_share(slot) for slot in physics.slots),
        "shares": int(physics.work * credited / physics.spec.hashes_per_difficulty),
        "bestshare": best,
        "bestever": int(best),
    }
