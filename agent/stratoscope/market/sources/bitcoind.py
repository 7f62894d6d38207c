"""Reads the network from your own Bitcoin Core node over JSON-RPC, with read-only methods."""

import asyncio
import base64
from collections.abc import Sequence
from typing import Annotated, Any, Final

from pydantic import Field, TypeAdapter

from stratoscope.errors import SourceError
from stratoscope.fields import clean_text
from stratoscope.market.chain import BLOCKS_PER_DAY, BLOCKS_PER_EPOCH, difficulty_of_nbits, subsidy
from stratoscope.market.settings import MarketSourceSettings
from stratoscope.market.sources.answer import (
    Bits,
    Difficulty,
    Hash,
    Hashrate,
    Height,
    Satoshis,
    SourceAnswer,
    UtcSeconds,
    parse_answer,
    validate,
)
from stratoscope.market.sources.kind import SourceKind
from stratoscope.market.sources.mempool_answers import same_difficulty
from stratoscope.market.sources.source import NetworkReport
from stratoscope.outside.fetch import RemoteService

HASHRATE_BLOCKS: Final = (144, 432, 1008)
MAX_BLOCKS_PER_REQUEST: Final = 24
"""Blocks in one request: each costs the node about 50 ms."""
REORG_BLOCKS: Final = 3
"""Newest blocks that are requested again, because a reorganisation can replace them."""
MAX_BLOCKS_BEHIND: Final = 3
"""Blocks that may be missing behind the newest known header; with more, the node is still syncing."""

RpcCall = tuple[str, list[Any]]


class _ChainInfo(SourceAnswer):
    """The chain of the node, and whether it has synced (`getblockchaininfo`)."""

    chain: str
    blocks: Height
    headers: Height
    bestblockhash: Hash
    initialblockdownload: bool


class _MiningInfo(SourceAnswer):
    """The tip (`getmininginfo`); `bits` exists since Bitcoin Core 29."""

    blocks: Height
    difficulty: Difficulty
    chain: str
    bits: Bits | None = None


class _BlockHeader(SourceAnswer):
    """The header of a block (`getblockheader`)."""

    height: Height
    time: UtcSeconds
    bits: Bits
    difficulty: Difficulty


class _BlockStats(SourceAnswer):
    """Subsidy and fees of a block (`getblockstats`), in satoshis."""

    height: Height
    subsidy: Satoshis
    totalfee: Satoshis


class _RpcReply(SourceAnswer):
    id: Annotated[int, Field(ge=0)]
    result: Any = None
    error: Any = None


REPLIES: Final = TypeAdapter(list[_RpcReply])
CHAIN: Final = TypeAdapter(_ChainInfo)
MINING: Final = TypeAdapter(_MiningInfo)
HEADER: Final = TypeAdapter(_BlockHeader)
STATS: Final = TypeAdapter(_BlockStats)
HASHRATE: Final = TypeAdapter(Hashrate)
HASH: Final = TypeAdapter(Hash)


def parse(body: bytes, calls: int) -> list[Any]:
    """Return the results of a batch in the order of its calls; raise SourceError if one is missing or failed."""
    replies = {reply.id: reply for reply in parse_answer(REPLIES, body)}
    if sorted(replies) != list(range(calls)):
        raise SourceError("schema", "the number of replies differs from the number of calls")
    for at in range(calls):
        error = replies[at].error
        if error is not None:
            message = error.get("message") if isinstance(error, dict) else None
            raise SourceError("refused", clean_text(str(message or "an error"), 80))
    return [replies[at].result for at in range(calls)]


def parse_mining(value: Any) -> _MiningInfo:
    """Return the tip in a result of `getmininginfo`; raise SourceError if its bits encode another difficulty."""
    mining = validate(MINING, value)
    if mining.bits is not None and not same_difficulty(difficulty_of_nbits(int(mining.bits, 16)), mining.difficulty):
        raise SourceError("inconsistent", "bits and difficulty differ")
    return mining


def parse_header(value: Any) -> _BlockHeader:
    """Return a header; raise SourceError if its bits encode another difficulty."""
    header = validate(HEADER, value)
    if not same_difficulty(difficulty_of_nbits(int(header.bits, 16)), header.difficulty):
        raise SourceError("inconsistent", "bits and difficulty differ")
    return header


def parse_stats(value: Any) -> _BlockStats:
    """Return subsidy and fees of a block; raise SourceError if the subsidy is above that of its height."""
    stats = validate(STATS, value)
    if stats.subsidy > subsidy(stats.height):
        raise SourceError("inconsistent", "the subsidy is above that of the height")
    return stats


