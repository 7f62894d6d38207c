"""A loopback server for each adapter that checks requests like the real pool and rejects bad ones."""

import asyncio
import base64
import contextlib
import hashlib
import hmac
import json
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from fakes.pool_answers import ADDRESS, ANSWERS, PATHS
from fakes.web import Asked, Says, Web
from stratoscope.pools.pool import PoolAccount

KEY, SECRET, ORGANIZATION = "k3y/of+the=account", "s3cret:of the acc&unt", "0f-organization"
BY_ADDRESS = {"ckpool", "ckpool-eu", "ocean", "public-pool", "parasite", "nicehash-address"}


def account_of(kind: str) -> PoolAccount:
    """Return the account that the site of a kind accepts."""
    if kind in BY_ADDRESS or kind.startswith("ckpool"):
        return PoolAccount(account=ADDRESS)
    if kind == "hydrapool":
        return PoolAccount(account=ADDRESS, user="hydra", secret=SECRET)
    organization = ORGANIZATION if kind == "nicehash" else ""
    return PoolAccount(account="acct", key=KEY, secret=SECRET, organization=organization)


@dataclass
class Request:
    """The parts of a request."""

    method: str
    path: str
    query: dict[str, str]
    raw_query: str
    headers: dict[str, str]
    body: bytes
    form: dict[str, str] = field(default_factory=dict)

    @classmethod
    def parse(cls, asked: Asked) -> "Request":
        url = urlsplit(asked.path)
        form = (
            dict(parse_qsl(asked.body.decode("latin-1")))
            if "urlencoded" in asked.headers.get("Content-Type", "")
            else {}
        )
        return cls(asked.method, url.path, dict(parse_qsl(url.query)), url.query, asked.headers, asked.body, form)


def hmac_hex(secret: str, text: str) -> str:
    return hmac.new(secret.encode(), text.encode(), hashlib.sha256).hexdigest()


def header(name: str, value: str) -> Callable[[Request], bool]:
    return lambda request: request.headers.get(name) == value


def f2pool(request: Request) -> bool:
    body = json.loads(request.body) if request.method == "POST" else {}
    return (
        request.headers.get("F2P-API-SECRET"),
        body.get("mining_user_name"),
        body.get("currency"),
        request.headers.get("Content-Type"),
    ) == (KEY, "acct", "bitcoin", "application/json")


def viabtc(request: Request) -> bool:
    if request.headers.get("X-API-KEY") != KEY:
        return False
    return "X-SIGNATURE" not in request.headers or (
        request.headers["X-SIGNATURE"] == hmac_hex(SECRET, request.raw_query) and "tonce" in request.query
    )


class Antpool:
    """Accepts only nonces that grow."""

    def __init__(self) -> None:
        self.last = 0

    def __call__(self, request: Request) -> bool:
        form = request.form
        nonce = int(form.get("nonce", 0))
        good = nonce > self.last and form.get("key") == KEY and form.get("coin") == "BTC"
        self.last = max(self.last, nonce)
        return good and form.get("signature") == hmac_hex(SECRET, f"acct{KEY}{nonce}").upper()


def nicehash(request: Request) -> bool:
    head = request.headers
    parts = (
        KEY,
        head.get("X-Time", ""),
        head.get("X-Nonce", ""),
        "",
        ORGANIZATION,
        "",
        request.method,
        request.path,
        request.raw_query,
    )
    return (head.get("X-Organization-Id"), head.get("X-Auth")) == (
        ORGANIZATION,
        f"{KEY}:{hmac_hex(SECRET, chr(0).join(parts))}",
    )


def binance(request: Request) -> bool:
    query, _, sign = request.raw_query.rpartition("&signature=")
    signed = sign == hmac_hex(SECRET, query) and "timestamp" in request.query
    return request.headers.get("X-MBX-APIKEY") == KEY and signed


def sbicrypto(request: Request) -> bool:
    return (request.headers.get("X-API-key"), request.headers.get("X-API-secret")) == (KEY, SECRET)


