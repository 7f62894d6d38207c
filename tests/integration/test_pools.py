"""The agent as a process with pools: /metrics, status page, reload, and no key in any output."""

import json
import signal
from pathlib import Path

import pytest

from fakes.pool_answers import ADDRESS
from fakes.pool_site import KEY, served
from fakes.programs import Agent, eventually, get
from fakes.web import Says

pytestmark = pytest.mark.timeout(240)


def page(agent: Agent) -> list[str]:
    return get(f"{agent.url}/metrics")[1].decode().splitlines()


@pytest.mark.waits(12)
def test_s15_pools_are_queried_and_shown_reload_applies_and_no_key_leaks(tmp_path: Path):
    (tmp_path / "key").write_text(KEY)
    (tmp_path / "key").chmod(0o600)
    with served("viabtc", "emcd", "ckpool") as sites:
        pools = [
            {
                "kind": "viabtc",
                "url": sites["viabtc"].url,
                "key": f"file:{tmp_path / 'key'}",
                "workers": {"rig01": "top"},
            },
            {"kind": "emcd", "url": sites["emcd"].url, "key": f"file:{tmp_path / 'key'}"},
        ]
        sites["emcd"].instead = lambda asked: Says({"error": f"no such key {KEY} at {asked.path}"})
        agent = Agent(tmp_path, {"pools": pools, "logging": {"level": "debug"}})
        try:
            rate = 'mining_pool_hashrate_hashes_per_second{pool="viabtc",window="3600"} 300000000000000.0'
            eventually(lambda: rate in page(agent), what="the hashrate of the account")
            worker = 'mining_worker_active{pool="viabtc",rig="top",worker=""} 1'
            eventually(lambda: worker in page(agent), what="the worker")
            eventually(lambda: 'mining_pool_up{pool="emcd"} 0' in page(agent), what="the refusal")
            assert "300.0 TH/s" in get(f"{agent.url}/")[1].decode()

            written = json.loads(agent.config.read_text())
            more = {"kind": "ckpool", "url": sites["ckpool"].url, "account": ADDRESS, "fee": 0.02}
            agent.config.write_text(json.dumps({**written, "pools": [more]}))
            agent.process.send_signal(signal.SIGHUP)
            eventually(lambda: 'mining_pool_fee_ratio{pool="ckpool"} 0.02' in page(agent), what="the new pool")
            whole = "\n".join([*page(agent), get(f"{agent.url}/")[1].decode()])
            assert 'pool="viabtc"' not in whole
        finally:
            assert agent.stop() == 0, agent.log()
        assert "Traceback" not in agent.log()
        assert "pool emcd: call 'account' failed: auth" in agent.log()
        seen = whole + agent.log()
        for path in (tmp_path / "state").rglob("*"):
            seen += path.read_bytes().decode("latin-1") if path.is_file() else ""
        assert KEY not in seen
        assert ADDRESS not in seen
