"""Web API of each family over real sockets, with aiohttp as the client."""

import asyncio

import aiohttp
import pytest

from stratoscope.simulate.families import FAMILIES
from stratoscope.units import GH, MH, TH

POOL = "stratum+tcp://127.0.0.1:3333"


@pytest.fixture
async def session():
    async with aiohttp.ClientSession() as session:
        yield session


def url(rig, path: str, port: int = 80) -> str:
    return f"http://{rig.address}:{rig.ports[port]}{path}"


async def get(session, rig, path: str, port: int = 80, **options):
    async with session.get(url(rig, path, port), **options) as response:
        assert response.status == 200, (path, response.status)
        return await response.json()


REALMS = [
    ("antminer", "antMiner Configuration", "Antminer S19 Pro"),
    ("antminer-s9", "antMiner Configuration", "Antminer S9"),
    ("antminer-scrypt", "antMiner Configuration", "Antminer L7"),
    ("hammer", "blackMiner Configuration", "Hammer D10"),
    ("elphapex", "Daoge Miner", "DG1+"),
]


@pytest.mark.parametrize(("family", "realm", "product"), REALMS)
async def test_bitmain_and_related_firmware_requires_a_digest_login(rig_of, session, family, realm, product):
    rig = await rig_of(family)
    for path in ("/", "/cgi-bin/get_system_info.cgi"):
        async with session.get(url(rig, path)) as response:
            assert response.status == 401
            assert f'Digest realm="{realm}"' in response.headers["WWW-Authenticate"]
    digest = aiohttp.DigestAuthMiddleware(rig.user, rig.password)
    async with aiohttp.ClientSession(middlewares=(digest,)) as authenticated:
        info = await get(authenticated, rig, "/cgi-bin/get_system_info.cgi")
    assert info["macaddr"] == rig.state.mac
    assert info["minertype"] == product


@pytest.mark.parametrize("family", ["antminer", "hammer", "elphapex"])
async def test_wrong_password_is_refused(rig_of, family):
    rig = await rig_of(family)
    digest = aiohttp.DigestAuthMiddleware(rig.user, "wrong")
    async with (
        aiohttp.ClientSession(middlewares=(digest,)) as session,
        session.get(url(rig, "/cgi-bin/stats.cgi")) as response,
    ):
        assert response.status == 401


async def test_antminer_stats_page_has_a_chain_for_each_board(rig_of):
    rig = await rig_of("antminer")
    digest = aiohttp.DigestAuthMiddleware(rig.user, rig.password)
    async with aiohttp.ClientSession(middlewares=(digest,)) as session:
        row = (await get(session, rig, "/cgi-bin/stats.cgi"))["STATS"][0]
    truth = rig.truth()
    assert [chain["asic_num"] for chain in row["chain"]] == truth["chips"]
    assert sum(chain["rate_real"] for chain in row["chain"]) * GH == pytest.approx(truth["hashrate"], rel=1e-3)


async def test_auradine_pages_require_the_token(rig_of, session):
    rig = await rig_of("auradine")
    async with session.get(url(rig, "/summary", 8080)) as response:
        assert response.status == 401
    async with session.post(url(rig, "/token", 8080), json={"user": "root", "password": "no"}) as response:
        assert response.status == 401
    body = {"command": "token", "user": rig.user, "password": rig.password}
    async with session.post(url(rig, "/token", 8080), json=body) as response:
        token = (await response.json())["Token"][0]["Token"]
    psu = await get(session, rig, "/psu", 8080, headers={"Authorization": f"Bearer {token}"})
    watts = psu["PSU"][0]["PowerIn"]
    assert watts.endswith("W")
    assert float(watts[:-1]) == pytest.approx(rig.truth()["power"], abs=0.01)


async def test_braiins_shows_only_its_version_without_a_token(rig_of, session):
    rig = await rig_of("braiins")
    assert (await get(session, rig, "/api/v1/version"))["major"] == 1
    async with session.get(url(rig, "/api/v1/miner/stats")) as response:
        assert response.status == 401
    body = {"username": rig.user, "password": rig.password}
    async with session.post(url(rig, "/api/v1/auth/login"), json=body) as response:
        token = (await response.json())["token"]
    stats = await get(session, rig, "/api/v1/miner/stats", headers={"Authorization": token})
    rates = stats["miner_stats"]["real_hashrate"]
    assert rates["last_5s"]["gigahash_per_second"] * GH == pytest.approx(rig.truth()["hashrate"], rel=0.01)
    assert stats["power_stats"]["approximated_consumption"]["watt"] == pytest.approx(rig.truth()["power"], abs=1)


QUERY = "{ bosminer { info { name: modelName workSolver { childSolvers { name hwDetails { chips } } } nothing } } }"


