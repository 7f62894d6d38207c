"""The watcher against simulated pools: what it learns, whom it asks, where it goes and where not."""

import asyncio
from statistics import median

import orjson
import pytest

from fakes.stratum import FastClock
from stratoscope.clock import SystemClock
from stratoscope.simulate.chain import Chain
from stratoscope.simulate.pool import Habits, StratumPool
from stratoscope.stratum.protocol.dial import Ended
from stratoscope.stratum.watch.endpoint_state import Share
from stratoscope.stratum.watch.settings import Login
from stratoscope.stratum.watch.watcher import LINGER, MOST_NAMED, Naming
from stratoscope.units import DAY, HASHES_PER_DIFFICULTY_1, TH

from .conftest import eventually

OPEN = Habits(open=True)
CASH_BITS = 0x18018D09


def pools_on(chain: Chain, clock, *habits: Habits) -> list[StratumPool]:
    return [StratumPool(chain, clock=clock, seed=index, habits=one) for index, one in enumerate(habits)]


async def started(*pools: StratumPool) -> None:
    for pool in pools:
        await pool.start()


async def stopped(*pools: StratumPool) -> None:
    for pool in pools:
        await pool.stop()


def url(host: str) -> str:
    return f"stratum+tcp://{host}:3333"


def kinds(watch) -> list[str]:
    return [event.kind for event in watch.told]


async def test_a_job_is_known_with_everything_it_tells(watch):
    clock = SystemClock()
    chain = Chain(seed=1, clock=clock)
    pool = StratumPool(chain, clock=clock, habits=OPEN)
    port = await pool.start()
    made = await watch(f"127.0.0.1:{port}", probe=0.05)
    try:
        name = f"stratum+tcp://127.0.0.1:{port}"
        one = await eventually(lambda: (e := made.standing.record({}).endpoints[name]).rtt_configure and e)
        assert one.state == "working"
        assert one.up
        assert (one.difficulty, one.extranonce1_size, one.extranonce2_size) == (65536.0, 4, 8)
        assert one.version_mask == 0x1FFFE000
        assert set(one.phases) == {"connect", "subscribe", "first_job"}
        assert 0 < one.rtt_configure < 5
        assert one.rtt_tcp is None or 0 < one.rtt_tcp < 5
        job = one.template
        assert job.height == chain.tip().height + 1
        assert job.prev_hash == chain.tip().hash[::-1].hex()
        assert job.subsidy_sat == 312_500_000
        assert job.tag == "/simulated pool/"
        offered = made.newest()
        assert (offered.height, offered.coinbase_value, offered.endpoint) == (job.height, job.coinbase_value_sat, name)
        assert pool.shares == {}, "nothing was submitted"
    finally:
        await stopped(pool)


async def test_the_measured_race_of_three_real_pools_is_within_2_ms_of_the_truth(watch):
    clock = SystemClock()
    chain = Chain(seed=2, clock=clock, early=tuple(0.8 + 0.12 * n for n in range(8)))
    pools = pools_on(chain, clock, *(Habits(open=True, delay=delay) for delay in (0.0, 0.03, 0.07)))
    ports = [await pool.start() for pool in pools]
    names = [f"stratum+tcp://127.0.0.1:{port}" for port in ports]
    made = await watch(*names)
    try:
        await eventually(lambda: len(made.now.races) >= 8 and all(len(race.delays) == 3 for race in made.now.races))
        off = []
        for race in made.now.races:
            truth = [pool.announced[race.prev_hash] for pool in pools]
            off += [race.delays[name] - (at - min(truth)) for name, at in zip(names, truth, strict=True)][1:]
        assert median(map(abs, off)) < 0.002
        made.standing.tick()
        counts = [made.standing.record({}).endpoints[name].counts for name in names]
        assert [count.blocks for count in counts] == [8, 8, 8]
        assert [count.raced for count in counts] == [8, 8, 8]
        assert sum(count.first for count in counts) == 8
    finally:
        await stopped(*pools)


async def test_with_a_clock_that_stands_still_between_steps_the_race_is_exact(quick):
    clock = FastClock()
    chain = Chain(seed=3, clock=clock, early=(100.0, 400.0))
    pools = pools_on(chain, clock, *(Habits(open=True, delay=delay) for delay in (0.5, 0.0, 2.0)))
    await started(*pools)
    made, _ = await quick(dict(zip("abc", pools, strict=True)), clock)
    await clock.advance(600)
    try:
        assert [{u[14]: round(d, 6) for u, d in race.delays.items()} for race in made.now.races] == [
            {"b": 0.0, "a": 0.5, "c": 2.0}
        ] * 2
        counts = {u[14]: one.counts for u, one in made.now.endpoints.items()}
        assert {u: (c.first, c.raced, round(c.delays.total, 6)) for u, c in counts.items()} == {
            "a": (0, 2, 1.0),
            "b": (2, 2, 0.0),
            "c": (0, 2, 4.0),
        }
        assert made.now.height == chain.tip().height
        assert made.now.tip == chain.tip().hash[::-1].hex()
    finally:
        await stopped(*pools)


