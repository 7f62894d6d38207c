"""Reads network and price from mempool.space or a mempool of one's own."""

from collections.abc import Callable
from typing import Any, Final, TypeVar

from stratoscope.clock import Clock
from stratoscope.errors import SourceError
from stratoscope.market.chain import BLOCKS_PER_EPOCH, observed_hashrate
from stratoscope.market.sources import mempool_answers as answers
from stratoscope.market.sources.source import Network, Past, PastPrice, Price
from stratoscope.outside.fetch import Remote
from stratoscope.units import DAY, HOUR, MINUTE

T = TypeVar("T")
FRESH: Final = 5 * MINUTE
"""The servers' own caches say 60 to 300 s: asking more often brings nothing new, unless there is a new block."""
HELD: Final = HOUR
"""How long an answer beside the tip stands in while the next cannot be had."""
AT_HEIGHT: Final = 2
"""Blocks by which two answers of one server may be apart: they are cached for different times."""
WEEK: Final = 1008
BESIDE: Final = frozenset({"http", "schema", "not_json", "inconsistent", "refused"})
"""Failures of one page; any other is one of the whole server."""


class _Kept:
    """One page's last answer, and when it was had or last asked for."""

    def __init__(self) -> None:
        self.value: Any = None
        self.had = self.asked = -1e18  # monotonic s
        self.tip: str | int | None = None
        self.wrong = ""


