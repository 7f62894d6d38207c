"""Lets a reader into a firmware's web API with the operator's credentials, and never knocks twice when refused."""

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
    """The login of one rig: tried only when a page is shut, with what the operator configured, an hour apart at most.

    What opened the door (token, cookie, digest challenge) is kept in the session.
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
        """Forget what opened another rig's door, or this one's with other credentials: it must not be shown here."""
        target, session = self._target, self._session
        owner = (target.host, target.ports, target.user, target.password)
        if session.login_owner != owner:
            session.login_owner = owner
            session.headers.clear()
            session.digest, session.login_at, session.login_refused = None, None, False

    def digest(self) -> DigestAuthMiddleware | None:
        """Return the digest login of this rig, or None where it has none or was refused within the hour."""
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
        """Tell whether `answer` asks for a login: 401, 403, or with a cookie login a redirect or page of HTML."""
        if answer.status in LOCKED_STATUSES:
            return True
        if self._login is None or self._login.scheme is not LoginScheme.COOKIE:
            return False
        return answer.status in REDIRECT_STATUSES or answer.body[:64].lstrip().startswith(b"<")

    async def log_in(self, size: int, connect: float) -> bool:
        """Log in once in this exchange, if there is a login to try; tell whether it is worth asking again.

        Raises Unreachable, TimedOut, Garbled; AuthRefused("auth") when the rig refuses the credentials.
        """
        login, session = self._login, self._session
        if login is None or self._tried or self._is_blocked():
            return False
        self._tried = True
        session.headers.clear()
        if login.scheme is LoginScheme.DIGEST:
            return False  # was answered while asking
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
        """Return the headers that `answer` to a login gives us; raises AuthRefused where it gives none."""
        if answer.status < 300 or (login.scheme is LoginScheme.COOKIE and answer.status in REDIRECT_STATUSES):
            if login.scheme is LoginScheme.COOKIE and answer.cookies:
                return {"Cookie": "; ".join(f"{name}={value}" for name, value in answer.cookies.items())}
            token = _token(answer.body, login.token) if login.scheme is LoginScheme.BEARER else None
            if token is not None:
                return {login.header: login.prefix + token}
        self.mark_refused()
        raise AuthRefused("auth", f"the rig refused the configured login (HTTP {answer.status})")

    def mark_refused(self) -> None:
        """Remember that the credentials did not open the door, so that they are not tried again for an hour."""
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
