"""Tests every adapter against a loopback pool of its kind that enforces its authentication, and against faults."""

import dataclasses
import json
import logging

import pytest

from fakes.pool_answers import ADDRESS, ANSWERS, NOW, PATHS, TH
from fakes.pool_mutations import assert_mutations_read_no_wrong_figure
from fakes.pool_site import CHECKS, KEY, ORGANIZATION, SECRET, account_of
from fakes.web import Says, gzipped
from stratoscope.errors import SOURCE_REASONS
from stratoscope.pools.adapters import BY_KIND
from stratoscope.pools.pool import RequestContext

DAY = 86400.0
KINDS = [kind for kind in BY_KIND if kind in PATHS and kind in ANSWERS]
"""Pools over HTTP; test_adapters_are_complete.py reports those without samples."""
KEYED = [kind for kind in KINDS if kind in CHECKS or kind == "antpool"]
HASHRATE = {
    "ckpool": 3600.0,
    "ckpool-eu": 3600.0,
    "ocean": 3600.0,
    "braiins": 300.0,
    "viabtc": 3600.0,
    "f2pool": 3600.0,
    "foundry": 3600.0,
    "luxor": 300.0,
    "antpool": 3600.0,
    "public-pool": 600.0,
    "nicehash": 300.0,
    "nicehash-address": 300.0,
    "binance": 900.0,
    "emcd": 3600.0,
    "parasite": 300.0,
    "btccom": 900.0,
    "powerpool": 0.0,
    "kano": 3600.0,
}
"""Kind → a window in which the account has 300 TH/s."""
BALANCE = {
    "ocean": 50_000,
    "braiins": 1_000_000,
    "f2pool": 45_000,
    "foundry": 1_230_000,
    "luxor": 26_900_000,
    "antpool": 480_411,
    "nicehash": 1000,
    "nicehash-address": 1000,
    "emcd": 129_399,
    "btccom": 480_411,
    "powerpool": 100_000,
}
DAILY = {"braiins", "viabtc", "f2pool", "foundry", "binance", "emcd", "btccom", "powerpool"}
"""Kinds that report earnings of 61,081 satoshis for 2025-06-14."""


@pytest.mark.parametrize("kind", KINDS)
async def test_reads_the_whole_account_with_a_valid_login(pool_of, kind):
    async with pool_of(kind) as (live, _):
        await live.poll_once()
        (now,) = live.now
        report = live.reports["here"]
    assert (now.up, now.error, now.unreadable, report.defects) == (True, None, 0, ()), live.warnings
    assert set(now.outcomes) == {"ok"}
    if kind in HASHRATE:
        assert report.hashrate[HASHRATE[kind]] == pytest.approx(300e12, rel=0.01)
    if kind != "btccom":
        rates = {w.name.rpartition(".")[2]: set(w.hashrate.values()) for w in report.workers}
        assert rates == (
            {"rig01": {100e12}, "rig02": {200e12}} if kind != "hydrapool" else {"rig01": set(), "rig02": set()}
        )
    assert report.balance_sat == BALANCE.get(kind)
    if kind in DAILY:
        assert [(day.start, day.end, day.sat) for day in report.earnings] == [(1_749_859_200, 1_749_945_600, 61_081)]
    if kind != "hydrapool":  # its second rig has no last share, so its state is unknown
        assert sum(report.workers_by_state.values()) == 2
    assert report.at <= NOW + 120
    assert reported_parts(report) == BY_KIND[kind].reports - ({"account", "workers"} if kind == "hydrapool" else set())


def reported_parts(report) -> set[str]:
    """Return the columns of docs/pools.md that the report fills; Hydra-Pool needs a second poll for hashrates."""
    works = [*report.work, *(tally for worker in report.workers or () for tally in worker.work)]
    return {
        name
        for name, present in {
            "account": report.hashrate,
            "workers": any(worker.hashrate for worker in report.workers or ()),
            "refused": any(tally.rejected is not None or tally.stale is not None for tally in works),
            "balance": report.balance_sat is not None,
            "earnings": report.earnings,
            "payouts": report.payouts,
        }.items()
        if present
    }


@pytest.mark.parametrize("kind", KEYED)
async def test_a_wrong_key_is_reported_as_auth_and_nothing_is_published(pool_of, kind):
    account = dataclasses.replace(account_of(kind), key="wrong", secret="wrong")
    async with pool_of(kind, account=account) as (live, site):
        await live.poll_once()
        (now,) = live.now
        assert now.up is False
        outcomes = {outcome: n for outcome, n in now.outcomes.items() if outcome != "waiting"}
        assert set(outcomes) == {"auth"}
        assert now.error.startswith("auth")
        assert len(site.asked) <= 5
        assert live.reports == {}


