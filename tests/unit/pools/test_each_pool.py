"""Every adapter against a loopback pool of its kind that enforces its authentication, and against its faults."""

import dataclasses
import gzip
import json
import logging

import pytest

from fakes.pool_answers import ADDRESS, ANSWERS, NOW, TH
from fakes.pool_mutations import assert_survives_every_change
from fakes.pool_site import CHECKS, KEY, ORGANIZATION, PATHS, SECRET, account_of
from fakes.web import Says, gzipped
from stratoscope.errors import SOURCE_REASONS
from stratoscope.pools.adapters import BY_KIND, POOLS
from stratoscope.pools.pool import Turn

DAY = 86400.0
KINDS = [pool.kind for pool in POOLS if pool.way == "http"]
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
"""Kind → a window over which the account's 300 TH/s are told."""
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
"""Kinds that tell that 2025-06-14 earned 61,081 satoshis."""


def test_every_kind_over_http_has_a_site_to_be_tried_on():
    assert set(KINDS) == set(PATHS) == set(ANSWERS)


@pytest.mark.parametrize("kind", KINDS)
async def test_everything_is_told_when_the_login_is_right(pool_of, kind):
    async with pool_of(kind) as (live, _):
        await live.once()
        (now,) = live.now
        report = live.reports["here"]
    assert (now.up, now.wrong, now.unreadable, report.defects) == (True, None, 0, ()), live.heard
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
    if kind != "hydrapool":  # of its second rig no last share is told, and so no state
        assert sum(report.workers_by_state.values()) == 2
    assert report.at <= NOW + 120
    assert told_by(report) == BY_KIND[kind].tells - ({"account", "workers"} if kind == "hydrapool" else set())


def told_by(report) -> set[str]:
    """Return which columns of docs/pools.md the report fills; Hydra-Pool's hashrates want a second look."""
    works = [*report.work, *(tally for worker in report.workers or () for tally in worker.work)]
    return {
        name
        for name, there in {
            "account": report.hashrate,
            "workers": any(worker.hashrate for worker in report.workers or ()),
            "refused": any(tally.rejected is not None or tally.stale is not None for tally in works),
            "balance": report.balance_sat is not None,
            "earnings": report.earnings,
            "payouts": report.payouts,
        }.items()
        if there
    }


@pytest.mark.parametrize("kind", KEYED)
async def test_a_wrong_key_is_told_as_such_and_nothing_is_published(pool_of, kind):
    account = dataclasses.replace(account_of(kind), key="wrong", secret="wrong")
    async with pool_of(kind, account=account) as (live, site):
        await live.once()
        (now,) = live.now
        assert now.up is False
        outcomes = {outcome: n for outcome, n in now.outcomes.items() if outcome != "waiting"}
        assert set(outcomes) == {"auth"}
        assert now.wrong.startswith("auth")
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
BOMB = gzip.compress(bytes(30 << 20))


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("kind", KINDS)
async def test_f26_f27_f28_f30_a_fault_has_one_reason_and_publishes_nothing(pool_of, kind, fault):
    answer, reasons = FAULTS[fault]
    async with pool_of(kind) as (live, site):
        site.instead = lambda _: answer
        await live.once()
        (now,) = live.now
    outcomes = set(now.outcomes) - {"waiting"}
    assert live.reports == {}
    assert outcomes <= reasons <= {*SOURCE_REASONS}
    assert sum(now.outcomes.values()) == len(BY_KIND[kind].calls)


@pytest.mark.parametrize(("kind", "call"), [(kind, call) for kind in KINDS for call in ANSWERS[kind]])
def test_f29_no_change_to_an_answer_raises_or_publishes_a_wrong_figure(kind, call):
    answer = ANSWERS[kind][call]
    first = answer[0] if isinstance(answer, list) and kind != "foundry" else answer
    body = first if isinstance(first, bytes) else json.dumps(first).encode()
    reader = next(one for one in BY_KIND[kind].calls if one.name == call)
    assert_survives_every_change(reader, body, Turn(account_of(kind), float(NOW), NOW * 1000))


@pytest.mark.parametrize("kind", KINDS)
async def test_s15_no_secret_is_ever_seen(pool_of, kind, caplog):
    caplog.set_level(logging.DEBUG)
    spoken = f"the key {KEY} or {SECRET} of {ORGANIZATION} is not valid"
    echoes = [
        Says({"code": 9, "message": spoken, "msg": spoken, "error": spoken, "err_no": 9, "err_msg": spoken}),
        Says(f"<html>{spoken}</html>".encode()),
        Says(b"", 302, {"Location": f"http://127.0.0.1:1/{KEY}"}),
        Says(spoken.encode(), 403),
    ]
    seen = []
    async with pool_of(kind) as (live, site):
        await live.once()
        seen += [repr(live.now), repr(live.asked["here"].settings), repr(live.reports), repr(vars(live.asked["here"]))]
        for echo in echoes:
            site.instead = lambda _, echo=echo: echo
            live.follow([])
            live.follow([dataclasses.replace(settings_of(site, kind))])
            await live.once()
            seen += [repr(live.now), *(repr(kept.wrong) for kept in live.asked["here"].calls)]
        for call in BY_KIND[kind].calls:
            turn = Turn(account_of(kind), float(NOW), 1)
            seen += [repr(turn), repr(call.ask(turn)), str(call.ask(turn))]
    everything = "\n".join([*seen, *live.heard, caplog.text])
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


def test_the_sites_account_is_two_rigs_of_300_terahash():
    assert ANSWERS["viabtc"]["account"]["data"]["hashrate_1hour"] == str(300 * TH)
    assert ADDRESS.startswith("bc1q")
