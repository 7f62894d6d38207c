"""Reads Hydra-Pool's Prometheus page: hashes of valid shares per worker, counted since the pool started."""

import base64
from collections.abc import Iterator
from typing import Final

from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

from stratoscope.errors import SourceError
from stratoscope.pools.adapters.ckpool import state_of
from stratoscope.pools.pool import ACCOUNT_INTERVAL_S, PartialReport, PoolAdapter, PoolCall, PoolRequest, RequestContext
from stratoscope.pools.reader import MAX_ROWS, parse_time
from stratoscope.pools.report import WorkerReport, WorkTotals
from stratoscope.units import MINUTE

SHARES: Final = "worker_shares_valid_total"
LAST: Final = "worker_last_share_at"
BEST: Final = ("worker_best_share_ever", "worker_best_share")
NAMES: Final = frozenset({SHARES, LAST, *BEST})
RATE_SPAN_S: Final = 10 * MINUTE
UNNAMED: Final = "(unnamed)"
MAX_LINES: Final = 500_000


def _iter_samples(body: bytes) -> Iterator[Sample]:
    """Yield the samples of NAMES; raise SourceError if the body is not a metrics page."""
    text = body.decode("utf-8", "replace")
    if text.lstrip()[:1] in ("<", "{"):
        raise SourceError("not_json", "the response is not a metrics page")
    lines = text.split("\n")[:MAX_LINES]
    wanted = "\n".join(line for line in lines if line.partition("{")[0].strip() in NAMES)
    try:
        for family in text_string_to_metric_families(wanted + "\n"):
            yield from family.samples
    except (ValueError, KeyError, IndexError, TypeError):
        raise SourceError("not_json", "the response is not a metrics page") from None


def read_metrics(body: bytes, context: RequestContext) -> PartialReport:
    """Return the workers of the account's address. A hashrate is the rate of the work over the last ten minutes."""
    values: dict[str, dict[str, float]] = {}
    foreign = False
    for sample in _iter_samples(body):
        if sample.labels.get("btcaddress") != context.account.account:
            foreign = True
            continue
        if len(values) < MAX_ROWS:
            values.setdefault(sample.labels.get("workername", ""), {})[sample.name] = sample.value
    if not values and not foreign and b"shares" not in body:
        raise SourceError("schema", "the page has no worker's shares")
    best = [
        value for samples in values.values() for name in BEST if 0 <= (value := samples.get(name, -1.0)) < float("inf")
    ]
    earlier = _earlier(context)
    workers = tuple(_read_worker(name, samples, context, earlier) for name, samples in values.items())
    rates = [worker.hashrate[RATE_SPAN_S] for worker in workers if RATE_SPAN_S in worker.hashrate]
    return PartialReport(
        hashrate={RATE_SPAN_S: sum(rates)} if workers and len(rates) == len(workers) else {},
        workers=workers,
        work=(WorkTotals(accepted=sum(w.work[0].accepted or 0.0 for w in workers), counted="hashes"),)
        if workers and all(w.work for w in workers)
        else (),
        last_share=max((w.last_share for w in workers if w.last_share is not None), default=None),
        best_difficulty=max(best, default=None),
        defects=tuple(f"{SHARES} of a worker: missing" for w in workers if not w.work)[:64],
    )


def _read_worker(
    name: str, samples: dict[str, float], context: RequestContext, earlier: tuple[float, dict[str, float]]
) -> WorkerReport:
    shares, last = samples.get(SHARES), parse_time(samples.get(LAST))
    good = shares is not None and 0 <= shares < float("inf")
    done = (shares or 0.0) - earlier[1].get(name or UNNAMED, float("inf"))  # negative: the pool restarted
    return WorkerReport(
        name=name or UNNAMED,
        hashrate={RATE_SPAN_S: done / (context.now - earlier[0])}
        if good and done >= 0 and context.now > earlier[0]
        else {},
        work=(WorkTotals(accepted=shares, counted="hashes"),) if good else (),
        last_share=last,
        state=state_of(last, context.now),
    )


def _earlier(context: RequestContext) -> tuple[float, dict[str, float]]:
    """Return when the earlier page was read (UTC s), and the hashes of each worker then."""
    if context.earlier is None:
        return context.now, {}
    then, report = context.earlier
    return then, {one.name: one.work[0].accepted or 0.0 for one in report.get("workers") or () if one.work}


def _ask(context: RequestContext) -> PoolRequest:
    headers = {"Accept": "text/plain"}
    if context.account.user:
        login = base64.b64encode(f"{context.account.user}:{context.account.secret}".encode()).decode()
        headers["Authorization"] = f"Basic {login}"
    return PoolRequest("/metrics", headers)


HYDRAPOOL: Final = PoolAdapter(
    kind="hydrapool",
    title="Hydra-Pool (self-hosted)",
    required_keys=("url", "account"),
    optional_keys=("user", "secret"),
    calls=(PoolCall("account", ACCOUNT_INTERVAL_S, _ask, read_metrics, rate_span=RATE_SPAN_S),),
    spacing=5.0,
    scheme="solo",
    reports=frozenset({"account", "workers"}),
    access="`url` is the address of the pool's metrics, http://HOST:46884, with `allow_http: true` unless it is on "
    "this machine. `user` and `secret` are the login in its config file; `account` is the payout address.",
    limits="None: self-hosted. Prometheus can scrape the same page.",
    notes="Work is in hashes since the pool started; hashrates are its rate over ten minutes. Miners are paid in the "
    "coinbase transaction: there is no balance.",
)
