"""Turns good answers into hostile ones: dropped, renamed and retyped keys, or any JSON instead of an answer."""

import copy
from typing import Any

from hypothesis import strategies as st

from stratoscope.drivers.driver import Replies

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=12)
    | st.sampled_from(
        ["nan", "inf", "-1", "1e400", "", "0x10", "\x00", "\ud800", "N/A", "9" * 70, 10**400, "²", "65535"]
    )
)
JSON = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


def places(value: Any, path: tuple = ()) -> list[tuple]:
    found = [path] if path else []
    if isinstance(value, dict):
        for key, item in value.items():
            found += places(item, (*path, key))
    elif isinstance(value, list):
        for at, item in enumerate(value):
            found += places(item, (*path, at))
    return found


@st.composite
def damaged(draw: Any, good: dict[str, Any]) -> Replies:
    """Draw `good` with one to four places dropped, renamed or replaced by any JSON value."""
    replies = copy.deepcopy(good)
    for _ in range(draw(st.integers(1, 4))):
        everywhere = places(replies)
        if not everywhere:
            break
        path = draw(st.sampled_from(everywhere))
        holder: Any = replies
        for step in path[:-1]:
            holder = holder[step]
        how = draw(st.sampled_from(["drop", "rename", "retype"]))
        if how == "retype":
            holder[path[-1]] = draw(JSON)
        elif how == "drop":
            del holder[path[-1]]
        elif isinstance(holder, dict):
            holder[draw(st.text(max_size=10))] = holder.pop(path[-1])
    return Replies(replies)


def assert_valid(reading: Any) -> None:
    """Assert what is true of every reading: no number out of range, no duplicate slot."""
    for parts in (reading.boards, reading.fans, reading.pools):
        indexes = [part.index for part in parts]
        assert len(indexes) == len(set(indexes))
        assert all(type(index) is int and index >= 0 for index in indexes)
    for value in (*reading.hashrate.values(), reading.hashrate_expected or 0.0, reading.power or 0.0):
        assert 0.0 <= value < float("inf")
    assert all(type(fan.rpm) is int and 0 <= fan.rpm <= 65_535 for fan in reading.fans)
    for board in reading.boards:
        for degrees in (board.temperature_board, board.temperature_chip):
            assert degrees is None or -60.0 <= degrees <= 200.0
    assert (reading.power is None) == (reading.power_source is None)
    assert len(reading.defects) <= 64
