"""Reads NiceHash rigs: of an account by signed requests, or of a mining address without a key; TH/s for SHA-256."""

from typing import Final
from urllib.parse import quote

from stratoscope.pools.pool import ACCOUNT_INTERVAL_S, PartialReport, PoolAdapter, PoolCall, PoolRequest, RequestContext
from stratoscope.pools.reader import AnswerReader, read_object, read_rows, refusal_error
from stratoscope.pools.report import WorkerReport, WorkerState, WorkTotals
from stratoscope.pools.signing import hmac_sha256_hex
from stratoscope.units import MINUTE, TH

WINDOW: Final = 5 * MINUTE
"""NiceHash averages speeds over five minutes."""
ALGORITHMS: Final = {"SHA256", "SHA256ASICBOOST"}
"""Only these are counted, with speeds in TH/s: hashes of other algorithms cannot be added to them."""
STATES: Final[dict[str, WorkerState]] = {
    "MINING": "active",
    "BENCHMARKING": "active",
    "OFFLINE": "inactive",
    "STOPPED": "inactive",
    "ERROR": "inactive",
    "PENDING": "inactive",
    "DISABLED": "dead",
}
ROWS: Final = 100
PATH: Final = "/main/api/v2/mining/rigs2"


def signature(
    secret: str, key: str, time: str, nonce: str, organization: str, method: str, path: str, query: str
) -> str:
    """Return NiceHash's signature: the HMAC-SHA256 of the parts of a request, joined by NUL bytes, in hexadecimal."""
    text = f"{key}\0{time}\0{nonce}\0\0{organization}\0\0{method}\0{path}\0{query}"
    return hmac_sha256_hex(text, secret)


def read_rigs(body: bytes, context: RequestContext) -> PartialReport:
    """Return a page of rigs as workers; the account's hashrate is their sum."""
    reader = read_object(body)
    if "errors" in reader or "error_id" in reader:
        first = next(iter(reader.rows("errors") or ()), AnswerReader(None))
        raise refusal_error(first.raw.get("code", ""), first.raw.get("message"))
    reader.require("miningRigs", "minerStatuses")
    rows = reader.rows("miningRigs")
    workers = read_rows(rows, _read_worker)
    more = (reader.child("pagination").integer("totalPageCount") or 1) > context.page and bool(workers)
    return PartialReport(
        workers=workers,
        summed=workers is not None and len(workers) == len(rows or ()),
        workers_by_state=_read_states(reader),
        balance_sat=reader.sat("unpaidAmount"),
        more=more,
        defects=reader.defect_texts(),
    )


def _read_states(reader: AnswerReader) -> dict[WorkerState, int]:
    counts, found = reader.child("minerStatuses"), dict[WorkerState, int]()
    for word in list(counts.raw)[:32]:
        state, count = STATES.get(word), counts.integer(word)
        if state is not None and count is not None:
            found[state] = found.get(state, 0) + count
    return found


def _read_worker(row: AnswerReader) -> WorkerReport | None:
    name = row.require("name").text("name", "rigId")
    if name is None:
        return None
    stats = [one for one in row.rows("stats") or () if one.child("algorithm").text("enumName") in ALGORITHMS]
    good = [rate for one in stats if (rate := one.rate("speedAccepted", scale=TH)) is not None]
    bad = [rate for one in stats if (rate := one.rate("speedRejectedTotal", scale=TH)) is not None]
    work = (WorkTotals(accepted=sum(good) * WINDOW, rejected=sum(bad) * WINDOW, counted="hashes", window=WINDOW),)
    return WorkerReport(
        name=name,
        hashrate={WINDOW: sum(good)} if good else {},
        work=work if good and bad else (),
        state=STATES.get(row.text("minerStatus") or ""),
    )


def _signed_request(context: RequestContext) -> PoolRequest:
    who, query = context.account, f"size={ROWS}&page={context.page - 1}"
    time, nonce = str(context.nonce), f"{context.nonce:036x}"
    sign = signature(who.secret, who.key, time, nonce, who.organization, "GET", PATH, query)
    return PoolRequest(
        f"{PATH}?{query}",
        {
            "X-Time": time,
            "X-Nonce": nonce,
            "X-Organization-Id": who.organization,
            "X-Request-Id": nonce,
            "X-Auth": f"{who.key}:{sign}",
        },
    )


def _address_request(context: RequestContext) -> PoolRequest:
    address = quote(context.account.account, safe="")
    return PoolRequest(f"/main/api/v2/mining/external/{address}/rigs2?size={ROWS}&page={context.page - 1}")


NOTES: Final = "Only rigs that mine SHA-256 are counted. NiceHash pays the market price of the hashrate."
NICEHASH: Final = PoolAdapter(
    kind="nicehash",
    title="NiceHash, by API key",
    url="https://api2.nicehash.com",
    required_keys=("key", "secret", "organization"),
    calls=(PoolCall("account", ACCOUNT_INTERVAL_S, _signed_request, read_rigs),),
    spacing=5.0,
    reports=frozenset({"account", "workers", "refused", "balance"}),
    access="On nicehash.com under Settings, API Keys, create a key with the permission View mining data and rig "
    "statuses: you get `key` and `secret`; the `organization` is shown above them.",
    limits="Not published.",
    notes=NOTES,
)
ADDRESS: Final = PoolAdapter(
    kind="nicehash-address",
    title="NiceHash, by mining address",
    url="https://api2.nicehash.com",
    required_keys=("account",),
    calls=(PoolCall("account", ACCOUNT_INTERVAL_S, _address_request, read_rigs),),
    spacing=5.0,
    reports=frozenset({"account", "workers", "refused", "balance"}),
    access="No key. `account` is the mining address that the rigs log in with.",
    limits="Not published.",
    notes=NOTES,
)
