"""Remembers over restarts what Prometheus cannot: who each rig is, its corrected sums, the market's days, events and
what waits for the broker.
"""

from stratoscope.ledger.ledger import Ledger, LedgerStatus
from stratoscope.ledger.outbox import Outbox
from stratoscope.ledger.schema import VERSION

__all__ = ["VERSION", "Ledger", "LedgerStatus", "Outbox"]
