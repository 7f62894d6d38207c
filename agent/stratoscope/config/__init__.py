"""Reads the config file, the environment, secrets and rig lists.

A mistake is never worked around. Every problem names file, line, key, value and remedy, all problems are reported at
once, and no message contains a secret.
"""

from stratoscope.config.entry import RigEntry
from stratoscope.config.inventory import expand
from stratoscope.config.load import ConfigSource, load
from stratoscope.config.models import Config
from stratoscope.config.problems import InvalidConfig
from stratoscope.config.state import open_state_dir

__all__ = [
    "Config",
    "ConfigSource",
    "InvalidConfig",
    "RigEntry",
    "expand",
    "load",
    "open_state_dir",
]
