"""Runs the agent: `stratoscope run`."""

from pathlib import Path
from typing import Annotated

import typer


def run(
    config: Annotated[Path, typer.Option("--config", "-c", metavar="FILE", help="The config file.")],
) -> None:
    """Poll the rigs of a config and serve the exporters, until SIGTERM or Ctrl-C."""
    from stratoscope import app, logs
    from stratoscope.cli.output import run_loop

    logs.setup()  # as the config says once it is read
    raise typer.Exit(run_loop(app.run(config)))