FAULTS = {
    "429": (Says(b"slow down", 429, {"Retry-After": "120"}), {"rate_limited"}),
    "500": (Says(b"oops", 500), {"http"}),
    "html": (Says(b"<!DOCTYPE html><title>Just a moment...</title>"), {"not_json"}),
    "login page": (Says(b"\n <html><form action=/login></form></html>"), {"not_json"}),
    "bomb": (gzipped(bytes(30 << 20)), {"oversize"}),
    "redirect": (Says(b"", 302, {"Location": "http://127.0.0.1:1/"}), {"redirect"}),
    "nothing": (Says(b""), {"not_json", "schema"}),
    "cut": (Says(b'{"code":0,"data":{}}', cut=4), {"unreachable"}),
    "other": (Says({"hello": "world"}), {"schema", "refused", "not_json"}),
    "list": (Says([1, 2, 3]), {"schema", "not_json"}),
}


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("kind", KINDS)
async def test_f26_f27_f28_f30_a_fault_has_its_reason_and_publishes_nothing(pool_of, kind, fault):
    answer, reasons = FAULTS[fault]
    async with pool_of(kind) as (live, site):
        site.instead = lambda _: answer
        await live.poll_once()
        (now,) = live.now
    outcomes = set(now.outcomes) - {"waiting"}
    assert live.reports == {}
    assert outcomes <= reasons <= {*SOURCE_REASONS}
    assert sum(now.outcomes.values()) == len(BY_KIND[kind].calls)


@pytest.mark.parametrize(("kind", "call"), [(kind, call) for kind in KINDS for call in ANSWERS[kind]])
def test_f29_a_mutated_response_never_yields_a_wrong_figure(kind, call):
    answer = ANSWERS[kind][call]
    first = answer[0] if isinstance(answer, list) and kind != "foundry" else answer
    body = first if isinstance(first, bytes) else json.dumps(first).encode()
    reader = next(one for one in BY_KIND[kind].calls if one.name == call)
    assert_mutations_read_no_wrong_figure(reader, body, RequestContext(account_of(kind), float(NOW), NOW * 1000))


@pytest.mark.parametrize("kind", KINDS)
async def test_s15_no_secret_is_ever_shown(pool_of, kind, caplog):
    caplog.set_level(logging.DEBUG)
    text = f"the key {KEY} or {SECRET} of {ORGANIZATION} is not valid"
    echoes = [
        Says({"code": 9, "message": text, "msg": text, "error": text, "err_no": 9, "err_msg": text}),
        Says(f"<html>{text}</html>".encode()),
        Says(b"", 302, {"Location": f"http://127.0.0.1:1/{KEY}"}),
        Says(text.encode(), 403),
    ]
    seen = []
    async with pool_of(kind) as (live, site):
        await live.poll_once()
        seen += [
            repr(live.now),
            repr(live.pollers["here"].settings),
            repr(live.reports),
            repr(vars(live.pollers["here"])),
        ]
        for echo in echoes:
            site.instead = lambda _, echo=echo: echo
            live.follow([])
            live.follow([dataclasses.replace(settings_of(site, kind))])
            await live.poll_once()
            seen += [repr(live.now), *(repr(state.error) for state in live.pollers["here"].calls)]
        for call in BY_KIND[kind].calls:
            context = RequestContext(account_of(kind), float(NOW), 1)
            seen += [repr(context), repr(call.make_request(context)), str(call.make_request(context))]
    everything = "\n".join([*seen, *live.warnings, *live.recoveries, caplog.text])
    for secret in spellings(account_of(kind)):
        assert secret not in everything


def settings_of(site, kind):
    from stratoscope.pools.settings import PoolSettings

    return PoolSettings(name="here", kind=kind, url=site.url, account=account_of(kind))


def spellings(account):
    from urllib.parse import quote, quote_plus

    return {
        form
        for secret in account.secrets
        for form in (secret, quote(secret, safe=""), quote(secret), quote_plus(secret), secret[:12])
    }


def test_the_samples_account_has_300_terahash():
    assert ANSWERS["viabtc"]["account"]["data"]["hashrate_1hour"] == str(300 * TH)
    assert ADDRESS.startswith("bc1q")
