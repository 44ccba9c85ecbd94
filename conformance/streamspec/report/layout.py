"""Lines under a label: how evidence, reasons and explanations are set on a terminal and in a log."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text

if TYPE_CHECKING:
    from rich.console import Console

LABEL_WIDTH = 10
LEAST_WIDTH = 20
"""Columns for text, however narrow the terminal is said to be."""


def print_labelled(console: Console, label: str, text: str, *, breakable: bool = True) -> None:
    """A label and its text; a long text goes on under itself, unless it is to be copied."""
    width = max(LEAST_WIDTH, console.width - LABEL_WIDTH - 2)
    for number, line in enumerate(wrapped(console, text, width) if breakable else [text]):
        shown = label if number == 0 else ""
        console.print(Text.assemble("  ", (f"{shown:<{LABEL_WIDTH}}", "dim"), line), soft_wrap=True)


def wrapped(console: Console, text: str, width: int) -> list[str]:
    """The text in lines of that width, without spaces at their ends."""
    return [line.plain.rstrip() for line in Text(text).wrap(console, max(LEAST_WIDTH, width))]
