"""Finds out where a fleet can listen: on an address of loopback for each rig, or on ports of one address."""

import errno
import ipaddress
import resource
import socket
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from stratoscope.errors import UsageError

_FIRST_PORT, _SECOND_PORT = 14028, 24028  # of rig 0 in ports mode; rig n has them n higher
_MAX_RIGS_BY_PORT: Final = _SECOND_PORT - _FIRST_PORT
_OFFSET = 10_000  # added to a port below 1024 that only root may bind
_SPARE = 512  # descriptors for connections


class Place(NamedTuple):
    """Where one rig listens: the address to bind, the address to ask, default port → actual port."""

    bind: str
    address: str
    ports: dict[int, int]


def places(base: str, wanted: Sequence[Mapping[int, object]]) -> list[Place]:
    """Return a place for each rig, given the default ports it wants; UsageError when `base` cannot serve them.

    A loopback address other than 127.0.0.1 that this machine can bind is the first of consecutive ones. Else (macOS
    has only 127.0.0.1; a container wants 0.0.0.0) every rig has ports of its own: 14028 + n for the first protocol of
    rig n, 24028 + n for its second.
    """
    try:
        first = ipaddress.ip_address(base)
    except ValueError:
        raise UsageError(f"{base!r} is no IP address; give one such as 127.64.0.1 or 127.0.0.1") from None
    if first.version == 4 and first.is_loopback and base != "127.0.0.1" and _error(base, 0) is None:
        return _by_address(base, wanted)
    return _by_port("127.0.0.1" if first.is_loopback and first.version == 4 else base, wanted)


def _by_address(base: str, wanted: Sequence[Mapping[int, object]]) -> list[Place]:
    """Give each rig an address; ports of root's move up for the whole fleet where they cannot be bound."""
    shift = _OFFSET if _error(base, 80) == errno.EACCES else 0
    return [
        Place(address, address, {port: port + shift if port < 1024 else port for port in ports})
        for address, ports in zip(_consecutive(base), wanted, strict=False)
    ]


def _by_port(bind: str, wanted: Sequence[Mapping[int, object]]) -> list[Place]:
    if len(wanted) > _MAX_RIGS_BY_PORT:
        raise UsageError(f"on one address at most {_MAX_RIGS_BY_PORT} rigs fit; use addresses from 127.64.0.1 for more")
    any_address = ipaddress.ip_address(bind).is_unspecified
    address = "127.0.0.1" if any_address else bind
    return [
        Place(bind, address, dict(zip(ports, (_FIRST_PORT + rig, _SECOND_PORT + rig), strict=False)))
        for rig, ports in enumerate(wanted)
    ]


def _consecutive(base: str) -> Iterator[str]:
    """Yield addresses from `base` on, leaving out those that end in 0 or 255."""
    number = int(ipaddress.IPv4Address(base))
    while True:
        if number & 0xFF not in (0, 0xFF):
            yield str(ipaddress.IPv4Address(number))
        number += 1


def _error(address: str, port: int) -> int | None:
    """Try to bind and return the error number, None when it works."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
        except OSError as error:
            return error.errno
    return None


def raise_open_file_limit(listeners: int) -> None:
    """Raise the soft limit on open files to the hard one; UsageError when `listeners` sockets still do not fit."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = listeners + _SPARE
    if hard == resource.RLIM_INFINITY:
        hard = max(soft, 2 * needed + 4096)  # macOS has no hard limit, but refuses infinity as a soft one
    if needed > hard:
        raise UsageError(
            f"{listeners} listening sockets and {_SPARE} connections need {needed} open files, this process may have "
            f"{hard}: simulate fewer rigs, or raise the limit (ulimit -Hn {needed})"
        )
    if soft < hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
