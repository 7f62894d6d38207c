"""Reads Luxor: H/s as text, amounts in lists by currency, ISO times, paged workers, the pool's own hashprice."""

from collections.abc import Callable
from typing import Final
from urllib.parse import quote

from stratoscope.pools.pool import (
    ACCOUNT_INTERVAL_S,
    WORKERS_INTERVAL_S,
    PartialReport,
    PoolAdapter,
    PoolCall,
    PoolRequest,
    RequestContext,
)
from stratoscope.pools.reader import AnswerReader, read_object, read_rows, refusal_error
from stratoscope.pools.report import WorkerReport, WorkerState, WorkTotals
from stratoscope.units import DAY, MINUTE

WINDOWS: Final = {5 * MINUTE: "hashrate_5m", DAY: "hashrate_24h"}
STATES: Final[dict[str, WorkerState]] = {"ACTIVE": "active", "INACTIVE": "inactive"}
ROWS: Final = 100


def _open_answer(body: bytes) -> AnswerReader:
    reader = read_object(body)
    error = reader.raw.get("error") or reader.raw.get("errors")
    if error:
        raise refusal_error("", error if isinstance(error, str) else reader.raw.get("message"))
    return reader


def _bitcoin(reader: AnswerReader, key: str) -> AnswerReader:
    """Return the bitcoin row of a list of amounts; an empty reader if there is none."""
    rows = reader.rows(key) or ()
    return next((row for row in rows if row.raw.get("currency_type") == "BTC"), AnswerReader(None))


def read_account(body: bytes, _: RequestContext) -> PartialReport:
    """Return hashrate, number of active workers, balance, and the pool's hashprice in BTC per PH/s and day."""
    reader = _open_answer(body).require("hashrate_5m", "hashrate_24h")
    active = reader.integer("active_miners")
    return PartialReport(
        hashrate=reader.rates(WINDOWS),
        workers_by_state={} if active is None else {"active": active},
        balance_sat=_bitcoin(reader, "balance").sat("revenue"),
        hashprice_btc_per_ph_day=_bitcoin(reader, "hashprice").number("value", high=1.0),
        defects=reader.defect_texts(),
    )


def read_workers(body: bytes, _: RequestContext) -> PartialReport:
    """Return a page of workers."""
    reader = _open_answer(body).require("workers")
    rows = reader.rows("workers")
    found = read_rows(rows, _read_worker)
    states: dict[WorkerState, int] = {}
    for state, key in (("active", "total_active"), ("inactive", "total_inactive")):
        if (count := reader.integer(key)) is not None:
            states[STATES[state.upper()]] = count
    next_page = reader.child("pagination").raw.get("next_page_url")
    more = isinstance(next_page, str) and next_page.startswith(("http", "/")) and bool(found)
    return PartialReport(workers=found, workers_by_state=states, more=more, defects=reader.defect_texts())


def _read_worker(row: AnswerReader) -> WorkerReport | None:
    name = row.require("name", "hashrate").text("name")
    if name is None:
        return None
    stale, rejected = row.number("stale_shares"), row.number("rejected_shares")
    work = () if stale is None and rejected is None else (WorkTotals(stale=stale, rejected=rejected),)
    return WorkerReport(
        name=name,
        hashrate=row.rates({0.0: "hashrate"}),
        work=work,
        last_share=row.time("last_share_time"),
        state=STATES.get(row.text("status") or ""),
    )


def _get(page: str, query: Callable[[RequestContext], str] = lambda _: "") -> Callable[[RequestContext], PoolRequest]:
    def make_request(context: RequestContext) -> PoolRequest:
        names = quote(context.account.account, safe="")
        return PoolRequest(
            f"/api/v1/pool/{page}/BTC?subaccount_names={names}{query(context)}", {"authorization": context.account.key}
        )

    return make_request


LUXOR: Final = PoolAdapter(
    kind="luxor",
    title="Luxor",
    url="https://app.luxor.tech",
    required_keys=("account", "key"),
    calls=(
        PoolCall("account", ACCOUNT_INTERVAL_S, _get("summary"), read_account),
        PoolCall(
            "workers",
            WORKERS_INTERVAL_S,
            _get("workers", lambda t: f"&page_number={t.page}&page_size={ROWS}"),
            read_workers,
        ),
    ),
    spacing=3.0,
    scheme="fpps",
    reports=frozenset({"account", "workers", "refused", "balance"}),
    access="On app.luxor.tech under Settings, API Keys, create a key with read access to the pool: it is the `key`. "
    "`account` is the name of the sub-account.",
    limits="A token bucket per workspace and key; HTTP 429 above it.",
    notes="The API does not state the averaging window of a worker's hashrate.",
)
