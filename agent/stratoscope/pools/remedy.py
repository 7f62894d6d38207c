"""Suggests what to do when a pool request fails: one sentence per reason, plus how to get a key from that pool."""

from typing import Final

from stratoscope.errors import SourceError
from stratoscope.pools.pool import PoolAdapter

REMEDIES: Final = {
    "unreachable": "Check `url` and the network path from this machine: DNS, firewall, proxy.",
    "timeout": "The pool is slow, or a firewall or proxy drops the request: try again later.",
    "tls": "The certificate is not valid for that host: check `url`, this machine's clock, and proxies on the way.",
    "rate_limited": "Too many requests with this key or from this address: check whether another program uses it. The "
    "agent waits as long as the pool requests.",
    "redirect": "The pool moved: set `url` to the new address. Redirects are not followed, because the key would go "
    "with them.",
    "oversize": "Another service responds at this address: check `url`.",
    "not_json": "The pool returned a web page, such as a captcha or a login form: open the address in a browser on "
    "this machine, and check `url`.",
    "schema": "The pool's API may have changed: check whether a newer Stratoscope version supports it.",
    "refused": "The pool gives the reason.",
    "waiting": "An earlier request failed or the pool requested a pause; nothing was sent.",
    "http": "The pool has a problem: try again later.",
}


def remedy(pool: PoolAdapter, error: SourceError) -> str:
    """Return what the operator can do about `error`; "" if nothing is known."""
    if error.reason == "auth":
        return f"The pool rejects the login. {pool.access}"
    if error.reason == "http" and error.detail in ("HTTP 404", "HTTP 400"):
        return f"The pool does not know the account or the page: check `account` and `url`. {pool.notes}".strip()
    if error.reason == "unreachable" and pool.transport != "http":
        return f"Check `path`, `account`, and whether the agent's user has read access. {pool.access}"
    return REMEDIES.get(error.reason, "")
