"""Reads Hydra-Pool through its Prometheus page: hashes of valid shares per worker, counted since the pool began."""

import base64
from collections.abc import Iterator
from typing import Final

from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

from stratoscope.errors import SourceError
from stratoscope.pools.adapters.ckpool import state_of
from stratoscope.pools.pool import STATUS, Ask, Call, Part, Pool, Turn
from stratoscope.pools.reader import MOST_ROWS, moment
from stratoscope.pools.report import Tally, WorkerReport
from stratoscope.units import MINUTE

SHARES: Final = "worker_shares_valid_total"
LAST: Final = "worker_last_share_at"
BEST: Final = ("worker_best_share_ever", "worker_best_share")
TAKEN: Final = frozenset({SHARES, LAST, *BEST})
SPAN: Final = 10 * MINUTE
UNNAMED: Final = "(unnamed)"
MOST_LINES: Final = 500_000


def _samples(body: bytes) -> Iterator[Sample]:
    """Yield the samples that are wanted; raise SourceError where the page is none."""
    text = body.decode("utf-8", "replace")
    if text.lstrip()[:1] in ("<", "{"):
        raise SourceError("not_json", "the answer is not a page of metrics")
    lines = text.split("\n")[:MOST_LINES]
    wanted = "\n".join(line for line in lines if line.partition("{")[0].strip() in TAKEN)
    try:
        for family in text_string_to_metric_families(wanted + "\n"):
            yield from family.samples
    except (ValueError, KeyError, IndexError, TypeError):
        raise SourceError("not_json", "the answer is not a page of metrics") from None


def read_metrics(body: bytes, turn: Turn) -> Part:
    """Return the workers of the account's address. Hashrates are the rate of their work since ten minutes ago."""
    values: dict[str, dict[str, float]] = {}
    foreign = False
    for sample in _samples(body):
        if sample.labels.get("btcaddress") != turn.account.account:
            foreign = True
            continue
        if len(values) < MOST_ROWS:
            values.setdefault(sample.labels.get("workername", ""), {})[sample.name] = sample.value
    if not values and not foreign and b"shares" not in body:
        raise SourceError("schema", "no worker's shares are on the page")
    best = [value for told in values.values() for name in BEST if 0 <= (value := told.get(name, -1.0)) < float("inf")]
    earlier = _earlier(turn)
    workers = tuple(_worker(name, told, turn, earlier) for name, told in values.items())
    rates = [worker.hashrate[SPAN] for worker in workers if SPAN in worker.hashrate]
    return Part(
        hashrate={SPAN: sum(rates)} if workers and len(rates) == len(workers) else {},
        workers=workers,
        work=(Tally(accepted=sum(w.work[0].accepted or 0.0 for w in workers), counted="hashes"),)
        if workers and all(w.work for w in workers)
        else (),
        last_share=max((w.last_share for w in workers if w.last_share is not None), default=None),
        best_difficulty=max(best, default=None),
        defects=tuple(f"{SHARES} of a worker: missing" for w in workers if not w.work)[:64],
    )


def _worker(name: str, told: dict[str, float], turn: Turn, earlier: tuple[float, dict[str, float]]) -> WorkerReport:
    shares, last = told.get(SHARES), moment(told.get(LAST))
    good = shares is not None and 0 <= shares < float("inf")
    done = (shares or 0.0) - earlier[1].get(name or UNNAMED, float("inf"))  # less than nothing: the pool began anew
    return WorkerReport(
        name=name or UNNAMED,
        hashrate={SPAN: done / (turn.now - earlier[0])} if good and done >= 0 and turn.now > earlier[0] else {},
        work=(Tally(accepted=shares, counted="hashes"),) if good else (),
        last_share=last,
        state=state_of(last, turn.now),
    )


def _earlier(turn: Turn) -> tuple[float, dict[str, float]]:
    """Return when the earlier page was (UTC s), and the hashes of each worker then."""
    if turn.before is None:
        return turn.now, {}
    then, part = turn.before
    return then, {one.name: one.work[0].accepted or 0.0 for one in part.get("workers") or () if one.work}


def _ask(turn: Turn) -> Ask:
    headers = {"Accept": "text/plain"}
    if turn.account.user:
        login = base64.b64encode(f"{turn.account.user}:{turn.account.secret}".encode()).decode()
        headers["Authorization"] = f"Basic {login}"
    return Ask("/metrics", headers)


HYDRAPOOL: Final = Pool(
    kind="hydrapool",
    title="Hydra-Pool (self-hosted)",
    needs=("url", "account"),
    takes=("user", "secret"),
    calls=(Call("account", STATUS, _ask, read_metrics, span=SPAN),),
    spacing=5.0,
    scheme="solo",
    tells=frozenset({"account", "workers"}),
    access="`url` is where the pool serves its metrics: http://HOST:46884, with `allow_http: true` unless it is on"
    " this machine. `user` and `secret` are the login of its config file; `account` is the payout address.",
    limits="None: a pool of your own. Prometheus may scrape the same page too.",
    notes="Work is told in hashes since the pool began; hashrates are its rate over ten minutes. The coinbase pays: "
    "there is no balance.",
)
