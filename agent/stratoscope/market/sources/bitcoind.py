"""Reads the network from one's own Bitcoin Core over JSON-RPC; only reading methods are called."""

import asyncio
import base64
from collections.abc import Sequence
from typing import Annotated, Any, Final

from pydantic import Field, TypeAdapter

from stratoscope.errors import SourceError
from stratoscope.fields import clean_text
from stratoscope.market.chain import BLOCKS_PER_DAY, BLOCKS_PER_EPOCH, difficulty_of_nbits, subsidy
from stratoscope.market.settings import SourceSettings
from stratoscope.market.sources.answer import (
    Answer,
    Bits,
    Difficulty,
    Hash,
    Hashrate,
    Height,
    Moment,
    Satoshis,
    checked,
    read,
)
from stratoscope.market.sources.mempool_answers import agree
from stratoscope.market.sources.source import Network
from stratoscope.outside.fetch import Remote

WINDOWS: Final = (144, 432, 1008)
AT_ONCE: Final = 24
"""Blocks asked for in one request: each costs the node some 50 ms of reading."""
UNSURE: Final = 3
"""Newest blocks that are asked for again, since a reorganisation may have replaced them."""
BEHIND: Final = 3
"""Blocks a node may lack of those whose headers it knows."""

Call = tuple[str, list[Any]]


class Chain(Answer):
    """Which chain the node follows, and whether it has caught up (`getblockchaininfo`)."""

    chain: str
    blocks: Height
    headers: Height
    bestblockhash: Hash
    initialblockdownload: bool


class Mining(Answer):
    """The tip as the mining code sees it (`getmininginfo`); `bits` since Bitcoin Core 29."""

    blocks: Height
    difficulty: Difficulty
    chain: str
    bits: Bits | None = None
    networkhashps: Hashrate | None = None


class Header(Answer):
    """A block's header (`getblockheader`)."""

    height: Height
    time: Moment
    bits: Bits
    difficulty: Difficulty


class Stats(Answer):
    """A block's money (`getblockstats`), in satoshis."""

    height: Height
    subsidy: Satoshis
    totalfee: Satoshis


class _Reply(Answer):
    id: Annotated[int, Field(ge=0)]
    result: Any = None
    error: Any = None


REPLIES: Final = TypeAdapter(list[_Reply])
CHAIN: Final = TypeAdapter(Chain)
MINING: Final = TypeAdapter(Mining)
HEADER: Final = TypeAdapter(Header)
STATS: Final = TypeAdapter(Stats)
HASHRATE: Final = TypeAdapter(Hashrate)
HASH: Final = TypeAdapter(Hash)


def parse(body: bytes, calls: int) -> list[Any]:
    """Return the results of a batch in the order of its calls; raise SourceError where one is missing or an error."""
    replies = {reply.id: reply for reply in read(REPLIES, body)}
    if sorted(replies) != list(range(calls)):
        raise SourceError("schema", "not one reply for each call")
    for at in range(calls):
        error = replies[at].error
        if error is not None:
            said = error.get("message") if isinstance(error, dict) else None
            raise SourceError("refused", clean_text(str(said or "an error"), 80))
    return [replies[at].result for at in range(calls)]


def parse_mining(value: Any) -> Mining:
    """Return the tip in a result of `getmininginfo`; raise SourceError where bits mean another difficulty."""
    mining = checked(MINING, value)
    if mining.bits is not None and not agree(difficulty_of_nbits(int(mining.bits, 16)), mining.difficulty):
        raise SourceError("inconsistent", "bits and difficulty are not of one block")
    return mining


def parse_header(value: Any) -> Header:
    """Return a header; raise SourceError where bits mean another difficulty."""
    header = checked(HEADER, value)
    if not agree(difficulty_of_nbits(int(header.bits, 16)), header.difficulty):
        raise SourceError("inconsistent", "bits and difficulty are not of one block")
    return header


def parse_stats(value: Any) -> Stats:
    """Return a block's money; raise SourceError where its subsidy is not that of its height."""
    stats = checked(STATS, value)
    if stats.subsidy > subsidy(stats.height):
        raise SourceError("inconsistent", "a subsidy above that of its height")
    return stats


