"""Maps the errors of the MQTT libraries and the network to the reasons of BrokerError."""

import socket
import ssl
from typing import Final

import aiomqtt
from paho.mqtt.enums import MQTTErrorCode
from paho.mqtt.reasoncodes import ReasonCode

from stratoscope.errors import BrokerError
from stratoscope.outside.tls import certificate_refusal

RESPONSE_TIMEOUT_S: Final = 5.0
"""How long a broker may take to connect, or to acknowledge a message."""

REASONS: Final = {
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
"""Reasons by MQTT 5 reason code; paho converts the five codes of 3.1.1 to these."""


def reason_of_code(code: ReasonCode) -> str:
    """Return the reason of BrokerError for a reason code."""
    return REASONS.get(code.value, "protocol")


def broker_error(error: Exception) -> BrokerError:
    """Return the reason: by the broker's reason code if there is one, else by the cause of the library's error."""
    code = getattr(error, "rc", None)
    if isinstance(code, ReasonCode) and code.value in REASONS:
        return BrokerError(reason_of_code(code), str(code))
    if code == MQTTErrorCode.MQTT_ERR_PAYLOAD_SIZE or code == MQTTErrorCode.MQTT_ERR_QUEUE_SIZE:
        return BrokerError("oversize" if code == MQTTErrorCode.MQTT_ERR_PAYLOAD_SIZE else "busy", str(error))
    for cause in (error, error.__cause__, error.__context__):
        if isinstance(cause, ssl.SSLCertVerificationError):
            return BrokerError("tls", certificate_refusal(cause, "mqtt.ca"))
        if isinstance(cause, ssl.SSLError):
            return BrokerError("tls", cause.reason or str(cause))
        if isinstance(cause, socket.gaierror):
            return BrokerError("dns", cause.strerror or "")
        if isinstance(cause, TimeoutError):
            return BrokerError("timeout", f"no response within {RESPONSE_TIMEOUT_S:.0f} s")
        if isinstance(cause, OSError):
            return BrokerError("unreachable", (cause.strerror or "error").lower())
        nested = getattr(cause, "rc", None)
        if isinstance(nested, ReasonCode) and nested.value in REASONS:
            return BrokerError(reason_of_code(nested), str(nested))
    if isinstance(error, aiomqtt.MqttCodeError):
        return BrokerError("lost", str(error))
    if isinstance(error, ValueError):
        return BrokerError("protocol", str(error))
    return BrokerError("timeout" if "timed out" in str(error) else "lost", str(error))
