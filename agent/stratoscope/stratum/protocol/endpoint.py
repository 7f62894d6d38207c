"""Parses stratum URLs from rigs and operators, and decides which endpoints an observing session may connect to.

A compromised rig can name any host. So an endpoint that only a rig names is contacted on a public address, or on the
rig's own network: a rig on the private network may name a proxy there, but neither this machine nor the address from
which cloud providers serve credentials.
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
"""URL schemes that firmwares use → the scheme that stratoscope shows."""
OTHER_PROTOCOLS: Final = ("http", "https", "getwork", "gbt", "ws", "wss")
MAX_URL_CHARS: Final = 512
HOST: Final = re.compile(r"(?=.{1,253}$)[a-z0-9_](?:[a-z0-9_-]{0,62})(?:\.[a-z0-9_-]{1,63}){0,32}")
MIN_PRIVATE_PORT: Final = 1024
"""Ports below this on the private network belong to other services; a rig's word is not enough to contact them."""
METADATA_ADDRESSES: Final = frozenset({"169.254.169.254", "169.254.170.2", "100.100.100.200", "fd00:ec2::254"})
"""Addresses from which cloud providers serve a machine's credentials."""

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class InvalidEndpoint(ValueError):
    """A text is not a stratum URL; `reason` is `protocol` or `unreadable`, the text contains the remedy."""

    def __init__(self, reason: str, text: str) -> None:
        super().__init__(text)
        self.reason = reason


@dataclass(frozen=True, slots=True, order=True)
class Endpoint:
    """The address of a stratum pool; `key` is the authority key of stratum V2."""

    scheme: str
    host: str
    port: int
    key: str = ""

    @property
    def tls(self) -> bool:
        """Return whether the connection uses TLS."""
        return self.scheme == TLS

    @property
    def url(self) -> str:
        """Return the endpoint's name in metrics and events: scheme, host and port, without user and path."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}"


@lru_cache(1 << 12)  # thousands of rigs name the same few pools
def parse_endpoint(text: str) -> Endpoint:
    """Parse a pool URL; raise InvalidEndpoint.

    User, password, path, query and fragment are ignored. A port is required: stratum has no default port.
    """
    if len(text) > MAX_URL_CHARS:
        raise InvalidEndpoint("unreadable", f"it is longer than {MAX_URL_CHARS} characters")
    scheme, mark, rest = text.strip().partition("://")
    if not mark:
        scheme, rest = "", scheme
    kind = SCHEMES.get(scheme.lower())
    if kind is None:
        reason = "protocol" if scheme.lower() in OTHER_PROTOCOLS else "unreadable"
        raise InvalidEndpoint(reason, f"it must begin with {CLEAR}://, {TLS}:// or {V2}://")
    authority, _, path = re.split(r"[?#]", rest, maxsplit=1)[0].partition("/")
    host, port = _host_and_port(authority.rpartition("@")[2].lower())
    return Endpoint(kind, host, port, path[:128] if kind == V2 and re.fullmatch(r"[1-9A-Za-z]{1,128}", path) else "")


def _host_and_port(authority: str) -> tuple[str, int]:
    if authority.startswith("["):
        host, _, rest = authority[1:].partition("]")
        port = rest.removeprefix(":")
        if _address(host) is None:
            raise InvalidEndpoint("unreadable", "the text in its brackets is not an IPv6 address")
    else:
        host, _, port = authority.rpartition(":")
        host = host.rstrip(".")
        if not HOST.fullmatch(host):
            raise InvalidEndpoint("unreadable", "it must name a host and a port, as pool.example.com:3333")
    if not re.fullmatch(r"[0-9]{1,5}", port) or not 0 < int(port) < 65536:
        raise InvalidEndpoint("unreadable", "its port must be a number from 1 to 65535")
    return host, int(port)


def address_scope(address: str) -> str:
    """Return the scope of an IP address: public, private, loopback, link_local or never (cannot be a pool)."""
    found = _address(address)
    if found is None or str(found) in METADATA_ADDRESSES or found.is_unspecified or found.is_multicast:
        return "never"
    if found.is_loopback:
        return "loopback"
    if found.is_link_local:
        return "link_local"
    if found.is_reserved:
        return "never"
    return "public" if found.is_global else "private"


def _address(text: str) -> Address | None:
    """Parse an IP address; return the embedded IPv4 address of IPv6 forms that contain one."""
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


def refusal_reason(address: str, port: int, rig_scopes: Collection[str] | None) -> str | None:
    """Return why `address`:`port` must not be contacted, in words; None if it may be.

    `rig_scopes` are the address scopes of the rigs that name it; None if the operator configured it.
    """
    scope = address_scope(address)
    if scope == "never":
        return f"{address} cannot be the address of a pool"
    if rig_scopes is None or scope == "public":
        return None
    if scope not in rig_scopes:
        shown = scope.replace("_", "-")
        return f"{address} is a {shown} address that only rigs on other networks name; to watch it, configure it"
    if port < MIN_PRIVATE_PORT and scope != "loopback":
        return f"{address} port {port} is on the private network and only rigs name it; to watch it, configure it"
    return None


def matches_any(endpoint: Endpoint, patterns: Collection[str]) -> bool:
    """Return whether the endpoint matches one of `patterns`: a host or host:port with * as wildcard."""
    return any(
        fnmatchcase(f"{endpoint.host}:{endpoint.port}" if _has_port(pattern) else endpoint.host, pattern.lower())
        for pattern in patterns
    )


def _has_port(pattern: str) -> bool:
    return re.search(r":(?:\d+|\*)$", pattern) is not None


def redirect_target(endpoint: Endpoint, host: str | None, port: int | None) -> tuple[str, Endpoint | None]:
    """Classify the target of `client.reconnect` (one of records.RECONNECT_TARGETS); with its endpoint if followed.

    `within` is another host of the same registered domain, by the public suffix list. An IP address has no domain.
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
    """Return the registered domain of a host, such as pool.co.uk for eu.pool.co.uk; None if there is none."""
    return _suffixes().privatesuffix(host)


@lru_cache(1)
def _suffixes() -> PublicSuffixList:
    return PublicSuffixList(accept_unknown=False)  # reading its list takes 50 ms, and redirects are rare
