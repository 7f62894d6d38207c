"""Starts the MQTT exporter: publishes rigs, site and events to the broker of the config's section `mqtt`."""

import random

from stratoscope.errors import ConfigError
from stratoscope.exporter import Context
from stratoscope.outside.broker import BrokerConnection
from stratoscope_exporters.mqtt.config import MqttExporterConfig
from stratoscope_exporters.mqtt.publisher import Publisher

__all__ = ["Settings", "serve"]

Settings = MqttExporterConfig
"""The model of the exporter's config section; `config/load.py` looks it up by this name."""


async def serve(context: Context) -> None:
    """Publish until cancelled. `context.settings` is a `Settings`, a mapping of its fields, or None for the defaults.

    Raises ConfigError if no broker is configured.
    """
    settings = MqttExporterConfig.model_validate(context.settings if context.settings is not None else {})
    account = context.broker
    if account is None:
        raise ConfigError("exporters.mqtt has no broker: add the section `mqtt:` with its `host:`")
    await Publisher(context, settings, lambda: BrokerConnection(account), random.random).run()
