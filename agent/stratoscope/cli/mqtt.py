"""Prints what the agent publishes over MQTT, as it comes: `stratoscope mqtt tail`."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from stratoscope.cli.targets import Password
from stratoscope.errors import BrokerError, UsageError

if TYPE_CHECKING:
    from stratoscope.outside.broker import Account, Incoming

mqtt = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Look at what is published over MQTT.",
    context_settings={"help_option_names": ["-h", "--help"]},
)
ROOT: Final = "stratoscope"
SILENCE: Final = 5.0
WIDTH: Final = 160


@mqtt.command("tail", short_help="Print messages as they come.")
def tail(
    url: Annotated[
        str | None, typer.Argument(metavar="[URL]", help="mqtt://HOST[:PORT], or mqtts://.", show_default=False)
    ] = None,
    config: Annotated[
        Path | None, typer.Option("--config", help="Take broker, login and topics from a config.")
    ] = None,
    topics: Annotated[
        list[str] | None, typer.Option("--topic", metavar="FILTER", help="Other topics than the agent's own.")
    ] = None,
    user: Annotated[str | None, typer.Option("--user", metavar="NAME", help="Who to be at the broker.")] = None,
    password: Password = None,
    ca: Annotated[Path | None, typer.Option("--ca", help="Authority of the broker's certificate.")] = None,
    count: Annotated[int | None, typer.Option("--count", "-n", min=1, help="Stop after so many messages.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object per line, whole.")] = False,
) -> None:
    """Print what is published, one line per message; Ctrl-C ends it. `*` marks what the broker had kept.

    With a config, user and password given here are used in place of its own: the one that may publish often may not
    read.
    """
    from stratoscope.cli.output import run_loop, say

    if (url is None) == (config is None):
        raise UsageError("say which broker: either a URL such as mqtt://127.0.0.1, or --config FILE")
    if config is not None:
        account, filters = _of_config(config, user, password)
    else:
        account, filters = broker_of(url or "", user, password), [f"{ROOT}/#"]
    if ca is not None:
        from dataclasses import replace

        account = replace(account, ca=ca, tls=True)
    run_loop(_follow(account, topics or filters, count, _as_json if as_json else _line, say))


def broker_of(url: str, user: str | None, password: str | None) -> "Account":
    """Return the account at a broker; `password` is a reference. Raises UsageError with what is wrong."""
    from stratoscope.cli.targets import secret
    from stratoscope.outside.broker_url import account_at

    if password is not None and user is None:
        raise UsageError("a password goes with a user: name both")
    known = secret(password) if password is not None else None
    try:
        return account_at(url, user, known)
    except ValueError as error:
        raise UsageError(f"{url}: {error}") from None


def _of_config(path: Path, user: str | None, password: str | None) -> "tuple[Account, list[str]]":
    """Return the config's account, under a client id of its own, and the topics that its agent publishes."""
    from dataclasses import replace

    from stratoscope.cli.targets import secret
    from stratoscope.config import load

    config = load(path, os.environ)
    if config.mqtt is None:
        raise UsageError(f"{path} has no section mqtt: add it, or give a URL")
    account = replace(config.mqtt.account(), client_id=None)
    if user is not None:
        account = replace(account, user=user, password=secret(password) if password is not None else None)
    settings = config.exporter_settings("mqtt")
    root = getattr(settings, "root", None) or (settings.get("root", ROOT) if isinstance(settings, dict) else ROOT)
    return account, [f"{root}/#"]


async def _follow(
    account: "Account",
    filters: list[str],
    count: int | None,
    line: "Callable[[Incoming], str]",
    out: Callable[[str], None],
) -> None:
    import asyncio

    from stratoscope.cli.output import note
    from stratoscope.outside.broker import MOST_SENT, Connection

    line_count, where = 0, f"{account.host}:{account.port}"
    connection = Connection(account, 4 * MOST_SENT)
    try:
        await connection.connect()
        await connection.subscribe(filters)
        next_one = asyncio.ensure_future(connection.receive())
        if not (await asyncio.wait((next_one,), timeout=SILENCE))[0]:
            who = account.user or "who has no login"
            note(f"nothing yet at {where} from {', '.join(filters)}: nobody publishes there, or {who} may not read it")
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
    """Return a message for people: time, topic and the beginning of its payload."""
    from datetime import datetime

    from stratoscope.logs import clean

    kept = "*" if message.retained else " "
    text = clean(message.payload[: 4 * WIDTH].decode("utf-8", "replace"), WIDTH)
    more = f"… {len(message.payload)} bytes" if len(message.payload) > len(text.encode()) else ""
    return f"{datetime.now().astimezone():%H:%M:%S}{kept} {clean(message.topic, 200)}  {text}{more}"


def _as_json(message: "Incoming") -> str:
    """Return a message for programs; a payload that is no JSON is text."""
    import time

    import orjson

    try:
        payload: Any = orjson.loads(message.payload)
    except orjson.JSONDecodeError:
        payload = message.payload.decode("utf-8", "replace")
    document = {"ts": round(time.time(), 3), "topic": message.topic, "retained": message.retained, "payload": payload}
    return orjson.dumps(document).decode()
