"""`streamspec bench`: our parts beside their peers."""

from __future__ import annotations

import sys
from pathlib import Path  # typer resolves the annotations of commands
from typing import Annotated

import typer

from streamspec.commands.ending import output, sentences

bench = typer.Typer(help="Measure our client's parts against their peers.", no_args_is_help=True)


@bench.command()
def decoder(
    json: Annotated[bool, typer.Option("--json", help="Print the table as JSON.")] = False,
    rounds: Annotated[int, typer.Option(min=2, max=1000, help="Rounds, the decoders interleaved in each.")] = 9,
    node_modules: Annotated[
        Path, typer.Option(metavar="DIR", help="Where undici and eventsource-parser are looked for.")
    ] = Path("node_modules"),
) -> None:
    """Time our event stream decoder beside its peers: about a minute."""
    from streamspec.bench import decoder_table, print_decoder_table  # noqa: PLC0415 - it imports every peer

    with sentences():
        table = decoder_table(rounds, node_modules, lambda column: print(f"measuring {column}", file=sys.stderr))
        if json:
            print(table.to_json())
        else:
            print_decoder_table(table, output())


@bench.callback()
def bench_group() -> None:
    """Measure our client's parts against their peers."""
