"""Whether the last run ended with a clean shutdown, as the next one finds it."""

from stratoscope.ledger import Ledger


def test_a_new_ledger_and_a_closed_one_are_clean(tmp_path):
    for _ in range(3):
        ledger = Ledger(tmp_path)
        assert not ledger.unclean_shutdown
        ledger.close()


def test_a_ledger_that_was_never_closed_is_unclean_and_the_next_shutdown_is_clean(tmp_path):
    Ledger(tmp_path).close()
    (tmp_path / "ended").unlink()  # the state while an agent runs, and after a kill
    ledger = Ledger(tmp_path)
    assert ledger.unclean_shutdown
    assert not (tmp_path / "ended").exists()
    ledger.close()
    again = Ledger(tmp_path)
    assert not again.unclean_shutdown
    again.close()


def test_a_shutdown_while_the_disk_is_full_is_not_clean(tmp_path):
    ledger = Ledger(tmp_path)
    ledger.degraded = "database or disk is full"
    ledger.close()
    again = Ledger(tmp_path)
    assert again.unclean_shutdown
    again.close()