BASIC = "Basic " + base64.b64encode(f"hydra:{SECRET}".encode()).decode()
CHECKS: Mapping[str, Callable[[Request], bool]] = {
    "braiins": header("Pool-Auth-Token", KEY),
    "viabtc": viabtc,
    "f2pool": f2pool,
    "nicehash": nicehash,
    "foundry": lambda r: r.path == "/pool_stats" or (r.headers.get("X-API-KEY") == KEY and r.path.endswith("/acct")),
    "luxor": header("authorization", KEY),
    "binance": binance,
    "sbicrypto": sbicrypto,
    "emcd": lambda r: unquote(r.path).endswith(f"/{KEY}"),
    "btccom": lambda r: (r.query.get("access_key"), r.query.get("puid")) == (KEY, "acct"),
    "powerpool": lambda r: r.query.get("apiKey") == KEY,
    "kano": lambda r: (r.query.get("api"), r.query.get("username"), r.query.get("k")) == (KEY, "acct", "api"),
    "hydrapool": header("Authorization", BASIC),
}
REFUSALS: Mapping[str, Says] = {
    "braiins": Says(b"Access denied.", 403, {"Content-Type": "text/plain"}),
    "viabtc": Says({"code": 12002, "data": {}, "message": "Invalid X-API-KEY"}),
    "f2pool": Says({"code": 5010, "msg": 'permission denied: permission denied name="x"'}),
    "antpool": Says({"code": 1002, "message": "signature error"}),
    "btccom": Says({"err_no": 110, "err_msg": "access_key is invalid"}),
    "powerpool": Says({"error": "Invalid API key"}),
    "kano": Says({"error": "Invalid api key"}),
    "binance": Says({"code": -2014, "msg": "API-key format invalid."}, 401),
}


class Paths(dict):
    """Finds the answer whose path is the longest prefix of the requested one."""

    def get(self, path: str, default: Any = None) -> Any:
        bare = urlsplit(path).path
        found = [known for known in self if bare == known or (known.endswith("/") and bare.startswith(known))]
        return self[max(found, key=len)] if found else default


class PoolSite(Web):
    """The server of one adapter; if set, `instead` answers every request."""

    def __init__(self, kind: str) -> None:
        super().__init__()
        self.answers = Paths()
        self.kind = kind
        self.instead: Callable[[Asked], Says] | None = None
        self._check = Antpool() if kind == "antpool" else CHECKS.get(kind, lambda _: True)
        for call, path in PATHS[kind].items():
            self.answers[path] = self.checked_answer(ANSWERS[kind][call])

    def checked_answer(self, body: Any) -> Callable[[Asked], Says]:
        """Return a handler that answers `body`, or one of its pages, to a request with a valid login."""

        def answer(asked: Asked) -> Says:
            if self.instead is not None:
                return self.instead(asked)
            request = Request.parse(asked)
            if not self._check(request):
                return REFUSALS.get(self.kind, Says({"message": "Unauthorized"}, 401))
            if isinstance(body, list) and self.kind != "foundry":
                return Says(body[page_of(request) - 1])
            return Says(body)

        return answer


def page_of(request: Request) -> int:
    """Return the requested page, counted from 1, by any pool's parameter."""
    parameters = {**request.query, **request.form}
    if "size" in parameters:
        return int(parameters["page"]) + 1
    return int(parameters.get("page") or parameters.get("page_number") or parameters.get("pageIndex") or 1)


@contextlib.contextmanager
def served(*kinds: str) -> Iterator[dict[str, PoolSite]]:
    """Serve pools from another thread, for programs and commands that run their own event loop."""
    loop, sites = asyncio.new_event_loop(), {kind: PoolSite(kind) for kind in kinds}
    started, stop = threading.Event(), asyncio.Event()

    async def serve() -> None:
        async with contextlib.AsyncExitStack() as stack:
            for site in sites.values():
                await stack.enter_async_context(site)
            started.set()
            await stop.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),), daemon=True)
    thread.start()
    assert started.wait(60)
    try:
        yield sites
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(20)
        loop.close()
