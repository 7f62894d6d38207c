"""Turns the arguments that name one rig into a Target."""

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from stratoscope.errors import UsageError

if TYPE_CHECKING:
    from stratoscope.wire.target import Target

Host = Annotated[
    str,
    typer.Argument(metavar="HOST[:PORT]", help="The rig; IPv6 with a port as [v6]:port."),
]
DriverName = Annotated[
    str | None, typer.Option("--driver", metavar="NAME", help="Read with this driver instead of finding out which.")
]
User = Annotated[str | None, typer.Option("--user", metavar="NAME", help="Login of the rig's web API.")]
Password = Annotated[
    str | None, typer.Option("--password", metavar="REFERENCE", help="env:NAME, file:/path or credential:name.")
]
HttpPort = Annotated[
    int | None, typer.Option("--http-port", min=1, max=65535, metavar="PORT", help="Port of the web API, if not 80.")
]
Ports = Annotated[
    list[str] | None,
    typer.Option("--port", metavar="USUAL=ACTUAL", help="Another port in place of a usual one, such as 4433=14433."),
]
Timeout = Annotated[
    float, typer.Option("--timeout", min=0.5, max=120, metavar="SECONDS", help="Limit of one whole exchange.")
]
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
    """Return the Target that the arguments name; raise UsageError with what is wrong."""
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
        raise UsageError("--user and --password go together")
    return Target(name, mapping, user, secret(password) if password is not None else None)


def _pair(pair: str) -> tuple[int, int]:
    match = PORT_PAIR.fullmatch(pair)
    usual, actual = (int(match[1]), int(match[2])) if match else (0, 0)
    if not (1 <= usual <= 65535 and 1 <= actual <= 65535):
        raise UsageError(f"--port {pair} is not USUAL=ACTUAL, such as 4433=14433")
    return usual, actual


def check_driver(name: str | None) -> None:
    """Raise UsageError when there is no driver of that name."""
    from stratoscope.config.problems import nearest
    from stratoscope.drivers import BY_NAME

    if name is not None and name not in BY_NAME:
        raise UsageError(f"there is no driver {name!r}: {nearest(name, BY_NAME)}")


def secret(reference: str) -> str:
    """Return the secret behind a reference given as an argument; raise UsageError, never with the secret."""
    from pydantic_core import PydanticCustomError

    from stratoscope.config.secret import Resolver, is_reference

    if not is_reference(reference):
        raise UsageError(
            "--password takes a reference, because every user of this machine can read command lines: "
            "write env:NAME, file:/path or credential:name"
        )
    try:
        return Resolver(Path(), os.environ).secret(reference)
    except PydanticCustomError as error:
        raise UsageError(f"--password {error.message()}") from None
