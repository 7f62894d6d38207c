"""Turns levels into Grafana's coloured thresholds, and holds the levels of ratios that only dashboards compute."""

from typing import Final

from grafana_foundation_sdk.builders.dashboard import ThresholdsConfig
from grafana_foundation_sdk.models import dashboard as model

from stratoscope.judgement.state import DEGRADED_BELOW_RATIO
from stratoscope.metrics.metric import Levels

GOOD, ATTENTION, BAD, NEUTRAL = "green", "orange", "red", "text"
NAMEPLATE_RATIO_LEVELS: Final = Levels(attention=0.95, bad=DEGRADED_BELOW_RATIO, falling=True)
"""Hashrate / nameplate; below LOW a hashing rig is in state `degraded`."""
REJECTED_RATIO_LEVELS: Final = Levels(attention=0.01, bad=0.03)
"""Rejected and stale shares / all shares."""
LOSS_LEVELS: Final = Levels(bad=0, falling=True)
"""Amounts and changes that are bad below zero."""


def threshold_steps(levels: Levels | None, neutral: str = NEUTRAL) -> ThresholdsConfig:
    """Return Grafana's thresholds for `levels`; without levels every value has the colour `neutral`."""
    threshold = model.Threshold
    config = ThresholdsConfig().mode(model.ThresholdsMode.ABSOLUTE)
    if levels is None:
        return config.steps([threshold(value=None, color=neutral)])
    if levels.falling:
        steps = [threshold(value=None, color=BAD if levels.bad is not None else ATTENTION)]
        if levels.bad is not None and levels.attention is not None:
            steps.append(threshold(value=levels.bad, color=ATTENTION))
        top = levels.attention if levels.attention is not None else levels.bad
        return config.steps([*steps, threshold(value=top, color=GOOD)])
    steps = [threshold(value=None, color=GOOD)]
    for value, color in ((levels.attention, ATTENTION), (levels.bad, BAD)):
        if value is not None:
            steps.append(threshold(value=value, color=color))
    return config.steps(steps)
