"""Creates placeholders for identities: the same original always gets the same placeholder, in the same form."""

import re
from collections.abc import Iterator
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Final, Literal

Kind = Literal["password", "token", "mac", "serial", "network", "host", "user", "pool", "payout", "ip"]

KEPT_IPS: Final = re.compile(r"127\.|0\.0\.0\.0$|255\.|::1?$")
"""Loopback, "any" and netmasks do not identify a site."""

FIRST_IPV4: Final = (IPv4Address("192.0.2.1"), IPv4Address("198.18.0.1"))
FIRST_IPV6: Final = IPv6Address("2001:db8::1")
"""Addresses reserved for documentation and tests."""

KEPT_WORDS: Final = frozenset({"", "x", "root", "admin", "none", "null", "unknown", "n/a", "-", "0"})


class Placeholders:
    """Originals and their placeholders."""

    def __init__(self) -> None:
        self._made: dict[str, str] = {}
        self._kinds: dict[str, Kind] = {}
        self._created: set[str] = set()
        self._counts: dict[str, int] = {}

    def iter_originals(self) -> Iterator[str]:
        """Yield every original seen, MACs in each spelling."""
        yield from self._made

    def iter_created(self) -> Iterator[str]:
        """Yield every placeholder longer than a letter."""
        return (made for made in self._created if len(made) > 1)

    def kind(self, original: str) -> Kind:
        """Return what `original` is."""
        return self._kinds[original]

    def of_known(self, text: str) -> str:
        """Return the placeholder of an original that was seen before, in upper or lower case."""
        if text in self._made:
            return self._made[text]
        lower = text.lower()
        return next((made for word, made in self._made.items() if word.lower() == lower), text)

    def replace(self, kind: Kind, text: str) -> str:
        """Return the placeholder for `text`, which is of `kind`."""
        if text.strip().lower() in KEPT_WORDS or text in self._created:
            return text
        if kind == "password":
            return self._remember(kind, text, "x")
        if text in self._made:
            return self._made[text]
        if kind == "mac":
            return self._mac(text)
        if kind in ("host", "pool", "serial", "user") and self._is_ip(text):
            return self.ip(text)
        if kind == "user":
            return self._user(text)
        if kind == "pool":
            return self._host_and_port(text)
        if kind in ("host", "network"):
            return self._remember(kind, text, f"{'rig' if kind == 'host' else 'network'}-{self._next(kind)}")
        return self._remember(kind, text, self._form(text, self._next(kind)))

    def ip(self, text: str) -> str:
        """Return a placeholder of the same IP version; other text unchanged."""
        if text in self._made or text in self._created:
            return self._made.get(text, text)
        if not self._is_ip(text) or KEPT_IPS.match(text):
            return text
        if isinstance(ip_address(text), IPv6Address):
            return self._remember("ip", text, str(FIRST_IPV6 + self._next("ipv6") - 1))
        count = self._next("ipv4")
        made = FIRST_IPV4[0] + count - 1 if count < 255 else FIRST_IPV4[1] + count - 255
        return self._remember("ip", text, str(made))

    def url(self, text: str) -> str:
        """Return a URL with placeholders for host, userinfo, long path segments and query values."""
        match = re.fullmatch(r"([A-Za-z][A-Za-z0-9+.-]*:\\?/\\?/)(?:([^@/\\]*)@)?([^/\\?#]*)(.*)", text, re.DOTALL)
        if match is None or text in self._created:
            return text
        scheme, userinfo, host, rest = match.groups()
        userinfo = f"{self.replace('user', userinfo.split(':')[0])}@" if userinfo else ""
        rest = re.sub(r"=[^&]+", "=x", rest)
        rest = re.sub(r"[A-Za-z0-9_.~%-]{13,}", lambda segment: self.replace("token", segment[0]), rest)
        return scheme + userinfo + self._host_and_port(host) + rest

    def _host_and_port(self, text: str) -> str:
        host, colon, port = text.rpartition(":") if re.search(r":\d{1,5}$", text) else (text, "", "")
        bare = host.strip("[]")
        if self._is_ip(bare):
            return host.replace(bare, self.ip(bare)) + colon + port
        if not host or host in self._created or host.lower() == "localhost":
            return text
        made = self._made.get(host) or self._remember("pool", host, f"pool-{self._next('pool')}.example")
        return made + colon + port

    def _user(self, text: str) -> str:
        """Keep the form account.worker; a payout address keeps the form of an address."""
        if "@" in text:
            return self._remember("user", text, f"user-{self._next('user')}@example.com")
        account, dot, worker = text.partition(".")
        made = self._made.get(account)
        if made is None and account.strip().lower() not in KEPT_WORDS:
            long = len(account) >= 26
            made = self._form(account, self._next("user")) if long else f"account-{self._next('user')}"
            made = self._remember("payout" if long else "user", account, made)
        if not dot:
            return made or account
        ending = self._made.get(f".{worker}") or f"worker-{self._next('worker')}"
        self._made.setdefault(f".{worker}", ending)
        self._kinds[f".{worker}"] = "user"
        return self._remember("user", text, f"{made or account}.{ending if worker else ''}")

    def _mac(self, text: str) -> str:
        digits = re.sub(r"[^0-9A-Fa-f]", "", text)
        if len(digits) != 12 or len(set(digits.lower())) == 1:
            return (
                text
                if len(set(digits.lower())) <= 1
                else self._remember("mac", text, self._form(text, self._next("mac")))
            )
        made = f"0200000{self._next('mac'):05X}"
        for sign in (":", "-", ""):
            for case in (str.upper, str.lower):
                pairs = [sign.join(code[at : at + 2] for at in range(0, 12, 2)) for code in (digits, made)]
                self._remember("mac", case(pairs[0]), case(pairs[1]))
        own = re.sub(r"[0-9A-Fa-f]", "{}", text).format(*made)
        return self._made.get(text) or self._remember("mac", text, own)

    def _form(self, text: str, number: int) -> str:
        """Return `text` with letters as X, digits as 0, and `number` in its last places."""
        plain = re.sub(r"[a-z]", "x", re.sub(r"[A-Z]", "X", re.sub(r"\d", "0", text)))
        plain = re.sub(r"[^\x20-\x7e]", "x", plain)
        places = [at for at, sign in enumerate(plain) if sign.isalnum()]
        signs = list(plain)
        for at, digit in zip(reversed(places), reversed(f"{number:03d}"), strict=False):
            signs[at] = digit
        return "".join(signs)

    def _remember(self, kind: Kind, original: str, made: str) -> str:
        self._made[original] = made
        self._kinds[original] = kind
        self._created.add(made)
        return made

    def _next(self, counter: str) -> int:
        self._counts[counter] = self._counts.get(counter, 0) + 1
        return self._counts[counter]

    @staticmethod
    def _is_ip(text: str) -> bool:
        try:
            ip_address(text)
        except ValueError:
            return False
        return True
