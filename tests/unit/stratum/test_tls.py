"""TLS endpoints: valid, expiring and invalid certificates."""

import asyncio
import ssl
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stratoscope.clock import SystemClock
from stratoscope.simulate.chain import Chain
from stratoscope.simulate.pool import PoolBehaviour, StratumPool, StratumSession
from stratoscope.stratum.sessions.certificate import certificate_end
from stratoscope.units import DAY

from .conftest import eventually


def certificate(folder, days: int, name: str = "localhost"):
    key, cert = folder / f"{name}.key", folder / f"{name}.pem"
    subprocess.run(
        [
            "openssl",
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:prime256v1",
            "-nodes",
            "-keyout",
            str(key),
            "-out",
            str(cert),
            "-days",
            str(days),
            "-subj",
            f"/CN={name}",
            "-addext",
            f"subjectAltName=DNS:{name}",
            "-addext",
            "keyUsage=critical,digitalSignature,keyCertSign",
        ],
        check=True,
        capture_output=True,
    )
    return key, cert


@pytest.fixture
async def encrypted(tmp_path):
    """Return a function that serves a pool over TLS: (days, name) → (port, certificate file)."""
    clock = SystemClock()
    pool = StratumPool(Chain(seed=1, clock=clock), clock=clock, behaviour=PoolBehaviour(open=True))
    await pool.start()
    servers = []

    async def begin(days: int, name: str = "localhost"):
        key, cert = certificate(tmp_path, days, name)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(cert, key)
        loop = asyncio.get_running_loop()
        servers.append(await loop.create_server(lambda: StratumSession(pool), "127.0.0.1", 0, ssl=context))
        return servers[-1].sockets[0].getsockname()[1], cert

    yield begin
    for server in servers:
        server.close()
    await pool.stop()


@pytest.mark.needs("openssl")
async def test_valid_certificate_is_verified_with_its_expiry(encrypted, watch_endpoints):
    port, cert = await encrypted(90)
    watcher = await watch_endpoints(
        f"stratum+ssl://localhost:{port}", trusted=ssl.create_default_context(cafile=str(cert))
    )
    watched = next(iter(watcher.comparison.endpoints.values()))
    one = await eventually(lambda: (r := watched.snapshot()).up and r)
    assert one.certificate_verified is True
    assert one.certificate_end == pytest.approx(SystemClock().time() + 90 * DAY, abs=DAY)
    assert {"connect", "tls", "subscribe", "first_job"} <= set(one.phases)
    watcher.comparison.update()
    assert watcher.now.alarms == ()


@pytest.mark.needs("openssl")
@pytest.mark.parametrize("name", ["localhost", "elsewhere"])
async def test_invalid_certificate_is_reported_and_the_session_stays_open(encrypted, watch_endpoints, name):
    port, cert = await encrypted(5, name)
    trusted = None if name == "localhost" else ssl.create_default_context(cafile=str(cert))
    watcher = await watch_endpoints(f"stratum+ssl://localhost:{port}", trusted=trusted)
    watched = next(iter(watcher.comparison.endpoints.values()))
    one = await eventually(lambda: (r := watched.snapshot()).up and r)
    assert one.certificate_verified is False
    watcher.comparison.update()
    assert [alarm.kind for alarm in watcher.comparison.alarms.active] == ["certificate"], "it expires within 14 days"


async def test_plain_port_behind_a_tls_url_ends_with_tls(watch_endpoints):
    clock = SystemClock()
    pool = StratumPool(Chain(seed=1, clock=clock), clock=clock, behaviour=PoolBehaviour(open=True))
    port = await pool.start()
    try:
        watcher = await watch_endpoints(f"stratum+ssl://127.0.0.1:{port}")
        watched = next(iter(watcher.comparison.endpoints.values()))
        await eventually(lambda: watched.snapshot().counts.sessions)
        assert watched.snapshot().counts.sessions == {"tls": 1}
    finally:
        await pool.stop()


@given(st.binary())
def test_no_bytes_raise_as_certificate(raw):
    assert certificate_end(raw) is None or isinstance(certificate_end(raw), float)


@pytest.mark.needs("openssl")
def test_no_modified_certificate_raises(tmp_path):
    _, cert = certificate(tmp_path, 1)
    der = ssl.PEM_cert_to_DER_cert(cert.read_text())
    assert certificate_end(der) is not None
    for at in range(min(len(der), 300)):
        for value in (0, 0x7F, 0x80, 0x84, 0xFF):
            changed = der[:at] + bytes((value,)) + der[at + 1 :]
            assert certificate_end(changed) is None or isinstance(certificate_end(changed), float)
        certificate_end(der[:at])
