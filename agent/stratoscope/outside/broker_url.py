"""Reads a broker's address as people give it on a command line: mqtt://host[:port] or mqtts://host[:port]."""

from yarl import URL

from stratoscope.outside.broker import PORT, TLS_PORT, Account

FORM = "write mqtt://HOST[:PORT], or mqtts:// for TLS"


def account_at(text: str, user: str | None = None, password: str | None = None) -> Account:
    """Return the account at the broker `text` names; raise ValueError with what is wrong and the remedy."""
    try:
        url = URL(text if "://" in text else f"mqtt://{text}")
        host, port = url.host, url.port
    except ValueError:
        raise ValueError(f"it is no address of a broker: {FORM}") from None
    if url.scheme not in ("mqtt", "mqtts") or not host:
        raise ValueError(f"it is no address of a broker: {FORM}")
    if url.user is not None or url.password is not None:
        raise ValueError("it holds a login, which every user of this machine could read: give user and password apart")
    if url.path not in ("", "/") or url.query_string or url.fragment:
        raise ValueError(f"it holds more than host and port: {FORM}")
    tls = url.scheme == "mqtts"
    return Account(host=host, port=port or (TLS_PORT if tls else PORT), tls=tls, user=user, password=password)


def broker_url(account: Account) -> str:
    """Return the address of `account`'s broker, without a login."""
    host = f"[{account.host}]" if ":" in account.host else account.host
    return f"{'mqtts' if account.tls else 'mqtt'}://{host}:{account.port}"
