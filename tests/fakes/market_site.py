"""A mempool server and a Bitcoin Core node with one chain (a block every 590 s), plus an example of every source."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from fakes.web import Says
from stratoscope.market.chain import difficulty_of_nbits

HASHES = {height: f"{height:064x}" for height in range(898500, 901300)}
BITS, DIFFICULTY = 0x17023774, 126411437451912.2
TIP, FIRST = 901152, 899136  # 2016 × 447 and 2016 × 446
EPOCH_START = 1_699_000_000


def mempool_site(tip: int = 901000) -> dict:
    first = tip - tip % 2016

    def block(height: int) -> dict:
        return {
            "id": HASHES[height],
            "height": height,
            "timestamp": EPOCH_START + (height - first) * 590,
            "bits": BITS,
            "difficulty": DIFFICULTY,
        }

    subsidies = 144 * 312_500_000
    return {
        "/api/blocks/tip/hash": Says(HASHES[tip].encode(), headers={"Content-Type": "text/plain"}),
        "/api/blocks/tip/height": Says(str(tip).encode(), headers={"Content-Type": "text/plain"}),
        **{f"/api/block/{name}": block(height) for height, name in HASHES.items()},
        **{f"/api/block-height/{height}": Says(name.encode()) for height, name in HASHES.items()},
        "/api/v1/mining/reward-stats/144": {
            "startBlock": tip - 143,
            "endBlock": tip,
            "totalReward": str(subsidies + 288_000_000),
            "totalFee": "288000000",
            "totalTx": "1",
        },
        "/api/v1/mining/hashrate/3d": {
            "hashrates": [],
            "difficulty": [],
            "currentHashrate": 9.1e20,
            "currentDifficulty": DIFFICULTY,
        },
        "/api/v1/difficulty-adjustment": {
            "remainingBlocks": 2016 - tip % 2016,
            "nextRetargetHeight": first + 2016,
            "previousRetarget": 2.0,
            "previousTime": EPOCH_START,
            "estimatedRetargetDate": 1_735_514_828_279,
        },
        "/api/v1/prices": {"time": 1_699_999_990, "USD": 91000, "EUR": -1},
    }


OLD_BITS, OLD = "17024000", difficulty_of_nbits(0x17024000)


class Node:
    """Answers JSON-RPC batches as Bitcoin Core does."""

    def __init__(self, tip: int = 901000, **over) -> None:
        self.tip, self.over, self.calls = tip, over, []
        self.logins: set[str] = set()

    def __call__(self, asked) -> Says:
        self.logins.add(asked.headers["Authorization"])
        batch = json.loads(asked.body)
        self.calls += [call["method"] for call in batch]
        return Says([{"id": call["id"], **self.reply(call["method"], call["params"])} for call in reversed(batch)])

    def reply(self, method: str, given: list) -> dict:
        found = getattr(self, method)(*given)
        change = self.over.get(method)
        if change is not None:
            found = change(found) if callable(change) else change
        return found if isinstance(found, dict) and "error" in found else {"result": found, "error": None}

    def getblockchaininfo(self):
        return {
            "chain": "main",
            "blocks": self.tip,
            "headers": self.tip,
            "bestblockhash": HASHES[self.tip],
            "initialblockdownload": False,
            "difficulty": DIFFICULTY,
        }

    def getmininginfo(self):
        return {
            "blocks": self.tip,
            "bits": "17023774",
            "difficulty": DIFFICULTY,
            "chain": "main",
            "networkhashps": 9.1e20,
        }

    def getnetworkhashps(self, blocks):
        return 9e20 + blocks * 1e16

    def getblockhash(self, height):
        return HASHES[height]

    def getblockheader(self, name):
        height = int(name, 16)
        old = height < FIRST
        return {
            "height": height,
            "time": EPOCH_START + (height - FIRST) * 590,
            "bits": OLD_BITS if old else "17023774",
            "difficulty": OLD if old else DIFFICULTY,
        }

    def getblockstats(self, height, _):
        return {"height": height, "subsidy": 312_500_000, "totalfee": 2_000_000 + height % 10}


@dataclass
class SourceExample:
    """Answers of one kind of market source, what else it needs, and the values that come out of them."""

    answers: dict[str, Any] = field(default_factory=dict)  # path on the web service → answer
    settings: dict[str, Any] = field(default_factory=dict)
    content: str = ""  # of the file, or of the message at the topic
    price: float | None = None  # USD
    height: int | None = None


PUBLIC_PRICE = "/api/v3/simple/price?ids=bitcoin&vs_currencies=usd&include_last_updated_at=true"
EXAMPLES: dict[str, Callable[[], SourceExample]] = {
    "bitcoind": lambda: SourceExample({"/": Node()}, {"user": "me", "password": "secret"}, height=901000),
    "mempool": lambda: SourceExample(mempool_site(), price=91000.0, height=901000),
    "stratum": lambda: SourceExample(height=901000),
    "fixed": lambda: SourceExample(
        settings={"price": 91000.0, "height": 901000, "difficulty": DIFFICULTY, "fees": 0.02},
        price=91000.0,
        height=901000,
    ),
    "file": lambda: SourceExample(
        content=f'{{"price": 91000, "height": 901000, "difficulty": {DIFFICULTY}}}', price=91000.0, height=901000
    ),
    "coinbase": lambda: SourceExample(
        {"/v2/prices/BTC-USD/spot": {"data": {"amount": "91000", "base": "BTC", "currency": "USD"}}}, price=91000.0
    ),
    "kraken": lambda: SourceExample(
        {"/0/public/Ticker?pair=XBTUSD": {"error": [], "result": {"XXBTZUSD": {"c": ["91000.0", "0.01"]}}}},
        price=91000.0,
    ),
    "bitstamp": lambda: SourceExample(
        {"/api/v2/ticker/btcusd/": {"last": "91000", "timestamp": "1700000000"}}, price=91000.0
    ),
    "coingecko": lambda: SourceExample(
        {PUBLIC_PRICE: {"bitcoin": {"usd": 91000, "last_updated_at": 1_700_000_000}}}, price=91000.0
    ),
    "mqtt": lambda: SourceExample(settings={"topic": "btc"}, content="91000", price=91000.0),
}
"""An example of every kind of market source."""
