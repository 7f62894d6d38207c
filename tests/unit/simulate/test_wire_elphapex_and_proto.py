"""Web pages of Elphapex and Proto rigs over real sockets, with aiohttp as the client."""

import aiohttp
import pytest

from stratoscope.units import GH, MH, MILLI, TH


@pytest.fixture
async def session():
    async with aiohttp.ClientSession() as session:
        yield session


def url(rig, path: str) -> str:
    return f"http://{rig.address}:{rig.ports[80]}{path}"


async def get(session, rig, path: str):
    async with session.get(url(rig, path)) as response:
        assert response.status == 200, (path, response.status)
        return await response.json()


async def test_elphapex_lists_four_chains_with_chip_milli_degrees_as_strings(fleet_of):
    fleet = await fleet_of(rigs=2, mix={"elphapex": 1})
    for rig, fitted in zip(fleet.rigs, ([0, 1, 2, 3], [3]), strict=True):
        digest = aiohttp.DigestAuthMiddleware(rig.user, rig.password)
        async with aiohttp.ClientSession(middlewares=(digest,)) as authenticated:
            answer = await get(authenticated, rig, "/cgi-bin/stats.cgi")
        row, truth = answer["STATS"][0], rig.truth()
        assert answer["INFO"]["type"] == rig.model
        assert (row["chain_num"], row["rate_unit"], row["rate_30m"]) == (4, "MH/s", 0)
        assert [chain["index"] for chain in row["chain"] if chain["sn"]] == fitted
        assert [chain["asic_num"] for chain in row["chain"] if chain["sn"]] == truth["chips"]
        assert sum(chain["rate_real"] for chain in row["chain"]) * MH == pytest.approx(truth["hashrate"], rel=1e-3)
        chips = [chain["temp_chip"][0] for chain in row["chain"] if chain["sn"]]
        assert [int(chip) * MILLI for chip in chips] == pytest.approx(truth["temperature_chip"], abs=0.001)
        assert all(chain["temp_chip"] == [""] * 4 for chain in row["chain"] if not chain["sn"])
        assert all(isinstance(rpm, str) for rpm in row["fan"])


async def test_proto_returns_the_requested_telemetry_levels_with_units(rig_of, session):
    rig = await rig_of("proto")
    truth = rig.truth()
    telemetry = await get(session, rig, "/api/v1/telemetry?level=miner,psu")
    assert set(telemetry) == {"timestamp", "miner", "psus"}
    assert sum(psu["power"]["input"] for psu in telemetry["psus"]) == pytest.approx(truth["power"])
    assert telemetry["miner"]["hashrate"] == {"unit": "TH/s", "value": pytest.approx(truth["hashrate"] / TH)}
    boards = (await get(session, rig, "/api/v1/telemetry"))["hashboards"]
    assert [board["hashrate"]["value"] * TH for board in boards] == pytest.approx(truth["boards"])
    mining = (await get(session, rig, "/api/v1/mining"))["mining-status"]
    assert mining["hashrate_ghs"] * GH == pytest.approx(truth["hashrate"])
    assert (await get(session, rig, "/api/v1/errors")) == []


async def test_proto_returns_a_token_only_for_the_correct_password(fleet_of, session):
    fleet = await fleet_of(mix={"proto": 1})
    rig = fleet.rigs[0]
    login = url(rig, "/api/v1/auth/login")
    async with session.post(login, json={"password": rig.password}) as response:
        assert (await response.json())["access_token"] == rig.state.token
    for body in (b'{"password":"wrong"}', b"[]", b"no json"):
        async with session.post(login, data=body) as response:
            assert response.status == 401
    assert fleet.privileged_seen == 0
