"""Sessions of the watcher: jobs, logins and redirects."""

import orjson

from fakes.stratum import FastClock
from stratoscope.clock import SystemClock
from stratoscope.simulate.chain import Chain
from stratoscope.simulate.pool import PoolBehaviour, StratumPool
from stratoscope.stratum.settings import StratumLogin
from stratoscope.stratum.watch.watched_endpoint import EndpointLoad
from stratoscope.stratum.watch.watcher import EndpointClaims

from .conftest import eventually
from .pools import OPEN, kinds, pools_on, started, stopped, url


async def test_first_job_is_decoded_with_timings_and_difficulty(watch_endpoints):
    clock = SystemClock()
    chain = Chain(seed=1, clock=clock)
    pool = StratumPool(chain, clock=clock, behaviour=OPEN)
    port = await pool.start()
    watcher = await watch_endpoints(f"127.0.0.1:{port}", probe_interval_s=0.05)
    try:
        name = f"stratum+tcp://127.0.0.1:{port}"
        one = await eventually(lambda: (e := watcher.comparison.snapshot({}).endpoints[name]).rtt_configure and e)
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
        offered = watcher.newest()
        assert (offered.height, offered.coinbase_value, offered.endpoint) == (job.height, job.coinbase_value_sat, name)
        assert pool.shares == {}, "nothing was submitted"
    finally:
        await stopped(pool)


async def test_login_is_sent_only_if_no_job_arrives_without_it(watch_simulated):
    clock = FastClock()
    chain = Chain(seed=8, clock=clock)
    generous, strict = pools_on(chain, clock, OPEN, PoolBehaviour(open=False))
    await started(generous, strict)
    watcher, dial = await watch_simulated(
        {"free": generous, "shut": strict}, clock, login=StratumLogin(user="account.watch")
    )
    try:
        await clock.advance(10)
        asked = {
            u: [orjson.loads(line)["method"] for line in pipe.written.splitlines()]
            for u, pipe in zip(dial.dialed, dial.pipes, strict=True)
        }
        assert asked[url("free")][:2] == ["mining.configure", "mining.subscribe"]
        assert "mining.authorize" not in asked[url("free")]
        assert asked[url("shut")][:3] == ["mining.configure", "mining.subscribe", "mining.authorize"]
        assert watcher.now.endpoints[url("shut")].up
    finally:
        await stopped(generous, strict)


async def test_pool_that_requires_a_user_is_retried_slowly_with_an_alarm(watch_simulated):
    clock = FastClock()
    strict = StratumPool(Chain(seed=9, clock=clock), clock=clock)
    await strict.start()
    watcher, dial = await watch_simulated({"shut": strict}, clock, random01=lambda: 1.0)
    try:
        await clock.advance(3600)
        assert watcher.now.endpoints[url("shut")].counts.sessions == {"no_job": len(dial.dialed)}
        assert 3 <= len(dial.dialed) <= 8, "attempts in an hour"
        assert all(b"authorize" not in pipe.written for pipe in dial.pipes)
        assert [alarm.kind for alarm in watcher.now.alarms] == ["no_work"]
        assert "stratum.user" in watcher.now.alarms[0].text
    finally:
        await strict.stop()


async def test_rig_account_is_used_only_with_rig_users(watch_simulated):
    clock = FastClock()
    strict = StratumPool(Chain(seed=10, clock=clock), clock=clock)
    await strict.start()
    watcher, dial = await watch_simulated({"shut": strict}, clock, hosts=(), rig_users=True)
    watcher.update_claims({url("shut"): EndpointClaims({"private"}, "account.rig-7", EndpointLoad(1, None))})
    try:
        await clock.advance(10)
        users = [orjson.loads(line)["params"][0] for line in dial.pipes[0].written.splitlines() if b"authorize" in line]
        assert users == ["account.watch"]
        assert watcher.now.endpoints[url("shut")].up
    finally:
        await strict.stop()


async def test_redirect_to_a_foreign_host_is_reported_and_not_followed(watch_simulated):
    clock = FastClock()
    chain = Chain(seed=11, clock=clock)
    pool, thief = pools_on(chain, clock, OPEN, OPEN)
    await started(pool, thief)
    watcher, dial = await watch_simulated({"eu.pool.com": pool, "evil.com": thief}, clock, hosts=("eu.pool.com",))
    try:
        await clock.advance(10)
        pool.send_to_all("client.reconnect", "evil.com", 3333, 0)
        await clock.advance(30)
        assert set(dial.dialed) == {url("eu.pool.com")}
        assert len(dial.dialed) == 1, "the session is still open"
        one = watcher.now.endpoints[url("eu.pool.com")]
        assert one.counts.reconnect_requests == {"abroad": 1}
        assert [alarm.kind for alarm in watcher.now.alarms] == ["redirect"]
        redirect = next(event for event in watcher.events if event.kind == "stratum_redirect")
        assert redirect.details == {
            "endpoint": url("eu.pool.com"),
            "to": "evil.com:3333",
            "turn": "abroad",
            "followed": False,
        }
        await clock.advance(3700)
        assert watcher.now.alarms == ()
    finally:
        await stopped(pool, thief)


async def test_redirect_within_the_domain_is_followed_under_the_same_name(watch_simulated):
    clock = FastClock()
    chain = Chain(seed=12, clock=clock)
    pool, sister = pools_on(chain, clock, OPEN, PoolBehaviour(open=True, tag="/sister/"))
    await started(pool, sister)
    watcher, dial = await watch_simulated({"eu.pool.com": pool, "us.pool.com": sister}, clock, hosts=("eu.pool.com",))
    try:
        await clock.advance(10)
        pool.send_to_all("client.reconnect", "us.pool.com", 3333, 0)
        await clock.advance(30)
        assert dial.dialed == [url("eu.pool.com"), url("us.pool.com")]
        one = watcher.now.endpoints[url("eu.pool.com")]
        assert one.template.tag == "/sister/"
        assert one.counts.reconnect_requests == {"within": 1}
        assert one.counts.sessions == {"redirected": 1}
        assert "stratum_redirect" not in kinds(watcher)
    finally:
        await stopped(pool, sister)


async def test_redirect_into_the_private_network_is_refused(watch_endpoints):
    watcher = await watch_endpoints("localhost:1")
    watched = next(iter(watcher.comparison.endpoints.values()))
    watched.configured = False
    assert watcher._refusal(watched, "127.0.0.1", 3333), "a remote rig must not cause a connection to this machine"
