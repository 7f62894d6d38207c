"""Remembers over restarts what Prometheus cannot: who each rig is, its corrected sums, the market's days, events."""

from stratoscope.ledger.ledger import Ledger, Standing
from stratoscope.ledger.schema import VERSION

__all__ = ["VERSION", "Ledger", "Standing"]
