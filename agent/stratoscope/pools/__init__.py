"""Reads what pools say of account and workers, and holds it against what the rigs did."""
