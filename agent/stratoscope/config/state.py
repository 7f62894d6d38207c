"""Creates the state directory, accessible to the agent only."""

import os
from pathlib import Path

from stratoscope.errors import ConfigError


def open_state_dir(path: Path) -> Path:
    """Create `path` as a writable directory of mode 0700 if it is missing, and return it.

    Also sets the umask of the process to 077, so that databases and backups in it are private. Raises ConfigError.
    """
    os.umask(0o077)
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        if path.stat().st_mode & 0o077:
            path.chmod(0o700)
        writable = os.access(path, os.W_OK | os.X_OK)
    except OSError as error:
        reason = (error.strerror or "error").lower()
        raise ConfigError(
            f"state_dir {path} cannot be made private: {reason}: choose a directory that the agent owns"
        ) from None
    if not writable:
        raise ConfigError(f"state_dir {path} is not writable: choose a directory that the agent owns")
    return path
