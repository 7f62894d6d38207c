"""Runs the agent on a simulated fleet: `stratoscope demo`."""

from typing import Annotated

import typer


def demo(
    rigs: Annotated[int, typer.Option("--rigs", "-n", min=1, max=20_000, help="How many simulated rigs.")] = 100,
    duration: Annotated[
        float | None,
        typer.Option("--duration", min=1, metavar="SECONDS", help="Stop by itself after this long."),
    ] = None,
    listen: Annotated[
        str, typer.Option("--listen", metavar="HOST:PORT", help="Where to serve /metrics and the status page.")
    ] = "127.0.0.1:9860",
    mqtt: Annotated[
        str | None,
        typer.Option("--mqtt", metavar="URL", help="Also publish to a broker: mqtt://HOST[:PORT], or mqtts://."),
    ] = None,
    user: Annotated[str | None, typer.Option("--mqtt-user", metavar="NAME", help="Who to be at the broker.")] = None,
    password: Annotated[
        str | None,
        typer.Option("--mqtt-password", metavar="REFERENCE", help="env:NAME, file:/path or credential:name."),
    ] = None,
    seed: Annotated[int, typer.Option("--seed", help="The same seed gives the same fleet and troubles.")] = 1,
) -> None:
    """Watch the agent read a simulated fleet, pool and market on loopback; no rig needed."""
    from stratoscope import app, logs
    from stratoscope.cli.mqtt import broker_of
    from stratoscope.cli.output import run_loop, say

    logs.setup("warning")  # a simulated fleet has troubles enough to fill the screen
    broker = None if mqtt is None else broker_of(mqtt, user, password)
    raise typer.Exit(run_loop(app.demo(rigs=rigs, duration=duration, listen=listen, seed=seed, broker=broker, out=say)))
