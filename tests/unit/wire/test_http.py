"""Tests the HTTP transport: size limits, redirects, and allowed requests."""

import gzip
import json

import pytest

from fakes.rig import FakeServer, FakeWeb, saying, silent
from stratoscope.drivers.driver import Command, Via
from stratoscope.errors import AuthRefused, Garbled, TimedOut, Unreachable
from stratoscope.wire.target import Limits, RigSession

INFO = Command("info", "/api/v1/info", Via.HTTP)
BODY = {"model": "S19", "n": 7}
JSON = json.dumps(BODY).encode()


def serving(body=JSON, status=200, **headers):
    return lambda request: (status, {name.replace("_", "-"): value for name, value in headers.items()}, body)


async def ask(wire, web, *commands, session=None, login=None, limits=None, **who):
    return await wire.query(
        web.target(80, **who), commands or (INFO,), session or RigSession(), login=login, limits=limits
    )


async def test_page_is_returned_as_json_or_text(wire):
    text = Command("page", "/index.html", Via.HTTP, text=True)
    async with FakeWeb(serving()) as web:
        answers = await ask(wire, web, INFO, text)
        assert answers.replies == {"info": BODY, "page": JSON.decode()}
        assert answers.received == 2 * len(JSON)
        assert [request.method for request in web.requests] == ["GET", "GET"]


async def test_epic_http_on_port_4028(wire):
    async with FakeWeb(serving()) as web:
        command = Command("summary", "/summary", Via.HTTP, port=4028)
        assert (await wire.query(web.target(4028), [command], RigSession())).replies == {"summary": BODY}


async def test_graphql_query_uses_get(wire):
    query = "/graphql?query={bos{hostname}}"
    async with FakeWeb(serving()) as web:
        assert (await ask(wire, web, Command("gql", query, Via.HTTP))).replies == {"gql": BODY}
        assert (web.requests[0].method, web.requests[0].path) == ("GET", "/graphql?query=%7Bbos%7Bhostname%7D%7D")


@pytest.mark.parametrize(
    ("reply", "kind", "reason"),
    [
        ((200, {}, b"<html>login</html>"), Garbled, "not_json"),
        ((200, {}, b"Socket connect failed: Connection refused\n"), Garbled, "not_json"),
        ((200, {}, b""), Garbled, "not_json"),
        ((200, {"Content-Length": "500"}, b'{"a":1'), Garbled, "truncated"),
        ((200, {"Content-Encoding": "br"}, b"xx"), Garbled, "decode"),
        ((200, {"Content-Encoding": "gzip"}, b"not gzip"), Garbled, "decode"),
        ((200, {"Content-Encoding": "gzip"}, gzip.compress(JSON, mtime=0)[:-9]), Garbled, "truncated"),
        ((404, {}, b"no"), Garbled, "refused_command"),
        ((302, {"Location": "http://127.0.0.1:1/"}, b""), Garbled, "refused_command"),
        ((503, {}, b"busy"), Garbled, "refused_command"),
        ((401, {}, b"no"), AuthRefused, "auth"),
        ((403, {}, b"no"), AuthRefused, "auth"),
    ],
    ids=repr,
)
async def test_invalid_response_has_its_reason(wire, reply, kind, reason):
    async with FakeWeb(lambda request: reply) as web:
        with pytest.raises(kind) as caught:
            await ask(wire, web)
        assert caught.value.reason == reason
        session = RigSession()
        web.handle = lambda request: reply if request.path == "/summary" else serving()(request)
        for refused in ({"other": reason}, {}):  # an optional one is not sent again
            answers = await ask(
                wire, web, INFO, Command("other", "/summary", Via.HTTP, required=False), session=session
            )
            assert (answers.replies, answers.refused) == ({"info": BODY}, refused)


async def test_f05_endless_page_stops_at_the_size_limit(wire):
    async with FakeWeb(serving(b"[" + b"1," * 400_000)) as web:
        with pytest.raises(Garbled) as caught:
            await ask(wire, web, limits=Limits(size=100_000))
    assert caught.value.reason == "oversize"


async def test_s12_gzip_bomb_stops_at_the_size_limit(wire):
    bomb = gzip.compress(b"0" * (48 << 20), 9)
    async with FakeWeb(serving(bomb, Content_Encoding="gzip")) as web:
        with pytest.raises(Garbled) as caught:
            await ask(wire, web)
    assert caught.value.reason == "oversize"


async def test_unrequested_compression_is_decompressed(wire):
    async with FakeWeb(serving(gzip.compress(JSON), Content_Encoding="gzip")) as web:
        assert (await ask(wire, web)).replies == {"info": BODY}
        assert web.requests[0].headers["accept-encoding"] == "identity"


async def test_f30_redirect_is_never_followed(wire):
    async with FakeWeb(serving()) as other:
        async with FakeWeb(serving(b"", 302, Location=f"http://127.0.0.1:{other.port}/api/v1/info")) as web:
            with pytest.raises(Garbled):
                await ask(wire, web, user="root", password="pw")
        assert other.connections == 0


@pytest.mark.parametrize(
    ("talk", "kind", "reason"),
    [
        (saying(b"cgminer: what?\0"), Garbled, "decode"),
        (saying(b""), Unreachable, "reset"),
        (silent, TimedOut, "timeout"),
    ],
)
async def test_server_without_http_has_its_reason(wire, talk, kind, reason):
    async def once(reader, writer):
        if talk is not silent:
            await reader.readuntil(b"\r\n\r\n")
            reader.feed_data(b"}")
        await talk(reader, writer)

    async with FakeServer(once) as server:
        with pytest.raises(kind) as caught:
            await ask(wire, server, limits=Limits(0.5, 0.5))
    assert caught.value.reason == reason


async def test_page_for_identification_accepts_any_response(wire):
    async with FakeWeb(serving(b"<html>\xff" + b"x" * 100_000, 401, WWW_Authenticate='Digest realm="antMiner"')) as web:
        page = await wire.page(web.target(80), "/")
        assert page.status == 401
        assert page.headers["www-authenticate"] == 'Digest realm="antMiner"'
        assert page.body.startswith("<html>\ufffdx")
        assert len(page.body) == 65536
        assert page.json is None
    async with FakeWeb(serving()) as web:
        assert (await wire.page(web.target(80), "/api/system/info")).json == BODY
    async with FakeServer(silent) as server:
        with pytest.raises(TimedOut):
            await wire.page(server.target(80), "/", limits=Limits(0.3, 0.3))
    with pytest.raises(Unreachable):
        await wire.page(server.target(80), "/")
