"""Runs the agent from a config file: signals, reloads, an orderly end."""

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

LOOK: Final = 5.0
"""Seconds between looks at the config files."""

PATIENCE: Final = 10.0
"""Seconds that an end may take before the process leaves anyway."""

log = structlog.get_logger("stratoscope")


async def run(config_path: Path) -> int:
    """Run until SIGTERM or SIGINT; returns the exit code. Raises ConfigError when the config is wrong at start."""
    source = Source(config_path, os.environ)
    config = source.load()
    logs.setup(config.logging.level, config.logging.format)
    open_state_dir(config.state_dir)
    for warning in config.warnings:
        log.warning(warning)
    agent = Agent(config, SystemClock())
    reload_now = asyncio.Event()
    end = Shutdown(agent)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, end.asked)
    if hasattr(signal, "SIGHUP"):
        loop.add_signal_handler(signal.SIGHUP, reload_now.set)
    watching = asyncio.create_task(watch_config(agent, source, reload_now), name="config")
    try:
        await agent.run()
    finally:
        watching.cancel()
    log.info("stopped")
    return 0


class Shutdown:
    """Ends the agent on the first signal, the process on the second or when the end takes too long."""

    def __init__(self, agent: Agent) -> None:
        self._agent = agent
        self._asked = False

    def asked(self) -> None:
        """Take a signal."""
        if self._asked:
            log.warning("told twice to stop: leaving at once")
            os._exit(1)
        self._asked = True
        log.info("stopping")
        self._agent.stop()
        asyncio.get_running_loop().call_later(PATIENCE, os._exit, 1)


async def watch_config(agent: Agent, source: Source, reload_now: asyncio.Event) -> None:
    """Load the config again on SIGHUP or when one of its files changed; a bad one never replaces a good one."""
    while True:
        try:
            async with asyncio.timeout(LOOK):
                await reload_now.wait()
        except TimeoutError:
            pass
        if reload_now.is_set() or source.changed():
            reload_now.clear()
            await reload(agent, source)


async def reload(agent: Agent, source: Source) -> Config | None:
    """Load, check and put in force; returns the new config, or None when the old one stays."""
    now = agent.clock.time()
    try:
        config = await asyncio.to_thread(source.load)  # a YAML of ten thousand rigs takes seconds
        needs_restart = restart_only(agent.config, config)
        agent.follow(config)
    except ConfigError as error:
        agent.health.config_ok, agent.health.config_error = False, str(error)
        agent.events(Event(kind="config_rejected", at=now, text=f"the old config stays in force: {error}"))
        return None
    agent.health.config_ok, agent.health.config_error, agent.health.config_loaded = True, None, now
    logs.setup(config.logging.level, config.logging.format)
    for warning in config.warnings:
        log.warning(warning)
    text = "config loaded again"
    if needs_restart:
        text += f"; these take effect at the next start: {', '.join(needs_restart)}"
    agent.events(Event(kind="config_reloaded", at=now, text=text))
    return config


def restart_only(old: Config, new: Config) -> list[str]:
    """Return the changed sections that a running agent cannot follow."""
    sections = ("site", "market", "state_dir", "exporters", "mqtt", "asic_rs", "discovery")
    changed = [name for name in sections if getattr(old, name) != getattr(new, name)]
    if (old.stratum is not None and old.stratum.enabled) != (new.stratum is not None and new.stratum.enabled):
        changed.append("stratum")  # whether it is on; all else of it is followed
    before, after = terms_of(old), terms_of(new)
    if (before and before.currency) != (after and after.currency):
        changed.append("economics")  # sums of two currencies are no sum
    if old.guard.enabled != new.guard.enabled:
        changed.append("guard.enabled")
    fixed = {"interval"}  # every rig's own interval is followed
    if old.polling.model_dump(exclude=fixed) != new.polling.model_dump(exclude=fixed):
        changed.append("polling")
    return changed