class Mempool:
    """One mempool server. It is asked for its tip each round, for the rest when that moved or after five minutes."""

    def __init__(self, remote: Remote, clock: Clock) -> None:
        self.name = remote.name
        self._remote, self._clock = remote, clock
        self._pages: dict[str, _Kept] = {}
        self._tip: str | int | None = None
        self._blocks: dict[str, answers.Block] = {}

    async def price(self, currency: str) -> Price:
        """Return the price now; raise SourceError."""
        said = await self._remote.get("/api/v1/prices", lambda body: answers.parse_prices(body, currency))
        return said.value

    async def network(self) -> Network:
        """Return the state of the network; raise SourceError where height or difficulty is not to be had."""
        height, difficulty, time = await self._newest()
        wrong: dict[str, str] = {}
        fees = await self._fees(height, wrong)
        epoch = await self._page("/api/v1/difficulty-adjustment", answers.parse_adjustment, wrong, "epoch")
        if epoch is not None and not _together(epoch.height, height):
            wrong["epoch"], epoch = "the adjustment's page is of another height", None
        change = None if epoch is None else epoch.change
        first = height - height % BLOCKS_PER_EPOCH
        young = time is not None and height - first < 503
        return Network(
            height=height,
            difficulty=difficulty,
            tip_time=time,
            fees=fees,
            hashrate=await self._hashrate(height, difficulty, time, change, wrong),
            epoch_start=None if epoch is None else epoch.start,
            window_start=await self._time_of(first - 504) if young else None,
            previous_change=change,
            wrong=wrong,
        )

    async def _newest(self) -> tuple[int, float, float | None]:
        """Return height, difficulty and time of the tip; time is None where the server has no pages of blocks."""
        try:
            name = (await self._remote.get("/api/blocks/tip/hash", answers.parse_hash)).value
            block = await self._block(name)
        except SourceError as error:
            if error.reason not in BESIDE:
                raise
        else:
            self._tip = name
            return block.height, block.difficulty, block.timestamp
        self._tip = height = (await self._remote.get("/api/blocks/tip/height", answers.parse_height)).value
        said = await self._page("/api/v1/mining/hashrate/3d", answers.parse_hashrates, {}, "difficulty", held=0.0)
        if said is None:
            raise SourceError("schema", "neither the newest block nor the difficulty is to be had")
        return height, said.currentDifficulty, None

    async def _fees(self, height: int, wrong: dict[str, str]) -> float | None:
        said = await self._page("/api/v1/mining/reward-stats/144", answers.parse_rewards, wrong, "fees")
        if said is None:
            said = await self._page("/api/v1/mining/blocks/fees/24h", answers.parse_block_fees, {}, "fees")
        if said is not None and abs(said.end - height) > 144:
            wrong["fees"] = "the sums of fees are of other blocks than the last"
            return None
        if said is not None:
            wrong.pop("fees", None)
        return None if said is None else said.fees

    async def _hashrate(
        self, height: int, difficulty: float, time: float | None, change: float | None, wrong: dict[str, str]
    ) -> dict[int, float]:
        """Return the observed hashrate over a week from the server, over shorter windows from the times of blocks."""
        found = {}
        into = height % BLOCKS_PER_EPOCH + 1  # blocks of this difficulty
        for blocks in (144, 432) if time is not None else ():
            since = await self._time_of(height - blocks)
            before = max(0, blocks - into)
            if since is None or time is None or (before and change is None):
                continue
            difficulties = [difficulty] * (blocks - before) + [difficulty / (1 + (change or 0.0))] * before
            observed = observed_hashrate(difficulties, since, time)
            if observed is not None:
                found[blocks] = observed.value
        said = await self._page("/api/v1/mining/hashrate/3d", answers.parse_hashrates, wrong, "network_hashrate")
        if said is not None and into > AT_HEIGHT + 1 and not answers.agree(said.currentDifficulty, difficulty):
            raise SourceError("inconsistent", "the newest block and the mining page state different difficulties")
        if said is not None:
            found[WEEK] = said.currentHashrate
        return found

    async def _time_of(self, height: int) -> float | None:
        """Return the time of the block at `height`; None where the server does not tell."""
        path = f"/api/block-height/{height}"
        name = await self._page(path, answers.parse_hash, {}, "", held=DAY, still=True)
        self._forget(path)
        try:
            return None if name is None else (await self._block(name)).timestamp
        except SourceError as error:
            if error.reason not in BESIDE:
                raise
            return None

    async def _block(self, name: str) -> answers.Block:
        if name not in self._blocks:
            while len(self._blocks) >= 32:
                del self._blocks[next(iter(self._blocks))]
            self._blocks[name] = (await self._remote.get(f"/api/block/{name}", answers.parse_block)).value
        return self._blocks[name]

    def _forget(self, path: str) -> None:
        """Forget the oldest pages of single heights, but for `path`."""
        heights = [known for known in self._pages if known.startswith("/api/block-height/") and known != path]
        for old in heights[: max(0, len(heights) - 8)]:
            del self._pages[old]

    async def _page(
        self,
        path: str,
        parse: Callable[[bytes], T],
        wrong: dict[str, str],
        about: str,
        *,
        held: float = HELD,
        still: bool = False,
    ) -> T | None:
        """Return what a page says, from memory while nothing new is to be expected; None where it cannot be had.

        The reason is then put into `wrong`. `still` pages are of deep blocks and do not change with the tip.
        """
        kept = self._pages.setdefault(path, _Kept())
        now = self._clock.monotonic()
        if now - kept.asked >= FRESH or not (still or kept.tip == self._tip):
            kept.asked, kept.tip = now, self._tip
            try:
                kept.value, kept.had, kept.wrong = (await self._remote.get(path, parse)).value, now, ""
            except SourceError as error:
                if error.reason not in BESIDE:
                    raise
                kept.wrong = str(error)
        if now - kept.had <= held or not kept.wrong:
            value: T = kept.value
            return value
        wrong[about] = kept.wrong
        return None

    async def past_price(self, currency: str, moment: float) -> PastPrice:
        """Return the price nearest to `moment` (UTC s); raise SourceError."""
        path = f"/api/v1/historical-price?currency={currency}&timestamp={moment:.0f}"
        return (await self._remote.get(path, lambda body: answers.parse_past_price(body, currency))).value

    async def past(self, moment: float) -> Past:
        """Return difficulty and mean reward at `moment` (UTC s), up to two years ago; raise SourceError."""
        wrong: dict[str, str] = {}
        retargets = await self._page("/api/v1/mining/difficulty-adjustments/2y", answers.parse_retargets, wrong, "d")
        rewards = await self._page("/api/v1/mining/blocks/rewards/2y", answers.parse_past_rewards, wrong, "r")
        before = [row for row in retargets or () if row.at <= moment]
        nearest = min(rewards or (), key=lambda row: abs(row[0] - moment), default=None)
        if not before or nearest is None or abs(nearest[0] - moment) > 3 * DAY:
            raise SourceError("schema", next(iter(wrong.values()), "the past does not reach back that far"))
        return Past(before[-1].difficulty, round(nearest[1]))


def _together(one: int, other: int) -> bool:
    """Tell whether two heights that one server names at once are near each other and of one epoch."""
    return abs(one - other) <= AT_HEIGHT and one // BLOCKS_PER_EPOCH == other // BLOCKS_PER_EPOCH