class Bitcoind:
    """One node. The blocks of the last day are read once, later only what is new."""

    def __init__(self, remote: Remote, settings: SourceSettings) -> None:
        self.name = remote.name
        self._remote, self._settings = remote, settings
        self._fees: dict[int, int] = {}  # height → sat
        self._epoch: tuple[int, Header, Header, Header] | None = None  # first height; headers at it, -1 and -504

    async def network(self) -> Network:
        """Return the state of the network; raise SourceError, also while the node is catching up."""
        chain, mining, hashrate = await self._tip()
        header = parse_header((await self._call([("getblockheader", [chain.bestblockhash])]))[0])
        if header.height == mining.blocks and not agree(mining.difficulty, header.difficulty):
            raise SourceError("inconsistent", "the tip's header states another difficulty")
        first, before, window = await self._epoch_of(header.height)
        return Network(
            height=header.height,
            difficulty=header.difficulty,
            tip_time=header.time,
            fees=await self._mean_fees(header.height),
            hashrate=hashrate,
            epoch_start=first.time,
            window_start=window.time,
            previous_change=first.difficulty / before.difficulty - 1,
        )

    async def _tip(self) -> tuple[Chain, Mining, dict[int, float]]:
        windows: list[Call] = [("getnetworkhashps", [blocks]) for blocks in WINDOWS]
        first, second, *rates = await self._call([("getblockchaininfo", []), ("getmininginfo", []), *windows])
        chain, mining = checked(CHAIN, first), parse_mining(second)
        if chain.chain != "main":
            raise SourceError("inconsistent", "the node follows another chain than the main one")
        if chain.initialblockdownload or chain.headers - chain.blocks > BEHIND:
            raise SourceError("inconsistent", "the node is still catching up")
        return chain, mining, {n: checked(HASHRATE, rate) for n, rate in zip(WINDOWS, rates, strict=True)}

    async def _epoch_of(self, height: int) -> tuple[Header, Header, Header]:
        """Return the headers of the epoch's first block, of the one before it, and of the one 504 before it."""
        at = height - height % BLOCKS_PER_EPOCH
        if self._epoch is None or self._epoch[0] != at or height - at < UNSURE:
            hashes = await self._call([("getblockhash", [max(0, at - back)]) for back in (0, 1, 504)])
            headers = await self._call([("getblockheader", [checked(HASH, name)]) for name in hashes])
            first, before, window = map(parse_header, headers)
            self._epoch = (at, first, before, window)
        return self._epoch[1:]

    async def _mean_fees(self, height: int) -> float:
        wanted = range(max(0, height - BLOCKS_PER_DAY + 1), height + 1)
        self._fees = {at: fee for at, fee in self._fees.items() if at in wanted and at <= height - UNSURE}
        missing = [at for at in wanted if at not in self._fees]
        for start in range(0, len(missing), AT_ONCE):
            heights = missing[start : start + AT_ONCE]
            stats = [("getblockstats", [at, ["height", "subsidy", "totalfee"]]) for at in heights]
            for at, value in zip(heights, await self._call(stats), strict=True):
                found = parse_stats(value)
                if found.height != at:
                    raise SourceError("schema", "the money of another block than asked")
                self._fees[at] = found.totalfee
        return sum(self._fees.values()) / len(self._fees)

    async def _call(self, calls: Sequence[Call]) -> list[Any]:
        batch = [
            {"jsonrpc": "1.0", "id": at, "method": name, "params": given} for at, (name, given) in enumerate(calls)
        ]
        return (await self._remote.post("/", batch, lambda body: parse(body, len(calls)), await self._login())).value

    async def _login(self) -> str:
        """Return the Authorization header; the cookie file is read each time, as each start of the node renews it."""
        login = f"{self._settings.user or ''}:{self._settings.password or ''}"
        if self._settings.cookie is not None:
            try:
                login = (await asyncio.to_thread(self._settings.cookie.read_text, "utf-8"))[:4096].strip()
            except (OSError, UnicodeError):
                raise SourceError("auth", f"the cookie {self._settings.cookie} cannot be read") from None
        return f"Basic {base64.b64encode(login.encode()).decode('ascii')}"
