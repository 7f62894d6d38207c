"""Says what a person can do when a pool tells nothing: one sentence per reason, with the pool's own way to a key."""

from typing import Final

from stratoscope.errors import SourceError
from stratoscope.pools.pool import Pool

REMEDIES: Final = {
    "unreachable": "Check `url` and the way there from this machine: DNS, firewall, proxy.",
    "timeout": "The pool is slow or something on the way swallows the request: try again later.",
    "tls": "The certificate is not valid for that host: check `url`, the clock of this machine, and proxies "
    "on the way.",
    "rate_limited": "Too many requests came with this key or from this address: does another program use it too? The "
    "agent waits as long as the pool asks.",
    "redirect": "The pool moved: set `url` to where it is now. Redirects are not followed, because a key goes "
    "with them.",
    "oversize": "Something else than the pool answers there: check `url`.",
    "not_json": "A page for people came instead of an answer, such as a captcha or a login: open the address of "
    "the pool from this machine to see which, and check `url`.",
    "schema": "The pool's API may have changed: look whether a newer Stratoscope knows it.",
    "refused": "The pool says why.",
    "waiting": "It failed before or asked for a pause; nothing was sent.",
    "http": "The pool has trouble of its own: try again later.",
}


def remedy(pool: Pool, error: SourceError) -> str:
    """Return what to do about `error`."""
    if error.reason == "auth":
        return f"The pool does not accept the login. {pool.access}"
    if error.reason == "http" and error.detail in ("HTTP 404", "HTTP 400"):
        return f"The pool does not know the account or the page: check `account` and `url`. {pool.notes}".strip()
    if error.reason == "unreachable" and pool.way != "http":
        return f"Check `path`, `account`, and whether the agent's user may read there. {pool.access}"
    return REMEDIES.get(error.reason, "")
