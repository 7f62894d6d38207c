"""Parses addresses as users write them: hosts with ports, ranges, CIDRs. Rejects addresses that cannot be a rig's."""

import re
from collections.abc import Iterator
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Final

from stratoscope.config.problems import shown

MAX_ADDRESSES: Final = 1 << 16
"""Total number of addresses in all ranges and CIDRs: a /16."""

LABEL: Final = re.compile(r"(?!-)[A-Za-z0-9_-]{1,63}(?<!-)")
Address = IPv4Address | IPv6Address


def host(text: str) -> str:
    """Return a host name or IP literal in its canonical form; raise ValueError with the problem.

    An IPv4-mapped IPv6 address becomes the IPv4 address, so that one rig has one address.
    """
    bare = text[1:-1] if text.startswith("[") and text.endswith("]") else text
    try:
        address = ip_address(bare)
    except ValueError:
        return _name(text)
    if isinstance(address, IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped
    if address.is_multicast or address.is_unspecified or str(address) == "255.255.255.255":
        raise ValueError(f"{shown(text)} is not the address of a single machine")
    if isinstance(address, IPv6Address) and address.is_link_local and not address.scope_id:
        raise ValueError(f"{shown(text)} is link-local: add the interface, as in {address}%eth0")
    return str(address)


def _name(text: str) -> str:
    labels = text.removesuffix(".").split(".")
    if len(text) > 253 or not all(LABEL.fullmatch(label) for label in labels):
        raise ValueError(f"{shown(text)} is neither an IP address nor a host name")
    if labels[-1].isdigit():
        raise ValueError(f"{shown(text)} is not a valid IPv4 address")
    return text.removesuffix(".").lower()


def host_and_port(text: str) -> tuple[str, int | None]:
    """Return host and port of "host", "host:port", "[v6]:port" or a bare IPv6 literal; raise ValueError."""
    text = text.strip()
    bracketed = re.fullmatch(r"(\[[^\]]{1,80}\])(?::(\d{1,6}))?", text)
    if bracketed:
        return host(bracketed[1]), port(bracketed[2])
    if text.count(":") == 1:
        name, _, number = text.partition(":")
        if not number.isdecimal():
            raise ValueError(f"{shown(text)} has {shown(number)} instead of a port")
        return host(name), port(number)
    return host(text), None


def port(text: str | None) -> int | None:
    """Return the port number in `text`, None for None; raise ValueError outside 1..65535."""
    if text is None:
        return None
    if not 1 <= int(text) <= 65535:
        raise ValueError(f"port {int(text)} is outside 1 to 65535")
    return int(text)


def ends_of_range(text: str) -> tuple[Address, Address]:
    """Return first and last address of "10.0.0.10-10.0.0.90" or "10.0.0.10-90"; raise ValueError."""
    first, dash, last = (part.strip() for part in text.partition("-"))
    try:
        low = ip_address(first)
        high = ip_address(first.rpartition(".")[0] + "." + last if last.isdecimal() else last)
    except ValueError:
        raise ValueError(f"{shown(text)} is not a range such as 10.0.0.10-10.0.0.90") from None
    if not dash or type(low) is not type(high) or int(high) < int(low):
        raise ValueError(f"{shown(text)} does not run from a lower to a higher address")
    return low, high


def ends_of_cidr(text: str) -> tuple[Address, Address]:
    """Return first and last host address of a CIDR such as 10.0.0.0/24; raise ValueError."""
    try:
        network = ip_network(text.strip(), strict=False)
    except ValueError:
        raise ValueError(f"{shown(text)} is not a network such as 10.0.0.0/24") from None
    low, high = network.network_address, network.broadcast_address
    if network.num_addresses > 2:
        low += 1  # the network's own address
        high -= network.version == 4  # and the broadcast address, which IPv6 does not have
    return low, high


def size(ends: tuple[Address, Address]) -> int:
    """Return the number of addresses between `ends`, including both."""
    return int(ends[1]) - int(ends[0]) + 1


def check_size(ends: tuple[Address, Address], text: str) -> None:
    """Raise ValueError when there are more than a /16 of addresses between `ends`, which were written as `text`."""
    if size(ends) > MAX_ADDRESSES:
        raise ValueError(
            f"{shown(text)} holds {size(ends)} addresses, the maximum is {MAX_ADDRESSES} (a /16): split or narrow it"
        )


def iter_addresses(ends: tuple[Address, Address]) -> Iterator[str]:
    """Yield every address from the first to the last of `ends`."""
    kind = type(ends[0])
    for number in range(int(ends[0]), int(ends[1]) + 1):
        yield str(kind(number))
