"""Reads network, price and history from mempool.space or your own mempool server."""

from collections.abc import Callable
from typing import Any, Final, TypeVar

from stratoscope.clock import Clock
from stratoscope.errors import SourceError
from stratoscope.market.chain import BLOCKS_PER_EPOCH, observed_hashrate
from stratoscope.market.sources import mempool_answers as answers
from stratoscope.market.sources.kind import PUBLIC_SERVICE_KEYS, SourceKind
from stratoscope.market.sources.source import NetworkReport, PastNetwork, PastPrice, PriceReport
from stratoscope.outside.fetch import RemoteService
from stratoscope.units import DAY, HOUR, MINUTE

T = TypeVar("T")
PAGE_INTERVAL_S: Final = 5 * MINUTE
"""The server caches pages for 60 to 300 s: more frequent requests return the same, except after a new block."""
MAX_PAGE_AGE_S: Final = HOUR
"""How long the last response of a page is used while the page fails."""
MAX_HEIGHT_GAP: Final = 2
"""Blocks by which two responses of one server may differ: they are cached for different times."""
WEEK_BLOCKS: Final = 1008
PAGE_FAILURES: Final = frozenset({"http", "schema", "not_json", "inconsistent", "refused"})
"""Failures of one page; any other failure affects the whole server."""


class _CachedPage:
    """The last response of one page, and when it was requested and received."""

    def __init__(self) -> None:
        self.value: Any = None
        self.received_at = self.requested_at = -1e18  # monotonic s
        self.tip: str | int | None = None
        self.wrong = ""


