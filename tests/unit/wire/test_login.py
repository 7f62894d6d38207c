"""Tests logins: only with configured credentials, only to their own rig, never repeated after a refusal."""

import json

import pytest

from fakes.rig import FakeWeb, digest_guard
from stratoscope.drivers.driver import Command, Login, LoginScheme, Via
from stratoscope.errors import AuthRefused
from stratoscope.units import HOUR
from stratoscope.wire.target import RigSession, Target

INFO = Command("info", "/api/v1/info", Via.HTTP)
SUMMARY = Command("summary", "/api/v1/summary", Via.HTTP)
OPTIONAL = Command("info", "/api/v1/info", Via.HTTP, required=False)
BODY = {"model": "S19", "n": 7}
JSON = json.dumps(BODY).encode()
BEARER = Login(LoginScheme.BEARER, "/api/v1/unlock", {"pw": "{password}"}, token="token")
COOKIE = Login(
    LoginScheme.COOKIE, "/cgi-bin/luci", {"luci_username": "{user}", "luci_password": "{password}"}, form=True
)
ME = {"user": "root", "password": 's3cret {user} "&='}


def serving(request):
    return 200, {}, JSON


async def ask(wire, web, *commands, session=None, login=None, **who):
    return await wire.query(web.target(80, **who), commands or (INFO,), session or RigSession(), login=login)


async def test_without_credentials_nothing_is_posted(wire):
    async with FakeWeb(lambda request: (401, {}, b"no")) as web:
        answers = await wire.query(web.target(80), [OPTIONAL], RigSession(), login=BEARER)
        assert answers.refused == {"info": "auth"}
        assert web.posts == []


async def test_digest_challenge_is_reused_after_the_first_request(wire):
    session = RigSession()
    async with FakeWeb(digest_guard("root", "root", serving)) as web:
        who = {"user": "root", "password": "root"}
        for _ in range(3):
            answers = await ask(wire, web, session=session, login=Login(LoginScheme.DIGEST), **who)
            assert answers.replies == {"info": BODY}
        assert len(web.requests) == 4
        assert web.most == 1


async def test_s36_refused_digest_login_is_tried_once_an_hour(wire, clock):
    session = RigSession()
    wrong = {"user": "root", "password": "wrong"}
    async with FakeWeb(digest_guard("root", "root", serving)) as web:
        for at in range(0, 2 * int(HOUR), 600):
            clock.now = 1000.0 + at
            with pytest.raises(AuthRefused):
                await ask(wire, web, session=session, login=Login(LoginScheme.DIGEST), **wrong)
        assert sum("authorization" in request.headers for request in web.requests) == 2


async def test_basic_credentials_are_sent_only_if_required(wire):
    def handle(request):
        return serving(request) if request.headers.get("authorization") == "Basic cm9vdDpwdw==" else (401, {}, b"")

    session = RigSession()
    async with FakeWeb(handle) as web:
        for _ in range(2):
            answers = await ask(wire, web, session=session, login=Login(LoginScheme.BASIC), user="root", password="pw")
            assert answers.replies == {"info": BODY}
        assert len(web.requests) == 3
    async with FakeWeb(serving) as open_web:
        await ask(wire, open_web, login=Login(LoginScheme.BASIC), user="root", password="pw")
        assert "authorization" not in open_web.requests[0].headers


class Guard:
    """Issues a token for the right password and accepts only the newest one."""

    def __init__(self):
        self.issued = 0

    def __call__(self, request):
        if request.method == "POST":
            if json.loads(request.body).get("pw") != ME["password"]:
                return 403, {}, b"{}"
            self.issued += 1
            return 200, {}, json.dumps({"token": f"t{self.issued}"}).encode()
        right = request.headers.get("authorization") == f"Bearer t{self.issued}"
        return serving(request) if right and self.issued else (401, {}, b"")


async def test_token_is_reused_and_renewed_once_after_expiry(wire):
    session, guard = RigSession(), Guard()
    async with FakeWeb(guard) as web:
        for _ in range(3):
            answers = await ask(wire, web, INFO, SUMMARY, session=session, login=BEARER, **ME)
            assert set(answers.replies) == {"info", "summary"}
        assert len(web.posts) == 1
        guard.issued += 1  # the rig forgot the token
        assert (await ask(wire, web, session=session, login=BEARER, **ME)).replies
        assert len(web.posts) == 2
        assert web.most == 1


