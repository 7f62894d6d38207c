"""Proves the HTTP transport: logins, caps, redirects, and what may be asked at all."""

import gzip
import json

import pytest

from fakes.rig import FakeServer, FakeWeb, digest_guard, saying, silent
from stratoscope.drivers.driver import Command, Login, Scheme, Via
from stratoscope.errors import AuthRefused, Garbled, TimedOut, Unreachable
from stratoscope.units import HOUR
from stratoscope.wire.target import Limits, Session

INFO = Command("info", "/api/v1/info", Via.HTTP)
SUMMARY = Command("summary", "/api/v1/summary", Via.HTTP)
OPTIONAL = Command("info", "/api/v1/info", Via.HTTP, needed=False)
BODY = {"model": "S19", "n": 7}
JSON = json.dumps(BODY).encode()
BEARER = Login(Scheme.BEARER, "/api/v1/unlock", {"pw": "{password}"}, token="token")
COOKIE = Login(Scheme.COOKIE, "/cgi-bin/luci", {"luci_username": "{user}", "luci_password": "{password}"}, form=True)
ME = {"user": "root", "password": 's3cret {user} "&='}


def serving(body=JSON, status=200, **headers):
    return lambda request: (status, {name.replace("_", "-"): value for name, value in headers.items()}, body)


async def ask(wire, web, *commands, session=None, login=None, limits=None, **who):
    return await wire.ask(web.target(80, **who), commands or (INFO,), session or Session(), login=login, limits=limits)


async def test_a_page_is_read_as_json_or_as_text(wire):
    text = Command("page", "/index.html", Via.HTTP, text=True)
    async with FakeWeb(serving()) as web:
        answers = await ask(wire, web, INFO, text)
        assert answers.replies == {"info": BODY, "page": JSON.decode()}
        assert answers.received == 2 * len(JSON)
        assert [request.method for request in web.requests] == ["GET", "GET"]


async def test_epic_speaks_http_on_port_4028(wire):
    async with FakeWeb(serving()) as web:
        command = Command("summary", "/summary", Via.HTTP, port=4028)
        assert (await wire.ask(web.target(4028), [command], Session())).replies == {"summary": BODY}


async def test_a_graphql_query_goes_by_get(wire):
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
        ((200, {"Content-Encoding": "gzip"}, gzip.compress(JSON)[:-9]), Garbled, "truncated"),
        ((404, {}, b"no"), Garbled, "refused_command"),
        ((302, {"Location": "http://127.0.0.1:1/"}, b""), Garbled, "refused_command"),
        ((503, {}, b"busy"), Garbled, "refused_command"),
        ((401, {}, b"no"), AuthRefused, "auth"),
        ((403, {}, b"no"), AuthRefused, "auth"),
    ],
    ids=repr,
)
async def test_what_is_no_answer_has_its_reason(wire, reply, kind, reason):
    async with FakeWeb(lambda request: reply) as web:
        with pytest.raises(kind) as caught:
            await ask(wire, web)
        assert caught.value.reason == reason
        session = Session()
        web.handle = lambda request: reply if request.path == "/summary" else serving()(request)
        for refused in ({"other": reason}, {}):  # an optional one is left alone from then on
            answers = await ask(wire, web, INFO, Command("other", "/summary", Via.HTTP, needed=False), session=session)
            assert (answers.replies, answers.refused) == ({"info": BODY}, refused)


async def test_f05_an_endless_page_is_cut_at_the_size_limit(wire):
    async with FakeWeb(serving(b"[" + b"1," * 400_000)) as web:
        with pytest.raises(Garbled) as caught:
            await ask(wire, web, limits=Limits(size=100_000))
    assert caught.value.reason == "oversize"


async def test_s12_a_gzip_bomb_is_cut_at_the_size_limit(wire):
    bomb = gzip.compress(b"0" * (48 << 20), 9)
    async with FakeWeb(serving(bomb, Content_Encoding="gzip")) as web:
        with pytest.raises(Garbled) as caught:
            await ask(wire, web)
    assert caught.value.reason == "oversize"


