"""Defines the section `guard`: which endpoints, accounts and payout addresses are yours; else they are learned."""

from datetime import UTC, datetime
from typing import Annotated, Any, Final

from pydantic import BeforeValidator

from stratoscope.config.problems import shown, wrong
from stratoscope.config.section import Section, Word
from stratoscope.config.values import Duration
from stratoscope.tamper.detector import Rules
from stratoscope.units import DAY

MOST: Final = 256


def _patterns(value: Any) -> Any:
    if isinstance(value, str):
        raise wrong(f"is {shown(value)}, it must be a list: put it in brackets or on a line of its own after a dash")
    if isinstance(value, list | tuple) and len(value) > MOST:
        raise wrong(f"has {len(value)} entries, the most is {MOST}: use patterns with *")
    return value


def _moment(value: Any) -> float | None:
    """Return UTC seconds of a day or a moment; YAML leaves both as text."""
    if value is None:
        return None
    try:
        told = datetime.fromisoformat(value.strip()) if isinstance(value, str) else None
    except ValueError:
        told = None
    if told is None:
        raise wrong(f"is {shown(value)}, it must be a day such as 2026-01-12, or a moment such as 2026-01-12T15:00Z")
    return told.replace(tzinfo=told.tzinfo or UTC).timestamp()


Patterns = Annotated[tuple[Word, ...], BeforeValidator(_patterns)]


class Guard(Section):
    """What is yours. Where a list is empty, what is seen while learning is taken as yours."""

    enabled: bool = True
    learn: Annotated[float, BeforeValidator(Duration(0, 365 * DAY))] = Rules().learn  # s
    learn_from: Annotated[float | None, BeforeValidator(_moment)] = None  # UTC s
    endpoints: Patterns = ()
    accounts: Patterns = ()
    payouts: Patterns = ()

    def rules(self) -> Rules:
        """Return what the guard needs to know."""
        return Rules(
            learn=self.learn,
            since=self.learn_from or 0.0,
            endpoints=self.endpoints,
            accounts=self.accounts,
            payouts=self.payouts,
        )
