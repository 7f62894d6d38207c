"""Implements the client side of stratum V2 that observing needs: the Noise handshake, channel jobs, provider templates.

The cryptography requires the extra `sv2`; parsing messages requires only the standard library.
"""