async def test_braiins_graphql_returns_exactly_the_selected_fields(rig_of, session):
    rig = await rig_of("braiins-graphql")
    for answer in (
        await get(session, rig, "/graphql", params={"query": QUERY}),
        await (await session.post(url(rig, "/graphql"), json={"query": QUERY})).json(),
    ):
        solvers = [{"name": str(n), "hwDetails": {"chips": 126}} for n in (1, 2, 3)]
        expected = {"name": "Antminer S19j Pro", "workSolver": {"childSolvers": solvers}, "nothing": None}
        assert answer == {"data": {"bosminer": {"info": expected}}}


async def test_braiins_graphql_refuses_mutations_and_invalid_queries(fleet_of, session):
    fleet = await fleet_of(mix={"braiins-graphql": 1})
    mutation = {"query": "mutation { bosminer { stop { __typename } } }"}
    async with session.post(url(fleet.rigs[0], "/graphql"), json=mutation) as response:
        assert (await response.json())["errors"][0]["message"] == "Unauthorized"
    assert fleet.privileged_seen == 1
    for query in ("", "{", "{ a { b", "x" * 5000, "{" * 200 + "}" * 200):
        async with session.post(url(fleet.rigs[0], "/graphql"), json={"query": query}) as response:
            assert response.status == 400


async def test_braiins_luci_requires_the_session_cookie_for_the_mac(rig_of):
    rig = await rig_of("braiins-graphql")
    page = url(rig, "/cgi-bin/luci/admin/network/iface_status/lan")
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as session:
        async with session.get(page) as response:
            assert response.status == 403
        form = {"luci_username": rig.user, "luci_password": rig.password}
        async with session.post(url(rig, "/cgi-bin/luci"), data=form, allow_redirects=False) as response:
            assert response.status == 302
        async with session.get(page) as response:
            assert await response.json() == [{"macaddr": rig.state.mac}]


async def test_vnish_summary_is_open_and_settings_require_a_token(rig_of, session):
    rig = await rig_of("vnish")
    assert (await get(session, rig, "/api/v1/info"))["fw_name"] == "Vnish"
    miner = (await get(session, rig, "/api/v1/summary"))["miner"]
    assert miner["power_consumption"] == pytest.approx(rig.truth()["power"], abs=1)
    assert miner["hr_realtime"] * GH == pytest.approx(rig.truth()["hashrate"], rel=0.01)
    async with session.get(url(rig, "/api/v1/settings")) as response:
        assert response.status == 401
    async with session.post(url(rig, "/api/v1/unlock"), json={"pw": rig.password}) as response:
        token = (await response.json())["token"]
    settings = await get(session, rig, "/api/v1/settings", headers={"Authorization": f"Bearer {token}"})
    assert settings["miner"]["pools"][0]["user"] == "account.rig-00000"


async def test_espminer_reports_all_values_on_one_page(rig_of, session):
    rig = await rig_of("espminer")
    info, truth = await get(session, rig, "/api/system/info"), rig.truth()
    assert info["ASICModel"] == "BM1370"
    assert info["hashRate"] * GH == pytest.approx(truth["hashrate"], rel=0.01)
    assert info["power"] == pytest.approx(truth["power"])
    assert (info["stratumURL"], info["stratumPort"]) == ("127.0.0.1", 3333)
    assert info["sharesAccepted"] == truth["accepted"]
    assert (await get(session, rig, "/api/system/asic"))["deviceModel"] == "Gamma"


async def test_espminer_reports_the_fallback_pool_and_overheating(rig_of, session, clock):
    rig = await rig_of("espminer")
    rig.force("pool_outage", duration=1e6)
    rig.state.physics.stopped = True
    info = await get(session, rig, "/api/system/info")
    assert info["isUsingFallbackStratum"] == 1
    assert info["overheat_mode"] == 1


async def test_epic_serves_http_on_port_4028(rig_of, session):
    rig = await rig_of("epic")
    summary, truth = await get(session, rig, "/summary", 4028), rig.truth()
    assert sum(board["Hashrate"][0] for board in summary["HBs"]) * MH == pytest.approx(truth["hashrate"], rel=1e-3)
    assert summary["Power Supply Stats"]["Input Power"] == pytest.approx(truth["power"], abs=0.1)
    assert (await get(session, rig, "/network", 4028))["dhcp"]["mac_address"] == rig.state.mac.upper()
    async with session.get(url(rig, "/")) as response:
        assert "Miner Web Dashboard" in await response.text()
    clocks = await get(session, rig, "/clocks", 4028)
    assert len(clocks[0]["Data"]) == 110


async def test_sealminer_pages_accept_get_and_empty_post_for_reading(fleet_of, session):
    fleet = await fleet_of(mix={"sealminer": 1})
    rig = fleet.rigs[0]
    assert (await get(session, rig, "/cgi-bin/get_system_info.php"))["brand"] == "Sealminer"
    async with session.post(url(rig, "/cgi-bin/miner-psu-status.php")) as response:
        assert (await response.json())["Power"] == pytest.approx(rig.truth()["power"], abs=1)
    assert fleet.privileged_seen == 0
    async with session.post(url(rig, "/cgi-bin/set_pool.php"), data={"pool": "x"}) as response:
        assert response.status == 403
    assert fleet.privileged_seen == 1


