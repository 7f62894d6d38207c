"""Says from where on ratios that dashboards compute themselves deserve attention; metrics have theirs in the table."""

from typing import Final

from stratoscope.judgement.state import DEGRADED_BELOW_RATIO
from stratoscope.metrics.metric import Levels

OF_NAMEPLATE: Final = Levels(attention=0.95, bad=DEGRADED_BELOW_RATIO, falling=True)
"""Hashrate by nameplate; a hashing rig below LOW counts as degraded."""
REJECTED: Final = Levels(attention=0.01, bad=0.03)
"""Rejected and stale shares by all shares."""
