"""Parses the URL of a broker on the command line: mqtt://host[:port] or mqtts://host[:port]."""

from yarl import URL

from stratoscope.outside.broker import PORT, TLS_PORT, BrokerAccount

FORMAT = "write mqtt://HOST[:PORT], or mqtts:// for TLS"


def account_at(text: str, user: str | None = None, password: str | None = None) -> BrokerAccount:
    """Return the account at the broker with the URL `text`; raise ValueError with problem and remedy."""
    try:
        url = URL(text if "://" in text else f"mqtt://{text}")
        host, port = url.host, url.port
    except ValueError:
        raise ValueError(f"it is not the URL of a broker: {FORMAT}") from None
    if url.scheme not in ("mqtt", "mqtts") or not host:
        raise ValueError(f"it is not the URL of a broker: {FORMAT}")
    if url.user is not None or url.password is not None:
        raise ValueError(
            "it contains a login, which every user of this machine can read: give user and password separately"
        )
    if url.path not in ("", "/") or url.query_string or url.fragment:
        raise ValueError(f"it contains more than host and port: {FORMAT}")
    tls = url.scheme == "mqtts"
    return BrokerAccount(host=host, port=port or (TLS_PORT if tls else PORT), tls=tls, user=user, password=password)


def broker_url(account: BrokerAccount) -> str:
    """Return the URL of the broker of `account`, without the login."""
    host = f"[{account.host}]" if ":" in account.host else account.host
    return f"{'mqtts' if account.tls else 'mqtt'}://{host}:{account.port}"
