"""Starts the MQTT exporter: publishes rigs, site and events to the broker of the config's section `mqtt`."""

import random

from stratoscope.errors import ConfigError
from stratoscope.exporter import Context
from stratoscope.outside.broker import Connection
from stratoscope_exporters.mqtt.publisher import Publisher
from stratoscope_exporters.mqtt.settings import Settings

__all__ = ["Settings", "serve"]


async def serve(context: Context) -> None:
    """Publish until cancelled. `context.settings` is a Settings, a mapping of its fields, or None for the defaults.

    Raises ConfigError when no broker is configured.
    """
    settings = Settings.model_validate(context.settings if context.settings is not None else {})
    account = context.broker
    if account is None:
        raise ConfigError("exporters.mqtt has no broker: add the section `mqtt:` with its `host:`")
    await Publisher(context, settings, lambda: Connection(account), random.random).run()
