"""Speaks MQTT 5 or 3.1.1 to one broker: connect, publish, subscribe, receive, close; the only file that knows aiomqtt.

A connection is used once. What a broker refuses of a single message (MQTT 5 tells so) is told from what breaks the
connection. Nothing waits longer than ANSWER; what arrives is bounded in size and number.
"""

import asyncio
import logging
import socket
import ssl
import uuid
from collections.abc import Awaitable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, Final, TypeVar

import aiomqtt
import paho.mqtt.client as paho
from paho.mqtt.enums import MQTTErrorCode
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from stratoscope.errors import BrokerError
from stratoscope.outside.port import Account, Broker, Incoming, Outgoing

__all__ = ["MOST_RECEIVED", "MOST_SENT", "PORT", "TLS_PORT", "Account", "Broker", "Connection", "Incoming", "Outgoing"]

ANSWER: Final = 5.0
"""Seconds that a broker may take to connect, or to answer a message."""
PARTING: Final = 2.0
IN_FLIGHT: Final = 100
"""Messages of QoS 1 on their way at once."""
QUEUED: Final = 500
MOST_RECEIVED: Final = 64 << 10
"""Bytes of an incoming packet; MQTT 5 tells the broker, with 3.1.1 a larger one ends the connection."""
RECEIVED_AT_ONCE: Final = 200
MOST_SENT: Final = 256 << 10
"""Bytes of an outgoing message; compose's broker takes as much, and no document of ours needs more."""
PORT: Final = 1883
TLS_PORT: Final = 8883

OF_CODE: Final = {
    0x84: "protocol",
    0x85: "auth",
    0x86: "auth",
    0x87: "denied",
    0x88: "busy",
    0x89: "busy",
    0x8A: "auth",
    0x8C: "auth",
    0x8E: "taken_over",
    0x95: "oversize",
    0x97: "busy",
    0x9F: "busy",
}
"""Reason codes of MQTT 5, which paho also makes of the five of 3.1.1."""

T = TypeVar("T")
silent = logging.getLogger("stratoscope.mqtt")
silent.setLevel(logging.CRITICAL + 1)  # the library writes to stderr what is raised here anyway


