"""Signs requests: HMAC-SHA256 of a text with the secret half of an API key."""

import hashlib
import hmac


def hmac_sha256_hex(text: str, secret: str) -> str:
    """Return the HMAC-SHA256 of `text` as 64 lower-case hexadecimal digits."""
    return hmac.new(secret.encode(), text.encode(), hashlib.sha256).hexdigest()
