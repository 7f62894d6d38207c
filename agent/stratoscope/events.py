"""Defines what happened to a rig or to the agent, once, in one form for log, ledger and exporters."""

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

KINDS: Final = (
    "rig_up",
    "rig_down",
    "rig_state",
    "rig_restarted",
    "identity_moved",
    "identity_conflict",
    "identity_replaced",
    "firmware_changed",
    "pool_switched",
    "tamper",
    "tamper_cleared",
    "fault_raised",
    "fault_cleared",
    "curtail_advice",
    "curtail_call",
    "market_disagreement",
    "config_reloaded",
    "config_rejected",
    "clock_step",
    "gap",
    "stratum_alarm",
    "stratum_clear",
    "stratum_redirect",
    "stratum_reconnect",
    "pool_shortfall_raised",
    "pool_shortfall_cleared",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One thing that happened. `at` is UTC seconds; `text` is for people; `details` are plain JSON values."""

    kind: str
    at: float
    text: str
    rig: str | None = None
    details: Mapping[str, Any] = field(default_factory=dict)
    event_id: str = field(default_factory=lambda: uuid.uuid4().hex)


Listener = Callable[[Event], None]
"""Takes an event at once, without waiting: a log line, a ledger row, a queue entry."""


class Events:
    """Hands each event to every listener; a listener that fails does not keep it from the others."""

    def __init__(self) -> None:
        self.listeners: list[Listener] = []
        self.failed = 0

    def __call__(self, event: Event) -> None:
        """Hand on `event`."""
        for listener in self.listeners:
            try:
                listener(event)
            except Exception:  # noqa: BLE001 — one listener must not silence the others; the count is exported
                self.failed += 1
