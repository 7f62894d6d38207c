"""Keeps what must survive a restart: rig identities, counters, money and market days, events, unsent MQTT messages."""

from stratoscope.ledger.ledger import Ledger, LedgerStatus
from stratoscope.ledger.outbox import Outbox
from stratoscope.ledger.schema import VERSION

__all__ = ["VERSION", "Ledger", "LedgerStatus", "Outbox"]
