"""Reads the stratum addresses that rigs and operators write, and says which of them an observer may connect to.

A rig that was broken into can name any host. So what only a rig named is asked on a public address, or where the rig
itself stands: a rig on the private network may name a proxy there, but not this machine, nor the address where clouds
keep credentials.
"""

import ipaddress
import re
from collections.abc import Collection
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import Any, Final

from publicsuffixlist import PublicSuffixList

CLEAR: Final = "stratum+tcp"
TLS: Final = "stratum+ssl"
V2: Final = "stratum2+tcp"
SCHEMES: Final = {
    "": CLEAR,
    "stratum": CLEAR,
    "stratum+tcp": CLEAR,
    "tcp": CLEAR,
    "stratum1+tcp": CLEAR,
    "stratum+ssl": TLS,
    "stratum+tls": TLS,
    "stratum+tcps": TLS,
    "stratums": TLS,
    "ssl": TLS,
    "tls": TLS,
    "stratum1+ssl": TLS,
    "stratum1+tls": TLS,
    "stratum2+tcp": V2,
    "stratum2": V2,
}
"""Spellings that firmwares use → the one that is shown."""
NOT_STRATUM: Final = ("http", "https", "getwork", "gbt", "ws", "wss")
LONGEST: Final = 512
HOST: Final = re.compile(r"(?=.{1,253}$)[a-z0-9_](?:[a-z0-9_-]{0,62})(?:\.[a-z0-9_-]{1,63}){0,32}")
LEAST_PRIVATE_PORT: Final = 1024
"""Below it services listen that a rig has no business to point an observer at."""
NEVER: Final = frozenset({"169.254.169.254", "169.254.170.2", "100.100.100.200", "fd00:ec2::254"})
"""Where clouds keep the credentials of a machine."""

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class NoEndpoint(ValueError):
    """A text names no stratum endpoint; `reason` is `protocol` or `unreadable`, the text tells the remedy."""

    def __init__(self, reason: str, text: str) -> None:
        super().__init__(text)
        self.reason = reason


@dataclass(frozen=True, slots=True, order=True)
class Endpoint:
    """Where a stratum pool listens; `key` is the authority key of Stratum V2."""

    scheme: str
    host: str
    port: int
    key: str = ""

    @property
    def tls(self) -> bool:
        """Tell whether the connection is encrypted by TLS."""
        return self.scheme == TLS

    @property
    def url(self) -> str:
        """Return how the endpoint is called everywhere: scheme, host, port; no user, no path."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}"


@lru_cache(1 << 12)  # thousands of rigs name the same few
def endpoint_of(text: str) -> Endpoint:
    """Return the endpoint that a pool URL names; raise NoEndpoint.

    User, password, path, query and fragment are passed over; a port must be there, as stratum has no usual one.
    """
    if len(text) > LONGEST:
        raise NoEndpoint("unreadable", "it is too long for the address of a pool")
    scheme, mark, rest = text.strip().partition("://")
    if not mark:
        scheme, rest = "", scheme
    kind = SCHEMES.get(scheme.lower())
    if kind is None:
        reason = "protocol" if scheme.lower() in NOT_STRATUM else "unreadable"
        raise NoEndpoint(reason, f"it must begin with {CLEAR}://, {TLS}:// or {V2}://")
    place, _, path = re.split(r"[?#]", rest, maxsplit=1)[0].partition("/")
    host, port = _host_and_port(place.rpartition("@")[2].lower())
    return Endpoint(kind, host, port, path[:128] if kind == V2 and re.fullmatch(r"[1-9A-Za-z]{1,128}", path) else "")


def _host_and_port(place: str) -> tuple[str, int]:
    if place.startswith("["):
        host, _, rest = place[1:].partition("]")
        port = rest.removeprefix(":")
        if _address(host) is None:
            raise NoEndpoint("unreadable", "what stands in its brackets is no IPv6 address")
    else:
        host, _, port = place.rpartition(":")
        host = host.rstrip(".")
        if not HOST.fullmatch(host):
            raise NoEndpoint("unreadable", "it must name a host and a port, as pool.example.com:3333")
    if not re.fullmatch(r"[0-9]{1,5}", port) or not 0 < int(port) < 65536:
        raise NoEndpoint("unreadable", "its port must be a number from 1 to 65535")
    return host, int(port)


def place_of(address: str) -> str:
    """Return where an IP address lies: public, private, loopback, link_local or never (no host can be there)."""
    found = _address(address)
    if found is None or str(found) in NEVER or found.is_unspecified or found.is_multicast:
        return "never"
    if found.is_loopback:
        return "loopback"
    if found.is_link_local:
        return "link_local"
    if found.is_reserved:
        return "never"
    return "public" if found.is_global else "private"


def _address(text: str) -> Address | None:
    """Return the address that `text` stands for, the IPv4 one inside an IPv6 form of it."""
    try:
        found: Address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    if isinstance(found, ipaddress.IPv6Address):
        inner: Any = found.ipv4_mapped or found.sixtofour or (found.teredo[1] if found.teredo else None)
        if inner is None and found in NAT64:
            inner = ipaddress.IPv4Address(int(found) & 0xFFFFFFFF)
        return inner or found
    return found


NAT64: Final = ipaddress.IPv6Network("64:ff9b::/96")


def forbidden(address: str, port: int, rigs: Collection[str] | None) -> str | None:
    """Return why `address`:`port` may not be asked, for people; None where it may.

    `rigs` are the places (`place_of`) of the rigs that named it, None where the operator did.
    """
    place = place_of(address)
    if place == "never":
        return f"{address} is no address of a pool"
    if rigs is None or place == "public":
        return None
    if place not in rigs:
        return f"{address} is a {place.replace('_', '-')} address, and only a rig elsewhere names it: configure it"
    if port < LEAST_PRIVATE_PORT and place != "loopback":
        return f"port {port} of {address} on the own network is named by a rig only: configure it"
    return None


def matches(endpoint: Endpoint, patterns: Collection[str]) -> bool:
    """Tell whether one of `patterns` (a host or host:port, with * for anything) fits the endpoint."""
    return any(
        fnmatchcase(f"{endpoint.host}:{endpoint.port}" if _has_port(pattern) else endpoint.host, pattern.lower())
        for pattern in patterns
    )


def _has_port(pattern: str) -> bool:
    return re.search(r":(?:\d+|\*)$", pattern) is not None


def turn_of(endpoint: Endpoint, host: str | None, port: int | None) -> tuple[str, Endpoint | None]:
    """Return where `client.reconnect` points to (one of live.TURNS), and the endpoint where it may be followed.

    Within is another host of the same registered domain, by the public suffix list; an IP address has no domain.
    """
    name = (host or endpoint.host).lower().rstrip(".")
    target = Endpoint(endpoint.scheme, name, port or endpoint.port, endpoint.key)
    if name == endpoint.host:
        return "same", target
    if not HOST.fullmatch(name) or _address(name) is not None or _address(endpoint.host) is not None:
        return "abroad", None
    own = registered_domain(endpoint.host)
    return ("within", target) if own is not None and own == registered_domain(name) else ("abroad", None)


@lru_cache(256)
def registered_domain(host: str) -> str | None:
    """Return the domain that one owner registered: pool.co.uk of eu.pool.co.uk; None where nobody could have."""
    return _suffixes().privatesuffix(host)


@lru_cache(1)
def _suffixes() -> PublicSuffixList:
    return PublicSuffixList(accept_unknown=False)  # its list takes 50 ms to read, and a redirect is rare
