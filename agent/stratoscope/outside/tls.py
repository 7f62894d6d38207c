"""Builds the TLS settings that verify the certificate of a broker or a stratum endpoint."""

import ssl
from pathlib import Path
from typing import Final

_UNKNOWN_AUTHORITY: Final = (18, 19, 20, 21)
"""OpenSSL error codes for a certificate whose authority is not trusted."""


def verifying_context(ca: Path | None = None) -> ssl.SSLContext:
    """Return a context that trusts `ca`, by default the system's authorities; raise OSError or ValueError.

    Python 3.13 made two defaults stricter and looser: it refuses authorities without a key usage extension, which many
    private ones lack, and it accepts a certificate that `ca` contains directly. This context behaves the same on every
    Python version: it accepts both.
    """
    context = ssl.create_default_context(cafile=None if ca is None else str(ca))
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.verify_flags = (context.verify_flags | ssl.VERIFY_X509_PARTIAL_CHAIN) & ~ssl.VERIFY_X509_STRICT
    return context


def certificate_refusal(error: ssl.SSLCertVerificationError, key: str) -> str:
    """Return why a certificate was refused, and the remedy; `key` is the config key of the trusted authority."""
    remedy = f"; set {key} to the certificate of its authority" if error.verify_code in _UNKNOWN_AUTHORITY else ""
    return f"certificate refused: {error.verify_message.rstrip('.')}{remedy}"
