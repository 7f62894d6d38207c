"""Makes the directory for what the agent must remember, closed to everyone else."""

import os
from pathlib import Path

from stratoscope.errors import ConfigError


def open_state_dir(path: Path) -> Path:
    """Return `path` as a directory of mode 0700 that can be written to, making it where it is missing.

    Also sets the process's umask to 077, so that databases and backups in it are private. Raises ConfigError.
    """
    os.umask(0o077)
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        if path.stat().st_mode & 0o077:
            path.chmod(0o700)
        writable = os.access(path, os.W_OK | os.X_OK)
    except OSError as error:
        reason = (error.strerror or "error").lower()
        raise ConfigError(f"state_dir {path} cannot be made private: {reason}: choose one the agent owns") from None
    if not writable:
        raise ConfigError(f"state_dir {path} cannot be written to: choose one the agent owns")
    return path
