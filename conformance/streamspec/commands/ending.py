"""How a command ends: whatever goes wrong is one sentence on standard error, and an exit code.

1 a violation, 2 the command, 3 nothing to be observed; 128 and the signal's number where one ended it.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from typing import TYPE_CHECKING, NoReturn

import typer
from rich.console import Console

from streamspec.entry import Terminated
from streamspec.mistake import Mistake
from streamspec.report.results import ExitCode
from streamspec.requirement import ContractError

if TYPE_CHECKING:
    from collections.abc import Iterator


class _Output(Console):
    """Standard output. A reader that has gone is an error here as elsewhere: rich would exit 1, our "violation"."""

    def on_broken_pipe(self) -> NoReturn:
        raise BrokenPipeError


def output() -> Console:
    """What a command prints on."""
    return _Output(highlight=False)


def say(sentence: object) -> None:
    """Print it on standard error."""
    print(f"streamspec: {sentence}", file=sys.stderr)


@contextlib.contextmanager
def sentences() -> Iterator[None]:
    """Turn whatever ends a command into one sentence on standard error and its exit code."""
    try:
        yield
        sys.stdout.flush()
    except Mistake as error:
        say(error)
        raise typer.Exit(ExitCode.USAGE) from error
    except ContractError as error:
        say(f"this is a bug of streamspec, please report it: {error}")
        raise typer.Exit(ExitCode.INCONCLUSIVE) from error
    except KeyboardInterrupt as error:
        number = error.args[0] if isinstance(error, Terminated) else signal.SIGINT
        say("interrupted: no report was written")
        raise typer.Exit(128 + number) from error
    except BrokenPipeError as error:  # `| head` has seen enough
        _close_output()
        raise typer.Exit(128 + signal.SIGPIPE) from error
    except OSError as error:
        _close_output()
        say(f"standard output cannot be written: {error.strerror}")
        raise typer.Exit(ExitCode.USAGE) from error


def _close_output() -> None:
    """Send what is left in the buffer nowhere, so that the interpreter does not fail over it again as it ends."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
