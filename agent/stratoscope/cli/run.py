"""Implements `stratoscope run`: runs the agent."""

from pathlib import Path
from typing import Annotated

import typer


def run(
    config: Annotated[Path, typer.Option("--config", "-c", metavar="FILE", help="Config file.")],
) -> None:
    """Run the agent with a config until SIGTERM or Ctrl-C: poll the rigs and run the exporters."""
    from stratoscope import app, logs
    from stratoscope.cli.output import run_loop

    logs.setup()  # until the config is read
    raise typer.Exit(run_loop(app.run(config)))
