"""Proves the routes: negotiation, health, discovery, refusals, headers, limits, start and stop."""

import asyncio
import contextlib
import json
import pathlib

import pytest
from aiohttp import ClientSession
from pydantic import ValidationError

from fakes.addresses import free_port
from stratoscope.errors import ConfigError
from stratoscope.fleet import Fleet
from stratoscope_exporters.exposition.config import PrometheusConfig
from stratoscope_exporters.exposition.negotiate import accepts_gzip, choose_format
from stratoscope_exporters.exposition.text import PageFormat
from stratoscope_exporters.web import connections
from stratoscope_exporters.web.connections import host_of
from stratoscope_exporters.web.exporter import serve
from unit.export.farm import antminer, context, farm

PROMETHEUS_2 = (
    "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,"
    "text/plain;version=0.0.4;q=0.5,*/*;q=0.1"
)
PROMETHEUS_3 = (
    "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,"
    "application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,"
    "text/plain;version=0.0.4;q=0.3,*/*;q=0.2"
)


@pytest.mark.parametrize(
    ("accept", "form"),
    [
        (PROMETHEUS_2, PageFormat.OPENMETRICS),
        (PROMETHEUS_3, PageFormat.OPENMETRICS),
        (None, PageFormat.TEXT),
        ("*/*", PageFormat.TEXT),
        ("text/html,application/xhtml+xml,*/*;q=0.8", PageFormat.TEXT),
        ("application/openmetrics-text", PageFormat.OPENMETRICS),
        ("application/openmetrics-text;version=0.0.1,text/plain;q=0.1", PageFormat.TEXT),
        ("application/json", PageFormat.TEXT),
        ("application/openmetrics-text;q=0.2,text/plain;q=0.9", PageFormat.TEXT),
        ("application/openmetrics-text;q=0", PageFormat.TEXT),
        ('application/openmetrics-text;version="1.0.0";q=x', PageFormat.TEXT),
        (";;,=;q=", PageFormat.TEXT),
    ],
)
def test_format_follows_the_accept_header(accept, form):
    assert choose_format(accept) is form


@pytest.mark.parametrize(
    ("header", "yes"),
    [
        ("gzip", True),
        ("deflate, gzip;q=0.5", True),
        ("gzip;q=0", False),
        ("*", True),
        ("br", False),
        (None, False),
        ("gzip;q=0, *", False),
    ],
)
def test_gzip_only_if_the_client_accepts_it(header, yes):
    assert accepts_gzip(header) is yes


async def test_metrics_response_has_the_exact_content_type_and_is_compressed_on_request(site):
    session, _ = await site(farm())
    for accept, form in ((PROMETHEUS_3, PageFormat.OPENMETRICS), ("*/*", PageFormat.TEXT)):
        async with session.get("/metrics", headers={"Accept": accept, "Accept-Encoding": "gzip"}) as answer:
            assert answer.headers["Content-Type"] == form.value
            assert answer.headers["Content-Encoding"] == "gzip"
            page = await answer.text()
            assert 'mining_rig_up{rig="hall1-07"} 1\n' in page
            assert "stratoscope_insecure_listen 0.0" in page
    async with session.get("/metrics", headers={"Accept-Encoding": "identity"}) as answer:
        assert "Content-Encoding" not in answer.headers
        assert int(answer.headers["Content-Length"]) == len(await answer.read())
    async with session.head("/metrics") as answer:
        assert (answer.status, await answer.read()) == (200, b"")


async def test_fifty_clients_get_the_whole_page(site):
    session, _ = await site(farm())

    async def scrape() -> int:
        async with session.get("/metrics") as answer:
            assert answer.status == 200
            return (await answer.text()).count("mining_rig_up{")

    assert await asyncio.gather(*(scrape() for _ in range(50))) == [6] * 50


