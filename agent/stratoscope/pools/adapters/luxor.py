"""Reads Luxor: H/s as text, lists of amounts by currency, ISO times, pages of workers, a hashprice of its own."""

from collections.abc import Callable
from typing import Final
from urllib.parse import quote

from stratoscope.pools.pool import STATUS, WORKERS, Ask, Call, Part, Pool, Turn
from stratoscope.pools.reader import Said, each, opened, refusal
from stratoscope.pools.report import Tally, WorkerReport, WorkerState
from stratoscope.units import DAY, MINUTE

WINDOWS: Final = {5 * MINUTE: "hashrate_5m", DAY: "hashrate_24h"}
STATES: Final[dict[str, WorkerState]] = {"ACTIVE": "active", "INACTIVE": "inactive"}
ROWS: Final = 100


def _said(body: bytes) -> Said:
    said = opened(body)
    error = said.raw.get("error") or said.raw.get("errors")
    if error:
        raise refusal("", error if isinstance(error, str) else said.raw.get("message"))
    return said


def _bitcoin(said: Said, key: str) -> Said:
    """Return the row of a list of amounts that is of bitcoin; an empty cursor where there is none."""
    rows = said.rows(key) or ()
    return next((row for row in rows if row.raw.get("currency_type") == "BTC"), Said(None))


def read_account(body: bytes, _: Turn) -> Part:
    """Return hashrate, workers, balance and the pool's hashprice (BTC per PH/s and day)."""
    said = _said(body).need("hashrate_5m", "hashrate_24h")
    active = said.integer("active_miners")
    return Part(
        hashrate=said.rates(WINDOWS),
        workers_by_state={} if active is None else {"active": active},
        balance_sat=_bitcoin(said, "balance").sat("revenue"),
        hashprice_btc_per_ph_day=_bitcoin(said, "hashprice").number("value", high=1.0),
        defects=said.wrong(),
    )


def read_workers(body: bytes, _: Turn) -> Part:
    """Return a page of workers."""
    said = _said(body).need("workers")
    rows = said.rows("workers")
    found = each(rows, _worker)
    states: dict[WorkerState, int] = {}
    for state, key in (("active", "total_active"), ("inactive", "total_inactive")):
        if (count := said.integer(key)) is not None:
            states[STATES[state.upper()]] = count
    following = said.child("pagination").raw.get("next_page_url")
    more = isinstance(following, str) and following.startswith(("http", "/")) and bool(found)
    return Part(workers=found, workers_by_state=states, more=more, defects=said.wrong())


def _worker(row: Said) -> WorkerReport | None:
    name = row.need("name", "hashrate").text("name")
    if name is None:
        return None
    stale, rejected = row.number("stale_shares"), row.number("rejected_shares")
    work = () if stale is None and rejected is None else (Tally(stale=stale, rejected=rejected),)
    return WorkerReport(
        name=name,
        hashrate=row.rates({0.0: "hashrate"}),
        work=work,
        last_share=row.time("last_share_time"),
        state=STATES.get(row.text("status") or ""),
    )


def _get(page: str, query: Callable[[Turn], str] = lambda _: "") -> Callable[[Turn], Ask]:
    def ask(turn: Turn) -> Ask:
        names = quote(turn.account.account, safe="")
        return Ask(
            f"/api/v1/pool/{page}/BTC?subaccount_names={names}{query(turn)}", {"authorization": turn.account.key}
        )

    return ask


LUXOR: Final = Pool(
    kind="luxor",
    title="Luxor",
    url="https://app.luxor.tech",
    needs=("account", "key"),
    calls=(
        Call("account", STATUS, _get("summary"), read_account),
        Call("workers", WORKERS, _get("workers", lambda t: f"&page_number={t.page}&page_size={ROWS}"), read_workers),
    ),
    spacing=3.0,
    scheme="fpps",
    tells=frozenset({"account", "workers", "refused", "balance"}),
    access="On app.luxor.tech under Settings, API Keys: make a key that may read the pool; it is the `key`. "
    "`account` is the name of the sub-account.",
    limits="A bucket of tokens per workspace and key; HTTP 429 beyond it.",
    notes="A worker's hashrate is told without the time it is a mean over.",
)
