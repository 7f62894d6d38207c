"""Defines the events of rigs and of the agent: one record for log, ledger and exporters."""

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
    """One event. `at` is UTC seconds; `text` is one sentence for people; `details` are plain JSON values."""

    kind: str
    at: float
    text: str
    rig: str | None = None
    details: Mapping[str, Any] = field(default_factory=dict)
    event_id: str = field(default_factory=lambda: uuid.uuid4().hex)


Listener = Callable[[Event], None]
"""Handles an event without waiting: writes a log line, queues a ledger row or an MQTT message."""


class Events:
    """Passes each event to every listener; a listener that fails does not affect the others."""

    def __init__(self) -> None:
        self.listeners: list[Listener] = []
        self.failed = 0

    def __call__(self, event: Event) -> None:
        """Pass `event` to every listener."""
        for listener in self.listeners:
            try:
                listener(event)
            except Exception:  # noqa: BLE001 — one listener must not stop the others; `failed` counts it
                self.failed += 1
