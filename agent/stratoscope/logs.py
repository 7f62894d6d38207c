"""Writes logs: readable on a terminal, JSON otherwise; one line per record, without secrets, rate-limited.

All records pass the same limiter and the same redaction, also those of libraries that use Python's `logging`.
"""

import asyncio
import atexit
import contextlib
import logging
import re
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final, TextIO

import structlog
from structlog.typing import EventDict, WrappedLogger

from stratoscope.clock import Clock, SystemClock

MAX_LINES_PER_SECOND: Final = 50
MAX_TEXT_CHARS: Final = 2_000
MAX_TRACE_CHARS: Final = 16_000
MAX_DEPTH: Final = 4
REDACTED: Final = "[redacted]"

ANSI: Final = re.compile(r"\x1b(?:\[[0-?]{0,32}[ -/]{0,8}[@-~]|\][^\x07\x1b]{0,512}(?:\x07|\x1b\\)|[@-Z\\-_])")
BREAK: Final = re.compile(r"\s*[\r\n\v\f\x85\u2028\u2029]+\s?")
CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]")
"""Control characters, bidirectional and invisible characters, and lone surrogates, which no terminal can write."""

USERINFO: Final = re.compile(r"(://)[^/\s@]{1,512}@")
QUERY: Final = re.compile(
    r"([?&;](?:[\w-]{0,32}(?:password|passwd|token|secret|key)[\w-]{0,8})=)[^&;\s]{1,2048}", re.IGNORECASE
)
SECRET_KEY: Final = re.compile(
    r"pass(?:word|wd|phrase)|token|secret|authori[sz]ation|cookie|credential|(?:^|_)key$", re.IGNORECASE
)


def clean(text: str, max_chars: int = MAX_TEXT_CHARS) -> str:
    """Return `text` on one line, without terminal control sequences, URL credentials and secret query values."""
    if len(text) > max_chars:
        text = text[:max_chars] + "…"
    if not (text.isascii() and text.isprintable()):
        text = CONTROL.sub("", BREAK.sub(" | ", ANSI.sub("", text)))
    if "://" in text:
        text = QUERY.sub(rf"\1{REDACTED}", USERINFO.sub(rf"\1{REDACTED}@", text))
    return text


def _cleaned(value: Any, max_chars: int, depth: int = 0) -> Any:
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, str):
        return clean(value, max_chars)
    if depth < MAX_DEPTH and isinstance(value, Mapping):
        return {clean(str(key)): _cleaned_item(str(key), item, max_chars, depth + 1) for key, item in value.items()}
    if depth < MAX_DEPTH and isinstance(value, list | tuple | set | frozenset):
        return [_cleaned(item, max_chars, depth + 1) for item in value]
    return clean(str(value), max_chars)


def _cleaned_item(key: str, value: Any, max_chars: int, depth: int = 0) -> Any:
    if SECRET_KEY.search(key) and value is not None and not isinstance(value, bool):
        return REDACTED
    return _cleaned(value, max_chars, depth)


def redact(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Return the record without secrets and control characters (a structlog processor)."""
    return {
        (key if key.startswith("_") else clean(key)): value
        if key.startswith("_")
        else _cleaned_item(key, value, MAX_TRACE_CHARS if key == "exception" else MAX_TEXT_CHARS)
        for key, value in event.items()
    }


class Timestamper:
    """Adds the UTC time to a record, in milliseconds."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock

    def __call__(self, _logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
        """Return `event` with `timestamp` (a structlog processor)."""
        now = datetime.fromtimestamp(self.clock.time(), UTC)
        event["timestamp"] = now.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        return event


class LineLimiter(logging.Filter):
    """Passes at most `max_lines` lines per second; logs how many it suppressed when the second is over."""

    def __init__(self, clock: Clock, max_lines: int = MAX_LINES_PER_SECOND) -> None:
        super().__init__()
        self.clock = clock
        self.max_lines = max_lines
        self.suppressed = 0
        self._second = float("-inf")
        self._lines = 0

    def filter(self, record: logging.LogRecord) -> bool:
        """Tell whether `record` is written."""
        if getattr(record, "summary", False):
            return True
        now = self.clock.monotonic()
        if now - self._second >= 1.0:
            self.flush()
            self._second, self._lines = now, 0
        if self._lines < self.max_lines:
            self._lines += 1
            return True
        self.suppressed += 1
        if self.suppressed == 1:
            self._flush_later()
        return False

    def flush(self) -> None:
        """Log how many lines were suppressed since the last call, if any."""
        suppressed, self.suppressed = self.suppressed, 0
        if suppressed:
            self._lines += 1
            text = f"suppressed {suppressed} lines: more than {self.max_lines} per second"
            logging.getLogger("stratoscope.logs").warning(text, extra={"summary": True})

    def _flush_later(self) -> None:
        # Without a later line nothing calls the filter again; outside an event loop the exit handler logs it.
        with contextlib.suppress(RuntimeError):
            asyncio.get_running_loop().call_later(1.0, self.flush)


class _Lines(logging.StreamHandler[TextIO]):
    """The log handler; a second `setup` recognises it by its class and replaces it."""


def _renderer(form: str, stream: TextIO) -> Any:
    terminal = form == "console" or (form == "auto" and stream.isatty())
    if terminal:
        return structlog.dev.ConsoleRenderer(colors=stream.isatty())
    return structlog.processors.JSONRenderer(sort_keys=False)


def _one_line_exception(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    # ConsoleRenderer prints "exception" on lines of its own; as "traceback" it stays on the line of the record.
    if "exception" in event:
        event["traceback"] = event.pop("exception")
    return event


def _handler(level: str, form: str, stream: TextIO, clock: Clock) -> tuple[logging.Handler, list[Any]]:
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.ExtraAdder(allow=("rig",)),
        Timestamper(clock),
    ]
    final = [
        structlog.stdlib.ProcessorFormatter.remove_processors_meta,
        structlog.processors.format_exc_info,
        redact,
        _one_line_exception,
        _renderer(form, stream),
    ]
    handler = _Lines(stream)
    handler.setLevel(level.upper())
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(foreign_pre_chain=shared, processors=final))
    return handler, shared


def setup(
    level: str = "info", form: str = "auto", *, stream: TextIO | None = None, clock: Clock | None = None
) -> LineLimiter:
    """Send all logs of at least `level` to `stream` (stderr); `form` is auto, console or json. Return the limiter.

    A second call (after a config reload) replaces the first setup.
    """
    stream, clock = stream or sys.stderr, clock or SystemClock()
    handler, shared = _handler(level, form, stream, clock)
    limiter = LineLimiter(clock)
    handler.addFilter(limiter)
    root = logging.getLogger()
    for old in [old for old in root.handlers if isinstance(old, _Lines)]:
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(level.upper())
    for chatty in ("aiohttp.access", "asyncio"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    structlog.configure(
        processors=[structlog.stdlib.filter_by_level, *shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    logging.captureWarnings(capture=True)
    atexit.register(limiter.flush)
    return limiter
