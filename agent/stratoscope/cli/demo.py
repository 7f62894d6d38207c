"""Implements `stratoscope demo`: runs the agent with a simulated fleet."""

from typing import Annotated

import typer

from stratoscope.cli.options import RigCount, Seed


def demo(
    rigs: RigCount = 100,
    duration: Annotated[
        float | None,
        typer.Option(
            "--duration", min=1, metavar="SECONDS", help="Stop after this many seconds [default: run until Ctrl-C]."
        ),
    ] = None,
    listen: Annotated[
        str, typer.Option("--listen", metavar="HOST:PORT", help="Address to serve the metrics and the status page on.")
    ] = "127.0.0.1:9860",
    mqtt: Annotated[
        str | None,
        typer.Option(
            "--mqtt", metavar="URL", help="Also publish to this broker: mqtt://HOST[:PORT] or mqtts://HOST[:PORT]."
        ),
    ] = None,
    user: Annotated[str | None, typer.Option("--mqtt-user", metavar="NAME", help="User at the broker.")] = None,
    password: Annotated[
        str | None,
        typer.Option(
            "--mqtt-password",
            metavar="REFERENCE",
            help="Password of that user: env:NAME, file:/path or credential:name.",
        ),
    ] = None,
    seed: Seed = 1,
) -> None:
    """Run the agent with a simulated fleet, pool and market on loopback; no rig needed."""
    from stratoscope import app, logs
    from stratoscope.cli.mqtt import broker_of
    from stratoscope.cli.output import run_loop, say

    logs.setup("warning")  # the faults of a simulated fleet would fill the screen
    broker = None if mqtt is None else broker_of(mqtt, user, password)
    raise typer.Exit(run_loop(app.demo(rigs=rigs, duration=duration, listen=listen, seed=seed, broker=broker, out=say)))