class BitcoindSource:
    """One node. The blocks of the last day are read once, afterwards only new ones."""

    def __init__(self, remote: RemoteService, settings: MarketSourceSettings) -> None:
        self.name = remote.name
        self._remote, self._settings = remote, settings
        self._fees: dict[int, int] = {}  # height → sat
        self._epoch: tuple[int, _BlockHeader, _BlockHeader, _BlockHeader] | None = (
            None  # first height; headers at it, -1 and -504
        )

    async def network(self) -> NetworkReport:
        """Return the state of the network; raise SourceError, also while the node is syncing."""
        chain, mining, hashrate = await self._tip()
        header = parse_header((await self._call([("getblockheader", [chain.bestblockhash])]))[0])
        if header.height == mining.blocks and not same_difficulty(mining.difficulty, header.difficulty):
            raise SourceError("inconsistent", "the header of the tip has another difficulty")
        first, before, window = await self._epoch_of(header.height)
        return NetworkReport(
            height=header.height,
            difficulty=header.difficulty,
            tip_time=header.time,
            fees=await self._mean_fees(header.height),
            hashrate=hashrate,
            epoch_start=first.time,
            window_start=window.time,
            previous_change=first.difficulty / before.difficulty - 1,
        )

    async def _tip(self) -> tuple[_ChainInfo, _MiningInfo, dict[int, float]]:
        windows: list[RpcCall] = [("getnetworkhashps", [blocks]) for blocks in HASHRATE_BLOCKS]
        first, second, *rates = await self._call([("getblockchaininfo", []), ("getmininginfo", []), *windows])
        chain, mining = validate(CHAIN, first), parse_mining(second)
        if chain.chain != "main":
            raise SourceError("inconsistent", "the node is not on the main chain")
        if chain.initialblockdownload or chain.headers - chain.blocks > MAX_BLOCKS_BEHIND:
            raise SourceError("inconsistent", "the node is still syncing")
        return chain, mining, {n: validate(HASHRATE, rate) for n, rate in zip(HASHRATE_BLOCKS, rates, strict=True)}

    async def _epoch_of(self, height: int) -> tuple[_BlockHeader, _BlockHeader, _BlockHeader]:
        """Return the headers of the first block of the epoch, of the block before it, and of the 504th before it."""
        at = height - height % BLOCKS_PER_EPOCH
        if self._epoch is None or self._epoch[0] != at or height - at < REORG_BLOCKS:
            hashes = await self._call([("getblockhash", [max(0, at - back)]) for back in (0, 1, 504)])
            headers = await self._call([("getblockheader", [validate(HASH, name)]) for name in hashes])
            first, before, window = map(parse_header, headers)
            self._epoch = (at, first, before, window)
        return self._epoch[1:]

    async def _mean_fees(self, height: int) -> float:
        wanted = range(max(0, height - BLOCKS_PER_DAY + 1), height + 1)
        self._fees = {at: fee for at, fee in self._fees.items() if at in wanted and at <= height - REORG_BLOCKS}
        missing = [at for at in wanted if at not in self._fees]
        for start in range(0, len(missing), MAX_BLOCKS_PER_REQUEST):
            heights = missing[start : start + MAX_BLOCKS_PER_REQUEST]
            stats = [("getblockstats", [at, ["height", "subsidy", "totalfee"]]) for at in heights]
            for at, value in zip(heights, await self._call(stats), strict=True):
                found = parse_stats(value)
                if found.height != at:
                    raise SourceError("schema", "the stats of another block than requested")
                self._fees[at] = found.totalfee
        return sum(self._fees.values()) / len(self._fees)

    async def _call(self, calls: Sequence[RpcCall]) -> list[Any]:
        batch = [
            {"jsonrpc": "1.0", "id": at, "method": name, "params": given} for at, (name, given) in enumerate(calls)
        ]
        return (await self._remote.post("/", batch, lambda body: parse(body, len(calls)), await self._login())).value

    async def _login(self) -> str:
        """Return the Authorization header. The cookie file is read each time: the node renews it at each start."""
        login = f"{self._settings.user or ''}:{self._settings.password or ''}"
        if self._settings.cookie is not None:
            try:
                login = (await asyncio.to_thread(self._settings.cookie.read_text, "utf-8"))[:4096].strip()
            except (OSError, UnicodeError):
                raise SourceError("auth", f"the cookie {self._settings.cookie} cannot be read") from None
        return f"Basic {base64.b64encode(login.encode()).decode('ascii')}"


def _find_problem(settings: MarketSourceSettings) -> str | None:
    if (settings.cookie is None) == (settings.user is None or settings.password is None):
        return "requires either user and password, or cookie: the path of the node's .cookie file"
    return None


KIND: Final = SourceKind(
    name="bitcoind",
    provides=("network",),
    build=lambda context: BitcoindSource(context.remote(), context.settings),
    for_network=("url",),
    optional=("cookie", "user", "password", "allow_http"),
    find_problem=_find_problem,
)