class _Client(aiomqtt.Client):
    """aiomqtt's client, told what a broker refused, and with a bound on what it reads."""

    most_sent = MOST_SENT

    def __init__(
        self, account: Account, will: aiomqtt.Will | None, tls: ssl.SSLContext | None, most_received: int
    ) -> None:
        v5 = account.protocol == "5"
        name = account.client_id or f"stratoscope-{uuid.uuid4().hex[:8]}"
        super().__init__(
            account.host,
            account.port,
            username=account.user,
            password=account.password,
            logger=silent,
            identifier=name,
            protocol=aiomqtt.ProtocolVersion.V5 if v5 else aiomqtt.ProtocolVersion.V311,
            will=will,
            clean_session=None if v5 else True,
            timeout=ANSWER,
            tls_context=tls,
            keepalive=account.keepalive,
            max_queued_outgoing_messages=QUEUED,
            max_inflight_messages=IN_FLIGHT,
            properties=_properties(PacketTypes.CONNECT, MaximumPacketSize=most_received) if v5 else None,
        )
        self.shut = self._paused = False
        self._disconnected.add_done_callback(_taken)
        self._most_received = most_received
        self._refused: dict[int, ReasonCode] = {}

    def _on_socket_open(self, client: paho.Client, userdata: Any, sock: Any) -> None:  # noqa: ARG002 — paho's
        """Read from the new socket; comes from the thread that connects, so that the socket may be closed by now.

        aiomqtt looks at the number of the file only, which another socket may have got meanwhile.
        """

        def begin() -> None:
            if self.shut:
                client._sock_close()  # noqa: SLF001 — nobody waits for this connection any more
            elif (own := client.socket()) is not None and own is sock:
                self._loop.add_reader(own.fileno(), self._read)
                self._misc_task = self._loop.create_task(self._misc_loop())

        self._loop.call_soon_threadsafe(begin)

    def _on_socket_register_write(self, client: paho.Client, userdata: Any, sock: Any) -> None:  # noqa: ARG002 — paho's
        def begin() -> None:
            if (own := client.socket()) is not None and own is sock:
                self._loop.add_writer(own.fileno(), self._write)

        self._loop.call_soon_threadsafe(begin)

    def _write(self) -> None:
        try:
            self._client.loop_write()
        except Exception as error:  # noqa: BLE001 — whatever paho raises here ends the connection, as in aiomqtt
            self._broken(error)

    def _read(self) -> None:
        client = self._client
        try:
            client.loop_read()
            while isinstance(sock := client.socket(), ssl.SSLSocket) and sock.pending():
                client.loop_read()
        except Exception as error:  # noqa: BLE001 — as above
            self._broken(error)
        if client._in_packet["remaining_length"] > self._most_received:  # noqa: SLF001 — paho has no limit of its own
            client._loop_rc_handle(MQTTErrorCode.MQTT_ERR_PAYLOAD_SIZE)  # noqa: SLF001
        elif self._queue.qsize() >= RECEIVED_AT_ONCE and (own := client.socket()) is not None:
            self._paused = True  # the rest waits in the network until these are taken
            self._loop.remove_reader(own.fileno())

    async def received(self) -> aiomqtt.Message:
        """Return the next message; raise MqttError once the connection is lost and all that came was taken."""
        message = await anext(self.messages) if self._queue.empty() else self._queue.get_nowait()
        if self._paused and self._queue.qsize() <= RECEIVED_AT_ONCE // 2 and (own := self._client.socket()) is not None:
            self._paused = False
            self._loop.add_reader(own.fileno(), self._read)
        return message

    def _broken(self, error: Exception) -> None:
        if not self._disconnected.done():
            self._disconnected.set_exception(error)

    def _on_connect(
        self, client: paho.Client, userdata: Any, flags: Any, reason_code: Any, properties: Any = None
    ) -> None:
        most = getattr(properties, "MaximumPacketSize", None)
        if isinstance(most, int):
            self.most_sent = min(MOST_SENT, most - 1024)  # topic and properties count too
        super()._on_connect(client, userdata, flags, reason_code, properties)

    def _on_disconnect(
        self, client: paho.Client, userdata: Any, flags: Any, reason_code: Any, properties: Any = None
    ) -> None:
        if not self._connected.done():  # refused without a word, as for a missing certificate: no need to wait on
            self._connected.set_exception(aiomqtt.MqttCodeError(reason_code, "the broker hung up"))
        super()._on_disconnect(client, userdata, flags, reason_code, properties)

    def _on_publish(self, client: Any, userdata: Any, mid: int, reason_code: Any, properties: Any) -> None:
        if isinstance(reason_code, ReasonCode) and reason_code.is_failure and mid in self._pending_publishes:
            self._refused[mid] = reason_code
        super()._on_publish(client, userdata, mid, reason_code, properties)

    async def _wait_for(self, fut: Awaitable[T], timeout: float | None) -> T:
        """Wait as aiomqtt does, but not with asyncio.wait_for: Python 3.11's loses a cancellation that comes together
        with the answer, and whoever cancelled waits for ever.
        """
        try:
            async with asyncio.timeout(self.timeout if timeout is None else timeout):
                return await fut
        except TimeoutError:
            raise aiomqtt.MqttError("Operation timed out") from None

    @contextmanager
    def _pending_call(self, mid: int, value: T, pending_dict: dict[int, T]) -> Iterator[None]:
        """Keep `value` while a call waits for its answer; aiomqtt's own counts all pending calls at each."""
        pending_dict[mid] = value
        try:
            yield
            if (refused := self._refused.pop(mid, None)) is not None:
                raise BrokerError(_of(refused), str(refused), of_message=True)
        finally:
            pending_dict.pop(mid, None)
            self._refused.pop(mid, None)


