"""Adapts the client of aiomqtt and paho: reads with limits, reports what a broker rejected, and closes its socket.

Only this file, broker.py and broker_errors.py know these libraries. This one overrides private methods of aiomqtt 2
where the library waits, leaks or reads without a limit; each override says why.
"""

import asyncio
import logging
import ssl
import uuid
from collections.abc import Awaitable, Iterator
from contextlib import contextmanager
from typing import Any, Final, TypeVar

import aiomqtt
import paho.mqtt.client as paho
from paho.mqtt.enums import MQTTErrorCode
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from stratoscope.errors import BrokerError
from stratoscope.outside.broker_errors import RESPONSE_TIMEOUT_S, reason_of_code
from stratoscope.outside.port import BrokerAccount

MAX_IN_FLIGHT: Final = 100
"""Unacknowledged QoS 1 messages."""
MAX_QUEUED: Final = 500
MAX_UNREAD: Final = 200
"""Received messages that wait to be taken; the rest waits in the network."""
MAX_SENT_BYTES: Final = 256 << 10
"""Size of a sent message. The broker of the compose stack accepts as much, and no document of the agent is larger."""

T = TypeVar("T")
library_log = logging.getLogger("stratoscope.mqtt")
library_log.setLevel(logging.CRITICAL + 1)  # the library logs what is raised here as an exception anyway


