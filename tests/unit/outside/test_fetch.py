"""Limits on responses and on requests to services, over real sockets on loopback."""

import asyncio
import gzip
import itertools
import resource
import zlib

import pytest

from fakes.web import Says, Web, gzipped
from stratoscope.errors import SOURCE_REASONS, SourceError
from stratoscope.outside import fetch
from stratoscope.outside.fetch import Fetcher, RemoteService, base_url, retry_after
from stratoscope.outside.source_metrics import SourceMetrics

CLOCK_EPOCH = 1_700_000_000.0  # Tue, 14 Nov 2023 22:13:20 GMT


@pytest.fixture
async def remote(web, clock):
    fetcher = Fetcher(clock, lambda: 0.0, SourceMetrics())
    made = RemoteService("here", web.url, fetcher)
    made.tally = fetcher.tally
    yield made
    await fetcher.close()


async def why(remote, path="/a") -> str:
    with pytest.raises(SourceError) as caught:
        await remote.get(path, bytes)
    assert caught.value.reason in SOURCE_REASONS
    return caught.value.reason


async def test_a_complete_response_is_returned_and_counted(web, remote):
    web.answers["/a?b=c"] = Says(b"answer", headers={"Age": "42"})
    fetched = await remote.get("/a?b=c", bytes)
    assert (fetched.value, fetched.age) == (b"answer", 42.0)
    assert remote.tally.outcomes == {("here", "ok"): 1}
    assert web.asked[0].headers["User-Agent"].startswith("stratoscope/")
    assert "Cookie" not in web.asked[0].headers


async def test_compressed_responses_are_decompressed(web, remote):
    web.answers["/a"] = gzipped(b"[1, 2]")
    assert (await remote.get("/a", bytes)).value == b"[1, 2]"


@pytest.mark.parametrize(
    "body",
    [gzip.compress(bytes(30 << 20), mtime=0), gzip.compress(b"[" + b"1," * (2 << 20), mtime=0), b"x" * ((2 << 20) + 1)],
    ids=["a bomb", "too large with normal compression", "too large uncompressed"],
)
async def test_s12_decompression_stops_at_two_mebibytes(web, remote, body):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    headers = {"Content-Encoding": "gzip"} if body[:2] == b"\x1f\x8b" else {}
    web.answers["/a"] = Says(body, headers=headers)
    assert await why(remote) == "oversize"
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 16 << 10  # KiB


async def test_s12_an_expansion_over_a_hundred_is_rejected_long_before_the_limit(web, remote):
    web.answers["/a"] = gzipped(bytes(500_000))
    assert await why(remote) == "oversize"


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (Says(b"", 500), "http"),
        (Says(b"", 404), "http"),
        (Says(b"", 401), "auth"),
        (Says(b"", 403), "auth"),
        (Says(b"x" * 100, headers={"Content-Encoding": "gzip"}), "not_json"),
        (Says(zlib.compress(b"{}"), headers={"Content-Encoding": "br"}), "not_json"),
        (Says(gzip.compress(b"x" * 999, mtime=0)[:-9], headers={"Content-Encoding": "gzip"}), "not_json"),
        (Says(b"x" * 100, cut=50), "unreachable"),
    ],
)
async def test_an_unusable_response_has_a_reason(web, remote, answer, reason):
    web.answers["/a"] = answer
    assert await why(remote) == reason
    assert remote.tally.outcomes == {("here", reason): 1}


async def test_s19_f30_a_redirect_is_not_followed_and_gets_no_login(web, remote):
    async with Web({"/": Says({})}) as other:
        web.answers["/"] = Says(b"", 302, {"Location": other.url + "/"})
        with pytest.raises(SourceError, match="redirect"):
            await remote.post("/", [], bytes, "Basic c2VjcmV0")
        assert other.asked == []
    assert web.asked[0].headers["Authorization"] == "Basic c2VjcmV0"


async def test_a_service_that_does_not_respond_times_out_at_the_deadline(web, remote, monkeypatch):
    monkeypatch.setattr(fetch, "DEADLINE_S", 0.2)
    web.answers["/a"] = Says(b"late", delay=5)
    assert await why(remote) == "timeout"