class MempoolSource:
    """One mempool server. Its tip is requested every round, the other pages after a new block or five minutes."""

    def __init__(self, remote: RemoteService, clock: Clock) -> None:
        self.name = remote.name
        self._remote, self._clock = remote, clock
        self._pages: dict[str, _CachedPage] = {}
        self._tip: str | int | None = None
        self._blocks: dict[str, answers.MempoolBlock] = {}

    async def price(self, currency: str) -> PriceReport:
        """Return the current price; raise SourceError."""
        answer = await self._remote.get("/api/v1/prices", lambda body: answers.parse_prices(body, currency))
        return answer.value

    async def network(self) -> NetworkReport:
        """Return the state of the network; raise SourceError without height or difficulty."""
        height, difficulty, time = await self._newest()
        wrong: dict[str, str] = {}
        fees = await self._fees(height, wrong)
        epoch = await self._page("/api/v1/difficulty-adjustment", answers.parse_adjustment, wrong, "epoch")
        if epoch is not None and not _same_tip(epoch.height, height):
            wrong["epoch"], epoch = "the difficulty adjustment page has another height", None
        change = None if epoch is None else epoch.change
        first = height - height % BLOCKS_PER_EPOCH
        young = time is not None and height - first < 503
        return NetworkReport(
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
        """Return height, difficulty and time of the tip; time is None if the server has no block pages."""
        try:
            name = (await self._remote.get("/api/blocks/tip/hash", answers.parse_hash)).value
            block = await self._block(name)
        except SourceError as error:
            if error.reason not in PAGE_FAILURES:
                raise
        else:
            self._tip = name
            return block.height, block.difficulty, block.timestamp
        self._tip = height = (await self._remote.get("/api/blocks/tip/height", answers.parse_height)).value
        mining = await self._page("/api/v1/mining/hashrate/3d", answers.parse_hashrates, {}, "difficulty", max_age=0.0)
        if mining is None:
            raise SourceError("schema", "neither the newest block nor the difficulty is available")
        return height, mining.currentDifficulty, None

    async def _fees(self, height: int, wrong: dict[str, str]) -> float | None:
        fees = await self._page("/api/v1/mining/reward-stats/144", answers.parse_rewards, wrong, "fees")
        if fees is None:
            fees = await self._page("/api/v1/mining/blocks/fees/24h", answers.parse_block_fees, {}, "fees")
        if fees is not None and abs(fees.end - height) > 144:
            wrong["fees"] = "the fees are those of older blocks"
            return None
        if fees is not None:
            wrong.pop("fees", None)
        return None if fees is None else fees.fees

    async def _hashrate(
        self, height: int, difficulty: float, time: float | None, change: float | None, wrong: dict[str, str]
    ) -> dict[int, float]:
        """Return the observed hashrate: over a week from the server, over shorter windows from block times."""
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
        mining = await self._page("/api/v1/mining/hashrate/3d", answers.parse_hashrates, wrong, "network_hashrate")
        if (
            mining is not None
            and into > MAX_HEIGHT_GAP + 1
            and not answers.same_difficulty(mining.currentDifficulty, difficulty)
        ):
            raise SourceError("inconsistent", "the newest block and the mining page have different difficulties")
        if mining is not None:
            found[WEEK_BLOCKS] = mining.currentHashrate
        return found

    async def _time_of(self, height: int) -> float | None:
        """Return the time (UTC s) of the block at `height`; None if the server does not provide it."""
        path = f"/api/block-height/{height}"
        name = await self._page(path, answers.parse_hash, {}, "", max_age=DAY, immutable=True)
        self._drop_old_pages(path)
        try:
            return None if name is None else (await self._block(name)).timestamp
        except SourceError as error:
            if error.reason not in PAGE_FAILURES:
                raise
            return None

    async def _block(self, name: str) -> answers.MempoolBlock:
        if name not in self._blocks:
            while len(self._blocks) >= 32:
                del self._blocks[next(iter(self._blocks))]
            self._blocks[name] = (await self._remote.get(f"/api/block/{name}", answers.parse_block)).value
        return self._blocks[name]

    def _drop_old_pages(self, path: str) -> None:
        """Drop the oldest block-height pages, except `path`."""
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
        max_age: float = MAX_PAGE_AGE_S,
        immutable: bool = False,
    ) -> T | None:
        """Return the content of a page, from the cache while it cannot have changed.

        Return None and add the reason to `wrong` if the page fails for longer than `max_age` seconds. `immutable` pages
        are those of deep blocks: they do not change with the tip.
        """
        page = self._pages.setdefault(path, _CachedPage())
        now = self._clock.monotonic()
        if now - page.requested_at >= PAGE_INTERVAL_S or not (immutable or page.tip == self._tip):
            page.requested_at, page.tip = now, self._tip
            try:
                page.value, page.received_at, page.wrong = (await self._remote.get(path, parse)).value, now, ""
            except SourceError as error:
                if error.reason not in PAGE_FAILURES:
                    raise
                page.wrong = str(error)
        if now - page.received_at <= max_age or not page.wrong:
            value: T = page.value
            return value
        wrong[about] = page.wrong
        return None

    async def past_price(self, currency: str, moment: float) -> PastPrice:
        """Return the price nearest to `moment` (UTC s); raise SourceError."""
        path = f"/api/v1/historical-price?currency={currency}&timestamp={moment:.0f}"
        return (await self._remote.get(path, lambda body: answers.parse_past_price(body, currency))).value

    async def past(self, moment: float) -> PastNetwork:
        """Return difficulty and mean reward at `moment` (UTC s), up to two years back; raise SourceError."""
        wrong: dict[str, str] = {}
        retargets = await self._page("/api/v1/mining/difficulty-adjustments/2y", answers.parse_retargets, wrong, "d")
        rewards = await self._page("/api/v1/mining/blocks/rewards/2y", answers.parse_past_rewards, wrong, "r")
        before = [row for row in retargets or () if row.at <= moment]
        nearest = min(rewards or (), key=lambda row: abs(row[0] - moment), default=None)
        if not before or nearest is None or abs(nearest[0] - moment) > 3 * DAY:
            raise SourceError("schema", next(iter(wrong.values()), "the history does not go back that far"))
        return PastNetwork(before[-1].difficulty, round(nearest[1]))


def _same_tip(one: int, other: int) -> bool:
    """Return whether two heights of one server are close and in the same epoch."""
    return abs(one - other) <= MAX_HEIGHT_GAP and one // BLOCKS_PER_EPOCH == other // BLOCKS_PER_EPOCH


KIND: Final = SourceKind(
    name="mempool",
    provides=("network", "price", "history"),
    build=lambda context: MempoolSource(context.remote(), context.clock),
    optional=PUBLIC_SERVICE_KEYS,
    url="https://mempool.space",
)
