"""One connection to a real mosquitto: both protocols, TLS, logins, rules, limits, and a broker that freezes."""

import asyncio

import aiomqtt
import pytest

from fakes.addresses import free_port
from fakes.mosquitto import TLS, certificates, passwords
from stratoscope.errors import BrokerError
from stratoscope.outside.broker import (
    MAX_RECEIVED_BYTES,
    MAX_SENT_BYTES,
    BrokerAccount,
    BrokerConnection,
    MqttClient,
    Outgoing,
)
from unit.mqtt.conftest import account

pytestmark = pytest.mark.needs("mosquitto")
both = pytest.mark.parametrize("protocol", ["5", "3.1.1"])


async def reason_of(waiting) -> str:
    with pytest.raises(BrokerError) as caught:
        await waiting
    return caught.value.reason


@both
async def test_message_arrives_unchanged(mosquitto, listen, protocol) -> None:
    broker = mosquitto()
    ear = await listen(account(broker, protocol=protocol), "a/#")
    line = BrokerConnection(account(broker, protocol=protocol))
    await line.connect()
    await line.publish(Outgoing("a/0", b"zero"))
    await line.publish(Outgoing("a/1", b"one", qos=1, retain=True, expiry=60))
    await ear.until(lambda heard: len(heard) == 2)
    late = await listen(account(broker, protocol=protocol), "a/#")
    await late.until(lambda heard: len(heard) == 1)
    assert [(m.topic, m.payload, m.retained) for m in ear.heard] == [("a/0", b"zero", False), ("a/1", b"one", False)]
    assert [(m.topic, m.payload, m.retained) for m in late.heard] == [("a/1", b"one", True)]
    await line.close(clean=True)


@both
async def test_last_will_is_sent_on_a_broken_connection_only(mosquitto, listen, protocol) -> None:
    broker = mosquitto()
    ear = await listen(account(broker), "will/#")
    for name, clean in (("gone", False), ("left", True)):
        line = BrokerConnection(account(broker, protocol=protocol))
        await line.connect(Outgoing(f"will/{name}", b"offline", qos=1, retain=True))
        await line.close(clean=clean)
    await ear.until(lambda heard: heard)
    await asyncio.sleep(0.2)
    assert [m.topic for m in ear.heard] == ["will/gone"]


@both
async def test_wrong_password_has_the_reason_auth(mosquitto, protocol, tmp_path) -> None:
    broker = mosquitto(passwords(tmp_path, miner="right"), anonymous=False)
    wrong = BrokerConnection(account(broker, protocol=protocol, user="miner", password="wrong"))
    assert await reason_of(wrong.connect()) in ("auth", "denied")
    right = BrokerConnection(account(broker, protocol=protocol, user="miner", password="right"))
    await right.connect()
    await right.close(clean=True)


async def test_closed_port_is_unreachable_and_unknown_host_is_dns() -> None:
    assert (
        await reason_of(BrokerConnection(BrokerAccount(host="127.0.0.1", port=free_port())).connect()) == "unreachable"
    )
    assert await reason_of(BrokerConnection(BrokerAccount(host="no.such.invalid", port=1883)).connect()) == "dns"


async def test_tls_verifies_the_authority_and_sends_the_client_certificate(mosquitto, tmp_path) -> None:
    certificates(tmp_path)
    broker = mosquitto(*TLS, "require_certificate true", "use_identity_as_username true", anonymous=False)
    own = {"ca": tmp_path / "ca.crt", "cert": tmp_path / "miner.crt", "key": tmp_path / "miner.key"}
    line = BrokerConnection(account(broker, tls=True, **own))
    await line.connect()
    await line.publish(Outgoing("a", b"b", qos=1))
    await line.close(clean=True)
    assert "miner" in broker.log()
    assert await reason_of(BrokerConnection(account(broker, tls=True)).connect()) == "tls"  # an unknown authority
    nobody = BrokerConnection(account(broker, tls=True, ca=tmp_path / "ca.crt"))  # TLS 1.3 refuses after the handshake
    assert await reason_of(nobody.connect()) in ("tls", "lost", "unreachable", "timeout")
    missing = BrokerConnection(account(broker, tls=True, ca=tmp_path / "none.crt"))
    assert await reason_of(missing.connect()) == "tls"
    renamed = BrokerConnection(BrokerAccount(host="localhost", port=broker.port, tls=True, ca=tmp_path / "ca.crt"))
    assert await reason_of(renamed.connect()) == "tls"  # the certificate is for 127.0.0.1


async def test_private_authority_without_key_usage_is_accepted_by_every_python(mosquitto, tmp_path) -> None:
    certificates(tmp_path, key_usage=False)
    broker = mosquitto(*TLS)
    line = BrokerConnection(account(broker, tls=True, ca=tmp_path / "ca.crt"))
    await line.connect()
    await line.close(clean=True)


async def test_refused_certificate_says_why_and_how_to_fix_it(mosquitto, tmp_path) -> None:
    certificates(tmp_path)
    broker = mosquitto(*TLS)
    with pytest.raises(BrokerError, match=r"certificate refused: self-signed certificate.*; set mqtt.ca to"):
        await BrokerConnection(account(broker, tls=True)).connect()
    renamed = BrokerAccount(host="localhost", port=broker.port, tls=True, ca=tmp_path / "ca.crt")
    with pytest.raises(BrokerError, match=r"certificate refused: .* not valid for 'localhost'$"):
        await BrokerConnection(renamed).connect()


