"""Holds the exception tree, sorted by who must act.

StratoscopeError
├── PollError(reason)          the poll loop acts: count the reason, back off, try again
│   ├── Unreachable            refused · unreachable · dns · reset · no_sockets
│   ├── TimedOut               connect_timeout · timeout
│   ├── Garbled                decode · oversize · truncated · not_json · refused_command
│   └── AuthRefused            auth · denied
├── SourceError(reason)        market and pools act: count the reason, keep what it had while that is young, ask later
├── BrokerError(reason)        the MQTT publisher or inbox acts: count the reason, connect again later
└── OperatorError              the operator acts: the message names the place and the remedy
    ├── ConfigError            a config file, key or value
    └── UsageError             a command-line argument

Anything else that rises is a bug of ours; `poll/rig.py` alone catches it, with traceback and counter.
"""

from typing import Final

POLL_REASONS: Final = (
    "refused",
    "unreachable",
    "dns",
    "reset",
    "connect_timeout",
    "timeout",
    "decode",
    "oversize",
    "truncated",
    "not_json",
    "refused_command",
    "auth",
    "denied",
    "unidentified",
    "no_sockets",
    "bug",
)
"""Every reason a poll can fail by: the closed set behind `mining_rig_polls_total{outcome}` (plus `ok`)."""


SOURCE_REASONS: Final = (
    "unreachable",
    "timeout",
    "tls",
    "http",
    "rate_limited",
    "auth",
    "redirect",
    "oversize",
    "not_json",
    "schema",
    "refused",
    "inconsistent",
    "waiting",
)
"""Every reason a market source or a pool can fail by: the closed set behind
`stratoscope_source_requests_total{outcome}` and `mining_pool_requests_total{outcome}` (plus `ok`); `waiting` is a
request that was not sent, because the source asked for a pause or keeps failing."""


class StratoscopeError(Exception):
    """Anything the program reports on purpose."""


class PollError(StratoscopeError):
    """One exchange with a rig failed; `reason` is one of POLL_REASONS, the text is for people."""

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(f"{reason}: {detail}" if detail else reason)
        self.reason = reason
        self.detail = detail


class Unreachable(PollError):
    """No connection, or it broke: refused, unreachable, dns, reset; no_sockets when our own side has none left."""


class TimedOut(PollError):
    """The one deadline over connect or exchange passed: connect_timeout, timeout."""


class Garbled(PollError):
    """Bytes came that are no answer: decode, oversize, truncated, not_json, refused_command (Code 14, HTTP 404)."""


class AuthRefused(PollError):
    """The rig answered that we may not read: auth (login), denied (CGMiner Code 45)."""


class SourceError(StratoscopeError):
    """A market source or a pool gave nothing usable; `reason` is one of SOURCE_REASONS, the text is for people."""

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(f"{reason}: {detail}" if detail else reason)
        self.reason = reason
        self.detail = detail


BROKER_REASONS: Final = (
    "dns",
    "unreachable",
    "timeout",
    "tls",
    "auth",
    "denied",
    "oversize",
    "taken_over",
    "busy",
    "protocol",
    "lost",
    "bug",
)
"""Every reason an exchange with an MQTT broker can fail by: the closed set behind
`stratoscope_mqtt_failures_total{reason}`."""


class BrokerError(StratoscopeError):
    """A broker did not do what it was asked; `reason` is one of BROKER_REASONS, the text is for people.

    `of_message` tells that one message was refused; the connection stands.
    """

    def __init__(self, reason: str, detail: str = "", *, of_message: bool = False) -> None:
        super().__init__(f"{reason}: {detail}" if detail else reason)
        self.reason = reason
        self.of_message = of_message


class OperatorError(StratoscopeError):
    """A person must change something; the message says what and where."""


class ConfigError(OperatorError):
    """A config file is wrong; the message names file, key, value and remedy."""


class UsageError(OperatorError):
    """A command-line argument is wrong."""


def first_error(group: BaseException) -> BaseException:
    """Return the first error inside nested exception groups; an error that is no group is returned unchanged."""
    while isinstance(group, BaseExceptionGroup):
        group = group.exceptions[0]
    return group
