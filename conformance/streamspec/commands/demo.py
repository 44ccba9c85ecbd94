"""`streamspec demo`: the page on which one sees the implementations stream."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from streamspec.commands.ending import say, sentences
from streamspec.demo import show

BUILT_BY_HAND = Path("client", "web", "out")


def demo(
    implementation: Annotated[list[str] | None, typer.Argument(help="Names under impls/; by default the four.")] = None,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port of the page; 0: any that is free.")] = 3000,
    open_browser: Annotated[bool, typer.Option("--open", help="Open the page in the browser, too.")] = False,
    page: Annotated[
        Path, typer.Option(help="Folder of the built page; `python3 conformance demo` builds it.", metavar="DIR")
    ] = BUILT_BY_HAND,
) -> None:
    """Show the implementations in a browser until Ctrl-C.

    They stream side by side, and stop when you leave.
    """
    with sentences():
        try:
            show(page, port=port, servers=implementation or (), open_browser=open_browser, out=sys.stdout)
        except KeyboardInterrupt:
            say("stopped")
