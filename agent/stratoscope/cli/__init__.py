"""Defines the command line. Each command has its own file, and imports what it needs when it runs."""

import sys
from typing import Annotated, Any, Final

import typer
from typer.core import TyperGroup

from stratoscope import __version__
from stratoscope.cli import (
    check_config,
    demo,
    difficulty,
    hashprice,
    hashprice_live,
    ledger,
    metrics,
    mqtt,
    pools,
    read,
    record,
    run,
    scan,
    simulate,
    stratum,
    stratum_watch,
    tap,
)
from stratoscope.errors import BrokerError, OperatorError, PollError, SourceError, UsageError

FAILED: Final = 1
WRONG_USAGE: Final = 2
INTERRUPTED: Final = 130


class CommandGroup(TyperGroup):
    """Prints errors that people can fix as one sentence on stderr and sets the exit code; bugs keep their traceback."""

    def list_commands(self, ctx: Any) -> list[str]:
        """Return the commands in the order of COMMANDS, then the groups; typer puts groups first."""
        first = [name for name, _, _ in COMMANDS]
        return [*first, *(name for name in super().list_commands(ctx) if name not in first)]

    def invoke(self, ctx: Any) -> Any:
        """Run the chosen command."""
        try:
            return super().invoke(ctx)
        except (OperatorError, PollError, SourceError, BrokerError) as error:
            typer.echo(str(error), err=True)
            raise typer.Exit(WRONG_USAGE if isinstance(error, UsageError) else FAILED) from None
        except KeyboardInterrupt:
            raise typer.Exit(INTERRUPTED) from None
        except BrokenPipeError:
            sys.stderr.close()  # the reader of stdout has closed it, as `| head` does
            raise typer.Exit(0) from None


app = typer.Typer(
    cls=CommandGroup,
    no_args_is_help=True,
    rich_markup_mode=None,  # plain help: importing rich would double its run time
    add_completion=False,
    pretty_exceptions_enable=False,  # they show local variables, including secrets
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
    epilog="Exit codes: 0 success, 1 failure, 2 wrong command line.",
)


def _version(value: bool) -> None:
    if value:
        typer.echo(f"stratoscope {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Read-only telemetry for Bitcoin mining rigs: poll them over their own APIs and serve Prometheus metrics."""


COMMANDS: Final = (
    ("run", run.run, "Run the agent with a config."),
    ("demo", demo.demo, "Run the agent with a simulated fleet; no rig needed."),
    ("scan", scan.scan, "Find rigs in networks."),
    ("read", read.read, "Read one rig once."),
    ("record", record.record, "Save the redacted responses of a rig for a bug report."),
    ("simulate", simulate.simulate, "Serve simulated rigs, a pool and a market."),
    ("hashprice", hashprice.hashprice, "Calculate hashprice, breakevens and margin."),
    ("difficulty", difficulty.difficulty, "Estimate the next difficulty adjustment."),
    ("tap", tap.tap, "Relay miners to their pool and count their shares."),
    ("check-config", check_config.check_config, "Check a config and show where each mistake is."),
    ("metrics", metrics.metrics, "Show every metric with unit, labels and meaning."),
)
for command, function, short in COMMANDS:
    if function is not hashprice.hashprice:
        app.command(command, short_help=short)(function)

calculator = typer.Typer(rich_markup_mode=None, invoke_without_command=True, subcommand_metavar="[live]")
calculator.callback()(hashprice.hashprice)
calculator.command("live", short_help="Use the current difficulty, fees and price.")(hashprice_live.live)
app.add_typer(calculator, name="hashprice", short_help="Calculate hashprice, breakevens and margin.")
stratum.stratum.command(stratum.DEFAULT, short_help="Watch endpoints (the default command).")(stratum_watch.watch)
app.add_typer(stratum.stratum, name="stratum", short_help="Watch stratum endpoints, or decode jobs from a file.")
app.add_typer(pools.pools, name="pools", short_help="Query the configured pools.")
app.add_typer(mqtt.mqtt, name="mqtt", short_help="Show what is published over MQTT.")
app.add_typer(ledger.ledger, name="ledger", short_help="Export or copy the agent's ledger.")


def main() -> None:
    """Run the command line; the entry point of the program."""
    app(prog_name="stratoscope")