WRITES = [
    ("antminer", 80, "POST", "/cgi-bin/set_miner_conf.cgi"),
    ("vnish", 80, "POST", "/api/v1/mining/stop"),
    ("braiins", 80, "PUT", "/api/v1/actions/pause"),
    ("espminer", 80, "PATCH", "/api/system"),
    ("espminer", 80, "POST", "/api/system/restart"),
    ("epic", 4028, "POST", "/miner"),
    ("auradine", 8080, "POST", "/restart"),
    ("hammer", 80, "POST", "/cgi-bin/set_miner_conf.cgi"),
    ("elphapex", 80, "POST", "/cgi-bin/set_miner_conf.cgi"),
    ("proto", 80, "POST", "/api/v1/mining/stop"),
    ("proto", 80, "PUT", "/api/v1/system/tag"),
]


@pytest.mark.parametrize(("family", "port", "method", "path"), WRITES)
async def test_write_requests_are_refused_and_counted(fleet_of, session, family, port, method, path):
    fleet = await fleet_of(mix={family: 1})
    async with session.request(method, url(fleet.rigs[0], path, port), json={"a": 1}) as response:
        assert response.status in (401, 403)
    assert fleet.privileged_seen == 1
    assert fleet.commands_seen == {(family, f"{method} {path}"): 1}


@pytest.mark.parametrize("family", ["antminer", "hammer", "elphapex"])
async def test_write_pages_are_refused_after_login_too(fleet_of, family):
    fleet = await fleet_of(mix={family: 1})
    rig = fleet.rigs[0]
    for count, path in enumerate(("/cgi-bin/reboot.cgi", "/cgi-bin/set_miner_conf.cgi"), 1):
        digest = aiohttp.DigestAuthMiddleware(rig.user, rig.password)
        async with (
            aiohttp.ClientSession(middlewares=(digest,)) as authenticated,
            authenticated.get(url(rig, path)) as response,
        ):
            assert response.status == 403
        assert fleet.privileged_seen == count


async def test_landing_pages_name_the_firmware(fleet_of, session):
    fleet = await fleet_of(rigs=len(FAMILIES), mix=dict.fromkeys(FAMILIES, 1))
    words = {
        "vnish": "AnthillOS",
        "braiins": "Braiins OS",
        "braiins-graphql": "Braiins OS",
        "espminer": "AxeOS",
        "epic": "Miner Web Dashboard",
        "sealminer": "amazeui",
        "proto": "Proto OS",
    }
    for rig in fleet.rigs:
        if rig.family in words:
            async with session.get(url(rig, "/")) as response:
                assert words[rig.family] in await response.text()


async def send_raw(rig, data: bytes) -> bytes:
    reader, writer = await asyncio.open_connection(rig.address, rig.ports[80])
    writer.write(data)
    try:
        return await asyncio.wait_for(reader.read(), 60)
    finally:
        writer.close()


async def test_split_and_pipelined_requests_are_answered_in_order(rig_of):
    rig = await rig_of("espminer")
    reader, writer = await asyncio.open_connection(rig.address, rig.ports[80])
    first = b"GET /api/system/info HTTP/1.1\r\nHost: x\r\n\r\n"
    for at in range(0, len(first), 7):
        writer.write(first[at : at + 7])
        await writer.drain()
        await asyncio.sleep(0.001)
    writer.write(b"GET /no HTTP/1.1\r\n\r\nHEAD / HTTP/1.1\r\nConnection: close\r\n\r\n")
    text = (await asyncio.wait_for(reader.read(), 60)).decode()
    writer.close()
    assert text.index("200 OK") < text.index("404 Not Found") < text.rindex("200 OK")
    assert text.endswith("\r\n\r\n")  # a response to HEAD has no body


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"GET /" + b"a" * 20_000, b"413"),
        (b"nonsense\r\n\r\n", b"400"),
        (b'{"command":"version"}', b"400"),
        (b"POST / HTTP/1.1\r\nContent-Length: 99999999\r\n\r\n", b"413"),
        (b"POST / HTTP/1.1\r\nContent-Length: x\r\n\r\n", b"400"),
    ],
)
async def test_invalid_requests_close_the_connection(rig_of, data, status):
    answer = await send_raw(await rig_of("espminer"), data)
    assert answer.startswith(b"HTTP/1.1 " + status)


async def test_vnish_instant_hashrate_is_in_th(rig_of, session):
    rig = await rig_of("vnish")
    miner = (await get(session, rig, "/api/v1/summary"))["miner"]
    assert miner["instant_hashrate"] * TH == pytest.approx(rig.truth()["hashrate"], rel=0.01)
