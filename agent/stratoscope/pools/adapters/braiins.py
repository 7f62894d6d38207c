"""Reads Braiins Pool: hashrates with their unit beside them, bitcoin as text, days that begin at 00:00 UTC."""

from collections.abc import Callable
from typing import Final

from stratoscope.pools.pool import REWARDS, STATUS, WORKERS, Ask, Call, Part, Pool, Turn
from stratoscope.pools.reader import Said, iso_day, opened
from stratoscope.pools.report import Earning, Payout, WorkerReport, WorkerState
from stratoscope.units import DAY, HOUR, MINUTE

WINDOWS: Final = {5 * MINUTE: "hash_rate_5m", HOUR: "hash_rate_60m", DAY: "hash_rate_24h"}
STATES: Final[dict[str, WorkerState]] = {"ok": "active", "low": "active", "off": "inactive", "dis": "dead"}
"""low is a worker below the hashrate its owner set; dis is one whose monitoring was switched off."""
BACK: Final = 7 * DAY


def read_profile(body: bytes, _: Turn) -> Part:
    """Return hashrate, workers by state and balance."""
    said = opened(body).need("btc").child("btc")
    said.need("hash_rate_5m", "hash_rate_60m", "hash_rate_24h", "current_balance")
    counts = {word: said.need(f"{word}_workers").integer(f"{word}_workers") for word in STATES}
    states: dict[WorkerState, int] = {}
    for state in ("active", "inactive", "dead"):
        told = [counts[word] for word, meant in STATES.items() if meant == state]
        if None not in told:
            states[state] = sum(filter(None, told))
    return Part(
        hashrate=said.rates(WINDOWS, scale=said.unit("hash_rate_unit")),
        workers_by_state=states,
        balance_sat=said.sat("current_balance"),
        defects=said.wrong(),
    )


def read_workers(body: bytes, _: Turn) -> Part:
    """Return the workers."""
    said = opened(body).need("btc").child("btc").need("workers")
    named = said.named("workers")
    found = None if named is None else tuple(_worker(name, row) for name, row in named)
    return Part(workers=found, defects=said.wrong())


def _worker(name: str, row: Said) -> WorkerReport:
    row.need("state", "hash_rate_5m")
    return WorkerReport(
        name=name,
        hashrate=row.rates(WINDOWS, scale=row.unit("hash_rate_unit")),
        last_share=row.time("last_share"),
        state=STATES.get(row.text("state") or ""),
    )


def read_pool(body: bytes, _: Turn) -> Part:
    """Return the hashrate of the whole pool."""
    said = opened(body).need("btc").child("btc").need("pool_60m_hash_rate")
    scale = said.unit("hash_rate_unit")
    return Part(
        at=said.time("update_ts"),
        pool_hashrate=said.rate("pool_60m_hash_rate", scale=scale),
        defects=said.wrong(),
    )


def read_rewards(body: bytes, _: Turn) -> Part:
    """Return what each day earned: the total, and the part that mining earned."""
    said = opened(body).need("btc").child("btc").need("daily_rewards")
    rows = said.rows("daily_rewards")
    found = []
    for row in rows or ():
        start, sat = row.need("date", "total_reward").time("date"), row.sat("total_reward")
        if start is not None and sat is not None:
            found.append(Earning(start=start, end=start + DAY, sat=sat))
    return Part(**({} if rows is None else {"earnings": tuple(found)}), defects=said.wrong())


def read_payouts(body: bytes, _: Turn) -> Part:
    """Return confirmed payouts over both ways; what is queued is not paid."""
    said = opened(body).need("onchain")
    found = []
    for way in ("onchain", "lightning"):
        for row in said.rows(way) or ():
            at, sat = row.time("resolved_at_ts"), row.integer("amount_sats")
            if row.text("status") == "confirmed" and at is not None and sat is not None:
                found.append(Payout(at=at, sat=sat))
    return Part(**({"payouts": tuple(found)} if "onchain" in said else {}), defects=said.wrong())


def _page(path: str) -> Callable[[Turn], Ask]:
    return lambda turn: Ask(path, {"Pool-Auth-Token": turn.account.key})


def _since(path: str) -> Callable[[Turn], Ask]:
    def ask(turn: Turn) -> Ask:
        return _page(f"{path}?from={iso_day(turn.now - BACK)}&to={iso_day(turn.now)}")(turn)

    return ask


BRAIINS: Final = Pool(
    kind="braiins",
    title="Braiins Pool",
    url="https://pool.braiins.com",
    needs=("key",),
    calls=(
        Call("account", STATUS, _page("/accounts/profile/json/btc/"), read_profile),
        Call("workers", WORKERS, _page("/accounts/workers/json/btc/"), read_workers),
        Call("rewards", REWARDS, _since("/accounts/rewards/json/btc"), read_rewards, extra=True),
        Call("payouts", REWARDS, _since("/accounts/payouts/json/btc"), read_payouts, extra=True),
        Call("pool", REWARDS, _page("/stats/json/btc/"), read_pool, extra=True),
    ),
    spacing=10.0,
    burst=1,
    scheme="fpps",
    tells=frozenset({"account", "workers", "balance", "earnings", "payouts"}),
    access="On pool.braiins.com under Settings, Access Profiles: allow the profile access to the web API and "
    "generate a token; it is the `key`. A profile that may only read is enough.",
    limits="About one request in five seconds; who asks more often has his address shut out.",
    notes="The pool tells no rejected shares, and of which difficulty its accepted ones are: neither is taken. A "
    "new token makes the old one void.",
)
