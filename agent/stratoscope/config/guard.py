"""Defines the section `guard`: your own endpoints, accounts and payout addresses, or how long to learn them."""

from datetime import UTC, datetime
from typing import Annotated, Any, Final

from pydantic import BeforeValidator, Field

from stratoscope.config.problems import shown, wrong
from stratoscope.config.section import ConfigSection, Name
from stratoscope.config.values import Allowed, Duration
from stratoscope.tamper.detector import TamperRules
from stratoscope.units import DAY

MAX_PATTERNS: Final = 256


def _patterns(value: Any) -> Any:
    if isinstance(value, str):
        raise wrong(f"is {shown(value)}, it must be a list: put it in brackets, or on its own line after a dash")
    if isinstance(value, list | tuple) and len(value) > MAX_PATTERNS:
        raise wrong(f"has {len(value)} entries, the maximum is {MAX_PATTERNS}: use patterns with *")
    return value


def _moment(value: Any) -> float | None:
    """Return the UTC seconds of a day or a time; YAML passes both as text."""
    if value is None:
        return None
    try:
        moment = datetime.fromisoformat(value.strip()) if isinstance(value, str) else None
    except ValueError:
        moment = None
    if moment is None:
        raise wrong(f"is {shown(value)}, it must be a day such as 2026-01-12, or a time such as 2026-01-12T15:00Z")
    return moment.replace(tzinfo=moment.tzinfo or UTC).timestamp()


Patterns = Annotated[tuple[Name, ...], BeforeValidator(_patterns)]


class GuardConfig(ConfigSection):
    """Your own pools, accounts and payout addresses. For an empty list, everything seen while learning is trusted."""

    enabled: bool = Field(
        default=True,
        description="Raise an alarm about pools, accounts and payouts that are not yours, see [tamper.md](tamper.md).",
    )
    learn: Annotated[float, Duration(0, 365 * DAY)] = Field(
        TamperRules().learn,
        description="Learning period. For each list below that is empty, everything seen in it is trusted; `0` "
        "disables learning.",
    )
    learn_from: Annotated[float | None, BeforeValidator(_moment), Allowed("day or time")] = Field(
        None,
        description="Day or time, as `2026-01-12`, at which learning starts again; what was learned before is "
        "discarded.",
    )
    endpoints: Patterns = Field((), description="Your pools: hosts or `host:port`, `*` matches anything.")
    accounts: Patterns = Field(
        (), description="Your accounts: the worker name up to its first dot, `*` matches anything."
    )
    payouts: Patterns = Field(
        (),
        description="Your payout addresses, `*` matches anything. Every watched endpoint's coinbase must pay at "
        "least one.",
    )

    def rules(self) -> TamperRules:
        """Return the rules for the tamper detector."""
        return TamperRules(
            learn=self.learn,
            since=self.learn_from or 0.0,
            endpoints=self.endpoints,
            accounts=self.accounts,
            payouts=self.payouts,
        )