class MqttClient(aiomqtt.Client):
    """The client of aiomqtt, which also reports what a broker rejected and limits what it reads."""

    max_sent_bytes = MAX_SENT_BYTES

    def __init__(
        self, account: BrokerAccount, will: aiomqtt.Will | None, tls: ssl.SSLContext | None, max_received_bytes: int
    ) -> None:
        v5 = account.protocol == "5"
        name = account.client_id or f"stratoscope-{uuid.uuid4().hex[:8]}"
        super().__init__(
            account.host,
            account.port,
            username=account.user,
            password=account.password,
            logger=library_log,
            identifier=name,
            protocol=aiomqtt.ProtocolVersion.V5 if v5 else aiomqtt.ProtocolVersion.V311,
            will=will,
            clean_session=None if v5 else True,
            timeout=RESPONSE_TIMEOUT_S,
            tls_context=tls,
            keepalive=account.keepalive,
            max_queued_outgoing_messages=MAX_QUEUED,
            max_inflight_messages=MAX_IN_FLIGHT,
            properties=mqtt_properties(PacketTypes.CONNECT, MaximumPacketSize=max_received_bytes) if v5 else None,
        )
        self.closed = self._paused = False
        self._disconnected.add_done_callback(_retrieve_exception)
        self._max_received_bytes = max_received_bytes
        self._rejected: dict[int, ReasonCode] = {}

    def _on_socket_open(self, client: paho.Client, userdata: Any, sock: Any) -> None:  # noqa: ARG002 — paho's signature
        """Start reading from the new socket. Called from the thread that connects, so the socket may be closed already.

        aiomqtt only looks at the file descriptor, which another socket may have by now.
        """

        def begin() -> None:
            if self.closed:
                client._sock_close()  # noqa: SLF001 — paho has no public way to close it
            elif (own := client.socket()) is not None and own is sock:
                self._loop.add_reader(own.fileno(), self._read)
                self._misc_task = self._loop.create_task(self._misc_loop())

        self._loop.call_soon_threadsafe(begin)

    def _on_socket_register_write(self, client: paho.Client, userdata: Any, sock: Any) -> None:  # noqa: ARG002 — paho's signature
        def begin() -> None:
            if (own := client.socket()) is not None and own is sock:
                self._loop.add_writer(own.fileno(), self._write)

        self._loop.call_soon_threadsafe(begin)

    def _write(self) -> None:
        try:
            self._client.loop_write()
        except Exception as error:  # noqa: BLE001 — any exception of paho ends the connection, as in aiomqtt
            self._fail(error)

    def _read(self) -> None:
        client = self._client
        try:
            client.loop_read()
            while isinstance(sock := client.socket(), ssl.SSLSocket) and sock.pending():
                client.loop_read()
        except Exception as error:  # noqa: BLE001 — any exception of paho ends the connection, as in aiomqtt
            self._fail(error)
        if client._in_packet["remaining_length"] > self._max_received_bytes:  # noqa: SLF001 — paho has no limit
            client._loop_rc_handle(MQTTErrorCode.MQTT_ERR_PAYLOAD_SIZE)  # noqa: SLF001 — paho has no public way
        elif self._queue.qsize() >= MAX_UNREAD and (own := client.socket()) is not None:
            self._paused = True  # the rest waits in the network
            self._loop.remove_reader(own.fileno())

    async def next_message(self) -> aiomqtt.Message:
        """Return the next message; raise MqttError once the connection is lost and all received messages are taken."""
        message = await anext(self.messages) if self._queue.empty() else self._queue.get_nowait()
        if self._paused and self._queue.qsize() <= MAX_UNREAD // 2 and (own := self._client.socket()) is not None:
            self._paused = False
            self._loop.add_reader(own.fileno(), self._read)
        return message

    def _fail(self, error: Exception) -> None:
        if not self._disconnected.done():
            self._disconnected.set_exception(error)

    def _on_connect(
        self, client: paho.Client, userdata: Any, flags: Any, reason_code: Any, properties: Any = None
    ) -> None:
        max_packet = getattr(properties, "MaximumPacketSize", None)
        if isinstance(max_packet, int):
            self.max_sent_bytes = min(MAX_SENT_BYTES, max_packet - 1024)  # topic and properties count too
        super()._on_connect(client, userdata, flags, reason_code, properties)

    def _on_disconnect(
        self, client: paho.Client, userdata: Any, flags: Any, reason_code: Any, properties: Any = None
    ) -> None:
        # The broker may close without a reason, as for a missing certificate: do not wait for the timeout.
        if not self._connected.done():
            self._connected.set_exception(aiomqtt.MqttCodeError(reason_code, "the broker closed the connection"))
        super()._on_disconnect(client, userdata, flags, reason_code, properties)

    def _on_publish(self, client: Any, userdata: Any, mid: int, reason_code: Any, properties: Any) -> None:
        if isinstance(reason_code, ReasonCode) and reason_code.is_failure and mid in self._pending_publishes:
            self._rejected[mid] = reason_code
        super()._on_publish(client, userdata, mid, reason_code, properties)

    async def _wait_for(self, fut: Awaitable[T], timeout: float | None) -> T:
        """Wait like aiomqtt, but without asyncio.wait_for: in Python 3.11 it loses a cancellation that coincides with
        the response, and the canceller waits forever.
        """
        try:
            async with asyncio.timeout(self.timeout if timeout is None else timeout):
                return await fut
        except TimeoutError:
            raise aiomqtt.MqttError("Operation timed out") from None

    @contextmanager
    def _pending_call(self, mid: int, value: T, pending_dict: dict[int, T]) -> Iterator[None]:
        """Keep `value` while a call waits for its response; raise BrokerError if the broker rejected the message.

        aiomqtt's own version counts all pending calls at every call.
        """
        pending_dict[mid] = value
        try:
            yield
            if (rejected := self._rejected.pop(mid, None)) is not None:
                raise BrokerError(reason_of_code(rejected), str(rejected), of_message=True)
        finally:
            pending_dict.pop(mid, None)
            self._rejected.pop(mid, None)

    def close_socket(self) -> None:
        """Close the socket, which aiomqtt leaves open if the other side did not end the connection."""
        self.closed = True
        self._client._sock_close()  # noqa: SLF001 — there is no public way without a DISCONNECT packet


def _retrieve_exception(future: "asyncio.Future[None]") -> None:
    """Retrieve the exception of a future that may have no waiter: asyncio logs exceptions that are never retrieved."""
    if not future.cancelled():
        future.exception()


def mqtt_properties(packet: int, **values: int) -> Properties:
    """Return the MQTT 5 properties `values` for a packet type."""
    properties = Properties(packet)  # type: ignore[no-untyped-call]  # paho has no annotation here
    for name, value in values.items():
        setattr(properties, name, value)
    return properties
