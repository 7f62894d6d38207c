"""Maps values to words and colours; a rig state has the same colour on every dashboard."""

from typing import Any, Final

from grafana_foundation_sdk.models import dashboard as model

from stratoscope.fleet import STATES


def value_mappings(*meanings: tuple[float, str, str]) -> list[model.ValueMapping]:
    """Return a mapping from each value to a word and a colour."""
    options = {f"{value:g}": model.ValueMappingResult(text=word, color=color) for value, word, color in meanings}
    return [model.ValueMap(options=options)]


STATE_COLOURS: Final = {
    "identifying": "light-blue",
    "hashing": "green",
    "idle": "blue",
    "degraded": "orange",
    "offline": "red",
    "locked": "purple",
    "suspect": "yellow",
}
STATE_COLOUR_OVERRIDES: Final[list[tuple[str, dict[str, Any]]]] = [
    (f"^{state}$", {"color": {"mode": "fixed", "fixedColor": STATE_COLOURS[state]}}) for state in STATES
]
"""Colours of series whose legend is a state."""
STATE_MAPPINGS: Final = value_mappings(*((number, state, STATE_COLOURS[state]) for number, state in enumerate(STATES)))
"""For values from state_number_query."""
STATE_NAME_MAPPINGS: Final[list[model.ValueMapping]] = [
    model.ValueMap(
        options={state: model.ValueMappingResult(text=state, color=STATE_COLOURS[state]) for state in STATES}
    )
]
"""For table cells that contain the name of the state."""
YES_NO_MAPPINGS: Final = value_mappings((0, "no", "red"), (1, "yes", "green"))
SHORTFALL_MAPPINGS: Final = value_mappings((0, "no", "green"), (1, "SHORT", "red"))
ALARM_MAPPINGS: Final = value_mappings((0, "no", "green"), (1, "YES", "red"))
CURTAIL_MAPPINGS: Final = value_mappings((0, "run", "green"), (1, "curtail", "orange"))


def state_number_query(selector: str) -> str:
    """Return a query for the index of the rig's state in fleet.STATES, to be shown with STATE_MAPPINGS."""
    inside = selector.removesuffix("}")
    numbers = (f'{number} * max by (rig) ({inside},state="{state}"}} == 1)' for number, state in enumerate(STATES))
    return " or ".join(numbers)