async def test_parts_are_served_over_http(site):
    session, _ = await site(farm())
    rigs = 0
    for k in (1, 2, 3):
        async with session.get("/metrics", params={"part": f"{k}/3"}) as answer:
            rigs += (await answer.text()).count("mining_rig_up{")
    assert rigs == 6
    async with session.get("/metrics?part=9/3") as answer:
        assert (answer.status, "1 <= k <= n" in await answer.text()) == (400, True)


async def test_ready_follows_the_agent_and_healthy_is_always_ok(site):
    session, made = await site(farm())

    async def status(path: str) -> int:
        async with session.get(path) as answer:
            return answer.status

    assert (await status("/-/ready"), await status("/-/healthy")) == (200, 200)
    made.health.ready = False
    assert (await status("/-/ready"), await status("/-/healthy")) == (503, 200)
    made.health.ready, made.health.stopping = True, True
    assert (await status("/-/ready"), await status("/-/healthy")) == (503, 200)


async def test_sd_returns_the_host_name_of_the_request(site):
    session, _ = await site(farm())
    async with session.get("/sd") as answer:
        assert answer.headers["Content-Type"] == "application/json"
        assert await answer.json() == [{"targets": [session._base_url.authority], "labels": {"site": "north"}}]


async def test_sd_lists_parts_for_a_large_fleet(site):
    fleet = Fleet()
    for number in range(25):
        fleet.publish(antminer(f"rig-{number}"))
    session, _ = await site(fleet, "", part_size=10, advertise="agent:9860")
    async with session.get("/sd") as answer:
        groups = json.loads(await answer.read())
    assert [group["labels"]["__param_part"] for group in groups] == ["1/3", "2/3", "3/3"]
    assert len({group["labels"]["instance"] for group in groups}) == 3
    assert {target for group in groups for target in group["targets"]} == {"agent:9860"}
    assert all("site" not in group["labels"] for group in groups)


@pytest.mark.parametrize("host", ["evil.example", "evil.example:9860", "localhost.evil.example", "127.0.0.1.nip.io:80"])
async def test_unknown_host_name_is_refused_and_counted(site, host):
    session, made = await site(farm())
    for path in ("/", "/metrics", "/sd", "/-/healthy"):
        async with session.get(path, headers={"Host": host}) as answer:
            assert answer.status == 421
    assert made.registry.get_sample_value("stratoscope_http_refused_total", {"reason": "host"}) == 4


@pytest.mark.parametrize("host", ["localhost:9860", "127.0.0.1", "[::1]:9860", "Agent:9860", "10.0.0.7:9860"])
async def test_own_names_addresses_and_configured_host_names_are_allowed(site, host):
    session, _ = await site(farm(), allowed_hosts=["agent"])
    async with session.get("/-/healthy", headers={"Host": host}) as answer:
        assert answer.status == 200


def test_host_header_is_split_from_its_port():
    assert [host_of(h) for h in ("a:1", "A.b.", "[::1]:9", "::1", "")] == ["a", "a.b", "::1", "::1", ""]


async def test_every_response_forbids_scripts_frames_and_sniffing(site):
    session, _ = await site(farm())
    for path in ("/", "/rig/evil", "/rig/none", "/metrics", "/sd", "/static/style.css", "/nowhere", "/-/healthy"):
        async with session.get(path) as answer:
            policy = answer.headers["Content-Security-Policy"]
            assert policy.startswith("default-src 'none'; style-src 'self'")
            assert "script" not in policy
            assert "unsafe" not in policy
            assert answer.headers["X-Content-Type-Options"] == "nosniff"
            assert answer.headers["X-Frame-Options"] == "DENY"
            assert "Access-Control-Allow-Origin" not in answer.headers


async def test_only_get_on_known_routes(site):
    session, _ = await site(farm())
    for method in ("POST", "PUT", "DELETE", "OPTIONS"):
        for path in ("/metrics", "/", "/sd"):
            async with session.request(method, path) as answer:
                assert answer.status == 405
    for path in ("/static/../http.py", "/static/%2e%2e/http.py", "/static/", "/debug", "/-/reload", "/probe?target=x"):
        async with session.get(path) as answer:
            assert answer.status == 404