async def test_a_packed_page_is_unpacked_though_we_asked_for_none(wire):
    async with FakeWeb(serving(gzip.compress(JSON), Content_Encoding="gzip")) as web:
        assert (await ask(wire, web)).replies == {"info": BODY}
        assert web.requests[0].headers["accept-encoding"] == "identity"


async def test_f30_a_redirect_is_never_followed(wire):
    async with FakeWeb(serving()) as other:
        async with FakeWeb(serving(b"", 302, Location=f"http://127.0.0.1:{other.port}/api/v1/info")) as web:
            with pytest.raises(Garbled):
                await ask(wire, web, **ME)
        assert other.connections == 0


@pytest.mark.parametrize(
    ("talk", "kind", "reason"),
    [
        (saying(b"cgminer: what?\0"), Garbled, "decode"),
        (saying(b""), Unreachable, "reset"),
        (silent, TimedOut, "timeout"),
    ],
)
async def test_a_server_that_speaks_no_http_has_its_reason(wire, talk, kind, reason):
    async def once(reader, writer):
        if talk is not silent:
            await reader.readuntil(b"\r\n\r\n")
            reader.feed_data(b"}")
        await talk(reader, writer)

    async with FakeServer(once) as server:
        with pytest.raises(kind) as caught:
            await ask(wire, server, limits=Limits(0.5, 0.5))
    assert caught.value.reason == reason


# Logins


async def test_without_credentials_nothing_is_posted(wire):
    async with FakeWeb(serving(b"no", 401)) as web:
        answers = await wire.ask(web.target(80), [OPTIONAL], Session(), login=BEARER)
        assert answers.refused == {"info": "auth"}
        assert web.posts == []


async def test_digest_asks_twice_once_and_then_once_each(wire):
    session = Session()
    async with FakeWeb(digest_guard("root", "root", serving())) as web:
        who = {"user": "root", "password": "root"}
        for _ in range(3):
            answers = await ask(wire, web, session=session, login=Login(Scheme.DIGEST), **who)
            assert answers.replies == {"info": BODY}
        assert len(web.requests) == 4
        assert web.most == 1


async def test_s36_a_refused_digest_login_is_tried_once_an_hour(wire, clock):
    session = Session()
    wrong = {"user": "root", "password": "wrong"}
    async with FakeWeb(digest_guard("root", "root", serving())) as web:
        for at in range(0, 2 * int(HOUR), 600):
            clock.now = 1000.0 + at
            with pytest.raises(AuthRefused):
                await ask(wire, web, session=session, login=Login(Scheme.DIGEST), **wrong)
        assert sum("authorization" in request.headers for request in web.requests) == 2


async def test_basic_credentials_are_shown_only_where_they_are_asked_for(wire):
    def handle(request):
        return serving()(request) if request.headers.get("authorization") == "Basic cm9vdDpwdw==" else (401, {}, b"")

    session = Session()
    async with FakeWeb(handle) as web:
        for _ in range(2):
            answers = await ask(wire, web, session=session, login=Login(Scheme.BASIC), user="root", password="pw")
            assert answers.replies == {"info": BODY}
        assert len(web.requests) == 3
    async with FakeWeb(serving()) as open_web:
        await ask(wire, open_web, login=Login(Scheme.BASIC), user="root", password="pw")
        assert "authorization" not in open_web.requests[0].headers


class Guard:
    """Gives a token to the right password and lets through who shows the newest one."""

    def __init__(self):
        self.issued = 0

    def __call__(self, request):
        if request.method == "POST":
            if json.loads(request.body).get("pw") != ME["password"]:
                return 403, {}, b"{}"
            self.issued += 1
            return 200, {}, json.dumps({"token": f"t{self.issued}"}).encode()
        right = request.headers.get("authorization") == f"Bearer t{self.issued}"
        return serving()(request) if right and self.issued else (401, {}, b"")