async def test_work_on_bitcoin_cash_is_noticed_and_never_offered_to_the_market(quick):
    clock = FastClock()
    chain, other = Chain(seed=4, clock=clock), Chain(seed=5, clock=clock, bits=CASH_BITS)
    good, also = pools_on(chain, clock, OPEN, OPEN)
    cash = StratumPool(other, clock=clock, habits=Habits(open=True, witness=False))
    await started(good, also, cash)
    made, _ = await quick({"good": good, "also": also, "cash": cash}, clock)
    await clock.advance(60)
    try:
        found = {u: (one.chain, one.chain_match) for u, one in made.now.endpoints.items()}
        assert found == {
            url("also"): ("bitcoin", True),
            url("good"): ("bitcoin", True),
            url("cash"): ("bitcoin_cash", False),
        }
        assert [(alarm.kind, alarm.endpoint) for alarm in made.now.alarms] == [("chain", url("cash"))]
        assert kinds(made) == ["stratum_alarm"]
        assert made.newest().endpoint != url("cash")
        assert made.now.endpoints[url("cash")].lag is None, "heights of two chains do not compare"
    finally:
        await stopped(good, also, cash)


async def test_an_endpoint_that_stays_on_an_old_block_is_behind(quick):
    clock = FastClock()
    chain = Chain(seed=6, clock=clock, early=(100.0, DAY))
    quick_pool, slow = pools_on(chain, clock, OPEN, Habits(open=True, delay=300.0))
    await started(quick_pool, slow)
    made, _ = await quick({"fast": quick_pool, "slow": slow}, clock)
    try:
        await clock.advance(150)
        assert made.now.endpoints[url("slow")].lag == 1
        assert made.now.alarms == ()
        await clock.advance(30)
        assert [(alarm.kind, alarm.endpoint) for alarm in made.now.alarms] == [("behind", url("slow"))]
        await clock.advance(250)
        assert made.now.alarms == ()
        assert kinds(made) == ["stratum_alarm", "stratum_clear"]
        one = made.now.endpoints[url("slow")]
        assert (one.lag, one.counts.raced) == (0, 1)
        assert one.counts.losses["late"].seconds == pytest.approx(300.0, abs=0.01)
    finally:
        await stopped(quick_pool, slow)


async def test_an_endpoint_that_never_catches_up_is_charged_all_the_time_and_alarms_once(quick):
    clock = FastClock()
    chain = Chain(seed=6, clock=clock, early=(100.0, 500.0, 900.0, DAY))
    alive, stuck = pools_on(chain, clock, OPEN, Habits(open=True, delay=DAY))
    await started(alive, stuck)
    made, _ = await quick({"alive": alive, "stuck": stuck}, clock)
    try:
        await clock.advance(1105)
        one = made.now.endpoints[url("stuck")]
        assert (one.lag, one.counts.blocks) == (3, 0)
        assert one.counts.losses["late"].seconds == pytest.approx(1000.0, abs=11.0), "since the first block it missed"
        assert kinds(made) == ["stratum_alarm"], "new blocks do not raise it anew"
        assert "3 behind" not in made.now.alarms[0].text, "the sentence is of the moment it was raised"
    finally:
        await stopped(alive, stuck)


async def test_a_step_of_the_wall_clock_raises_no_alarm(quick):
    clock = FastClock()
    pool = StratumPool(Chain(seed=6, clock=clock, early=(1e9,)), clock=clock, habits=OPEN)
    await pool.start()
    made, _ = await quick({"a": pool, "dead": Ended("refused", "nobody")}, clock)
    try:
        await clock.advance(60)
        for step in (3600.0, -7200.0, 3600.0):
            clock._offset += step
            await clock.advance(6)
            assert made.now.alarms == ()
            now = made.standing.record({})
            assert 0 <= now.at - now.endpoints[url("a")].job_at <= 30
    finally:
        await pool.stop()


async def test_empty_templates_are_counted_with_what_they_cost(quick):
    clock = FastClock()
    chain = Chain(seed=7, clock=clock, early=(100.0, DAY))
    pool = StratumPool(chain, clock=clock, habits=Habits(open=True, empty=33.0))
    await pool.start()
    made, _ = await quick({"a": pool}, clock, hosts=())
    made.name({url("a"): Naming({"private"}, "acct.x", Share(10, 1000 * TH))})
    try:
        await clock.advance(99)
        before = made.now.mean_fees
        await clock.advance(41)
        one = made.now.endpoints[url("a")]
        loss = one.counts.losses["empty"]
        assert loss.seconds == pytest.approx(33.0, abs=0.01)
        worth = 1000 * TH * 33.0 / (one.template.network_difficulty * HASHES_PER_DIFFICULTY_1)
        assert made.now.mean_fees * worth <= loss.satoshis <= before * worth, "the median fell with the new template"
        assert one.counts.empty_jobs >= 1
        assert (one.rigs, one.hashrate) == (10, 1000 * TH)
    finally:
        await pool.stop()


