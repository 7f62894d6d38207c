"""Speaks stratum V2 as far as an observer needs it: the Noise handshake, a channel's jobs, a template provider's.

The cryptography comes with the extra `sv2`; parsing of messages needs nothing beyond the standard library.
"""
