"""What every test may ask: where the reference shelf is, and whether a program is there."""

import os
import shutil
import signal
import sys
import threading
from pathlib import Path

import pytest
from hypothesis import settings

from fakes.children import adopt_orphans, kill_children
from fakes.order import dealt

ROOT = Path(__file__).resolve().parent.parent
SHELF = Path(os.environ.get("STRATOSCOPE_SHELF", ROOT.parent / "shared"))
CI = os.environ.get("CI") == "true"

# The machines are shared and noisy, so no example has a deadline. In CI the same examples come every time: a change is
# judged by what it changed. Elsewhere they are new in each run, and a finding becomes an @example.
settings.register_profile("here", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True)
settings.load_profile("ci" if CI else "here")


# A shell starts background jobs with SIGINT ignored, and children would inherit that.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN and threading.current_thread() is threading.main_thread():
    signal.signal(signal.SIGINT, signal.default_int_handler)
adopt_orphans()

# Containers often forbid cached bytecode; then every worker and every child process would compile everything again.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Give every parallel worker its share of the tests that wait long."""
    workers = getattr(config, "workerinput", {}).get("workercount", 1)
    if workers > 1 and len(items) > 100 * workers:
        items[:] = dealt(items, workers, lambda item: max((m.args[0] for m in item.iter_markers("waits")), default=0))


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Kill what failed tests left behind; the process that only distributes tests to workers has no such children."""
    if hasattr(session.config, "workerinput") or not session.config.getoption("numprocesses", None):
        kill_children()


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