async def test_s36_refused_login_is_not_retried_within_the_hour(wire, clock):
    session, guard = RigSession(), Guard()
    async with FakeWeb(guard) as web:
        for at in range(0, 2 * int(HOUR), 600):
            clock.now = 1000.0 + at
            with pytest.raises(AuthRefused):
                await ask(wire, web, session=session, login=BEARER, user="root", password="wrong")
        assert len(web.posts) == 2


async def test_s36_useless_login_is_not_retried_within_the_hour(wire, clock):
    def handle(request):
        return (200, {}, b'{"token":"t"}') if request.method == "POST" else (401, {}, b"")

    session = RigSession()
    async with FakeWeb(handle) as web:
        for at in range(0, int(HOUR), 600):
            clock.now = 1000.0 + at
            with pytest.raises(AuthRefused):
                await ask(wire, web, session=session, login=BEARER, **ME)
        assert len(web.posts) == 1


@pytest.mark.parametrize(
    "token", [b'{"token":""}', b'{"token":7}', b'{"token":"a\\r\\nX: y"}', b"junk", b'{"other":"t"}']
)
async def test_login_response_without_a_valid_token_is_a_refusal(wire, token):
    async with FakeWeb(lambda request: (200, {}, token) if request.method == "POST" else (401, {}, b"")) as web:
        with pytest.raises(AuthRefused):
            await ask(wire, web, login=BEARER, **ME)


async def test_nested_token_is_sent_in_a_custom_header(wire):
    login = Login(
        LoginScheme.BEARER,
        "/token",
        {"command": "token", "user": "{user}", "password": "{password}"},
        token="Token.0.Token",
        header="Token",
        prefix="",
    )

    def handle(request):
        if request.method == "POST":
            return 200, {}, b'{"Token":[{"Token":"abc"}]}'
        return serving(request) if request.headers.get("token") == "abc" else (401, {}, b"")

    async with FakeWeb(handle) as web:
        assert (await ask(wire, web, login=login, **ME)).replies == {"info": BODY}
        assert json.loads(web.posts[0].body) == {"command": "token", "user": "root", "password": ME["password"]}


async def test_luci_login_uses_redirect_and_cookie(wire):
    def handle(request):
        if request.method == "POST":
            return 302, {"Set-Cookie": "sysauth=abc; Path=/", "Location": "/cgi-bin/luci/"}, b""
        if request.headers.get("cookie") == "sysauth=abc":
            return serving(request)
        return 200, {}, b"<html>log in</html>"

    async with FakeWeb(handle) as web:
        session = RigSession()
        for _ in range(2):
            assert (await ask(wire, web, session=session, login=COOKIE, **ME)).replies == {"info": BODY}
        assert len(web.posts) == 1
        assert web.posts[0].body == b"luci_username=root&luci_password=s3cret+%7Buser%7D+%22%26%3D"


async def test_s19_credentials_are_sent_only_to_their_rig(wire):
    async with FakeWeb(Guard()) as web, FakeWeb(serving) as other:
        await ask(wire, web, login=BEARER, **ME)
        await ask(wire, other)
        assert "authorization" not in other.requests[0].headers
        assert "cookie" not in other.requests[0].headers


async def test_s19_token_is_not_sent_to_another_rig(wire):
    session = RigSession()
    async with FakeWeb(Guard()) as web, FakeWeb(Guard()) as other:
        assert (await ask(wire, web, session=session, login=BEARER, **ME)).replies
        assert (await ask(wire, other, session=session, login=BEARER, **ME)).replies
        assert "authorization" not in other.requests[0].headers


async def test_new_credentials_are_tried_at_once_after_a_refusal(wire):
    session = RigSession()
    async with FakeWeb(Guard()) as web:
        with pytest.raises(AuthRefused):
            await ask(wire, web, session=session, login=BEARER, user="root", password="wrong")
        assert (await ask(wire, web, session=session, login=BEARER, **ME)).replies


def test_s15_password_is_not_in_repr():
    assert "s3cret" not in repr(Target("h", password="s3cret"))