async def test_a_user_is_told_only_where_no_job_came_without(quick):
    clock = FastClock()
    chain = Chain(seed=8, clock=clock)
    generous, strict = pools_on(chain, clock, OPEN, Habits(open=False))
    await started(generous, strict)
    made, dial = await quick({"free": generous, "shut": strict}, clock, login=Login(user="account.watch"))
    try:
        await clock.advance(10)
        asked = {
            u: [orjson.loads(line)["method"] for line in pipe.written.splitlines()]
            for u, pipe in zip(dial.dialed, dial.pipes, strict=True)
        }
        assert asked[url("free")][:2] == ["mining.configure", "mining.subscribe"]
        assert "mining.authorize" not in asked[url("free")]
        assert asked[url("shut")][:3] == ["mining.configure", "mining.subscribe", "mining.authorize"]
        assert made.now.endpoints[url("shut")].up
    finally:
        await stopped(generous, strict)


async def test_without_a_user_such_a_pool_is_left_alone_and_the_alarm_says_what_it_wants(quick):
    clock = FastClock()
    strict = StratumPool(Chain(seed=9, clock=clock), clock=clock)
    await strict.start()
    made, dial = await quick({"shut": strict}, clock, chance=lambda: 1.0)
    try:
        await clock.advance(3600)
        assert made.now.endpoints[url("shut")].counts.sessions == {"no_job": len(dial.dialed)}
        assert 3 <= len(dial.dialed) <= 8, "an hour of calm tries"
        assert all(b"authorize" not in pipe.written for pipe in dial.pipes)
        assert [alarm.kind for alarm in made.now.alarms] == ["no_work"]
        assert "stratum.user" in made.now.alarms[0].text
    finally:
        await strict.stop()


async def test_a_rigs_account_is_used_only_when_that_is_allowed(quick):
    clock = FastClock()
    strict = StratumPool(Chain(seed=10, clock=clock), clock=clock)
    await strict.start()
    made, dial = await quick({"shut": strict}, clock, hosts=(), rig_users=True)
    made.name({url("shut"): Naming({"private"}, "account.rig-7", Share(1, None))})
    try:
        await clock.advance(10)
        users = [orjson.loads(line)["params"][0] for line in dial.pipes[0].written.splitlines() if b"authorize" in line]
        assert users == ["account.watch"]
        assert made.now.endpoints[url("shut")].up
    finally:
        await strict.stop()


async def test_a_redirect_abroad_is_reported_and_not_followed(quick):
    clock = FastClock()
    chain = Chain(seed=11, clock=clock)
    pool, thief = pools_on(chain, clock, OPEN, OPEN)
    await started(pool, thief)
    made, dial = await quick({"eu.pool.com": pool, "evil.com": thief}, clock, hosts=("eu.pool.com",))
    try:
        await clock.advance(10)
        pool.tell("client.reconnect", "evil.com", 3333, 0)
        await clock.advance(30)
        assert set(dial.dialed) == {url("eu.pool.com")}
        assert len(dial.dialed) == 1, "the session stands"
        one = made.now.endpoints[url("eu.pool.com")]
        assert one.counts.turns == {"abroad": 1}
        assert [alarm.kind for alarm in made.now.alarms] == ["redirect"]
        redirect = next(event for event in made.told if event.kind == "stratum_redirect")
        assert redirect.details == {
            "endpoint": url("eu.pool.com"),
            "to": "evil.com:3333",
            "turn": "abroad",
            "followed": False,
        }
        await clock.advance(3700)
        assert made.now.alarms == ()
    finally:
        await stopped(pool, thief)


async def test_a_redirect_within_the_domain_is_followed_and_keeps_its_name(quick):
    clock = FastClock()
    chain = Chain(seed=12, clock=clock)
    pool, sister = pools_on(chain, clock, OPEN, Habits(open=True, tag="/sister/"))
    await started(pool, sister)
    made, dial = await quick({"eu.pool.com": pool, "us.pool.com": sister}, clock, hosts=("eu.pool.com",))
    try:
        await clock.advance(10)
        pool.tell("client.reconnect", "us.pool.com", 3333, 0)
        await clock.advance(30)
        assert dial.dialed == [url("eu.pool.com"), url("us.pool.com")]
        one = made.now.endpoints[url("eu.pool.com")]
        assert one.template.tag == "/sister/"
        assert one.counts.turns == {"within": 1}
        assert one.counts.sessions == {"redirected": 1}
        assert "stratum_redirect" not in kinds(made)
    finally:
        await stopped(pool, sister)


