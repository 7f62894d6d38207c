"""Gives each state of a rig its word, number and colour, the same on every page."""

from typing import Any, Final

from grafana_foundation_sdk.models import dashboard as model

from stratoscope.fleet import STATES
from stratoscope_dashboards.panels import words

COLOURS: Final = {
    "identifying": "light-blue", "hashing": "green", "idle": "blue", "degraded": "orange", "offline": "red",
    "locked": "purple", "suspect": "yellow",
}  # fmt: skip
STATE_COLOURS: Final[list[tuple[str, dict[str, Any]]]] = [
    (f"^{state}$", {"color": {"mode": "fixed", "fixedColor": COLOURS[state]}}) for state in STATES
]
"""Overrides for lines that are named by a state."""
STATE_WORDS: Final = words(*((number, state, COLOURS[state]) for number, state in enumerate(STATES)))
STATE_CELLS: Final[list[model.ValueMapping]] = [
    model.ValueMap(options={state: model.ValueMappingResult(text=state, color=COLOURS[state]) for state in STATES})
]
"""For cells of a table that hold the word itself."""
YES_NO: Final = words((0, "no", "red"), (1, "yes", "green"))
RUNNING: Final = words((0, "run", "green"), (1, "curtail", "orange"))


def states_as_number(selected: str) -> str:
    """Return a query that gives the place of the rig's state among fleet.STATES, for STATE_WORDS."""
    inside = selected.removesuffix("}")
    numbers = (f'{number} * max by (rig) ({inside},state="{state}"}} == 1)' for number, state in enumerate(STATES))
    return " or ".join(numbers)
