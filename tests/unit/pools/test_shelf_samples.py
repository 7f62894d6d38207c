"""Reads every sample answer on the shelf and compares it with figures computed by hand."""

import dataclasses
from pathlib import Path

import pytest

from fakes.pool_answers import PATHS
from fakes.pool_mutations import assert_mutations_read_no_wrong_figure
from fakes.pool_site import CHECKS, account_of
from stratoscope.pools.adapters import BY_KIND
from stratoscope.pools.pool import PoolAccount, RequestContext, add_account_total
from stratoscope.pools.report import WorkTotals
from unit.pools import address_samples, key_samples, more_key_samples

DAY = 86400.0
NOW = 1_750_000_100.0  # 2025-06-15 15:08:20 UTC
ADDRESS = PoolAccount(account="bc1q..")


def call_of(kind: str, name: str):
    return next(call for call in BY_KIND[kind].calls if call.name == name)


SAMPLES = {**address_samples.SAMPLES, **key_samples.SAMPLES, **more_key_samples.SAMPLES}
"""File on the shelf → adapter, call, and the expected report."""

UNREAD = {
    "f2pool/v2_error.json": "an error, not a report",
    "f2pool/v1_bitcoin_user.json": "the older API; version 2 reports the same and more",
    "f2pool/v2_hash_rate_history.json": "a history of the figures in hash_rate/info",
    "foundry/subaccount_hashrate_day_item.json": "one element of a list, tested below",
    "luxor/v2_workers_hashrate_efficiency.json": "a history of estimates",
    "ocean/blocks.json": "the blocks of the whole pool; earnpay has the account's share of each",
    "viabtc/profit.json": "one sum over all time; the history has each day",
    "spiderpool/envelope.json": "no adapter: requests need an RSA signature",
}


@pytest.mark.shelf
def test_every_sample_has_expected_figures_or_a_reason_to_be_left_out(shelf: Path):
    found = {str(path.relative_to(shelf / "pools")) for path in (shelf / "pools").glob("[a-z]*/*")}
    assert found == {*SAMPLES, *UNREAD}


@pytest.mark.shelf
@pytest.mark.parametrize("sample", SAMPLES)
def test_reads_a_sample_in_the_units_of_its_pool(shelf: Path, sample: str):
    kind, name, expected = SAMPLES[sample]
    now = 1_751_962_100.0 if kind == "ckpool" else NOW
    account = PoolAccount(account="acct") if kind == "sbicrypto" else ADDRESS
    report = add_account_total(
        call_of(kind, name).read((shelf / "pools" / sample).read_bytes(), RequestContext(account, now, 1))
    )
    assert report.pop("defects", ()) == expected.get("defects", ())
    read = {key: value for key, value in report.items() if value is not None and value != {}}
    close = {key: value for key, value in expected.items() if key != "defects"}
    if "pool_hashrate" in close:
        assert read.pop("pool_hashrate") == pytest.approx(close.pop("pool_hashrate"), rel=1e-15)
    assert read == close


@pytest.mark.shelf
@pytest.mark.parametrize("sample", SAMPLES)
def test_f29_a_mutated_sample_never_yields_a_wrong_figure(shelf: Path, sample: str):
    kind, name, _ = SAMPLES[sample]
    body = (shelf / "pools" / sample).read_bytes()
    account = PoolAccount(account="acct") if kind == "sbicrypto" else ADDRESS
    assert_mutations_read_no_wrong_figure(call_of(kind, name), body, RequestContext(account, NOW, 1))


@pytest.mark.shelf
def test_reads_a_day_of_work_at_foundry_as_hashes(shelf: Path):
    item = (shelf / "pools/foundry/subaccount_hashrate_day_item.json").read_bytes()
    complete = item.replace(b'"unixTime": 0', b'"unixTime": 1749859200').replace(
        b'"hashrateAccepted": 0', b'"hashrateAccepted": 100000'
    )
    report = call_of("foundry", "days").read(b"[" + complete + b"]", RequestContext(ADDRESS, NOW, 1))
    assert report["work"] == (
        WorkTotals(accepted=8.64e18, stale=0.0, rejected=0.0, counted="hashes", window=DAY, since=1_749_859_200.0),
    )


KINDS = sorted({kind for kind, _, _ in SAMPLES.values()} & set(PATHS))
PASSED_ON = ("hashrate", "balance_sat", "paid_sat", "pool_hashrate", "hashprice_btc_per_ph_day", "payouts", "scheme")
"""Figures that the report takes unchanged from a sample."""


@pytest.mark.shelf
@pytest.mark.parametrize("kind", KINDS)
async def test_reads_the_samples_from_a_pool_that_checks_its_login(shelf: Path, pool_of, kind: str):
    mine = {name: (file, report) for file, (of, name, report) in SAMPLES.items() if of == kind and "error" not in file}
    async with pool_of(kind) as (live, site):
        for name, (file, _) in mine.items():
            site.answers[PATHS[kind][name]] = site.checked_answer((shelf / "pools" / file).read_bytes())
        await live.poll_once()
        (now,) = live.now
        report = live.reports["here"]
    assert set(now.outcomes) == {"ok"}
    assert now.error is None or "h old" in now.error, "the only accepted error is the age of old samples"
    expected: dict = {}
    for call in BY_KIND[kind].calls:  # the first response with a figure counts
        for figure, value in mine[call.name][1].items() if call.name in mine else ():
            if figure in PASSED_ON and value:
                expected.setdefault(figure, {} if isinstance(value, dict) else value)
                if isinstance(value, dict):
                    expected[figure] = {**value, **expected[figure]}
    if now.error is None:
        for figure, value in expected.items():
            value_read = getattr(report, figure)
            if figure == "payouts":
                assert value_read == tuple(sorted(value, key=lambda payout: payout.at))
            else:
                close = pytest.approx(value) if isinstance(value, float | int | dict) else value
                assert value_read == close, figure


@pytest.mark.shelf
@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind in CHECKS or kind == "antpool"])
async def test_a_pool_serves_no_sample_to_a_wrong_key(shelf: Path, pool_of, kind: str):
    error = dataclasses.replace(account_of(kind), key="wrong", secret="wrong")
    async with pool_of(kind, account=error) as (live, site):
        for file, (of, name, _) in SAMPLES.items():
            if of == kind:
                site.answers[PATHS[kind][name]] = site.checked_answer((shelf / "pools" / file).read_bytes())
        await live.poll_once()
        (now,) = live.now
        assert now.up is False
        assert "here" not in live.reports or live.reports["here"].balance_sat is None
