"""Resolves references to secrets: environment variables, files and systemd credentials.

A reference is `env:NAME`, `file:/path` or `credential:name`. A secret written in the config itself works, with a
warning: config files end up in backups, tickets and version control.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Final

from pydantic import BeforeValidator, SecretStr, ValidationInfo

from stratoscope.config.files import read_bounded
from stratoscope.config.problems import wrong

MAX_SECRET_BYTES: Final = 64 << 10
REFERENCE_KINDS: Final = ("env", "file", "credential")
REMEDY: Final = "write env:NAME, file:/path or credential:name instead"
MOUNTED: Final = Path("/run/secrets")
"""Where container engines mount the secrets of one container. File modes there do not show who can read them."""
INLINE: Final = f"is a secret in plain text: {REMEDY}"


def is_reference(text: str) -> bool:
    """Tell whether `text` is a reference to a secret."""
    return text.partition(":")[0] in REFERENCE_KINDS and ":" in text


@dataclass
class Resolver:
    """Resolves paths and secrets for validators, and collects their warnings and the files they read."""

    directory: Path
    environ: Mapping[str, str] = field(repr=False)
    warnings: list[str] = field(default_factory=list)
    files: set[Path] = field(default_factory=set)
    mounted: Path = MOUNTED

    def path(self, text: str) -> Path:
        """Return `text` as a path; a relative one starts in the directory of the config file."""
        return self.directory / Path(text).expanduser()

    def secret(self, reference: str) -> str:
        """Return the secret that `reference` refers to; raise the error of a validator, never with the secret."""
        if not is_reference(reference):
            return reference
        kind, _, name = reference.partition(":")
        if kind == "env":
            return self._from_environment(name)
        if kind == "file":
            return self._from_file(self.path(name))
        return self._from_file(self._credential(name))

    def _from_environment(self, name: str) -> str:
        if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]{0,127}", name):
            raise wrong("refers to an environment variable by an invalid name: write env:NAME")
        value = self.environ.get(name)
        if not value:
            state = "empty" if value == "" else "not set"
            raise wrong(
                f"refers to environment variable {name}, which is {state}: set it in the environment of the agent"
            )
        return value

    def _credential(self, name: str) -> Path:
        directory = self.environ.get("CREDENTIALS_DIRECTORY")
        if not directory:
            raise wrong("refers to a systemd credential, but $CREDENTIALS_DIRECTORY is not set: use LoadCredential=")
        if not re.fullmatch(r"[A-Za-z0-9_.@-]{1,128}", name) or name in (".", ".."):
            raise wrong("refers to a systemd credential by an invalid name: write credential:name")
        return Path(directory, name)

    def _from_file(self, path: Path) -> str:
        self.files.add(path)
        try:
            raw, mode = read_bounded(path, MAX_SECRET_BYTES)
        except OSError as error:
            reason = (error.strerror or "error").lower()
            raise wrong(f"refers to file {path}, which cannot be read: {reason}") from None
        if mode & 0o077 and not path.is_relative_to(self.mounted):
            self.warnings.append(f"{path} contains a secret and can be read by others: chmod 600 {path}")
        text = raw.decode("utf-8", "replace").rstrip("\r\n")
        if not text or len(raw) > MAX_SECRET_BYTES or "�" in text or "\n" in text:
            raise wrong(f"refers to file {path}, which does not contain a usable secret: write one line of UTF-8 text")
        return text


def _resolve(value: Any, info: ValidationInfo) -> Any:
    if isinstance(value, SecretStr):
        return value
    if not isinstance(value, str):
        raise wrong(f"must be text: put it in quotes, or better {REMEDY.removesuffix(' instead')}")
    return info.context.secret(value) if isinstance(info.context, Resolver) else value


Secret = Annotated[SecretStr, BeforeValidator(_resolve)]
"""A config field with a reference to a secret."""
