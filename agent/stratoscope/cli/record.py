"""Captures a rig's answers, with identities and secrets taken out, for a bug report: `stratoscope record`."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from stratoscope.cli.targets import DriverName, Host, HttpPort, Password, Ports, Timeout, User
from stratoscope.errors import PollError, UsageError

if TYPE_CHECKING:
    from stratoscope.cli.redact import Redactor
    from stratoscope.drivers.driver import Driver, Replies
    from stratoscope.wire.client import Wire
    from stratoscope.wire.target import Answers, Target

VERBS: Final = ("version", "summary", "stats", "pools", "devs", "devdetails", "config", "get_version")
"""What a rig of unknown firmware is asked: cgminer's own read commands, and WhatsMiner's."""


@dataclass
class Capture:
    """What one rig answered."""

    replies: dict[str, Any] = field(default_factory=dict)
    errors: dict[str, Any] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)
    raw: dict[str, bytes] = field(default_factory=dict)
    driver: "Driver | None" = None
    failure: str | None = None

    def add(self, answers: "Answers") -> None:
        """Take over the answers of one exchange."""
        self.replies.update(answers.replies)
        self.errors.update(answers.errors)
        self.refused.update(answers.refused)
        self.raw.update(answers.raw)


def record(
    host: Host,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", metavar="DIR", help="Folder to write; default: capture-MAKE-MODEL.")
    ] = None,
    driver: DriverName = None,
    user: User = None,
    password: Password = None,
    http_port: HttpPort = None,
    port: Ports = None,
    timeout: Timeout = 10.0,
) -> None:
    """Save a rig's answers for a bug report. Identities, pool users, addresses and secrets become stand-ins."""
    from stratoscope.cli.output import note, run_loop, say
    from stratoscope.cli.targets import target_of

    target = target_of(host, driver=driver, user=user, password=password, http_port=http_port, ports=port)
    try:
        capture = run_loop(_capture(target, driver, timeout))
    except PollError as error:
        note(f"{target.address}: {error}")
        raise typer.Exit(1) from None
    files, left_out = redacted(capture, target)
    folder = out or Path(_folder_name(capture))
    _write(folder, files)
    for name in left_out:
        note(f"{name} is left out: not everything in it could be redacted")
    if capture.failure:
        note(f"the rig could not be read, this is what it says: {capture.failure}")
    say(f"{len(files)} files in {folder}: look through them before you share them")


async def _capture(target: "Target", driver: str | None, timeout: float) -> Capture:
    from stratoscope.clock import SystemClock
    from stratoscope.discover.read_once import read_once
    from stratoscope.errors import Unreachable
    from stratoscope.wire.client import Wire
    from stratoscope.wire.target import Limits

    limits = Limits(connect=min(3.0, timeout), exchange=timeout)
    wire = Wire(clock=SystemClock(), limits=limits, keep_raw=True)
    capture = Capture()
    try:
        once = await read_once(wire, target, driver=driver, limits=limits)
        capture.driver = once.driver
        capture.add(once.answers)
    except Unreachable:
        raise
    except PollError as error:
        # An unknown or broken firmware is what bug reports are about: take whatever it says.
        capture.failure = str(error)
        await _ask_anything(wire, target, capture)
        if not capture.replies and not capture.errors:
            raise
    finally:
        await wire.close()
    return capture


async def _ask_anything(wire: "Wire", target: "Target", capture: Capture) -> None:
    from stratoscope.discover.identify import PAGES, PORTS
    from stratoscope.drivers.driver import Command
    from stratoscope.wire.target import RigSession

    ports = await wire.open_ports(target, PORTS)
    session = RigSession(joins=False)
    for verb in VERBS if 4028 in ports else ():
        try:
            capture.add(await wire.query(target, (Command(verb, verb, required=False, joins=False),), session))
        except PollError as error:
            capture.refused[verb] = error.reason
    for path in PAGES if 80 in ports else ():
        try:
            page = await wire.page(target, path)
        except PollError as error:
            capture.refused[path] = error.reason
            continue
        if page.json is not None:
            capture.replies[path] = page.json
        else:
            title = re.search(r"<title>([^<]{0,200})", page.body)
            server = {name: page.headers[name] for name in ("server", "www-authenticate") if name in page.headers}
            capture.errors[path] = {"status": page.status, "title": title[1] if title else None, **server}


def redacted(capture: Capture, target: "Target") -> tuple[dict[str, bytes], list[str]]:
    """Return the files of a capture by name, and the names of those left out because something would leak."""
    from stratoscope.cli.redact import Redactor

    known: dict[str, Any] = {target.host: "host"}
    if target.user:
        known[target.user] = "user"
    if target.password:
        known[target.password] = "password"
    redactor = Redactor(known)
    for answers in (capture.replies, capture.errors):
        for key, answer in answers.items():
            redactor.learn(answer, f"/{key}")
    for raw in capture.raw.values():
        redactor.raw(raw)
    redactor.learned()
    files, left_out = {}, []
    for name, content in _files(capture, redactor):
        if redactor.leaks(content):
            left_out.append(name)
        else:
            files[name] = content
    return files, left_out


def _files(capture: Capture, redactor: "Redactor") -> Iterator[tuple[str, bytes]]:
    from stratoscope.drivers.driver import Replies

    replies = Replies({key: redactor.value(answer, f"/{key}") for key, answer in capture.replies.items()})
    for key, answer in replies.items():
        if isinstance(answer, str):
            yield f"{_safe(key)}.txt", answer.encode("utf-8", "replace")
        else:
            yield f"{_safe(key)}.json", _json(answer)
    for key, raw in capture.raw.items():
        yield f"{_safe(key)}.bin", redactor.raw(raw)
    if capture.driver is not None:
        yield "reading.json", _reading(capture.driver, replies)
    yield "meta.json", _json(_meta(capture, redactor))


def _reading(driver: "Driver", replies: "Replies") -> bytes:
    from stratoscope.cli.read import document

    return _json(document(driver, driver.decode(replies)))


def _meta(capture: Capture, redactor: "Redactor") -> dict[str, Any]:
    from stratoscope import __version__

    driver = capture.driver
    asked = {command.key: f"{command.via.name} {command.request}" for command in driver.commands} if driver else {}
    return {
        "source": f"stratoscope record {__version__}, redacted",
        "driver": driver.name if driver else None,
        "failure": redactor.text(capture.failure) if capture.failure else None,
        "commands": {key: asked.get(key, key) for key in sorted({*capture.replies, *capture.raw})},
        "refused": capture.refused,
        "errors": {key: redactor.value(error) for key, error in capture.errors.items()},
    }


def _json(value: Any) -> bytes:
    import orjson

    return orjson.dumps(value, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE | orjson.OPT_NON_STR_KEYS)


def _safe(key: str) -> str:
    return re.sub(r"[^A-Za-z0-9.-]+", "_", key).strip("._") or "index"


def _folder_name(capture: Capture) -> str:
    from stratoscope.drivers.driver import Replies

    if capture.driver is None:
        return "capture-unknown"
    reading = capture.driver.decode(Replies(capture.replies))
    words = filter(None, ("capture", reading.make, reading.model, reading.firmware))
    return _safe("-".join(words).replace(" ", "-"))


def _write(folder: Path, files: dict[str, bytes]) -> None:
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UsageError(f"{folder} is there already and not empty: name another folder with --out")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in files.items():
            (folder / name).write_bytes(content)
    except OSError as error:
        raise UsageError(f"{folder} cannot be written: {(error.strerror or 'error').lower()}") from None
