"""Signs requests the way pools want it: HMAC-SHA256 of a text with the secret half of a key, in hexadecimal."""

import hashlib
import hmac


def signed(text: str, secret: str) -> str:
    """Return the HMAC-SHA256 of `text`, 64 lower-case hexadecimal digits."""
    return hmac.new(secret.encode(), text.encode(), hashlib.sha256).hexdigest()
