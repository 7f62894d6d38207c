"""Reads SBI Crypto Pool: MH/s over ten minutes, an hour and a day in one list, paged workers."""

from typing import Final
from urllib.parse import urlencode

from stratoscope.pools.pool import ACCOUNT_INTERVAL_S, PartialReport, PoolAdapter, PoolCall, PoolRequest, RequestContext
from stratoscope.pools.reader import AnswerReader, read_object, read_rows, refusal_error
from stratoscope.pools.report import WorkerReport, WorkerState
from stratoscope.units import DAY, HOUR, MH, MINUTE

WINDOWS: Final = (10 * MINUTE, HOUR, DAY)
STATES: Final[dict[str, WorkerState]] = {"ONLINE": "active", "OFFLINE": "inactive", "DEAD": "dead"}
ROWS: Final = 200


def read_workers(body: bytes, context: RequestContext) -> PartialReport:
    """Return the sub-account's workers; the account's hashrate is their sum."""
    reader = read_object(body)
    if "content" not in reader and ("error" in reader or "message" in reader):
        raise refusal_error(
            reader.raw.get("status", ""), reader.raw.get("error_description") or reader.raw.get("error")
        )
    rows = reader.require("content").rows("content")
    own = [row for row in rows or () if row.require("subaccount").raw.get("subaccount") == context.account.account]
    workers = None if rows is None else read_rows(own, _read_worker)
    more = reader.flag("last") is False and bool(rows)
    return PartialReport(
        workers=workers, summed=workers is not None and not reader.defects, more=more, defects=reader.defect_texts()
    )


def _read_worker(row: AnswerReader) -> WorkerReport | None:
    name = row.require("name", "hashrates").text("name")
    if name is None:
        return None
    rates = row.numbers("hashrates", scale=MH, limit=len(WINDOWS))
    known = {window: rate for window, rate in zip(WINDOWS, rates, strict=False) if rate is not None and rate >= 0}
    return WorkerReport(name=name, hashrate=known, state=STATES.get((row.text("state") or "").upper()))


def _ask(context: RequestContext) -> PoolRequest:
    query = urlencode({"subaccountNames": context.account.account, "page": context.page - 1, "size": ROWS})
    headers = {"X-API-key": context.account.key, "X-API-secret": context.account.secret}
    return PoolRequest(f"/api/external/v1/workers?{query}", headers)


SBI: Final = PoolAdapter(
    kind="sbicrypto",
    title="SBI Crypto Pool",
    url="https://pool-api.sbicrypto.com",
    required_keys=("account", "key", "secret"),
    calls=(PoolCall("account", ACCOUNT_INTERVAL_S, _ask, read_workers),),
    spacing=10.0,
    scheme="fpps",
    reports=frozenset({"account", "workers"}),
    access="On sbicrypto.com under API, create a key with the scope READ: you get `key` and `secret`. `account` is the "
    "name of the sub-account.",
    limits="Not published.",
    notes="The API reports only workers and their hashrates.",
)
