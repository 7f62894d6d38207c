"""Watches stratum endpoints with one observing session each, and compares them with one another."""
