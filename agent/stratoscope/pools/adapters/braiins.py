"""Reads Braiins Pool: hashrates with their unit in a second field, bitcoin as text, days from 00:00 UTC."""

from collections.abc import Callable
from typing import Final

from stratoscope.pools.pool import (
    ACCOUNT_INTERVAL_S,
    REWARDS_INTERVAL_S,
    WORKERS_INTERVAL_S,
    PartialReport,
    PoolAdapter,
    PoolCall,
    PoolRequest,
    RequestContext,
)
from stratoscope.pools.reader import AnswerReader, format_day, read_object
from stratoscope.pools.report import Earning, Payout, WorkerReport, WorkerState
from stratoscope.units import DAY, HOUR, MINUTE

WINDOWS: Final = {5 * MINUTE: "hash_rate_5m", HOUR: "hash_rate_60m", DAY: "hash_rate_24h"}
STATES: Final[dict[str, WorkerState]] = {"ok": "active", "low": "active", "off": "inactive", "dis": "dead"}
"""low: the worker is below the hashrate its owner set; dis: its monitoring is switched off."""
HISTORY_S: Final = 7 * DAY


def read_profile(body: bytes, _: RequestContext) -> PartialReport:
    """Return hashrate, workers by state and balance."""
    reader = read_object(body).require("btc").child("btc")
    reader.require("hash_rate_5m", "hash_rate_60m", "hash_rate_24h", "current_balance")
    counts = {word: reader.require(f"{word}_workers").integer(f"{word}_workers") for word in STATES}
    states: dict[WorkerState, int] = {}
    for state in ("active", "inactive", "dead"):
        numbers = [counts[word] for word, meaning in STATES.items() if meaning == state]
        if None not in numbers:
            states[state] = sum(filter(None, numbers))
    return PartialReport(
        hashrate=reader.rates(WINDOWS, scale=reader.unit("hash_rate_unit")),
        workers_by_state=states,
        balance_sat=reader.sat("current_balance"),
        defects=reader.defect_texts(),
    )


def read_workers(body: bytes, _: RequestContext) -> PartialReport:
    """Return the workers."""
    reader = read_object(body).require("btc").child("btc").require("workers")
    named_rows = reader.named_rows("workers")
    found = None if named_rows is None else tuple(_read_worker(name, row) for name, row in named_rows)
    return PartialReport(workers=found, defects=reader.defect_texts())


def _read_worker(name: str, row: AnswerReader) -> WorkerReport:
    row.require("state", "hash_rate_5m")
    return WorkerReport(
        name=name,
        hashrate=row.rates(WINDOWS, scale=row.unit("hash_rate_unit")),
        last_share=row.time("last_share"),
        state=STATES.get(row.text("state") or ""),
    )


def read_pool(body: bytes, _: RequestContext) -> PartialReport:
    """Return the hashrate of the whole pool."""
    reader = read_object(body).require("btc").child("btc").require("pool_60m_hash_rate")
    scale = reader.unit("hash_rate_unit")
    return PartialReport(
        at=reader.time("update_ts"),
        pool_hashrate=reader.rate("pool_60m_hash_rate", scale=scale),
        defects=reader.defect_texts(),
    )


def read_rewards(body: bytes, _: RequestContext) -> PartialReport:
    """Return the total earnings of each day."""
    reader = read_object(body).require("btc").child("btc").require("daily_rewards")
    rows = reader.rows("daily_rewards")
    found = []
    for row in rows or ():
        start, sat = row.require("date", "total_reward").time("date"), row.sat("total_reward")
        if start is not None and sat is not None:
            found.append(Earning(start=start, end=start + DAY, sat=sat))
    return PartialReport(**({} if rows is None else {"earnings": tuple(found)}), defects=reader.defect_texts())


def read_payouts(body: bytes, _: RequestContext) -> PartialReport:
    """Return the confirmed on-chain and Lightning payouts; queued ones are not paid yet."""
    reader = read_object(body).require("onchain")
    found = []
    for network in ("onchain", "lightning"):
        for row in reader.rows(network) or ():
            at, sat = row.time("resolved_at_ts"), row.integer("amount_sats")
            if row.text("status") == "confirmed" and at is not None and sat is not None:
                found.append(Payout(at=at, sat=sat))
    return PartialReport(**({"payouts": tuple(found)} if "onchain" in reader else {}), defects=reader.defect_texts())


def _page(path: str) -> Callable[[RequestContext], PoolRequest]:
    return lambda context: PoolRequest(path, {"Pool-Auth-Token": context.account.key})


def _since(path: str) -> Callable[[RequestContext], PoolRequest]:
    def make_request(context: RequestContext) -> PoolRequest:
        return _page(f"{path}?from={format_day(context.now - HISTORY_S)}&to={format_day(context.now)}")(context)

    return make_request


BRAIINS: Final = PoolAdapter(
    kind="braiins",
    title="Braiins Pool",
    url="https://pool.braiins.com",
    required_keys=("key",),
    calls=(
        PoolCall("account", ACCOUNT_INTERVAL_S, _page("/accounts/profile/json/btc/"), read_profile),
        PoolCall("workers", WORKERS_INTERVAL_S, _page("/accounts/workers/json/btc/"), read_workers),
        PoolCall("rewards", REWARDS_INTERVAL_S, _since("/accounts/rewards/json/btc"), read_rewards, optional=True),
        PoolCall("payouts", REWARDS_INTERVAL_S, _since("/accounts/payouts/json/btc"), read_payouts, optional=True),
        PoolCall("pool", REWARDS_INTERVAL_S, _page("/stats/json/btc/"), read_pool, optional=True),
    ),
    spacing=10.0,
    burst=1,
    scheme="fpps",
    reports=frozenset({"account", "workers", "balance", "earnings", "payouts"}),
    access="On pool.braiins.com under Settings, Access Profiles, allow a profile to use the web API and generate a "
    "token: it is the `key`. A read-only profile is enough.",
    limits="About one request per five seconds; above that the pool blocks the address.",
    notes="The API reports neither rejected shares nor the difficulty of accepted ones: shares are not read. A new "
    "token invalidates the old one.",
)
