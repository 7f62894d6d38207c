"""What every test may ask: where the reference shelf is, and whether a program is there."""

import os
import shutil
from pathlib import Path

import pytest
from hypothesis import settings

ROOT = Path(__file__).resolve().parent.parent
SHELF = Path(os.environ.get("STRATOSCOPE_SHELF", ROOT.parent / "shared"))
CI = os.environ.get("CI") == "true"

# The machines are shared and noisy, so no example has a deadline. In CI the same examples come every time: a change is
# judged by what it changed. Elsewhere they are new in each run, and a finding becomes an @example.
settings.register_profile("here", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True)
settings.load_profile("ci" if CI else "here")


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Leave out tests whose program or shelf is missing, with the reason; with CI=true that is a failure."""
    missing = [name for mark in item.iter_markers("needs") for name in mark.args if shutil.which(name) is None]
    if item.get_closest_marker("shelf") and not SHELF.is_dir():
        missing.append(f"the reference shelf at {SHELF}")
    if missing and CI:
        pytest.fail(f"needs {', '.join(missing)}; with CI=true nothing may be left out", pytrace=False)
    if missing:
        pytest.skip(f"needs {', '.join(missing)}")


@pytest.fixture(scope="session")
def shelf() -> Path:
    """The folder of recorded answers and reference facts beside the checkout."""
    if not SHELF.is_dir():
        (pytest.fail if CI else pytest.skip)(f"the reference shelf is not at {SHELF}")
    return SHELF
