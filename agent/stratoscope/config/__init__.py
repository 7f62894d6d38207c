"""Reads what the operator wrote: the config file, the environment, secrets and lists of rigs.

Nothing that is wrong is guessed around: every problem names the file, the line, the key, the value and the remedy,
all problems come at once, and no secret is ever part of a message.
"""

from stratoscope.config.entry import Changes, RigEntry, changes
from stratoscope.config.inventory import expand
from stratoscope.config.load import Source, load
from stratoscope.config.models import Config
from stratoscope.config.problems import InvalidConfig
from stratoscope.config.state import open_state_dir

__all__ = ["Changes", "Config", "InvalidConfig", "RigEntry", "Source", "changes", "expand", "load", "open_state_dir"]
