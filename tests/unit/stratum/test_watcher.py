"""The watcher chooses endpoints from config and rigs, retries them, and applies settings."""

import asyncio

from fakes.stratum import FastClock
from stratoscope.simulate.chain import Chain
from stratoscope.simulate.pool import StratumPool
from stratoscope.stratum.sessions.dial import SessionEnded
from stratoscope.stratum.watch.watched_endpoint import EndpointLoad
from stratoscope.stratum.watch.watcher import LINGER_S, MAX_CLAIMED_ENDPOINTS, EndpointClaims
from stratoscope.units import DAY

from .pools import OPEN, kinds, pools_on, started, stopped, url


async def test_invalid_urls_of_rigs_are_counted_and_not_contacted(watch_simulated):
    clock = FastClock()
    watcher, dial = await watch_simulated({}, clock, hosts=())
    watcher.update_claims(
        {
            "http://10.0.0.5:80": EndpointClaims({"private"}),
            "": EndpointClaims({"private"}),
            "\x00:1": EndpointClaims({"private"}),
            "getwork://pool.com:8332": EndpointClaims({"private"}),
        }
    )
    await clock.advance(20)
    assert dial.dialed == []
    assert watcher.now.unwatched == {"protocol": 2, "unreadable": 2}


async def test_limit_keeps_the_endpoints_that_most_rigs_use(watch_simulated):
    clock = FastClock()
    watcher, _ = await watch_simulated({}, clock, hosts=("own",), max_endpoints=3)
    named = {f"h{n}:3333": EndpointClaims({"private"}, None, EndpointLoad(n, None)) for n in range(6)}
    watcher.update_claims(named)
    await clock.advance(20)
    assert set(watcher.now.endpoints) == {url("own"), url("h5"), url("h4")}
    assert watcher.now.unwatched == {"limit": 4}


async def test_new_endpoint_in_every_response_does_not_fill_the_memory(watch_simulated):
    clock = FastClock()
    watcher, dial = await watch_simulated({}, clock, hosts=("own",), max_endpoints=3)
    for number in range(3000):
        watcher.update_claims({f"h{number}.com:3333": EndpointClaims({"private"}, None, EndpointLoad(1, None))})
    await clock.advance(20)
    assert len(watcher.now.endpoints) == 3
    assert len(set(dial.dialed)) == 3
    assert len(watcher._claims) == MAX_CLAIMED_ENDPOINTS == len(watcher._claimed_endpoints)


async def test_allow_and_skip_apply_to_endpoints_that_rigs_name(watch_simulated):
    clock = FastClock()
    watcher, _ = await watch_simulated({}, clock, hosts=("own",), allow=("*.pool.com",), skip=("bad.pool.com",))
    watcher.update_claims(
        {f"{host}:3333": EndpointClaims({"private"}) for host in ("a.pool.com", "bad.pool.com", "other.com")}
    )
    await clock.advance(20)
    assert set(watcher.now.endpoints) == {url("own"), url("a.pool.com")}
    assert watcher.now.unwatched == {"disabled": 2}


async def test_endpoint_that_no_rig_names_any_more_is_dropped_after_a_while(watch_simulated):
    clock = FastClock()
    watcher, _ = await watch_simulated({}, clock, hosts=())
    watcher.update_claims({"a.com:3333": EndpointClaims({"private"})})
    await clock.advance(LINGER_S - 1)
    watcher.update_claims({})
    assert list(watcher.now.endpoints) == [url("a.com")]
    await clock.advance(10)
    watcher.update_claims({})
    await clock.advance(1)
    assert watcher.now.endpoints == {}
    assert watcher.now.alarms == ()


async def test_dead_endpoint_is_retried_with_backoff_and_raises_one_alarm(watch_simulated):
    clock = FastClock()
    watcher, dial = await watch_simulated(
        {"dead": SessionEnded("refused", "nothing listens")}, clock, random01=lambda: 0.5
    )
    await clock.advance(DAY)
    tries = len(dial.dialed)
    assert 300 < tries < 1000, "one attempt every few minutes"
    assert watcher.now.endpoints[url("dead")].counts.sessions == {"refused": tries}
    assert kinds(watcher) == ["stratum_alarm"]
    assert [alarm.kind for alarm in watcher.now.alarms] == ["down"]


async def test_internal_error_at_one_endpoint_does_not_stop_the_others(watch_simulated):
    clock = FastClock()
    pool = StratumPool(Chain(seed=13, clock=clock), clock=clock, behaviour=OPEN)
    await pool.start()
    watcher, _ = await watch_simulated({"good": pool, "bad": 7}, clock)  # type: ignore[dict-item]
    try:
        await clock.advance(30)
        assert watcher.now.endpoints[url("good")].up
        assert watcher.now.endpoints[url("bad")].counts.sessions["bug"] >= 1
    finally:
        await pool.stop()


async def test_new_settings_keep_the_sessions_that_are_still_wanted(watch_simulated):
    from dataclasses import replace

    clock = FastClock()
    chain = Chain(seed=14, clock=clock)
    one, other = pools_on(chain, clock, OPEN, OPEN)
    await started(one, other)
    watcher, dial = await watch_simulated({"one": one, "other": other}, clock)
    try:
        await clock.advance(10)
        watcher.apply_settings(replace(watcher.settings, endpoints=watcher.settings.endpoints[:1]))
        await clock.advance(10)
        assert list(watcher.now.endpoints) == [url("one")]
        assert dial.dialed == [url("one"), url("other")]
        await asyncio.sleep(0)
        assert len(other.sessions) == 0, "its session is closed"
    finally:
        await stopped(one, other)
