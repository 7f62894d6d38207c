"""Implements `stratoscope mqtt tail`: prints messages as the agent publishes them over MQTT."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from stratoscope.cli.options import Password
from stratoscope.errors import BrokerError, UsageError

if TYPE_CHECKING:
    from stratoscope.outside.broker import BrokerAccount, Incoming

mqtt = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Show what is published over MQTT.",
    context_settings={"help_option_names": ["-h", "--help"]},
)
ROOT: Final = "stratoscope"
SILENCE_S: Final = 5.0
MAX_LINE_LENGTH: Final = 160


@mqtt.command("tail", short_help="Print messages as they arrive.")
def tail(
    url: Annotated[
        str | None,
        typer.Argument(
            metavar="[URL]", help="URL of the broker: mqtt://HOST[:PORT] or mqtts://HOST[:PORT].", show_default=False
        ),
    ] = None,
    config: Annotated[
        Path | None,
        typer.Option("--config", metavar="FILE", help="Use broker, login and topics of this config instead."),
    ] = None,
    topics: Annotated[
        list[str] | None,
        typer.Option("--topic", metavar="FILTER", help="Topics to print, repeatable [default: those of the agent]."),
    ] = None,
    user: Annotated[str | None, typer.Option("--user", metavar="NAME", help="User at the broker.")] = None,
    password: Password = None,
    ca: Annotated[
        Path | None, typer.Option("--ca", metavar="FILE", help="CA certificate of the broker; implies TLS.")
    ] = None,
    count: Annotated[
        int | None, typer.Option("--count", "-n", min=1, metavar="N", help="Stop after this many messages.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one complete JSON object per line.")] = False,
) -> None:
    """Print messages as they arrive, one per line, until Ctrl-C. `*` marks retained messages.

    --user and --password override the login of the config: the login for publishing often has no permission to read.
    """
    from stratoscope.cli.output import run_loop, say

    if (url is None) == (config is None):
        raise UsageError("give either the URL of a broker, such as mqtt://127.0.0.1, or --config FILE")
    if config is not None:
        account, filters = _account_of_config(config, user, password)
    else:
        account, filters = broker_of(url or "", user, password), [f"{ROOT}/#"]
    if ca is not None:
        from dataclasses import replace

        account = replace(account, ca=ca, tls=True)
    run_loop(_follow(account, topics or filters, count, _as_json if as_json else _line, say))


def broker_of(url: str, user: str | None, password: str | None) -> "BrokerAccount":
    """Return the account at a broker; `password` is a reference to a secret. Raises UsageError with the problem."""
    from stratoscope.cli.targets import secret
    from stratoscope.outside.broker_url import account_at

    if password is not None and user is None:
        raise UsageError("a password requires a user: give both")
    known = secret(password) if password is not None else None
    try:
        return account_at(url, user, known)
    except ValueError as error:
        raise UsageError(f"{url}: {error}") from None


def _account_of_config(path: Path, user: str | None, password: str | None) -> "tuple[BrokerAccount, list[str]]":
    """Return the account of a config, with a random client id, and the topics that the agent publishes."""
    from dataclasses import replace

    from stratoscope.cli.targets import secret
    from stratoscope.config import load

    config = load(path, os.environ)
    if config.mqtt is None:
        raise UsageError(f"{path} has no section `mqtt`: add it, or give a URL")
    account = replace(config.mqtt.account(), client_id=None)
    if user is not None:
        account = replace(account, user=user, password=secret(password) if password is not None else None)
    settings = config.exporter_settings("mqtt")
    root = getattr(settings, "root", None) or (settings.get("root", ROOT) if isinstance(settings, dict) else ROOT)
    return account, [f"{root}/#"]


async def _follow(
    account: "BrokerAccount",
    filters: list[str],
    count: int | None,
    line: "Callable[[Incoming], str]",
    out: Callable[[str], None],
) -> None:
    import asyncio

    from stratoscope.cli.output import note
    from stratoscope.outside.broker import MAX_SENT_BYTES, BrokerConnection

    line_count, where = 0, f"{account.host}:{account.port}"
    connection = BrokerConnection(account, 4 * MAX_SENT_BYTES)
    try:
        await connection.connect()
        await connection.subscribe(filters)
        next_one = asyncio.ensure_future(connection.receive())
        if not (await asyncio.wait((next_one,), timeout=SILENCE_S))[0]:
            reader = f"user {account.user}" if account.user else "a client without a login"
            note(
                f"no message yet at {where} from {', '.join(filters)}: nothing is published there, or {reader} has no "
                "permission to read it"
            )
        while True:
            out(line(await next_one))
            line_count += 1
            if count is not None and line_count >= count:
                return
            next_one = asyncio.ensure_future(connection.receive())
    except BrokerError as error:
        raise BrokerError(error.reason, f"{where}: {error}") from None
    finally:
        await connection.close(clean=True)


def _line(message: "Incoming") -> str:
    """Return a message as a line: time, topic and the beginning of its payload."""
    from datetime import datetime

    from stratoscope.logs import clean

    retained = "*" if message.retained else " "
    text = clean(message.payload[: 4 * MAX_LINE_LENGTH].decode("utf-8", "replace"), MAX_LINE_LENGTH)
    more = f"… {len(message.payload)} bytes" if len(message.payload) > len(text.encode()) else ""
    return f"{datetime.now().astimezone():%H:%M:%S}{retained} {clean(message.topic, 200)}  {text}{more}"


def _as_json(message: "Incoming") -> str:
    """Return a message as JSON; a payload that is not JSON is included as text."""
    import time

    import orjson

    try:
        payload: Any = orjson.loads(message.payload)
    except orjson.JSONDecodeError:
        payload = message.payload.decode("utf-8", "replace")
    document = {"ts": round(time.time(), 3), "topic": message.topic, "retained": message.retained, "payload": payload}
    return orjson.dumps(document).decode()