async def test_a_token_is_reused_and_renewed_once_when_it_expired(wire):
    session, guard = Session(), Guard()
    async with FakeWeb(guard) as web:
        for _ in range(3):
            answers = await ask(wire, web, INFO, SUMMARY, session=session, login=BEARER, **ME)
            assert set(answers.replies) == {"info", "summary"}
        assert len(web.posts) == 1
        guard.issued += 1  # the rig forgot the token
        assert (await ask(wire, web, session=session, login=BEARER, **ME)).replies
        assert len(web.posts) == 2
        assert web.most == 1


async def test_s36_a_refused_login_is_not_tried_again_within_the_hour(wire, clock):
    session, guard = Session(), Guard()
    async with FakeWeb(guard) as web:
        for at in range(0, 2 * int(HOUR), 600):
            clock.now = 1000.0 + at
            with pytest.raises(AuthRefused):
                await ask(wire, web, session=session, login=BEARER, user="root", password="wrong")
        assert len(web.posts) == 2


async def test_s36_a_login_that_opens_nothing_is_not_tried_again_within_the_hour(wire, clock):
    def handle(request):
        return (200, {}, b'{"token":"t"}') if request.method == "POST" else (401, {}, b"")

    session = Session()
    async with FakeWeb(handle) as web:
        for at in range(0, int(HOUR), 600):
            clock.now = 1000.0 + at
            with pytest.raises(AuthRefused):
                await ask(wire, web, session=session, login=BEARER, **ME)
        assert len(web.posts) == 1


@pytest.mark.parametrize(
    "token", [b'{"token":""}', b'{"token":7}', b'{"token":"a\\r\\nX: y"}', b"junk", b'{"other":"t"}']
)
async def test_a_login_answer_without_a_usable_token_is_a_refusal(wire, token):
    async with FakeWeb(lambda request: (200, {}, token) if request.method == "POST" else (401, {}, b"")) as web:
        with pytest.raises(AuthRefused):
            await ask(wire, web, login=BEARER, **ME)


async def test_a_token_may_stand_deep_in_a_list_and_travel_in_a_header_of_its_own(wire):
    login = Login(Scheme.BEARER, "/token", {"command": "token", "user": "{user}", "password": "{password}"},
                  token="Token.0.Token", header="Token", prefix="")  # fmt: skip

    def handle(request):
        if request.method == "POST":
            return 200, {}, b'{"Token":[{"Token":"abc"}]}'
        return serving()(request) if request.headers.get("token") == "abc" else (401, {}, b"")

    async with FakeWeb(handle) as web:
        assert (await ask(wire, web, login=login, **ME)).replies == {"info": BODY}
        assert json.loads(web.posts[0].body) == {"command": "token", "user": "root", "password": ME["password"]}


async def test_luci_answers_a_login_with_a_redirect_and_a_cookie(wire):
    def handle(request):
        if request.method == "POST":
            return 302, {"Set-Cookie": "sysauth=abc; Path=/", "Location": "/cgi-bin/luci/"}, b""
        if request.headers.get("cookie") == "sysauth=abc":
            return serving()(request)
        return 200, {}, b"<html>log in</html>"

    async with FakeWeb(handle) as web:
        session = Session()
        for _ in range(2):
            assert (await ask(wire, web, session=session, login=COOKIE, **ME)).replies == {"info": BODY}
        assert len(web.posts) == 1
        assert web.posts[0].body == b"luci_username=root&luci_password=s3cret+%7Buser%7D+%22%26%3D"


async def test_s19_credentials_go_to_the_rig_they_belong_to_only(wire):
    async with FakeWeb(Guard()) as web, FakeWeb(serving()) as other:
        await ask(wire, web, login=BEARER, **ME)
        await ask(wire, other)
        assert "authorization" not in other.requests[0].headers
        assert "cookie" not in other.requests[0].headers


def test_s15_the_password_is_not_shown():
    from stratoscope.wire.target import Target

    assert "s3cret" not in repr(Target("h", password="s3cret"))


# Pages


async def test_a_page_for_identification_is_whatever_came(wire):
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