async def test_a_redirect_into_the_own_network_is_refused_like_any_address(watch):
    made = await watch("localhost:1")
    watched = next(iter(made.standing.endpoints.values()))
    watched.configured = False
    assert made._forbidden(watched, "127.0.0.1", 3333), "a rig elsewhere may not send us to ourselves"


async def test_what_a_broken_rig_names_is_not_asked(quick):
    clock = FastClock()
    made, dial = await quick({}, clock, hosts=())
    made.name(
        {
            "http://10.0.0.5:80": Naming({"private"}),
            "": Naming({"private"}),
            "\x00:1": Naming({"private"}),
            "getwork://pool.com:8332": Naming({"private"}),
        }
    )
    await clock.advance(20)
    assert dial.dialed == []
    assert made.now.unwatched == {"protocol": 2, "unreadable": 2}


async def test_the_limit_keeps_those_that_most_rigs_name(quick):
    clock = FastClock()
    made, _ = await quick({}, clock, hosts=("own",), most=3)
    named = {f"h{n}:3333": Naming({"private"}, None, Share(n, None)) for n in range(6)}
    made.name(named)
    await clock.advance(20)
    assert set(made.now.endpoints) == {url("own"), url("h5"), url("h4")}
    assert made.now.unwatched == {"limit": 4}


async def test_a_rig_that_names_another_endpoint_in_each_answer_fills_no_memory(quick):
    clock = FastClock()
    made, dial = await quick({}, clock, hosts=("own",), most=3)
    for number in range(3000):
        made.name({f"h{number}.com:3333": Naming({"private"}, None, Share(1, None))})
    await clock.advance(20)
    assert len(made.now.endpoints) == 3
    assert len(set(dial.dialed)) == 3
    assert len(made._named) == MOST_NAMED == len(made._endpoints)


async def test_allow_and_skip_hold_for_what_rigs_name(quick):
    clock = FastClock()
    made, _ = await quick({}, clock, hosts=("own",), allow=("*.pool.com",), skip=("bad.pool.com",))
    made.name({f"{host}:3333": Naming({"private"}) for host in ("a.pool.com", "bad.pool.com", "other.com")})
    await clock.advance(20)
    assert set(made.now.endpoints) == {url("own"), url("a.pool.com")}
    assert made.now.unwatched == {"disabled": 2}


async def test_an_endpoint_that_no_rig_names_any_more_is_forgotten_after_a_while(quick):
    clock = FastClock()
    made, _ = await quick({}, clock, hosts=())
    made.name({"a.com:3333": Naming({"private"})})
    await clock.advance(LINGER - 1)
    made.name({})
    assert list(made.now.endpoints) == [url("a.com")]
    await clock.advance(10)
    made.name({})
    await clock.advance(1)
    assert made.now.endpoints == {}
    assert made.now.alarms == ()


async def test_a_dead_endpoint_is_tried_calmly_and_raises_one_alarm(quick):
    clock = FastClock()
    made, dial = await quick({"dead": Ended("refused", "nothing listens")}, clock, chance=lambda: 0.5)
    await clock.advance(DAY)
    tries = len(dial.dialed)
    assert 300 < tries < 1000, "every few minutes"
    assert made.now.endpoints[url("dead")].counts.sessions == {"refused": tries}
    assert kinds(made) == ["stratum_alarm"]
    assert [alarm.kind for alarm in made.now.alarms] == ["down"]


async def test_a_bug_in_the_watch_of_one_endpoint_does_not_end_the_others(quick):
    clock = FastClock()
    pool = StratumPool(Chain(seed=13, clock=clock), clock=clock, habits=OPEN)
    await pool.start()
    made, _ = await quick({"good": pool, "bad": 7}, clock)  # type: ignore[dict-item]
    try:
        await clock.advance(30)
        assert made.now.endpoints[url("good")].up
        assert made.now.endpoints[url("bad")].counts.sessions["bug"] >= 1
    finally:
        await pool.stop()


async def test_settings_are_followed_without_touching_what_stays(quick):
    from dataclasses import replace

    clock = FastClock()
    chain = Chain(seed=14, clock=clock)
    one, other = pools_on(chain, clock, OPEN, OPEN)
    await started(one, other)
    made, dial = await quick({"one": one, "other": other}, clock)
    try:
        await clock.advance(10)
        made.follow(replace(made.settings, endpoints=made.settings.endpoints[:1]))
        await clock.advance(10)
        assert list(made.now.endpoints) == [url("one")]
        assert dial.dialed == [url("one"), url("other")]
        await asyncio.sleep(0)
        assert len(other.sessions) == 0, "its session was closed"
    finally:
        await stopped(one, other)
