"""The command `streamspec`, from its first instant.

What takes time to import comes after the signals: Ctrl-C in the first third of a second is one sentence, too.
"""

from __future__ import annotations

import io
import signal
import sys
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from types import FrameType


class Terminated(KeyboardInterrupt):
    """SIGTERM or SIGHUP, which end a run as Ctrl-C does: servers that were launched are stopped."""


def main() -> NoReturn:
    """The command `streamspec`."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _terminated)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal that knows ASCII alone gets question marks
    try:
        from streamspec.cli import app  # noqa: PLC0415 - as told above

        app(prog_name="streamspec")
    except KeyboardInterrupt as error:
        print("streamspec: interrupted", file=sys.stderr)
        sys.exit(128 + (error.args[0] if isinstance(error, Terminated) else signal.SIGINT))
    sys.exit()


def _terminated(number: int, _frame: FrameType | None) -> NoReturn:
    raise Terminated(number)
