"""`python -m streamspec.control`: the control server, or one of its mutants, as a process."""

from __future__ import annotations

import argparse
import asyncio
import os
import sys

from streamspec.control.limits import LimitError, Limits
from streamspec.control.server import ControlServer
from streamspec.control.serving import serve_until_signal


def main() -> int:
    """Serves until SIGTERM; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m streamspec.control", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--mutant", metavar="ID/NAME", help="a server broken on purpose, as the registry names it")
    arguments = parser.parse_args()
    try:
        server = server_class(arguments.mutant)(Limits.from_environment(os.environ))
    except (LimitError, LookupError) as error:
        parser.error(str(error))
    return asyncio.run(serve_until_signal(server, arguments.host, arguments.port))


def server_class(mutant: str | None) -> type[ControlServer]:
    """The class to serve; raises LookupError where there is no such mutant."""
    if mutant is None:
        return ControlServer
    from streamspec.requirement import UnknownSelection, find_mutant  # noqa: PLC0415 - it imports every requirement

    try:
        return find_mutant(mutant).server
    except UnknownSelection as error:
        raise LookupError(str(error)) from error


if __name__ == "__main__":
    sys.exit(main())
