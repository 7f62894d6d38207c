"""Runs the agent from a config file: signals, config reloads, clean shutdown."""

import asyncio
import os
import signal
from pathlib import Path
from typing import Final

import structlog

from stratoscope import logs
from stratoscope.app.agent import Agent
from stratoscope.app.money_service import terms_of
from stratoscope.clock import SystemClock
from stratoscope.config import Config, Source, open_state_dir
from stratoscope.errors import ConfigError
from stratoscope.events import Event

CONFIG_CHECK_INTERVAL_S: Final = 5.0
"""Seconds between checks whether a config file changed."""

MAX_SHUTDOWN_S: Final = 10.0
"""Seconds that a shutdown may take; after that the process exits anyway."""

log = structlog.get_logger("stratoscope")


async def run(config_path: Path) -> int:
    """Run until SIGTERM or SIGINT; return the exit code. Raises ConfigError when the config is wrong at the start."""
    source = Source(config_path, os.environ)
    config = source.load()
    logs.setup(config.logging.level, config.logging.format)
    open_state_dir(config.state_dir)
    for warning in config.warnings:
        log.warning(warning)
    agent = Agent(config, SystemClock())
    reload_now = asyncio.Event()
    shutdown = Shutdown(agent)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, shutdown.on_signal)
    if hasattr(signal, "SIGHUP"):
        loop.add_signal_handler(signal.SIGHUP, reload_now.set)
    watch = asyncio.create_task(watch_config(agent, source, reload_now), name="config")
    try:
        await agent.run()
    finally:
        watch.cancel()
    log.info("stopped")
    return 0


class Shutdown:
    """Stops the agent on the first signal; exits the process on the second, or when stopping takes too long."""

    def __init__(self, agent: Agent) -> None:
        self._agent = agent
        self._stopping = False

    def on_signal(self) -> None:
        """Handle SIGTERM or SIGINT."""
        if self._stopping:
            log.warning("second stop signal: exiting immediately")
            os._exit(1)
        self._stopping = True
        log.info("stopping")
        self._agent.stop()
        asyncio.get_running_loop().call_later(MAX_SHUTDOWN_S, os._exit, 1)


async def watch_config(agent: Agent, source: Source, reload_now: asyncio.Event) -> None:
    """Reload the config on SIGHUP or when one of its files changed; an invalid config never replaces a valid one."""
    while True:
        try:
            async with asyncio.timeout(CONFIG_CHECK_INTERVAL_S):
                await reload_now.wait()
        except TimeoutError:
            pass
        if reload_now.is_set() or source.changed():
            reload_now.clear()
            await reload(agent, source)


async def reload(agent: Agent, source: Source) -> Config | None:
    """Load, check and apply the config; return it, or None when the old one stays in use."""
    now = agent.clock.time()
    try:
        config = await asyncio.to_thread(source.load)  # a YAML of ten thousand rigs takes seconds
        needs_restart = restart_only(agent.config, config)
        agent.follow(config)
    except ConfigError as error:
        agent.health.config_ok, agent.health.config_error = False, str(error)
        text = f"config rejected: {error} (the old config stays in use)"
        agent.events(Event(kind="config_rejected", at=now, text=text))
        return None
    agent.health.config_ok, agent.health.config_error, agent.health.config_loaded = True, None, now
    logs.setup(config.logging.level, config.logging.format)
    for warning in config.warnings:
        log.warning(warning)
    text = "config reloaded"
    if needs_restart:
        text += f"; restart to apply: {', '.join(needs_restart)}"
    agent.events(Event(kind="config_reloaded", at=now, text=text))
    return config


def restart_only(old: Config, new: Config) -> list[str]:
    """Return the changed sections that take effect only after a restart."""
    sections = ("site", "market", "state_dir", "exporters", "mqtt", "asic_rs", "discovery")
    changed = [name for name in sections if getattr(old, name) != getattr(new, name)]
    if (old.stratum is not None and old.stratum.enabled) != (new.stratum is not None and new.stratum.enabled):
        changed.append("stratum")  # switching it on or off; other changes take effect at once
    before, after = terms_of(old), terms_of(new)
    if (before and before.currency) != (after and after.currency):
        changed.append("economics")  # amounts in two currencies cannot be added
    if old.guard.enabled != new.guard.enabled:
        changed.append("guard.enabled")
    live = {"interval"}  # takes effect at once, rig by rig
    if old.polling.model_dump(exclude=live) != new.polling.model_dump(exclude=live):
        changed.append("polling")
    return changed
