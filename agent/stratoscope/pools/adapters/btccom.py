"""Reads BTC.com: key in the query, hashrates as text with an SI prefix in a second field, whole satoshis."""

from collections.abc import Callable
from typing import Final
from urllib.parse import urlencode

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
from stratoscope.pools.reader import AnswerReader, parse_day, read_object, read_rows, refusal_error
from stratoscope.pools.report import Earning, Scheme, WorkerState
from stratoscope.units import DAY, MINUTE

WINDOWS: Final = {15 * MINUTE: "shares_15m", DAY: "shares_1d"}
SCHEMES: Final[dict[str, Scheme]] = {"PPS": "pps", "PPS+": "pps+", "FPPS": "fpps", "PPLNS": "pplns"}
STATS: Final = {MINUTE: "shares_1m", 5 * MINUTE: "shares_5m", 15 * MINUTE: "shares_15m"}


def _open_answer(body: bytes) -> AnswerReader:
    envelope = read_object(body)
    if envelope.raw.get("err_no") != 0:
        raise refusal_error(envelope.raw.get("err_no"), envelope.raw.get("err_msg"))
    return envelope.require("data").child("data")


def read_hashrate(body: bytes, _: RequestContext) -> PartialReport:
    """Return the hashrate; each window has its own unit."""
    reader = _open_answer(body).require(*WINDOWS.values())
    found = {}
    for window, key in WINDOWS.items():
        rate = reader.rate(key, scale=reader.unit(f"{key}_unit"))
        if rate is not None:
            found[window] = rate
    return PartialReport(hashrate=found, defects=reader.defect_texts())


def read_workers(body: bytes, _: RequestContext) -> PartialReport:
    """Return the number of workers in each state, and the hashrate over shorter windows."""
    reader = _open_answer(body).require("workers_active", "shares_unit")
    states: dict[WorkerState, int] = {}
    keys: tuple[WorkerState, ...] = ("active", "inactive", "dead")
    for state in keys:
        if (count := reader.integer(f"workers_{state}")) is not None:
            states[state] = count
    return PartialReport(
        hashrate=reader.rates(STATS, scale=reader.unit("shares_unit")),
        workers_by_state=states,
        defects=reader.defect_texts(),
    )


def read_balance(body: bytes, _: RequestContext) -> PartialReport:
    """Return the balance and the total paid."""
    reader = _open_answer(body).require("unpaid")
    return PartialReport(
        balance_sat=reader.integer("unpaid"), paid_sat=reader.integer("total_paid"), defects=reader.defect_texts()
    )


def read_earnings(body: bytes, _: RequestContext) -> PartialReport:
    """Return the earnings of each day, and the payment mode of the newest."""
    reader = _open_answer(body).require("list")
    rows = reader.rows("list")
    report = PartialReport()
    if rows is not None:
        report["earnings"] = read_rows(rows, _read_earning) or ()
    modes = [row.text("payment_mode") or "" for row in rows or ()]
    report["scheme"] = SCHEMES.get(modes[0].upper()) if modes else None
    report["defects"] = reader.defect_texts()
    return report


def _read_earning(row: AnswerReader) -> Earning | None:
    date = str(row.require("date", "earnings").raw.get("date"))[:8]  # 20250614
    day, sat = parse_day(f"{date[:4]}-{date[4:6]}-{date[6:]}"), row.integer("earnings")
    if day is None:
        row.add_defect("date", date, "not a day")
    return None if day is None or sat is None else Earning(start=day[0], end=day[1], sat=sat)


def _get(path: str, **more: int) -> Callable[[RequestContext], PoolRequest]:
    def make_request(context: RequestContext) -> PoolRequest:
        query = {"access_key": context.account.key, "puid": context.account.account, **more}
        return PoolRequest(f"/v1/{path}?{urlencode(query)}")

    return make_request


BTCCOM: Final = PoolAdapter(
    kind="btccom",
    title="BTC.com",
    url="https://pool.api.btc.com",
    required_keys=("account", "key"),
    calls=(
        PoolCall("account", ACCOUNT_INTERVAL_S, _get("realtime/hashrate"), read_hashrate),
        PoolCall("workers", WORKERS_INTERVAL_S, _get("worker/stats"), read_workers),
        PoolCall("balance", REWARDS_INTERVAL_S, _get("account/earn-stats"), read_balance, optional=True),
        PoolCall(
            "rewards",
            REWARDS_INTERVAL_S,
            _get("account/earn-history", page=1, page_size=50),
            read_earnings,
            optional=True,
        ),
    ),
    spacing=10.0,
    scheme="fpps",
    reports=frozenset({"account", "balance", "earnings"}),
    access="On pool.btc.com on the sub-account page: the AccessKey is the `key`, the puid is the `account`.",
    limits="Not published.",
    notes="The API key is part of the URL; the agent never writes it to a log, an error or a page. The API reports the "
    "number of workers, not their names.",
)
