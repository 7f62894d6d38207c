"""Converts the arguments that describe one rig to a Target."""

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Final

from stratoscope.errors import UsageError

if TYPE_CHECKING:
    from stratoscope.wire.target import Target

PORT_PAIR: Final = re.compile(r"(\d{1,5})=(\d{1,5})")


def target_of(
    host: str,
    *,
    driver: str | None = None,
    user: str | None = None,
    password: str | None = None,
    http_port: int | None = None,
    ports: list[str] | None = None,
) -> "Target":
    """Return the Target of the arguments; raise UsageError with the problem."""
    from stratoscope.config.addresses import host_and_port
    from stratoscope.config.entry import ports_for
    from stratoscope.drivers.driver import Via
    from stratoscope.wire.target import Target

    check_driver(driver)
    try:
        name, port = host_and_port(host)
    except ValueError as error:
        raise UsageError(f"{error}: give HOST, HOST:PORT or [IPv6]:PORT") from None
    mapping = ports_for(port, driver)
    if http_port is not None:
        mapping[Via.HTTP.value] = http_port
    for pair in ports or ():
        mapping.update([_pair(pair)])
    if (user is None) != (password is None):
        raise UsageError("--user and --password require each other: give both")
    return Target(name, mapping, user, secret(password) if password is not None else None)


def _pair(pair: str) -> tuple[int, int]:
    match = PORT_PAIR.fullmatch(pair)
    usual, actual = (int(match[1]), int(match[2])) if match else (0, 0)
    if not (1 <= usual <= 65535 and 1 <= actual <= 65535):
        raise UsageError(f"--port {pair} is not USUAL=ACTUAL: write for example 4433=14433")
    return usual, actual


def check_driver(name: str | None) -> None:
    """Raise UsageError if there is no driver `name`."""
    from stratoscope.config.problems import nearest
    from stratoscope.drivers import BY_NAME

    if name is not None and name not in BY_NAME:
        raise UsageError(f"there is no driver {name!r}: {nearest(name, BY_NAME)}")


def secret(reference: str) -> str:
    """Return the secret that an argument refers to; raise UsageError, never with the secret."""
    from pydantic_core import PydanticCustomError

    from stratoscope.config.secret import Resolver, is_reference

    if not is_reference(reference):
        raise UsageError(
            "--password must be a reference, because every user of this machine can read command lines: "
            "write env:NAME, file:/path or credential:name"
        )
    try:
        return Resolver(Path(), os.environ).secret(reference)
    except PydanticCustomError as error:
        raise UsageError(f"--password {error.message()}") from None
