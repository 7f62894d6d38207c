"""Runs a command of the program in this process, for tests of the calculators."""

import json
from typing import Any

from typer.testing import CliRunner

from stratoscope.cli import app


def run(*arguments: str) -> tuple[int, str, str]:
    """Return exit code, stdout and stderr of a command."""
    result = CliRunner().invoke(app, arguments, env={"COLUMNS": "120"})
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.stdout, result.stderr


def document(*arguments: str) -> dict[str, Any]:
    """Return the JSON document that a command prints."""
    code, out, err = run(*arguments, "--json")
    assert (code, err) == (0, "")
    found: dict[str, Any] = json.loads(out)
    return found