async def test_a_closed_port_is_unreachable(clock):
    async with Web() as gone:
        url = gone.url
    fetcher = Fetcher(clock, lambda: 0.0, SourceMetrics())
    assert await why(RemoteService("gone", url, fetcher)) == "unreachable"
    await fetcher.close()


async def test_https_to_a_port_with_http_is_a_tls_failure(clock):
    async def plain(_, writer):
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(plain, "127.0.0.1", 0)
    fetcher = Fetcher(clock, lambda: 0.0, SourceMetrics())
    try:
        url = f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        assert await why(RemoteService("plain", url, fetcher)) == "tls"
    finally:
        await fetcher.close()
        server.close()


@pytest.mark.parametrize(
    ("header_value", "seconds"),
    [("120", 120), ("Tue, 14 Nov 2023 22:15:20 GMT", 120), ("86400", 3600), ("999999999999", 3600), (None, 300)],
)
async def test_f26_no_request_is_sent_during_a_requested_pause(web, remote, clock, header_value, seconds):
    web.answers["/a"] = Says(b"", 429, {"Retry-After": header_value} if header_value else {})
    assert await why(remote) == "rate_limited"
    web.answers["/a"] = Says(b"ok")
    for _ in range(5):
        await clock.advance(seconds / 5 - 0.1)
        assert await why(remote) == "waiting"
    assert len(web.asked) == 1
    await clock.advance(1)
    assert (await remote.get("/a", bytes)).value == b"ok"


@pytest.mark.parametrize("header_value", ["soon", "-5", "", "Tue, 99 Nov 2023 22:15:20 GMT", "1e9", "²"])
def test_an_invalid_retry_after_is_none(header_value):
    assert retry_after(header_value, CLOCK_EPOCH) is None


async def test_a_pause_requested_with_503_is_kept(web, remote, clock):
    web.answers["/a"] = Says(b"", 503, {"Retry-After": "60"})
    assert await why(remote) == "http"
    assert await why(remote) == "waiting"
    assert len(web.asked) == 1


async def test_f27_a_service_that_keeps_failing_is_paused_longer_and_longer(web, remote, clock):
    web.answers["/a"] = Says(b"", 500)
    sent = []
    for minute in range(120):
        before = len(web.asked)
        with pytest.raises(SourceError):
            await remote.get("/a", bytes)
        if len(web.asked) > before:
            sent.append(minute)
        await clock.advance(60)
    assert sent[:3] == [0, 1, 2]
    gaps = [later - earlier for earlier, later in itertools.pairwise(sent[2:])]
    assert gaps == sorted(gaps)
    assert gaps[-1] == 14  # 15 min minus a jitter of 10 %
    web.answers["/a"] = Says(b"ok")
    await clock.advance(900)
    await remote.get("/a", bytes)
    await remote.get("/a", bytes)  # a success resets the count


async def test_missing_pages_do_not_pause_the_service(web, remote):
    for _ in range(10):
        assert await why(remote, "/missing") == "http"
    web.answers["/a"] = Says(b"ok")
    assert (await remote.get("/a", bytes)).value == b"ok"


@pytest.mark.parametrize(
    "url", ["https://mempool.space", "http://127.0.0.1:4080/", "http://[::1]", "http://localhost:1"]
)
def test_https_and_loopback_are_allowed(url):
    assert base_url(url) == url.rstrip("/")


@pytest.mark.parametrize(
    ("url", "part"),
    [
        ("http://192.0.2.1", "allow_http"),
        ("http://127.0.0.1.example.org", "allow_http"),
        ("ftp://a", "https://"),
        ("mempool.space", "https://"),
        ("https://", "https://"),
        ("https://user:geheim@a.example", "login"),
        ("https://a.example/?key=geheim", "query"),
        ("https://a.example:99999", "URL"),
        ("", "https://"),
    ],
)
def test_s12_other_urls_are_rejected_with_the_remedy_and_without_secrets(url, part):
    with pytest.raises(ValueError, match=part) as caught:
        base_url(url)
    assert "geheim" not in str(caught.value)


def test_http_to_other_machines_can_be_allowed():
    assert base_url("http://192.0.2.1:4080", allow_http=True) == "http://192.0.2.1:4080"
