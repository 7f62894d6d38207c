"""Tests the requests of adapters: published signatures, queries, forms, and account names with special characters."""

import csv
import json
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from stratoscope.pools.adapters import BY_KIND, POOLS, antpool, nicehash
from stratoscope.pools.pool import PoolAccount, PoolRequest, RequestContext
from stratoscope.pools.signing import hmac_sha256_hex

ACCOUNT = PoolAccount(account="acct", key="k", secret="s", organization="o")
CONTEXT = RequestContext(ACCOUNT, 1_750_000_100.0, 1_750_000_100_123, 2)
VIABTC = "d186ababcb0eb1f6af5c1519424f462b84c631f86c06309992ae1f15604668b0"
"""The sample secret in ViaBTC's API documentation."""


def request_of(kind: str, call: str, context: RequestContext = CONTEXT) -> PoolRequest:
    return next(one for one in BY_KIND[kind].calls if one.name == call).make_request(context)


@pytest.mark.shelf
@pytest.mark.parametrize(
    ("case", "expected"),
    [
        ("H-viabtc-hmac-get", "4a1c9e4c73629b62fd999cbbcd2bc8b87a07f1791ae61ba576427f820dd3bc59"),
        ("H-viabtc-hmac-post", "2dd2cc09cb5b11c7f24d457b1c01e46f2f2b17f06a62bf29eda35b5fb45ce354"),
    ],
)
def test_viabtc_signature_matches_the_published_ones(shelf: Path, case: str, expected: str):
    rows = {row["id"]: row for row in csv.DictReader((shelf / "reference/reference_cases.csv").open())}
    assert hmac_sha256_hex(json.loads(rows[case]["inputs"])["msg"], VIABTC) == expected


def test_viabtc_signature_matches_the_published_one_without_the_shelf():
    expected = "4a1c9e4c73629b62fd999cbbcd2bc8b87a07f1791ae61ba576427f820dd3bc59"
    assert hmac_sha256_hex("coin=BTC&amount=1.0&tonce=1513746038205", VIABTC) == expected


def test_binance_signature_matches_the_published_one():
    query = (
        "symbol=LTCBTC&side=BUY&type=LIMIT&timeInForce=GTC&quantity=1&price=0.1&recvWindow=5000&timestamp=1499827319559"
    )
    secret = "NhqPtmdSJYdKjVHjA7PZj4Mge3R5YNiP1e3UZjInClVN65XAbvqqM6A7H5fATj0j"
    expected = "c8db56825ae71d6d79447849e617115f4a920fa2acdcab2b053c4b2838bd6b71"
    assert hmac_sha256_hex(query, secret) == expected


def test_nicehash_signature_matches_the_published_one():
    found = nicehash.signature(
        "fd8a1652-728b-42fe-82b8-f623e56da8850750f5bf-ce66-4ca7-8b84-93651abc723b",
        "4ebd366d-76f4-4400-a3b6-e51515d054d6",
        "1543597115712",
        "9675d0f8-1325-484b-9594-c9d6d3268890",
        "da41b3bc-3d0b-4226-b7ea-aee73f94a518",
        "GET",
        "/main/api/v2/hashpower/orderBook",
        "algorithm=X16R&page=0&size=100",
    )
    assert found == "21e6a16f6eb34ac476d59f969f548b47fffe3fea318d9c99e77fc710d2fed798"


def test_antpool_signature_is_upper_case_and_covers_user_key_and_nonce():
    # echo -n acctk1750000100123 | openssl dgst -sha256 -hmac s
    assert antpool.signature("acct", "k", "s", 1_750_000_100_123) == (
        "7FF75E60013AC71EC44F16D0A384880B5F1B79EFD49060F870844C97A4082E51"
    )
    assert request_of("antpool", "workers").method == "POST"


def test_viabtc_requests_utc_days_and_signs_only_with_a_secret():
    query = parse_qs(urlsplit(request_of("viabtc", "rewards").path).query)
    assert query["utc"] == ["true"]
    assert (query["start_date"], query["end_date"]) == (["2025-06-08"], ["2025-06-15"])
    assert query["tonce"] == ["1750000100123"]
    plain = request_of("viabtc", "account", RequestContext(PoolAccount(key="k"), 1_750_000_100.0, 1))
    assert plain.headers == {"X-API-KEY": "k"}
    assert "tonce" not in plain.path


@pytest.mark.parametrize("pool", POOLS, ids=lambda pool: pool.kind)
def test_s19_an_account_name_with_slashes_or_a_query_stays_one_path_segment(pool):
    evil = PoolAccount(account="../../etc/passwd?x=1&y#z", key="k/../../?a=b&c", secret="s", organization="o")
    plain = PoolAccount(account="acct", key="k", secret="s", organization="o")
    for call in pool.calls:
        if pool.transport == "socket":
            assert json.loads(
                call.make_request(RequestContext(evil, 1e9, 1)).body.partition(b"=")[2] or b"{}"
            ).keys() <= {"user"}
            continue
        found, normal = (urlsplit(call.make_request(RequestContext(who, 1e9, 1)).path) for who in (evil, plain))
        assert found.path.count("/") == normal.path.count("/")
        assert parse_qs(found.query).keys() == parse_qs(normal.query).keys()
        assert found.fragment == ""
