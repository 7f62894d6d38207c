"""Classification of the errors with which real pools reject shares."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stratoscope.stratum.tap.reasons import REJECT_REASONS, reject_reason


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        ([21, "Invalid JobID", None], "stale"),  # ckpool
        ([23, "Above target", None], "low_difficulty"),
        ([20, "Worker mismatch", None], "unauthorized"),
        ([20, "Ntime out of range", None], "time"),
        ([20, "Invalid version mask", None], "version"),
        ([20, "Invalid array size", None], "other"),
        ("Invalid job_id", "stale"),
        ("Stale", "stale"),
        ("Duplicate", "duplicate"),
        ([21, "Job not found", ""], "stale"),  # public-pool
        ([23, "Difficulty too low", ""], "low_difficulty"),
        ([22, "Duplicate share", ""], "duplicate"),
        ([20, "Mining Submit validation error", ""], "other"),
        ([20, "unknown-work", None], "stale"),  # datum-gateway
        ([23, "H-not-zero", None], "low_difficulty"),
        ([23, "high-hash", None], "low_difficulty"),
        ([22, "duplicate", None], "duplicate"),
        ([23, "bad-version", None], "version"),
        ([21, "time-too-old", None], "time"),
        ([21, "time-too-new", None], "time"),
        ([-3, "Method not found", None], "other"),
        ([25, "Not subscribed", None], "not_subscribed"),  # slush and similar pools
        ([24, "Unauthorized worker", None], "unauthorized"),
        ({"code": 21, "message": "Stale share"}, "stale"),
        ([21], "stale"),
        (21, "stale"),
        ([None, None, None], "other"),
        (None, "other"),
        ([True, "x"], "other"),
        ("", "other"),
        ("low difficulty share of 12.3", "low_difficulty"),
        ([20, "Other/Unknown", None], "other"),
        ("prevblk-not-found", "stale"),
        ("bad-prevblk", "stale"),
    ],
)
def test_reject_reason_from_the_text_then_the_code(error, reason):
    assert reject_reason(error) == reason


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(), lambda s: st.lists(s) | st.dictionaries(st.text(), s)
    )
)
def test_every_error_has_a_known_reason(error):
    assert reject_reason(error) in REJECT_REASONS
