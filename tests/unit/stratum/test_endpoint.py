"""Parsing of pool URLs, addresses that may be contacted, and targets of redirects."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stratoscope.stratum.protocol.endpoint import (
    Endpoint,
    InvalidEndpoint,
    address_scope,
    matches_any,
    parse_endpoint,
    redirect_target,
    refusal_reason,
    registered_domain,
)

LAN = frozenset({"private"})


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("stratum+tcp://pool.example:3333", "stratum+tcp://pool.example:3333"),
        ("pool.example:3333", "stratum+tcp://pool.example:3333"),
        ("STRATUM+TCP://Pool.Example.:3333/#xnsub", "stratum+tcp://pool.example:3333"),
        ("stratum+tcp://user.worker:secret@pool.example:25?x=1", "stratum+tcp://pool.example:25"),
        ("stratum+ssl://pool.example:443", "stratum+ssl://pool.example:443"),
        ("stratums://pool.example:443", "stratum+ssl://pool.example:443"),
        ("ssl://pool.example:443", "stratum+ssl://pool.example:443"),
        ("tcp://10.0.0.5:3333", "stratum+tcp://10.0.0.5:3333"),
        ("stratum+tcp://[2001:db8::1]:3333", "stratum+tcp://[2001:db8::1]:3333"),
        (
            "stratum2+tcp://pool.example:34254/9bXiEd8boQVhq7WddEcERUL5tyyJVFYdU8th3HfbNXK3Yw6GRXh",
            "stratum2+tcp://pool.example:34254",
        ),
    ],
)
def test_every_spelling_of_a_pool_url_gives_the_same_name(text, url):
    assert parse_endpoint(text).url == url


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("http://pool.example:8332", "protocol"),
        ("getwork://pool.example:80", "protocol"),
        ("", "unreadable"),
        ("pool.example", "unreadable"),
        ("pool.example:0", "unreadable"),
        ("pool.example:65536", "unreadable"),
        ("pool.example:³", "unreadable"),
        (":3333", "unreadable"),
        ("stratum+tcp://a b:3333", "unreadable"),
        ("stratum+tcp://[::1:3333", "unreadable"),
        ("stratum+tcp://[pool]:3333", "unreadable"),
        ("ftp://pool.example:21", "unreadable"),
        ("stratum+tcp://" + "a" * 300 + ":1", "unreadable"),
        ("x" * 10_000, "unreadable"),
    ],
)
def test_invalid_url_gives_a_reason(text, reason):
    with pytest.raises(InvalidEndpoint) as caught:
        parse_endpoint(text)
    assert caught.value.reason == reason


@given(st.text() | st.from_regex(r"[a-z+]{0,12}://[^ ]{0,40}:[0-9]{1,6}"))
def test_no_text_raises_another_exception(text):
    try:
        endpoint = parse_endpoint(text)
    except InvalidEndpoint:
        return
    assert parse_endpoint(endpoint.url).url == endpoint.url, "the name parses to itself"
    assert 0 < endpoint.port < 65536


def test_v2_authority_key_is_parsed_but_not_part_of_the_name():
    endpoint = parse_endpoint("stratum2+tcp://pool.example:34254/9bXiEd8boQV")
    assert (endpoint.key, endpoint.url) == ("9bXiEd8boQV", "stratum2+tcp://pool.example:34254")


NEVER = [
    "169.254.169.254",
    "::ffff:169.254.169.254",
    "64:ff9b::a9fe:a9fe",
    "2002:a9fe:a9fe::",
    "fd00:ec2::254",
    "100.100.100.200",
    "169.254.170.2",
    "0.0.0.0",
    "::",
    "224.0.0.1",
    "239.1.2.3",
    "255.255.255.255",
    "ff02::1",
    "240.0.0.1",
    "not an address",
    "",
]
LOCAL = [
    ("127.0.0.1", "loopback"),
    ("127.255.255.254", "loopback"),
    ("::1", "loopback"),
    ("::ffff:127.0.0.1", "loopback"),
    ("64:ff9b::7f00:1", "loopback"),
    ("2002:7f00:1::", "loopback"),
    ("169.254.1.1", "link_local"),
    ("fe80::1", "link_local"),
    ("fe80::1%eth0", "link_local"),
    ("10.1.2.3", "private"),
    ("172.16.0.1", "private"),
    ("192.168.1.1", "private"),
    ("fd12::1", "private"),
    ("::ffff:10.0.0.1", "private"),
    ("100.64.0.1", "private"),
]


@pytest.mark.parametrize("address", NEVER)
def test_addresses_that_cannot_be_a_pool_are_never_contacted(address):
    assert address_scope(address) == "never"
    assert refusal_reason(address, 3333, None)
    assert refusal_reason(address, 3333, {"public", "private", "loopback", "link_local", "never"})


@pytest.mark.parametrize(("address", "scope"), LOCAL)
def test_local_address_is_contacted_only_for_rigs_in_its_scope_or_if_configured(address, scope):
    assert address_scope(address) == scope
    assert refusal_reason(address, 3333, None) is None, "the operator configured it"
    assert refusal_reason(address, 3333, {scope}) is None, "a rig in the same scope names it"
    others = {"public", "private", "loopback", "link_local"} - {scope}
    for other in others:
        assert refusal_reason(address, 3333, {other}), f"a rig at a {other} address must not cause a connection"
    assert refusal_reason(address, 3333, ()), "no rig names it any more"


def test_rigs_may_name_public_addresses_but_no_low_port_of_the_private_network():
    assert address_scope("203.0.114.7") == "public"
    assert refusal_reason("203.0.114.7", 25, LAN) is None, "some pools listen on this port"
    assert "configure" in (refusal_reason("10.0.0.9", 22, LAN) or "")
    assert refusal_reason("10.0.0.9", 22, None) is None


@given(st.ip_addresses().map(str) | st.text())
def test_every_address_has_a_scope(text):
    assert address_scope(text) in ("public", "private", "loopback", "link_local", "never")


def test_patterns_match_hosts_with_or_without_port():
    endpoint = parse_endpoint("stratum+tcp://eu.pool.example:3333")
    assert matches_any(endpoint, ["*.pool.example"])
    assert matches_any(endpoint, ["nobody.example", "EU.pool.example:3333"])
    assert matches_any(endpoint, ["*:3333"])
    assert not matches_any(endpoint, ["pool.example", "*.pool.example:443", ""])
    assert not matches_any(endpoint, [])


@pytest.mark.parametrize(
    ("own", "host", "port", "expected", "target"),
    [
        ("eu.pool.com", None, None, "same", "eu.pool.com:3333"),
        ("eu.pool.com", "EU.pool.com.", 443, "same", "eu.pool.com:443"),
        ("eu.pool.com", "us.pool.com", None, "within", "us.pool.com:3333"),
        ("eu.pool.com", "pool.com", 3334, "within", "pool.com:3334"),
        ("eu.pool.co.uk", "us.pool.co.uk", None, "within", "us.pool.co.uk:3333"),
        ("eu.pool.co.uk", "evil.co.uk", None, "abroad", None),
        ("eu.pool.com", "pool.com.evil.com", None, "abroad", None),
        ("eu.pool.com", "evilpool.com", None, "abroad", None),
        ("mine.duckdns.org", "yours.duckdns.org", None, "abroad", None),
        ("pool.local", "other.local", None, "abroad", None),
        ("eu.pool.com", "203.0.114.7", None, "abroad", None),
        ("203.0.114.7", "203.0.114.8", None, "abroad", None),
        ("203.0.114.7", "203.0.114.7", 25, "same", "203.0.114.7:25"),
        ("eu.pool.com", "us.pool.com\r\nX: y", None, "abroad", None),
        ("eu.pool.com", "[::1]", None, "abroad", None),
    ],
)
def test_redirect_is_followed_only_within_the_registered_domain(own, host, port, expected, target):
    kind, found = redirect_target(Endpoint("stratum+tcp", own, 3333), host, port)
    assert (kind, found and f"{found.host}:{found.port}") == (expected, target)


@given(st.text(), st.none() | st.integers(1, 65535))
def test_no_redirect_host_raises(host, port):
    kind, target = redirect_target(Endpoint("stratum+tcp", "eu.pool.com", 3333), host, port)
    if kind == "abroad":
        assert target is None
    else:
        assert target is not None
        assert registered_domain(target.host) == "pool.com"
