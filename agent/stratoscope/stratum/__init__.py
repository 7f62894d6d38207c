"""Reads the work that a pool hands out: stratum messages, jobs down to the coinbase, shares, and a relay that listens.

Everything but `tap` is pure: no sockets, no clock, no logging.
"""
