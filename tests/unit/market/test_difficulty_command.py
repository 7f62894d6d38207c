"""`stratoscope difficulty` estimates the adjustment as mempool does, and names the remedy of wrong options."""

import math

import pytest

from unit.market.commands import document, run

EPOCH = ("difficulty", "--height", "750134", "--epoch-start", "1660820820", "--now", "1660917833")


def test_estimates_the_adjustment_as_mempool_does() -> None:
    found = document(*EPOCH, "--previous-change", "0.6280047707459726", "--t504", "1660619814")
    assert found["difficulty_change_percent"] == pytest.approx(1.0420538959004633, rel=1e-12)
    assert found["difficulty_change_ratio"] == pytest.approx(0.010420538959004633, rel=1e-12)
    assert found["standard_error_ratio"] == pytest.approx(1 / math.sqrt(504))
    assert (found["method"], found["blocks_into_epoch"], found["remaining_blocks"]) == ("window", 182, 1834)
    assert (found["retarget_height"], found["next_halving_height"]) == (751_968, 840_000)
    assert found["next_halving_blocks"] == 89_866


def test_accepts_a_window_that_starts_within_the_epoch() -> None:
    found = document(
        "difficulty",
        "--height",
        "830027",
        "--epoch-start",
        "1706888526",
        "--now",
        "1707691381",
        "--previous-change",
        "7.333505241141637",
        "--t504",
        "1707403385",
    )
    assert found["difficulty_change_percent"] == pytest.approx(8.512745140778843, rel=1e-12)
    assert found["method"] == "epoch"


def test_accepts_iso_8601_times() -> None:
    by_number = document(*EPOCH)
    by_text = document(
        "difficulty",
        "--height",
        "750134",
        "--epoch-start",
        "2022-08-18T11:07:00Z",
        "--now",
        "2022-08-19T15:03:53+01:00",
    )
    assert by_text == by_number


def test_a_full_epoch_ends_at_the_latest_block() -> None:
    full = ("difficulty", "--height", str(416 * 2016 - 1), "--epoch-start", "1700000000", "--now", "1701300000")
    ended = document(*full, "--latest-block-time", "1701209600")
    assert ended["difficulty_change_ratio"] == pytest.approx(0, abs=1e-12)
    assert document(*full)["difficulty_change_ratio"] < -0.05


def test_uses_the_clock_without_now() -> None:
    assert (
        document("difficulty", "--height", "750134", "--epoch-start", "1660820820")["difficulty_change_ratio"] == -0.75
    )


def test_prints_the_adjustment_with_its_error() -> None:
    code, out, _ = run(*EPOCH, "--previous-change", "0.628", "--t504", "1660619814")
    assert code == 0
    assert "+1.04 % ± 4.57 %" in out
    assert "751,968, in 1,834 blocks" in out
    assert "the last 504 blocks" in out


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ([], "--height"),
        (["--height", "1000", "--epoch-start", "1660820820000"], "divide milliseconds by 1000"),
        (["--height", "1000", "--epoch-start", "yesterday"], "--epoch-start 'yesterday'"),
        (["--height", "1000", "--epoch-start", "2022-08-18T11:07:00"], "add Z for UTC"),
        (["--height", "99999999999999999999", "--epoch-start", "1660820820"], "--height"),
        (["--height", "1000", "--epoch-start", "nan"], "--epoch-start nan"),
        (["--height", "1000", "--epoch-start", "1660820820", "--now", "1660820820"], "not after --epoch-start"),
        (["--height", "1000", "--epoch-start", "1660820820", "--t504", "1660619814"], "go together"),
        (["--height", "1000", "--epoch-start", "1660820820", "--previous-change", "1"], "go together"),
        (
            ["--height", "100", "--epoch-start", "1660820820", "--previous-change", "nan", "--t504", "1660619814"],
            "--previous-change nan",
        ),
        (
            ["--height", "100", "--epoch-start", "1660820820", "--previous-change", "1", "--t504", "1660820821"],
            "--t504 is not before",
        ),
    ],
)
def test_names_a_wrong_time_and_the_remedy(arguments: list[str], named: str) -> None:
    code, out, err = run("difficulty", *arguments)
    assert (code, out) == (2, "")
    assert named in " ".join(err.split())
