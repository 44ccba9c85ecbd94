"""The command line: every command by its name."""

from __future__ import annotations

from typing import Annotated

import typer

from streamspec import __version__
from streamspec.commands.bench import bench
from streamspec.commands.catalogue import explain, list_requirements
from streamspec.commands.check import check, compare
from streamspec.commands.clients import clients
from streamspec.commands.demo import demo
from streamspec.commands.judge import judge
from streamspec.commands.lint import lint
from streamspec.commands.report import report
from streamspec.commands.serve import serve

app = typer.Typer(
    help="Prove that an HTTP server really streams: chunk timing, event stream framing, disconnects.",
    epilog="Exit codes: 0 conformant, 1 violation, 2 usage, 3 nothing could be observed.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
app.command()(check)
app.command()(compare)
app.command()(clients)
app.command()(judge)
app.command()(report)
app.command("list")(list_requirements)
app.command()(explain)
app.command()(lint)
app.command()(serve)
app.command()(demo)
app.add_typer(bench, name="bench")


@app.callback(invoke_without_command=True)
def version(show: Annotated[bool, typer.Option("--version", help="Show the version.")] = False) -> None:
    """Prove that an HTTP server really streams: chunk timing, event stream framing, disconnects."""
    if show:
        print(f"streamspec {__version__}")
        raise typer.Exit