class Connection:
    """A connection to the broker of `account`, by aiomqtt."""

    def __init__(self, account: Account, most_received: int = MOST_RECEIVED) -> None:
        """Take messages of up to `most_received` bytes."""
        self._account, self._most_received = account, most_received
        self._client: _Client | None = None

    async def connect(self, will: Outgoing | None = None) -> None:
        """Connect; raise BrokerError."""
        account = self._account
        tls = await asyncio.to_thread(_tls, account) if account.tls else None
        last = None if will is None else aiomqtt.Will(will.topic, will.payload, will.qos, will.retain)
        client = _Client(account, last, tls, self._most_received)
        try:
            await client.__aenter__()
        except (aiomqtt.MqttError, OSError, ValueError) as error:
            _shut(client)
            raise _broker_error(error) from None
        except BaseException:
            _shut(client)
            raise
        self._client = client

    async def publish(self, message: Outgoing) -> None:
        """Send and, for QoS 1, wait for the broker's acknowledgement; raise BrokerError."""
        client = self._connected()
        if len(message.payload) > client.most_sent:
            detail = f"{len(message.payload)} bytes, the broker takes {client.most_sent}"
            raise BrokerError("oversize", detail, of_message=True)
        properties = None
        if message.expiry is not None and self._account.protocol == "5":
            properties = _properties(PacketTypes.PUBLISH, MessageExpiryInterval=message.expiry)
        try:
            await client.publish(message.topic, message.payload, message.qos, message.retain, properties)
        except ValueError as error:  # a topic that is none
            raise BrokerError("protocol", str(error), of_message=True) from None
        except (aiomqtt.MqttError, OSError) as error:
            raise _broker_error(error) from None

    async def subscribe(self, topics: Sequence[str]) -> None:
        """Ask for messages; raise BrokerError, denied where only one of the topics is."""
        client = self._connected()
        for topic in topics:
            try:
                codes = await client.subscribe(topic, qos=1)
            except (aiomqtt.MqttError, OSError, ValueError) as error:
                raise _broker_error(error) from None
            if any(getattr(code, "value", code) >= 0x80 for code in codes):
                raise BrokerError("denied", f"no reading of {topic}", of_message=True)

    async def receive(self) -> Incoming:
        """Return the next message; raise BrokerError once the connection is lost."""
        try:
            message = await self._connected().received()
        except (aiomqtt.MqttError, OSError) as error:
            raise _broker_error(error) from None
        payload = message.payload if isinstance(message.payload, bytes) else b""
        if len(payload) > self._most_received:
            raise BrokerError("oversize", f"a message of {len(payload)} bytes came")
        return Incoming(str(message.topic), payload, bool(message.retain))

    async def close(self, *, clean: bool) -> None:
        """End the connection: with a goodbye, or without one so that the broker sends the will. Never raises."""
        client, self._client = self._client, None
        if client is None:
            return
        if clean:
            with suppress(aiomqtt.MqttError, OSError, TimeoutError):
                async with asyncio.timeout(PARTING):
                    await client.__aexit__(None, None, None)
        _shut(client)

    def _connected(self) -> _Client:
        if self._client is None:
            raise BrokerError("lost", "not connected")
        return self._client


def _shut(client: _Client) -> None:
    """Close the socket that aiomqtt leaves open when the other side did not end the connection."""
    client.shut = True
    client._client._sock_close()  # noqa: SLF001 — there is no public way that says no goodbye


def _taken(future: "asyncio.Future[None]") -> None:
    """Take the error of a future that nobody may be waiting for: asyncio complains of one that nobody took."""
    if not future.cancelled():
        future.exception()


def _properties(packet: int, **values: int) -> Properties:
    properties = Properties(packet)  # type: ignore[no-untyped-call]  # the library has no annotation here
    for name, value in values.items():
        setattr(properties, name, value)
    return properties


def _tls(account: Account) -> ssl.SSLContext:
    """Return the TLS settings; raise BrokerError when a file is unusable (it may be renewed while we run)."""
    try:
        context = ssl.create_default_context(cafile=None if account.ca is None else str(account.ca))
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        if account.cert is not None:
            context.load_cert_chain(account.cert, account.key)
    except (OSError, ValueError) as error:
        raise BrokerError("tls", f"{account.ca or account.cert}: {error}") from None
    return context


def _of(code: ReasonCode) -> str:
    return OF_CODE.get(code.value, "protocol")


def _broker_error(error: Exception) -> BrokerError:
    """Return why: the broker's own reason code where there is one, else by the error below the library's."""
    code = getattr(error, "rc", None)
    if isinstance(code, ReasonCode) and code.value in OF_CODE:
        return BrokerError(_of(code), str(code))
    if code == MQTTErrorCode.MQTT_ERR_PAYLOAD_SIZE or code == MQTTErrorCode.MQTT_ERR_QUEUE_SIZE:
        return BrokerError("oversize" if code == MQTTErrorCode.MQTT_ERR_PAYLOAD_SIZE else "busy", str(error))
    for below in (error, error.__cause__, error.__context__):
        if isinstance(below, ssl.SSLError):
            return BrokerError("tls", below.reason or str(below))
        if isinstance(below, socket.gaierror):
            return BrokerError("dns", below.strerror or "")
        if isinstance(below, TimeoutError):
            return BrokerError("timeout", f"no answer within {ANSWER:.0f} s")
        if isinstance(below, OSError):
            return BrokerError("unreachable", (below.strerror or "error").lower())
        nested = getattr(below, "rc", None)
        if isinstance(nested, ReasonCode) and nested.value in OF_CODE:
            return BrokerError(_of(nested), str(nested))
    if isinstance(error, aiomqtt.MqttCodeError):
        return BrokerError("lost", str(error))
    if isinstance(error, ValueError):
        return BrokerError("protocol", str(error))
    return BrokerError("timeout" if "timed out" in str(error) else "lost", str(error))
