"""Connects to one MQTT broker, version 5 or 3.1.1: connect, publish, subscribe, receive, close.

A connection is used once. A message that the broker rejects (MQTT 5 reports it) is not a lost connection. Nothing
waits longer than RESPONSE_TIMEOUT_S; received messages are limited in size and number.
"""

import asyncio
import ssl
from collections.abc import Sequence
from contextlib import suppress
from typing import Final

import aiomqtt
from paho.mqtt.packettypes import PacketTypes

from stratoscope.errors import BrokerError
from stratoscope.outside.broker_errors import broker_error
from stratoscope.outside.mqtt_client import MAX_SENT_BYTES, MqttClient, mqtt_properties
from stratoscope.outside.port import Broker, BrokerAccount, Incoming, Outgoing
from stratoscope.outside.tls import verifying_context

__all__ = [
    "MAX_RECEIVED_BYTES",
    "MAX_SENT_BYTES",
    "PORT",
    "TLS_PORT",
    "Broker",
    "BrokerAccount",
    "BrokerConnection",
    "Incoming",
    "Outgoing",
]

DISCONNECT_TIMEOUT_S: Final = 2.0
MAX_RECEIVED_BYTES: Final = 64 << 10
"""Size of a received packet. MQTT 5 announces it to the broker; with 3.1.1 a larger packet ends the connection."""
PORT: Final = 1883
TLS_PORT: Final = 8883


class BrokerConnection:
    """A connection to the broker of `account`."""

    def __init__(self, account: BrokerAccount, max_received_bytes: int = MAX_RECEIVED_BYTES) -> None:
        """Accept messages of up to `max_received_bytes` bytes."""
        self._account, self._max_received_bytes = account, max_received_bytes
        self._client: MqttClient | None = None

    async def connect(self, will: Outgoing | None = None) -> None:
        """Connect; raise BrokerError."""
        account = self._account
        tls = await asyncio.to_thread(tls_context, account) if account.tls else None
        last = None if will is None else aiomqtt.Will(will.topic, will.payload, will.qos, will.retain)
        client = MqttClient(account, last, tls, self._max_received_bytes)
        try:
            await client.__aenter__()
        except (aiomqtt.MqttError, OSError, ValueError) as error:
            client.close_socket()
            raise broker_error(error) from None
        except BaseException:
            client.close_socket()
            raise
        self._client = client

    async def publish(self, message: Outgoing) -> None:
        """Send and, for QoS 1, wait for the broker's acknowledgement; raise BrokerError."""
        client = self._connected()
        if len(message.payload) > client.max_sent_bytes:
            detail = f"{len(message.payload)} bytes, the broker accepts {client.max_sent_bytes}"
            raise BrokerError("oversize", detail, of_message=True)
        properties = None
        if message.expiry is not None and self._account.protocol == "5":
            properties = mqtt_properties(PacketTypes.PUBLISH, MessageExpiryInterval=message.expiry)
        try:
            await client.publish(message.topic, message.payload, message.qos, message.retain, properties)
        except ValueError as error:  # an invalid topic
            raise BrokerError("protocol", str(error), of_message=True) from None
        except (aiomqtt.MqttError, OSError) as error:
            raise broker_error(error) from None

    async def subscribe(self, topics: Sequence[str]) -> None:
        """Subscribe to `topics`; raise BrokerError with reason denied if the broker denies any of them."""
        client = self._connected()
        for topic in topics:
            try:
                codes = await client.subscribe(topic, qos=1)
            except (aiomqtt.MqttError, OSError, ValueError) as error:
                raise broker_error(error) from None
            if any(getattr(code, "value", code) >= 0x80 for code in codes):
                raise BrokerError("denied", f"no permission to read {topic}", of_message=True)

    async def receive(self) -> Incoming:
        """Return the next message; raise BrokerError once the connection is lost."""
        try:
            message = await self._connected().next_message()
        except (aiomqtt.MqttError, OSError) as error:
            raise broker_error(error) from None
        payload = message.payload if isinstance(message.payload, bytes) else b""
        if len(payload) > self._max_received_bytes:
            raise BrokerError("oversize", f"received a message of {len(payload)} bytes")
        return Incoming(str(message.topic), payload, bool(message.retain))

    async def close(self, *, clean: bool) -> None:
        """Close the connection: cleanly, or without DISCONNECT so that the broker publishes the will. Never raises."""
        client, self._client = self._client, None
        if client is None:
            return
        if clean:
            with suppress(aiomqtt.MqttError, OSError, TimeoutError):
                async with asyncio.timeout(DISCONNECT_TIMEOUT_S):
                    await client.__aexit__(None, None, None)
        client.close_socket()

    def _connected(self) -> MqttClient:
        if self._client is None:
            raise BrokerError("lost", "not connected")
        return self._client


def tls_context(account: BrokerAccount) -> ssl.SSLContext:
    """Return the TLS settings, reading renewed files; raise BrokerError if a file is unusable."""
    try:
        context = verifying_context(account.ca)
        if account.cert is not None:
            context.load_cert_chain(account.cert, account.key)
    except (OSError, ValueError) as error:
        raise BrokerError("tls", f"{account.ca or account.cert}: {error}") from None
    return context
