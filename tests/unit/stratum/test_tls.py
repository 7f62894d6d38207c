"""TLS endpoints: certificate, expiry, and what nobody vouches for."""

import asyncio
import ssl
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stratoscope.clock import SystemClock
from stratoscope.simulate.chain import Chain
from stratoscope.simulate.pool import Habits, StratumPool, StratumSession
from stratoscope.stratum.protocol.certificate import end_of
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
        ],
        check=True,
        capture_output=True,
    )
    return key, cert


@pytest.fixture
async def encrypted(tmp_path):
    """Return a function that serves a pool over TLS: (days, name) → (port, the certificate's file)."""
    clock = SystemClock()
    pool = StratumPool(Chain(seed=1, clock=clock), clock=clock, habits=Habits(open=True))
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
async def test_a_good_certificate_is_verified_and_its_end_is_known(encrypted, watch):
    port, cert = await encrypted(90)
    made = await watch(f"stratum+ssl://localhost:{port}", trusted=ssl.create_default_context(cafile=str(cert)))
    watched = next(iter(made.standing.endpoints.values()))
    one = await eventually(lambda: (r := watched.record()).up and r)
    assert one.certificate_verified is True
    assert one.certificate_end == pytest.approx(SystemClock().time() + 90 * DAY, abs=DAY)
    assert {"connect", "tls", "subscribe", "first_job"} <= set(one.phases)
    made.standing.tick()
    assert made.now.alarms == ()


@pytest.mark.needs("openssl")
@pytest.mark.parametrize("name", ["localhost", "elsewhere"])
async def test_a_certificate_that_nobody_vouches_for_is_told_and_the_session_is_held(encrypted, watch, name):
    port, cert = await encrypted(5, name)
    trusted = None if name == "localhost" else ssl.create_default_context(cafile=str(cert))
    made = await watch(f"stratum+ssl://localhost:{port}", trusted=trusted)
    watched = next(iter(made.standing.endpoints.values()))
    one = await eventually(lambda: (r := watched.record()).up and r)
    assert one.certificate_verified is False
    made.standing.tick()
    assert [alarm.kind for alarm in made.standing.alarms.standing] == ["certificate"], "it ends within 14 days"


async def test_a_clear_port_behind_a_tls_url_is_no_tls(watch):
    clock = SystemClock()
    pool = StratumPool(Chain(seed=1, clock=clock), clock=clock, habits=Habits(open=True))
    port = await pool.start()
    try:
        made = await watch(f"stratum+ssl://127.0.0.1:{port}")
        watched = next(iter(made.standing.endpoints.values()))
        await eventually(lambda: watched.record().counts.sessions)
        assert watched.record().counts.sessions == {"tls": 1}
    finally:
        await pool.stop()


@given(st.binary())
def test_no_bytes_are_a_certificate_by_accident(raw):
    assert end_of(raw) is None or isinstance(end_of(raw), float)


@pytest.mark.needs("openssl")
def test_no_change_to_a_certificate_raises(tmp_path):
    _, cert = certificate(tmp_path, 1)
    der = ssl.PEM_cert_to_DER_cert(cert.read_text())
    assert end_of(der) is not None
    for at in range(min(len(der), 300)):
        for value in (0, 0x7F, 0x80, 0x84, 0xFF):
            changed = der[:at] + bytes((value,)) + der[at + 1 :]
            assert end_of(changed) is None or isinstance(end_of(changed), float)
        end_of(der[:at])
