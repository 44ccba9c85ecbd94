"""`streamspec serve`: one implementation, to look at by hand."""

from __future__ import annotations

from typing import Annotated

import typer

from streamspec.commands.ending import sentences
from streamspec.commands.options import Server
from streamspec.serving import serve_implementation


def serve(
    implementation: Annotated[str, typer.Argument(help="An impl.toml, or a name under impls/.")],
    host: Annotated[str | None, typer.Option(help="Address to bind, if not the implementation's own choice.")] = None,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to bind; 0: any that is free.")] = 8000,
    server: Server = None,
) -> None:
    """Serve one implementation until Ctrl-C."""
    with sentences():
        serve_implementation(implementation, host=host, port=port, server=server)