async def test_slow_loris_is_disconnected_and_counted(site, clock, monkeypatch):
    session, made = await site(farm())
    port = session._base_url.port
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET /metrics HTTP/1.1\r\nHost: lo")
    await writer.drain()
    await asyncio.sleep(0.1)
    clock.now += connections.HEADER_TIMEOUT_S + 2
    assert await asyncio.wait_for(reader.read(), 20) == b""
    writer.close()
    assert made.registry.get_sample_value("stratoscope_http_refused_total", {"reason": "slow"}) >= 1
    async with session.get("/-/healthy") as answer:
        assert answer.status == 200


async def test_idle_connections_are_closed_for_a_scraper(site, monkeypatch):
    monkeypatch.setattr(connections, "MAX_CONNECTIONS", 20)
    session, made = await site(farm())
    port = session._base_url.port
    idle = [await asyncio.open_connection("127.0.0.1", port) for _ in range(60)]
    async with ClientSession() as other, other.get(f"http://127.0.0.1:{port}/metrics") as answer:
        assert answer.status == 200
    assert made.registry.get_sample_value("stratoscope_http_refused_total", {"reason": "crowded"}) >= 40
    for _, writer in idle:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


async def test_listening_beyond_loopback_sets_the_insecure_metric():
    assert not PrometheusConfig().insecure
    assert PrometheusConfig(listen="0.0.0.0:1").insecure
    assert PrometheusConfig(listen=":9860").insecure
    assert PrometheusConfig(listen="[::]:9860").insecure
    assert PrometheusConfig(listen="mine.example:80").insecure
    assert not PrometheusConfig(listen="[::1]:9860").insecure


@pytest.mark.parametrize("listen", ["9860", "::1:9860", "host:port", "host:70000", "host:²"])
def test_invalid_listen_address_is_an_error_with_a_remedy(listen):
    with pytest.raises(ValidationError, match=r"write|IPv6"):
        PrometheusConfig(listen=listen)


def test_unknown_settings_are_errors():
    with pytest.raises(ValidationError):
        PrometheusConfig(colour="blue")


async def test_port_in_use_is_a_config_error(site, clock):
    session, _ = await site(farm())
    with pytest.raises(ConfigError, match="set another address"):
        await serve(context(farm(), clock, {"listen": f"127.0.0.1:{session._base_url.port}"}))


async def test_exporter_can_restart_on_the_same_registry(clock):
    made = context(farm(), clock, {"listen": f"127.0.0.1:{free_port()}"})
    for _ in range(2):
        task = asyncio.create_task(serve(made))
        await asyncio.sleep(0.1)
        assert made.registry.get_sample_value("stratoscope_insecure_listen") == 0
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert made.fleet._subscribers == []
    assert made.registry.get_sample_value("stratoscope_insecure_listen") is None


def resident() -> int:
    return int(pathlib.Path("/proc/self/statm").read_text().split()[1]) * 4096


async def test_slow_clients_hold_one_piece_each_and_not_the_page(site):
    fleet = Fleet()
    for number in range(1500):
        fleet.publish(antminer(f"rig-{number:05d}"))
    session, _ = await site(fleet)
    async with session.get("/metrics", headers={"Accept-Encoding": "identity"}) as answer:
        size = len(await answer.read())
    assert size > 6_000_000
    before = resident()
    readers = [await asyncio.open_connection("127.0.0.1", session._base_url.port, limit=1024) for _ in range(40)]
    for _, writer in readers:
        writer.write(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n")
    for reader, _ in readers:
        assert (await reader.readline()) == b"HTTP/1.1 200 OK\r\n"
    await asyncio.sleep(0.3)
    assert resident() - before < 8 * size  # forty pages would be forty
    for _, writer in readers:
        writer.transport.abort()
