"""Defines the exception tree, sorted by who must act.

StratoscopeError
├── PollError(reason)          the poll loop acts: count the reason, back off, retry
│   ├── Unreachable            refused · unreachable · dns · reset · no_sockets
│   ├── TimedOut               connect_timeout · timeout
│   ├── Garbled                decode · oversize · truncated · not_json · refused_command
│   └── AuthRefused            auth · denied
├── SourceError(reason)        market and pools act: count the reason, keep the last value until it expires, retry
├── BrokerError(reason)        the MQTT publisher or inbox acts: count the reason, reconnect
└── OperatorError              the operator acts: the message names the place and the remedy
    ├── ConfigError            a config file, key or value
    └── UsageError             a command-line argument

Any other exception is an internal error. It ends the agent, except where one failing part must not stop the others:
the modules below catch `Exception`, and each place states why and logs or counts the error. A test keeps the list true.

stratoscope.poll.loop                    one poll of one rig
stratoscope.stratum.watch.watcher        the watch of one endpoint
stratoscope.stratum.tap.tap              the connection of one miner to its pool
stratoscope.stratum.tap.listener         reading along with one relayed connection
stratoscope.market.service               one round of market requests
stratoscope.pools.service                the requests to one pool
stratoscope.app.reconcile_service        one round of the reconciliation
stratoscope.outside.broker               one connection to an MQTT broker (two places: read and write)
stratoscope.events                       one listener for one event
stratoscope_exporters.exposition.page    one section of the metrics page, and the agent's own metrics (two places)
stratoscope_exporters.exposition.render  one rig, and one metric family of a rig (two places)
stratoscope_exporters.mqtt.publisher     one connection of the MQTT publisher
stratoscope_exporters.mqtt.rigs          the MQTT document of one rig
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
"""Every reason why a poll can fail: the values of `mining_rig_polls_total{outcome}`, besides `ok`."""


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
"""Every reason why a request to a market source or a pool can fail: the values of
`stratoscope_source_requests_total{outcome}` and `mining_pool_requests_total{outcome}`, besides `ok`. `waiting` is a
request that was not sent because the source requested a pause or keeps failing."""


class StratoscopeError(Exception):
    """Base class of all expected errors."""


class PollError(StratoscopeError):
    """One exchange with a rig failed; `reason` is one of POLL_REASONS, the text is for people."""

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(f"{reason}: {detail}" if detail else reason)
        self.reason = reason
        self.detail = detail


class Unreachable(PollError):
    """No connection, or it broke: refused, unreachable, dns, reset; no_sockets when the agent has no sockets left."""


class TimedOut(PollError):
    """The deadline of connecting or of the whole exchange passed: connect_timeout, timeout."""


class Garbled(PollError):
    """The response is unusable: decode, oversize, truncated, not_json, refused_command (Code 14, HTTP 404)."""


class AuthRefused(PollError):
    """The rig denies access: auth (login), denied (CGMiner Code 45)."""


class SourceError(StratoscopeError):
    """A market source or a pool returned nothing usable; `reason` is one of SOURCE_REASONS, the text is for people."""

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
"""Every reason why an exchange with an MQTT broker can fail: the values of
`stratoscope_mqtt_failures_total{reason}`."""


class BrokerError(StratoscopeError):
    """A request to an MQTT broker failed; `reason` is one of BROKER_REASONS, the text is for people.

    With `of_message` the broker rejected one message, and the connection is still up.
    """

    def __init__(self, reason: str, detail: str = "", *, of_message: bool = False) -> None:
        super().__init__(f"{reason}: {detail}" if detail else reason)
        self.reason = reason
        self.of_message = of_message


class OperatorError(StratoscopeError):
    """The operator must change something; the message says what and where."""


class ConfigError(OperatorError):
    """A config file is wrong; the message names file, key, value and remedy."""


class UsageError(OperatorError):
    """A command-line argument is wrong."""


def first_error(group: BaseException) -> BaseException:
    """Return the first error inside nested exception groups; an error that is no group is returned unchanged."""
    while isinstance(group, BaseExceptionGroup):
        group = group.exceptions[0]
    return group
