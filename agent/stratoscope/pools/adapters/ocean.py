"""Reads OCEAN: everything is wrapped in `result`, numbers come as text, earnings come block by block in satoshis."""

from typing import Any, Final
from urllib.parse import quote

from stratoscope.errors import SourceError
from stratoscope.outside.document import document
from stratoscope.pools.pool import REWARDS, STATUS, WORKERS, Ask, Call, Part, Pool, Turn
from stratoscope.pools.reader import Said, an_object, refusal
from stratoscope.pools.report import Earning, Payout, WorkerReport
from stratoscope.units import DAY

SPANS: Final = (60, 300, 600, 1800, 3600, 10800, 43200, 86400)
WINDOWS: Final = {float(span): f"hashrate_{span}s" for span in SPANS}
BACK: Final = 7 * DAY
"""How far back earnings are asked for."""
NOBODY: Final = "no such user"


def _said(body: bytes, *, empty: bool = True) -> Said | None:
    """Return a cursor on `result`; None where the pool does not know the user, which is an account without work."""
    answer: dict[str, Any] = an_object(document(body))
    error = answer.get("error")
    if error is not None:
        if empty and str(error).strip().lower() == NOBODY:
            return None
        raise refusal("", str(error))
    if not isinstance(answer.get("result"), dict):
        raise SourceError("schema", "there is no result in the answer")
    return Said(answer["result"])


def read_snapshot(body: bytes, _: Turn) -> Part:
    """Return hashrate, last share and what is unpaid."""
    said = _said(body)
    if said is None:
        return Part(workers=())
    said.need("hashrate_300s", "unpaid")
    return Part(
        at=said.time("snap_ts"),
        hashrate=said.rates(WINDOWS),
        last_share=said.time("lastest_share_ts", "latest_share_ts"),  # the first is the pool's own spelling
        balance_sat=said.sat("unpaid"),
        defects=said.wrong(),
    )


def read_hashrate(body: bytes, _: Turn) -> Part:
    """Return hashrate over all windows."""
    said = _said(body)
    if said is None:
        return Part(workers=())
    active = said.need("hashrate_3600s").integer("active_worker_count")
    return Part(
        at=said.time("snap_ts"),
        hashrate=said.rates(WINDOWS),
        workers_by_state={} if active is None else {"active": active},
        defects=said.wrong(),
    )


def read_workers(body: bytes, _: Turn) -> Part:
    """Return the workers; a worker's value is a list with one object."""
    said = _said(body)
    if said is None:
        return Part(workers=())
    at, found = said.need("workers").time("snap_ts"), []
    rows = said.child("workers")
    for name in list(rows.raw)[:20_000]:
        for row in rows.rows(name) or ():
            rates = row.rates(WINDOWS)
            busy = rates.get(60.0, rates.get(300.0, rates.get(3600.0)))
            found.append(
                WorkerReport(
                    name=name, hashrate=rates, state=None if busy is None else "active" if busy > 0 else "inactive"
                )
            )
    told = isinstance(said.raw.get("workers"), dict) and (bool(found) or not rows)
    return Part(at=at, workers=tuple(found) if told else None, defects=said.wrong())


def read_earnings(body: bytes, _: Turn) -> Part:
    """Return what each block earned, and payouts. The fee is told in satoshis, so what was earned before it too."""
    said = _said(body)
    if said is None:
        return Part(earnings=(), payouts=())
    part, rows = Part(), said.need("earnings").rows("earnings")
    if rows is not None:
        part["earnings"] = tuple(filter(None, map(_earning, rows)))
    paid = said.rows("payouts")
    if paid is not None:
        part["payouts"] = tuple(filter(None, map(_payout, paid)))
    part["defects"] = said.wrong()
    return part


def _payout(row: Said) -> Payout | None:
    at, sat = row.time("ts"), row.integer("total_satoshis_net_paid")
    return None if at is None or sat is None else Payout(at=at, sat=sat)


def _earning(row: Said) -> Earning | None:
    at = row.need("ts", "satoshis_net_earned").time("ts")
    sat = row.integer("satoshis_net_earned")
    fee = row.integer("fees_collected_satoshis", "fees_colected_satoshis")  # both spellings were seen
    if at is None or sat is None:
        return None
    return Earning(start=at, end=at, sat=sat, pool_fee_sat=fee)


def _user(page: str) -> Any:
    return lambda turn: Ask(f"/v1/{page}/{quote(turn.account.account, safe='')}")


def _earned(turn: Turn) -> Ask:
    return Ask(f"/v1/earnpay/{quote(turn.account.account, safe='')}/{int(turn.now - BACK)}/{int(turn.now)}")


OCEAN: Final = Pool(
    kind="ocean",
    title="OCEAN",
    url="https://api.ocean.xyz",
    needs=("account",),
    calls=(
        Call("account", STATUS, _user("statsnap"), read_snapshot),
        Call("hashrate", WORKERS, _user("user_hashrate"), read_hashrate),
        Call("workers", WORKERS, _user("user_hashrate_full"), read_workers),
        Call("rewards", REWARDS, _earned, read_earnings, extra=True),
    ),
    spacing=5.0,
    scheme="tides",
    tells=frozenset({"account", "workers", "balance", "earnings", "payouts"}),
    access="No key. `account` is the payout address.",
    limits="Clients keep a second between requests.",
    notes="An address that OCEAN does not know is an account without workers, not a failure. Each block is an "
    "earning of its own. The fee depends on the template the rigs work on: set `fee`.",
)
