"""Reads SBI Crypto Pool: MH/s over ten minutes, an hour and a day in one list, pages of workers."""

from typing import Final
from urllib.parse import urlencode

from stratoscope.pools.pool import STATUS, Ask, Call, Part, Pool, Turn
from stratoscope.pools.reader import Said, each, opened, refusal
from stratoscope.pools.report import WorkerReport, WorkerState
from stratoscope.units import DAY, HOUR, MH, MINUTE

WINDOWS: Final = (10 * MINUTE, HOUR, DAY)
STATES: Final[dict[str, WorkerState]] = {"ONLINE": "active", "OFFLINE": "inactive", "DEAD": "dead"}
ROWS: Final = 200


def read_workers(body: bytes, turn: Turn) -> Part:
    """Return the sub-account's workers; its hashrate is their sum."""
    said = opened(body)
    if "content" not in said and ("error" in said or "message" in said):
        raise refusal(said.raw.get("status", ""), said.raw.get("error_description") or said.raw.get("error"))
    rows = said.need("content").rows("content")
    ours = [row for row in rows or () if row.need("subaccount").raw.get("subaccount") == turn.account.account]
    workers = None if rows is None else each(ours, _worker)
    more = said.flag("last") is False and bool(rows)
    return Part(workers=workers, summed=workers is not None and not said.defects, more=more, defects=said.wrong())


def _worker(row: Said) -> WorkerReport | None:
    name = row.need("name", "hashrates").text("name")
    if name is None:
        return None
    rates = row.numbers("hashrates", scale=MH, limit=len(WINDOWS))
    told = {window: rate for window, rate in zip(WINDOWS, rates, strict=False) if rate is not None and rate >= 0}
    return WorkerReport(name=name, hashrate=told, state=STATES.get((row.text("state") or "").upper()))


def _ask(turn: Turn) -> Ask:
    query = urlencode({"subaccountNames": turn.account.account, "page": turn.page - 1, "size": ROWS})
    headers = {"X-API-key": turn.account.key, "X-API-secret": turn.account.secret}
    return Ask(f"/api/external/v1/workers?{query}", headers)


SBI: Final = Pool(
    kind="sbicrypto",
    title="SBI Crypto Pool",
    url="https://pool-api.sbicrypto.com",
    needs=("account", "key", "secret"),
    calls=(Call("account", STATUS, _ask, read_workers),),
    spacing=10.0,
    scheme="fpps",
    tells=frozenset({"account", "workers"}),
    access="On sbicrypto.com under API: make a key of the scope READ; it gives `key` and `secret`. `account` is "
    "the name of the sub-account.",
    limits="Not published.",
    notes="Workers and their hashrates only.",
)
