"""Chooses where a fleet listens: one loopback address per rig, or different ports of one address."""

import errno
import ipaddress
import resource
import socket
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from stratoscope.errors import UsageError

_FIRST_PORT, _SECOND_PORT = 14028, 24028  # ports of rig 0 in ports mode; rig n adds n
_MAX_RIGS_BY_PORT: Final = _SECOND_PORT - _FIRST_PORT
_OFFSET = 10_000  # added to ports below 1024 where only root may bind them
_SPARE = 512  # file descriptors reserved for connections


class Place(NamedTuple):
    """Where one rig listens: the address to bind, the address to connect to, default port → actual port."""

    bind: str
    address: str
    ports: dict[int, int]


def places(base: str, wanted: Sequence[Mapping[int, object]]) -> list[Place]:
    """Return a place for each rig from its default ports (`wanted`); raise UsageError if `base` is unusable.

    If `base` is a loopback address other than 127.0.0.1 and can be bound, each rig gets its own address, counting up
    from `base`. Otherwise (macOS has only 127.0.0.1; a container needs 0.0.0.0) all rigs share one address and each
    gets its own ports: rig n uses 14028 + n for its first protocol and 24028 + n for its second.
    """
    try:
        first = ipaddress.ip_address(base)
    except ValueError:
        raise UsageError(f"{base!r} is not an IP address; use one such as 127.64.0.1 or 127.0.0.1") from None
    if first.version == 4 and first.is_loopback and base != "127.0.0.1" and _error(base, 0) is None:
        return _by_address(base, wanted)
    return _by_port("127.0.0.1" if first.is_loopback and first.version == 4 else base, wanted)


def _by_address(base: str, wanted: Sequence[Mapping[int, object]]) -> list[Place]:
    """Give each rig its own address; if ports below 1024 cannot be bound, shift them for the whole fleet."""
    shift = _OFFSET if _error(base, 80) == errno.EACCES else 0
    return [
        Place(address, address, {port: port + shift if port < 1024 else port for port in ports})
        for address, ports in zip(_consecutive(base), wanted, strict=False)
    ]


def _by_port(bind: str, wanted: Sequence[Mapping[int, object]]) -> list[Place]:
    if len(wanted) > _MAX_RIGS_BY_PORT:
        raise UsageError(f"one address serves at most {_MAX_RIGS_BY_PORT} rigs; for more, start at address 127.64.0.1")
    any_address = ipaddress.ip_address(bind).is_unspecified
    address = "127.0.0.1" if any_address else bind
    return [
        Place(bind, address, dict(zip(ports, (_FIRST_PORT + rig, _SECOND_PORT + rig), strict=False)))
        for rig, ports in enumerate(wanted)
    ]


def _consecutive(base: str) -> Iterator[str]:
    """Yield addresses starting at `base`, skipping those that end in 0 or 255."""
    number = int(ipaddress.IPv4Address(base))
    while True:
        if number & 0xFF not in (0, 0xFF):
            yield str(ipaddress.IPv4Address(number))
        number += 1


def _error(address: str, port: int) -> int | None:
    """Try to bind; return the error number, or None on success."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
        except OSError as error:
            return error.errno
    return None


def raise_open_file_limit(listeners: int) -> None:
    """Raise the soft limit on open files to the hard limit; raise UsageError if it is too low for `listeners`."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = listeners + _SPARE
    if hard == resource.RLIM_INFINITY:
        hard = max(soft, 2 * needed + 4096)  # macOS has no hard limit but rejects infinity as the soft limit
    if needed > hard:
        raise UsageError(
            f"{listeners} listening sockets and {_SPARE} connections need {needed} open files, but the limit is "
            f"{hard}: simulate fewer rigs or raise the limit (ulimit -Hn {needed})"
        )
    if soft < hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
