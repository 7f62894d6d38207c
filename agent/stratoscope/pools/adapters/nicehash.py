"""Reads NiceHash's rigs, of an account by a signed request or of a mining address without one; TH/s for SHA-256."""

from typing import Final
from urllib.parse import quote

from stratoscope.pools.pool import STATUS, Ask, Call, Part, Pool, Turn
from stratoscope.pools.reader import Said, each, opened, refusal
from stratoscope.pools.report import Tally, WorkerReport, WorkerState
from stratoscope.pools.signing import signed
from stratoscope.units import MINUTE, TH

WINDOW: Final = 5 * MINUTE
"""NiceHash's speeds are means over five minutes."""
ALGORITHMS: Final = {"SHA256", "SHA256ASICBOOST"}
"""Those whose speeds are counted here, in TH/s; hashes of others do not add up with them."""
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
    """Return the HMAC-SHA256 over the parts of a request, joined by NUL, in hexadecimal."""
    text = f"{key}\0{time}\0{nonce}\0\0{organization}\0\0{method}\0{path}\0{query}"
    return signed(text, secret)


def read_rigs(body: bytes, turn: Turn) -> Part:
    """Return a page of rigs as workers; the hashrate of the account is their sum."""
    said = opened(body)
    if "errors" in said or "error_id" in said:
        first = next(iter(said.rows("errors") or ()), Said(None))
        raise refusal(first.raw.get("code", ""), first.raw.get("message"))
    said.need("miningRigs", "minerStatuses")
    rows = said.rows("miningRigs")
    workers = each(rows, _worker)
    more = (said.child("pagination").integer("totalPageCount") or 1) > turn.page and bool(workers)
    return Part(
        workers=workers,
        summed=workers is not None and len(workers) == len(rows or ()),
        workers_by_state=_states(said),
        balance_sat=said.sat("unpaidAmount"),
        more=more,
        defects=said.wrong(),
    )


def _states(said: Said) -> dict[WorkerState, int]:
    counts, found = said.child("minerStatuses"), dict[WorkerState, int]()
    for word in list(counts.raw)[:32]:
        state, count = STATES.get(word), counts.integer(word)
        if state is not None and count is not None:
            found[state] = found.get(state, 0) + count
    return found


def _worker(row: Said) -> WorkerReport | None:
    name = row.need("name").text("name", "rigId")
    if name is None:
        return None
    stats = [one for one in row.rows("stats") or () if one.child("algorithm").text("enumName") in ALGORITHMS]
    good = [rate for one in stats if (rate := one.rate("speedAccepted", scale=TH)) is not None]
    bad = [rate for one in stats if (rate := one.rate("speedRejectedTotal", scale=TH)) is not None]
    work = (Tally(accepted=sum(good) * WINDOW, rejected=sum(bad) * WINDOW, counted="hashes", window=WINDOW),)
    return WorkerReport(
        name=name,
        hashrate={WINDOW: sum(good)} if good else {},
        work=work if good and bad else (),
        state=STATES.get(row.text("minerStatus") or ""),
    )


def _signed(turn: Turn) -> Ask:
    who, query = turn.account, f"size={ROWS}&page={turn.page - 1}"
    time, nonce = str(turn.nonce), f"{turn.nonce:036x}"
    sign = signature(who.secret, who.key, time, nonce, who.organization, "GET", PATH, query)
    return Ask(
        f"{PATH}?{query}",
        {
            "X-Time": time,
            "X-Nonce": nonce,
            "X-Organization-Id": who.organization,
            "X-Request-Id": nonce,
            "X-Auth": f"{who.key}:{sign}",
        },
    )


def _open(turn: Turn) -> Ask:
    address = quote(turn.account.account, safe="")
    return Ask(f"/main/api/v2/mining/external/{address}/rigs2?size={ROWS}&page={turn.page - 1}")


NOTES: Final = "Only rigs that mine SHA-256 count. NiceHash pays for hashrate at the price of its market."
NICEHASH: Final = Pool(
    kind="nicehash",
    title="NiceHash, by key",
    url="https://api2.nicehash.com",
    needs=("key", "secret", "organization"),
    calls=(Call("account", STATUS, _signed, read_rigs),),
    spacing=5.0,
    tells=frozenset({"account", "workers", "refused", "balance"}),
    access="On nicehash.com under Settings, API Keys: make a key with the permission View mining data and rig "
    "statuses; it gives `key` and `secret`, and `organization` stands above.",
    limits="Not published.",
    notes=NOTES,
)
ADDRESS: Final = Pool(
    kind="nicehash-address",
    title="NiceHash, by mining address",
    url="https://api2.nicehash.com",
    needs=("account",),
    calls=(Call("account", STATUS, _open, read_rigs),),
    spacing=5.0,
    tells=frozenset({"account", "workers", "refused", "balance"}),
    access="No key. `account` is the mining address that the rigs log in with.",
    limits="Not published.",
    notes=NOTES,
)
