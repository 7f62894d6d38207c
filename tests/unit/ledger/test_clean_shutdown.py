"""Whether a run ended in order, as the next one finds it."""

from stratoscope.ledger import Ledger


def test_a_new_ledger_and_one_that_was_closed_were_not_cut_off(tmp_path):
    for _ in range(3):
        ledger = Ledger(tmp_path)
        assert not ledger.cut_off
        ledger.close()


def test_a_ledger_that_was_never_closed_was_cut_off_and_the_next_end_is_in_order(tmp_path):
    Ledger(tmp_path).close()
    (tmp_path / "ended").unlink()  # as it is while an agent runs, and after a kill
    ledger = Ledger(tmp_path)
    assert ledger.cut_off
    assert not (tmp_path / "ended").exists()
    ledger.close()
    again = Ledger(tmp_path)
    assert not again.cut_off
    again.close()


def test_a_disk_that_takes_nothing_is_no_orderly_end(tmp_path):
    ledger = Ledger(tmp_path)
    ledger.degraded = "database or disk is full"
    ledger.close()
    again = Ledger(tmp_path)
    assert again.cut_off
    again.close()
