"""Logs in to a firmware's web API with the operator's credentials, at most once per hour after a refusal."""

import base64
import re
from collections.abc import Mapping
from typing import Any, Final

from aiohttp import DigestAuthMiddleware

from stratoscope.drivers.driver import Login, LoginScheme
from stratoscope.errors import AuthRefused, Garbled
from stratoscope.units import HOUR
from stratoscope.wire import repair
from stratoscope.wire.http import WebClient, WebEndpoint, WebResponse
from stratoscope.wire.target import RigSession, Target

LOCKED_STATUSES: Final = frozenset({401, 403})
REDIRECT_STATUSES: Final = range(300, 400)
PLACEHOLDER: Final = re.compile(r"\{(user|password)\}")
MAX_TOKEN_CHARS: Final = 8192


class WebLogin:
    """The login of one rig: tried only if a page requires it, with the configured credentials, at most once per hour.

    The result (token, cookie, digest challenge) is stored in the session.
    """

    def __init__(self, web: WebClient, target: Target, session: RigSession, login: Login | None, now: float) -> None:
        self._web = web
        self._target = target
        self._session = session
        self._login = login if target.password is not None else None
        self._now = now
        self._tried = False
        if self._login is not None or session.login_owner is not None:
            self._reset_for_new_owner()

    def _reset_for_new_owner(self) -> None:
        """Forget a login to another rig, or with other credentials: it must not be sent here."""
        target, session = self._target, self._session
        owner = (target.host, target.ports, target.user, target.password)
        if session.login_owner != owner:
            session.login_owner = owner
            session.headers.clear()
            session.digest, session.login_at, session.login_refused = None, None, False

    def digest(self) -> DigestAuthMiddleware | None:
        """Return the digest login of this rig, or None without one or within an hour after a refusal."""
        login, session = self._login, self._session
        if login is None or login.scheme is not LoginScheme.DIGEST or self._is_blocked():
            return None
        if session.digest is None:
            session.login_at = self._now
            session.digest = DigestAuthMiddleware(self._target.user or "", self._target.password or "")
        digest: DigestAuthMiddleware = session.digest
        return digest

    def _is_blocked(self) -> bool:
        session = self._session
        if session.login_refused and session.login_at is not None and self._now - session.login_at >= HOUR:
            session.login_refused = False
        return session.login_refused

    def requires_login(self, answer: WebResponse) -> bool:
        """Return whether the response requires a login: 401, 403, or for a cookie login a redirect or an HTML page."""
        if answer.status in LOCKED_STATUSES:
            return True
        if self._login is None or self._login.scheme is not LoginScheme.COOKIE:
            return False
        return answer.status in REDIRECT_STATUSES or answer.body[:64].lstrip().startswith(b"<")

    async def log_in(self, size: int, connect: float) -> bool:
        """Log in once per exchange if possible; return whether the page should be requested again.

        Raises Unreachable, TimedOut, Garbled; AuthRefused("auth") if the rig refuses the credentials.
        """
        login, session = self._login, self._session
        if login is None or self._tried or self._is_blocked():
            return False
        self._tried = True
        session.headers.clear()
        if login.scheme is LoginScheme.DIGEST:
            return False  # the digest middleware answered the challenge during the request
        session.login_at = self._now
        if login.scheme is LoginScheme.BASIC:
            pair = f"{self._target.user or ''}:{self._target.password}".encode()
            session.headers["Authorization"] = "Basic " + base64.b64encode(pair).decode()
            return True
        site = WebEndpoint(self._target.host, self._target.port(login.port), connect, size)
        answer = await self._web.log_in(site, login.path, self._body(login), form=login.form)
        session.headers.update(self._auth_headers(login, answer))
        return True

    def _body(self, login: Login) -> dict[str, str]:
        words = {"user": self._target.user or "", "password": self._target.password or ""}
        return {name: PLACEHOLDER.sub(lambda m: words[m[1]], pattern) for name, pattern in login.body.items()}

    def _auth_headers(self, login: Login, answer: WebResponse) -> Mapping[str, str]:
        """Return the headers that a login response grants; raises AuthRefused without any."""
        if answer.status < 300 or (login.scheme is LoginScheme.COOKIE and answer.status in REDIRECT_STATUSES):
            if login.scheme is LoginScheme.COOKIE and answer.cookies:
                return {"Cookie": "; ".join(f"{name}={value}" for name, value in answer.cookies.items())}
            token = _token(answer.body, login.token) if login.scheme is LoginScheme.BEARER else None
            if token is not None:
                return {login.header: login.prefix + token}
        self.mark_refused()
        raise AuthRefused(
            "auth", f"the rig refused the login (HTTP {answer.status}): check `user` and `password` of this rig"
        )

    def mark_refused(self) -> None:
        """Remember that the credentials failed, so that they are not tried again for an hour."""
        if self._login is not None and not self._session.login_refused:
            self._session.login_refused = True
            self._session.login_at = self._now
            self._session.digest = None


def _token(body: bytes, path: str) -> str | None:
    """Return the text at the dotted `path` of a JSON body: names for objects, numbers for lists."""
    try:
        value: Any = repair.parse(body)
    except Garbled:
        return None
    for step in path.split("."):
        if isinstance(value, list) and step.isdecimal():
            value = value[int(step)] if int(step) < len(value) else None
        else:
            value = value.get(step) if isinstance(value, dict) else None
    usable = isinstance(value, str) and 0 < len(value) <= MAX_TOKEN_CHARS and value.isascii() and value.isprintable()
    return value if usable else None
