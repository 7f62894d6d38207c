"""Watches stratum endpoints: one observing session each, compared with one another."""
