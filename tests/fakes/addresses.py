"""Hands out loopback addresses and ports that no other test process on this machine uses.

Each test process reserves one network 127.N.0.0/16 and one range of ports for as long as it lives. The reservation is
a bound socket, so two test runs side by side, or the workers of one run, never share an address.
"""

import itertools
import os
import socket
from functools import cache

_NETS = range(100, 252)  # the demo and the benchmarks begin at 127.64 to 127.80
_RESERVATION_PORT = 21_127
_FIRST_PORT, _PORTS = 22_000, 70  # below the ports that Linux gives to outgoing connections (32768 and up)
_reservations: list[socket.socket] = []  # kept open until the process ends


@cache
def _net(pid: int) -> int:
    """Reserve a network for the process `pid` and return its second octet; a forked child gets its own."""
    count = len(_NETS)
    for at in (_NETS[(pid + step) % count] for step in range(count)):
        reservation = socket.socket()
        try:
            reservation.bind((f"127.{at}.255.254", _RESERVATION_PORT))
        except OSError:
            reservation.close()
            continue
        _reservations.append(reservation)
        return at
    raise RuntimeError("every loopback network is reserved by another test process")


_BLOCKS = 240
_next_block = 0


def free_block(blocks: int = 1) -> str:
    """Return "127.N.B", the first of `blocks` blocks of 254 addresses that this test process has not used lately."""
    global _next_block
    first = _next_block if _next_block + blocks <= _BLOCKS else 0
    _next_block = first + blocks
    return f"127.{_net(os.getpid())}.{first}"


def free_base(blocks: int = 1) -> str:
    """Return the first address of such a block, where a simulated fleet can start."""
    return f"{free_block(blocks)}.1"


_offsets = itertools.cycle(range(_PORTS))


def free_port() -> int:
    """Return a port of this test process that nothing listens on now."""
    first = _FIRST_PORT + (_net(os.getpid()) - _NETS[0]) * _PORTS
    for _ in range(_PORTS):
        port = first + next(_offsets)
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise RuntimeError("every port of this test process is in use")