async def test_denied_message_raises_and_keeps_the_connection(mosquitto, tmp_path) -> None:
    (tmp_path / "acl").write_text("topic write good/#\ntopic read good/#\n")
    broker = mosquitto("acl_file acl")
    line = BrokerConnection(account(broker))
    await line.connect()
    with pytest.raises(BrokerError) as caught:
        await line.publish(Outgoing("bad/1", b"x", qos=1))
    assert (caught.value.reason, caught.value.of_message) == ("denied", True)
    await line.publish(Outgoing("good/1", b"x", qos=1))
    await line.close(clean=True)


async def test_message_larger_than_the_broker_limit_is_not_sent(mosquitto) -> None:
    broker = mosquitto("max_packet_size 2000")
    line = BrokerConnection(account(broker))
    await line.connect()
    for qos in (0, 1):
        with pytest.raises(BrokerError) as caught:
            await line.publish(Outgoing("a", b"x" * 1500, qos=qos))
        assert (caught.value.reason, caught.value.of_message) == ("oversize", True)
    await line.publish(Outgoing("a", b"x" * 900, qos=1))
    assert await reason_of(line.publish(Outgoing("a", b"x" * (MAX_SENT_BYTES + 1)))) == "oversize"
    await line.close(clean=True)


@both
async def test_oversized_message_is_never_received(mosquitto, protocol) -> None:
    broker = mosquitto()
    other = BrokerConnection(account(broker))
    await other.connect()
    line = BrokerConnection(account(broker, protocol=protocol))
    await line.connect()
    await line.subscribe(["in/#"])
    await other.publish(Outgoing("in/huge", b"x" * (MAX_RECEIVED_BYTES * 3), qos=1))
    await other.publish(Outgoing("in/small", b"y", qos=1))
    if protocol == "5":  # the broker was told the limit
        assert (await line.receive()).topic == "in/small"
    else:
        assert await reason_of(line.receive()) == "oversize"
    await line.close(clean=False)
    await other.close(clean=True)


@pytest.mark.waits(15)
async def test_a_frozen_broker_times_out_and_one_that_is_killed_is_lost(mosquitto) -> None:
    broker = mosquitto()
    line, idle = BrokerConnection(account(broker)), BrokerConnection(account(broker, keepalive=5))
    await line.connect()
    await idle.connect()
    hearing = asyncio.create_task(idle.receive())
    broker.freeze()
    assert await reason_of(line.publish(Outgoing("a", b"x", qos=1))) == "timeout"
    assert await reason_of(hearing) == "lost"  # keepalive found out
    await line.close(clean=True)
    assert await reason_of(BrokerConnection(account(broker)).connect()) == "timeout"
    broker.thaw()
    again = BrokerConnection(account(broker))
    await again.connect()
    broker.kill()
    assert await reason_of(again.receive()) == "lost"
    await again.close(clean=False)


async def test_second_client_with_the_same_id_takes_over(mosquitto) -> None:
    broker = mosquitto()
    first, second = BrokerConnection(account(broker, client_id="a")), BrokerConnection(account(broker, client_id="a"))
    await first.connect()
    hearing = asyncio.create_task(first.receive())
    await second.connect()
    assert await reason_of(hearing) in ("taken_over", "lost")  # 2.0.11 hangs up without a word
    await first.close(clean=False)
    await second.close(clean=True)


async def test_cancellation_at_the_same_time_as_the_acknowledgement_is_not_lost() -> None:
    client = MqttClient(BrokerAccount(host="127.0.0.1", port=1883), None, None, MAX_RECEIVED_BYTES)
    answer = asyncio.get_running_loop().create_future()
    waiting = asyncio.create_task(client._wait_for(answer, None))
    await asyncio.sleep(0)
    answer.set_result("acknowledged")
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting


async def test_missing_acknowledgement_is_a_timeout_error() -> None:
    client = MqttClient(BrokerAccount(host="127.0.0.1", port=1883), None, None, MAX_RECEIVED_BYTES)
    with pytest.raises(aiomqtt.MqttError, match="timed out"):
        await client._wait_for(asyncio.Event().wait(), 0.01)


def test_password_is_in_no_text_of_an_account() -> None:
    assert "hunter2" not in repr(BrokerAccount(host="a", port=1, user="u", password="hunter2"))


@both
async def test_slow_reader_receives_everything(mosquitto, protocol) -> None:
    broker = mosquitto("max_queued_messages 0")
    sender, reader = BrokerConnection(account(broker)), BrokerConnection(account(broker, protocol=protocol))
    await sender.connect()
    await reader.connect()
    await reader.subscribe(["#"])
    for number in range(1000):
        await sender.publish(Outgoing("a", b"%d" % number, qos=1 if number % 100 == 99 else 0))
    found = []
    async with asyncio.timeout(30):
        while len(found) < 1000:
            found.append(int((await reader.receive()).payload))
            if len(found) % 50 == 0:
                await asyncio.sleep(0.01)
    assert found == list(range(1000))
    await sender.close(clean=True)
    await reader.close(clean=True)
